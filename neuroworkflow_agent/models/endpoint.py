"""The endpoint that serves a session: what it is, and why it was chosen."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import ConfigError

ANTHROPIC_URL = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Messages API endpoint and how the CLI reaches it."""

    name: str
    """What people call it."""
    url: str
    """Its base URL."""
    why: str
    """Why it was chosen, one clause."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables the CLI needs to reach it."""


class NoEndpointError(ConfigError):
    """Nothing is configured that could serve a turn."""

    def __init__(self) -> None:
        super().__init__(
            "No model endpoint is configured. Set ANTHROPIC_API_KEY, or log in once with 'claude', "
            "or point ANTHROPIC_BASE_URL at a server that speaks the Messages API."
        )


def choose_endpoint(config: AgentConfig) -> Endpoint:
    """The endpoint for `config`: a base URL, else a key, else a login.

    Raises
    ------
    NoEndpointError
        If there is none.
    """
    found = dict(config.endpoint)
    url = found.get("ANTHROPIC_BASE_URL")
    if url:
        return Endpoint("Messages API server", url, "ANTHROPIC_BASE_URL is set", found)
    for variable in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"):
        if variable in found:
            return Endpoint("Anthropic", ANTHROPIC_URL, f"{variable} is set", found)
    for variable in found:
        if variable.startswith("CLAUDE_CODE_USE_"):
            cloud = variable.removeprefix("CLAUDE_CODE_USE_").title()
            return Endpoint(cloud, cloud.lower(), f"{variable} is set", found)
    if _is_logged_in(config):
        return Endpoint("Anthropic", ANTHROPIC_URL, "you are logged in with 'claude'", found)
    raise NoEndpointError


def _is_logged_in(config: AgentConfig) -> bool:
    """Whether Claude Code may have a login; on macOS it lives in the keychain, so only the CLI knows."""
    home = config.claude_config_dir or Path.home() / ".claude"
    return (home / ".credentials.json").is_file() or (sys.platform == "darwin" and home.is_dir())
