"""Which model a run is asked of, as its key and its record name it."""

from __future__ import annotations

from dataclasses import dataclass

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.models.endpoint import Script
from neuroworkflow_agent.runs.asked import digest


@dataclass(frozen=True, slots=True)
class Serving:
    """A model, as a record names it."""

    kind: str
    """Of the endpoint: `Anthropic`, `gateway`, `embedded`, `scripted` …"""
    model: str | None
    """What the endpoint calls the model; None for the endpoint's default."""
    identity: str
    """Both in one text; of a script, its content too."""

    def as_dict(self) -> dict[str, str | None]:
        """For `run.json`."""
        return {"kind": self.kind, "model": self.model}


def serving(config: AgentConfig) -> Serving:
    """The model that serves these settings.

    Raises
    ------
    ConfigError
        If none can be had.
    """
    endpoint = choose_endpoint(config)
    model, identity = endpoint.model, f"{endpoint.name}:{endpoint.model or ''}"
    if isinstance(endpoint.server, Script):
        model, identity = endpoint.server.path.name, f"{endpoint.name}:{digest(endpoint.server.path)}"
    return Serving(endpoint.name, model, identity)
