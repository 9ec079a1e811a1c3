"""Settings of a session: argument, then environment, then what the user signed in with, then default.

`AgentConfig.from_env` is the only reader of environment variables in the package. Values are checked
once, here, before any process is started.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from neuroworkflow_agent.credentials import SignIn, UnusableSignInError, stored_sign_in
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.offer import EVERYTHING, Offer
from neuroworkflow_agent.user_tokens import TokenSource, UserToken, checked_token

if TYPE_CHECKING:
    from neuroworkflow_agent.mcp_config import McpServers

Mode: TypeAlias = Literal["edit", "ask", "plan", "read-only"]
"""What the agent may do unasked; see `engine.permissions`."""
MODES: tuple[Mode, ...] = get_args(Mode)

_SECRET_VARIABLES = frozenset(
    {
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_FOUNDRY_API_KEY",
        "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "JPY_API_TOKEN",
        "JUPYTERHUB_API_TOKEN",
        "JUPYTERHUB_CRYPT_KEY",
        "NEUROWORKFLOW_GATEWAY_API_KEY",
        "NEUROWORKFLOW_GATEWAY_DATABASE_URL",
        "NEUROWORKFLOW_GATEWAY_METRICS_TOKEN",
        "NEUROWORKFLOW_SERVICE_TOKEN",
        "NEUROWORKFLOW_USER_TOKEN",
        "OPENAI_API_KEY",
    }
)
_LIKE_A_SECRET = re.compile(r"[A-Z0-9_]*(?:API_?KEY|ACCESS_KEY|SECRET_KEY|_TOKEN|_SECRET)", re.IGNORECASE)
"""How services that we do not know name the variable with their key."""
_PROJECT = re.compile(r"/codes/projects/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/")
ANTHROPIC_VARIABLES = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_VERTEX",
)
"""What leads Claude Code to an endpoint."""
_ENDPOINT_VARIABLES = (
    *ANTHROPIC_VARIABLES,
    "JUPYTERHUB_API_TOKEN",
    "NEUROWORKFLOW_BACKEND_URL",
    "NEUROWORKFLOW_SERVICE_TOKEN",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
)
_YES = ("1", "true", "yes", "on")
_MIN_SECRET_CHARS = 8
_MIN_UNKNOWN_SECRET_CHARS = 16
"""Of a variable known only by its name, which may hold an ordinary word."""


def _current_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError(
            "The current directory is gone. Change to one that exists, or set NEUROWORKFLOW_WORKSPACE_ROOT."
        ) from None


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """Everything a session needs to know, validated.

    Raises
    ------
    ConfigError
        If a value cannot work; the message names the argument.
    """

    workspace: Path = field(default_factory=_current_directory)
    """Directory tree the file tools may touch; `NEUROWORKFLOW_WORKSPACE_ROOT`, else the current directory."""
    skills_dir: Path | None = None
    """Where skills are read; `NEUROWORKFLOW_SKILLS_DIR`, else the nearest trusted `.claude/skills` from the
    workspace up to its repository's root or the user's home."""
    skills: Offer = EVERYTHING
    """Which of the skills that are found are offered."""
    tools: Offer = EVERYTHING
    """Which of the tools are offered that there would be in this mode."""
    mode: Mode = "edit"
    """What the agent may do unasked."""
    model: str | None = None
    """Which model serves, as `models.choose` reads it; `ANTHROPIC_MODEL`, else `auto`."""
    max_turns: int | None = None
    """Most model calls within one turn; None for no limit."""
    max_budget_usd: float | None = None
    """Most money one session may cost, in US dollars; None for no limit."""
    allow_bash: bool = False
    """Offer the Bash tool; each call asks the user."""
    allow_subagents: bool = False
    """Offer sub-agents."""
    mcp_servers: McpServers = field(default_factory=dict, repr=False)
    """MCP servers of the user's own, as in Claude Code's `mcpServers`: settings by name. `NEUROWORKFLOW_MCP_CONFIG`
    names a file of theirs."""
    cli_path: Path | None = None
    """The `claude` executable; None for the one bundled with claude-agent-sdk."""
    claude_config_dir: Path | None = None
    """Where Claude Code keeps logins and sessions: `CLAUDE_CONFIG_DIR`, else `~/.claude`. Read only;
    the CLI and the SDK find it through the same variable."""
    idle_timeout_s: float = 900.0
    """Close the `claude` process after this many seconds without a turn; the next turn resumes."""
    silence_timeout_s: float = 300.0
    """Give a turn up as cut off after this many seconds without a sign of life from the model."""
    detach_after_s: float = 30.0
    """How long the model waits for code that runs; then it may read and think while the code runs on;
    `NEUROWORKFLOW_DETACH_AFTER_S`."""
    verify: bool = False
    """Whether a turn that edited cells runs the notebook anew before it ends, and says whether it came out the same;
    `NEUROWORKFLOW_VERIFY`."""
    allow_context: bool = False
    """Whether a context's code may run that the user has not approved, where they cannot be asked;
    `NEUROWORKFLOW_ALLOW_CONTEXT`."""
    user_token: UserToken | TokenSource | None = field(default=None, repr=False)
    """The user's JWT for workflow tools, or what gives it; None looks at `NEUROWORKFLOW_USER_TOKEN` whenever one is needed."""
    project_id: str | None = None
    """The workflow meant where none is named; `NEUROWORKFLOW_PROJECT_ID`, else the project whose directory this is."""
    endpoint: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables that decide which Messages API endpoint serves, as they were found."""
    sign_in: SignIn | None = field(default=None, repr=False)
    """What `neuroworkflow-agent login` kept; it serves where no environment variable does."""
    sign_in_trouble: str = ""
    """Why that cannot be used, if it cannot."""
    found_secrets: frozenset[str] = field(default_factory=frozenset, repr=False)
    """Secrets as they were found in the environment."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The environment itself, for tokens that are renewed while a session goes on."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "workspace", _existing_directory(self.workspace, "workspace"))
        if self.skills_dir is not None:
            object.__setattr__(self, "skills_dir", _existing_directory(self.skills_dir, "skills_dir"))
        if self.mcp_servers:  # who has none need not load what checks them
            from neuroworkflow_agent.mcp_config import checked_servers

            checked_servers(self.mcp_servers)
        if self.user_token is not None:
            object.__setattr__(self, "user_token", checked_token(self.user_token))
        if self.mode not in MODES:
            raise ConfigError(f"mode must be one of {', '.join(MODES)}, got {self.mode!r}.")
        if self.model is not None and not self.model.strip():
            raise ConfigError("model must be a model name, got an empty text.")
        if self.cli_path is not None and not self.cli_path.is_file():
            raise ConfigError(
                f"cli_path must be the claude executable, but '{self.cli_path}' is not a file. "
                "Leave it out to use the one that comes with claude-agent-sdk."
            )
        for name in ("max_turns", "max_budget_usd", "idle_timeout_s", "silence_timeout_s", "detach_after_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} must be positive, got {value!r}.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **arguments: Any) -> AgentConfig:
        """Build a config; an argument that is None counts as not given.

        Parameters
        ----------
        environ
            Where to look variables up; None for the process's own environment.
        **arguments
            Fields of this class.
        """
        env = os.environ if environ is None else environ
        given = {name: value for name, value in arguments.items() if value is not None}
        unknown = given.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            known = ", ".join(sorted(cls.__dataclass_fields__))
            raise ConfigError(f"Unknown setting {min(unknown)!r}. Known settings: {known}.")
        found = {
            "workspace": _path(env, "NEUROWORKFLOW_WORKSPACE_ROOT"),
            "skills_dir": _path(env, "NEUROWORKFLOW_SKILLS_DIR"),
            "claude_config_dir": _path(env, "CLAUDE_CONFIG_DIR"),
            "model": env.get("ANTHROPIC_MODEL") or None,
            "project_id": env.get("NEUROWORKFLOW_PROJECT_ID") or _project_here(),
            "detach_after_s": _seconds(env, "NEUROWORKFLOW_DETACH_AFTER_S"),
            "verify": env.get("NEUROWORKFLOW_VERIFY", "").strip().lower() in _YES,
            "allow_context": env.get("NEUROWORKFLOW_ALLOW_CONTEXT", "").strip().lower() in _YES,
            "endpoint": {name: env[name] for name in _ENDPOINT_VARIABLES if env.get(name)},
            "found_secrets": frozenset(_secrets(env)),
            "environ": env,
        }
        kept = {} if "sign_in" in given else _signed_in()
        config = cls(**{**{k: v for k, v in found.items() if v is not None}, **kept, **given})
        servers = _path(env, "NEUROWORKFLOW_MCP_CONFIG")
        if servers is None or "mcp_servers" in given:
            return config
        from neuroworkflow_agent.mcp_config import read_mcp_servers

        return replace(config, mcp_servers=read_mcp_servers(servers, env, config.workspace))

    @property
    def secrets(self) -> frozenset[str]:
        """Values that neither the model nor a transcript may see, today's tokens among them."""
        token = self.user_token and checked_token(self.user_token)
        tokens = token.known if isinstance(token, TokenSource) else (token,)
        given = (*tokens, self.sign_in and self.sign_in.known_key)
        own = [secret for secret in given if secret and len(secret) >= _MIN_SECRET_CHARS]
        return self.found_secrets.union(_secrets(self.environ), own, self._secrets_of_servers())

    def _secrets_of_servers(self) -> frozenset[str]:
        if not self.mcp_servers:
            return frozenset()
        from neuroworkflow_agent.mcp_config import secrets_of

        return secrets_of(self.mcp_servers)

    @property
    def harmless_environ(self) -> dict[str, str]:
        """The environment for a process that has no business with keys."""
        return {name: value for name, value in self.environ.items() if not _is_secret(name)}

    def now(self, *names: str) -> str:
        """The first of these variables that is set, as the environment has it now, else as it was found."""
        for name in names:
            if value := self.environ.get(name) or self.endpoint.get(name):
                return value
        return ""

    def with_user_token(self, given: UserToken | TokenSource) -> AgentConfig:
        """A copy that shows this token to workflow tools; the one before stays hidden."""
        return replace(self, user_token=checked_token(given), found_secrets=self.secrets)

    def current_user_token(self) -> str:
        """The user's token as it is now; empty for none. May take a while.

        Raises
        ------
        GatewayError
            If what should give it does not.
        """
        token = self.user_token and checked_token(self.user_token)
        return (token.read() if isinstance(token, TokenSource) else token) or self.now(
            "NEUROWORKFLOW_USER_TOKEN"
        )

    def with_changes(self, **changes: Any) -> AgentConfig:
        """A copy with some fields replaced; None keeps a field as it is."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


def _seconds(env: Mapping[str, str], name: str) -> float | None:
    given = env.get(name)
    try:
        return float(given) if given else None
    except ValueError:
        raise ConfigError(f"{name} must be a number of seconds, got {given!r}.") from None


def _path(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name)
    return Path(value).expanduser() if value else None


def _project_here() -> str | None:
    """The project of NeuroWorkflow's in whose directory this process is, as the hub lays them out."""
    try:
        found = _PROJECT.search(f"{Path.cwd().as_posix()}/")
    except OSError:  # it has been deleted
        return None
    return found[1] if found else None


def _signed_in() -> dict[str, Any]:
    """What the user signed in with; where it cannot be used, this is told when it would be."""
    try:
        return {"sign_in": stored_sign_in()}
    except UnusableSignInError as error:
        return {"sign_in_trouble": str(error)}


def _is_secret(name: str) -> bool:
    return name in _SECRET_VARIABLES or _LIKE_A_SECRET.fullmatch(name) is not None


def _secrets(env: Mapping[str, str]) -> list[str]:
    """Values worth hiding; very short ones would blank out ordinary text."""
    return [
        value
        for name, value in env.items()
        if _is_secret(name)
        and len(value) >= (_MIN_SECRET_CHARS if name in _SECRET_VARIABLES else _MIN_UNKNOWN_SECRET_CHARS)
    ]


def _existing_directory(path: Path | str, name: str) -> Path:
    resolved = Path(path).expanduser().resolve()
    if not resolved.is_dir():
        variable = {"workspace": "NEUROWORKFLOW_WORKSPACE_ROOT", "skills_dir": "NEUROWORKFLOW_SKILLS_DIR"}[
            name
        ]
        raise ConfigError(
            f"{name} must be an existing directory, but '{path}' is not one. Create it or set {variable}."
        )
    return resolved
