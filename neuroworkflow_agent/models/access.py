"""A session's way to its endpoint: starts what has to run here, and says what became of it.

A `EndpointAccess` owns the thread of a scripted model, until `close`. A server process it has found or started
belongs to nobody and ends by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neuroworkflow_agent.models.endpoint import (
    Endpoint,
    GatewayAccess,
    Script,
    foreign_environ,
    leading_environ,
)
from neuroworkflow_agent.models.sidecar import Running, Sidecar

if TYPE_CHECKING:
    from neuroworkflow_agent.models.scripted.server import ScriptedModel


class EndpointAccess:
    """How one session reaches its endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._running: Running | None = None
        self._scripted: ScriptedModel | None = None
        self._url = endpoint.url
        self._lock = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether `open` would only say what it said before, without looking."""
        return self._endpoint.server is None

    def open(self) -> Mapping[str, str]:
        """Variables that lead the CLI there; whatever has to run runs. Blocks; from any thread.

        Raises
        ------
        ModelServerError
            If a server process does not start.
        ConfigError
            If a script cannot be read.
        """
        with self._lock:
            environ = self._open()
            self._url = environ.get("ANTHROPIC_BASE_URL") or self._endpoint.url
            return environ

    def _open(self) -> Mapping[str, str]:
        endpoint = self._endpoint
        match endpoint.server:
            case Sidecar() as sidecar:
                self._running = running = sidecar.ensure()
                return foreign_environ(running.url, running.token, endpoint.model)
            case Script() as script:
                model = self._open_script(script)
                return foreign_environ(model.base_url, model.api_key, endpoint.model)
            case GatewayAccess() as gateway:
                return leading_environ(gateway.url, gateway.token())
            case None:
                return endpoint.environ

    def trouble(self) -> str:
        """What became of the server since `open`; empty while it lives."""
        if self._running is None or self._running.is_alive():
            return ""
        assert isinstance(self._endpoint.server, Sidecar)
        return f"{self._endpoint.server.name}'s process ended in the middle of its work; the next turn starts it again."

    def refusal(self) -> str:
        """That nothing listens where the endpoint was; empty while something does. Blocks; from any thread."""
        from neuroworkflow_agent.models.refused import refused_address

        address = refused_address(self._url)
        if not address:
            return ""
        return (
            f"The model server at {address} is gone: connections are refused. "
            "Start it again, or choose another model with --model."
        )

    def close(self) -> None:
        """End what is ours. Idempotent."""
        with self._lock:
            scripted, self._scripted = self._scripted, None
        if scripted is not None:
            scripted.__exit__(None, None, None)

    def _open_script(self, script: Script) -> ScriptedModel:
        from neuroworkflow_agent.models.scripted.replies import replies_from_json
        from neuroworkflow_agent.models.scripted.server import ScriptedModel

        if self._scripted is None:
            replies = replies_from_json(script.path.read_text(encoding="utf-8"))
            self._scripted = ScriptedModel(replies).__enter__()
        return self._scripted
