"""Settings of the gateway: the environment, then defaults. Checked once, before anything listens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.gateway.price_list import Price

PREFIX = "NEUROWORKFLOW_GATEWAY_"
_MIN_TOKEN_CHARS = 16
_NAMES = {"service_tokens": "NEUROWORKFLOW_SERVICE_TOKEN"}
"""Variables of fields that are not called as the others."""


class GatewaySettings(BaseSettings):
    """Everything the gateway needs to know. A field's variable is its name in capitals after `PREFIX`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", populate_by_name=True, frozen=True
    )

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8090, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    upstream_url: str = "https://api.anthropic.com"
    """Base URL of the Messages API."""
    api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices(f"{PREFIX}API_KEY", "ANTHROPIC_API_KEY")
    )
    """The real key."""
    api_key_file: Path | None = None
    """A file with the real key, read once at the start; goes before `api_key`."""

    service_tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), validation_alias=AliasChoices("service_tokens", "NEUROWORKFLOW_SERVICE_TOKEN")
    )
    """Shared tokens, separated by commas or blanks; every one is taken, so that they can be rotated."""
    hub_api_url: str | None = Field(
        None, validation_alias=AliasChoices(f"{PREFIX}HUB_API_URL", "JUPYTERHUB_API_URL")
    )
    """The Hub's API, as a Hub tells its services; users' own tokens are checked there."""
    hub_service: str = Field(
        "neuroworkflow-gateway",
        validation_alias=AliasChoices(f"{PREFIX}HUB_SERVICE", "JUPYTERHUB_SERVICE_NAME"),
    )
    """Name under which the gateway is registered; a token needs the scope `access:services!service=NAME`."""
    service_prefix: str = Field(
        "", validation_alias=AliasChoices(f"{PREFIX}SERVICE_PREFIX", "JUPYTERHUB_SERVICE_PREFIX")
    )
    """Path under which the Hub's proxy shows the gateway, if it does."""
    hub_cache_s: float = Field(30.0, ge=0)
    """How long the Hub's word on a token holds, in seconds: a revoked token works no longer than that."""

    jwt_issuer: str | None = None
    """Who signs users' tokens for workflow tools (`iss`); None leaves checking them to the workflow server."""
    jwt_audience: str | None = None
    """For whom they are (`aud`); needed with `jwt_issuer`."""
    jwt_jwks_url: str | None = None
    """Where the issuer's public keys are; None asks its OpenID configuration."""
    mcp_url: str | None = None
    """Workflow tools: an MCP server over streamable HTTP; None offers none."""
    tool_timeout_s: float = Field(120.0, gt=0)
    """How long one workflow tool may take, in seconds."""

    database_url: SecretStr | None = None
    """Where usage is kept, `sqlite:///FILE` or `postgresql://…`; None for an SQLite file of this user."""
    journal_dir: Path | None = None
    """Where entries of the usage record are kept until the database has them; it outlives the process, and gateways may
    share it. None for a directory beside the SQLite file, or of this user."""
    user_tokens_per_day: int | None = Field(None, ge=0)
    """Most tokens of one user in a day (UTC); None for no limit. So with the other three."""
    user_usd_per_day: float | None = Field(None, ge=0)
    hub_tokens_per_day: int | None = Field(None, ge=0)
    hub_usd_per_day: float | None = Field(None, ge=0)
    prices: dict[str, Price] = Field(default_factory=dict)
    """Prices by model name, as JSON; go before the known ones. `*` is for models nobody knows."""
    prices_file: Path | None = None
    """A file as `prices.toml`, which goes before it: prices of models, of speed, places, tiers and tools."""

    user_concurrency: int = Field(16, ge=1)
    """Most requests of one user at once, in this replica."""
    max_connections: int = Field(4_000, ge=1)
    """Most connections at once, as far as there are descriptors for them."""
    peer_connections: int = Field(1_000, ge=1)
    """Most of one address on which no known caller's request runs; for one more the oldest is closed."""
    peer_questions: int = Field(200, ge=1)
    """Most tokens of one address at once that wait for the Hub to be asked about them."""
    max_body_bytes: int = Field(32 * 2**20, ge=1)
    max_header_bytes: int = Field(64 * 2**10, ge=1024)
    header_timeout_s: float = Field(10.0, gt=0)
    """How long a client may take to send a request's headers."""
    idle_timeout_s: float = Field(300.0, gt=0)
    """How long a client or the upstream may say or take nothing."""
    total_timeout_s: float = Field(3600.0, gt=0)
    """How long one request may take."""
    drain_s: float = Field(1.0, ge=0)
    """How long after SIGTERM new requests are still taken, while `/readyz` already says no."""
    grace_s: float = Field(20.0, ge=0)
    """How long running requests may go on after that; what they have come to by then is written down."""
    run_as: str | None = None
    """User whom a gateway that root starts becomes once it has read its key; a Hub's service needs one."""
    metrics_port: int | None = Field(None, ge=1, le=65535)
    """Port of their own for the metrics, at the same address; None shows them at `/metrics` of `port`."""
    metrics_token: SecretStr | None = None
    """What Prometheus has to show at `/metrics` of `port`; None shows it to everybody (it names no user)."""

    @field_validator("service_tokens", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("service_tokens")
    @classmethod
    def _long_enough(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(token.get_secret_value()) < _MIN_TOKEN_CHARS for token in tokens):
            raise ValueError(f"a service token has at least {_MIN_TOKEN_CHARS} characters")
        return tokens

    @field_validator("upstream_url", "hub_api_url", "jwt_jwks_url", "mcp_url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("give a URL such as https://host:port")
        return url.rstrip("/") if not parts.query else url

    @field_validator("database_url")
    @classmethod
    def _is_known_database(cls, url: SecretStr | None) -> SecretStr | None:
        kind, separator, rest = (url.get_secret_value() if url else "").partition("://")
        if url is None or (kind, separator) == ("sqlite", "://"):
            return url
        if kind not in ("postgres", "postgresql", "postgresql+psycopg"):
            raise ValueError("give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
        return SecretStr(f"postgresql+psycopg://{rest}")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.jwt_issuer and not self.jwt_audience:
            raise ValueError(f"{PREFIX}JWT_ISSUER needs {PREFIX}JWT_AUDIENCE: whom the tokens are for")
        return self

    @property
    def is_managed(self) -> bool:
        """Whether a Hub has started this process."""
        return _Managed().service_name is not None

    def key(self) -> str:
        """The real key.

        Raises
        ------
        ConfigError
            If there is none.
        """
        if self.api_key_file is not None:
            try:
                key = self.api_key_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{PREFIX}API_KEY_FILE cannot be read: {error}") from None
        else:
            key = self.api_key.get_secret_value().strip() if self.api_key else ""
        if not key or not key.isascii() or not key.isprintable():
            raise ConfigError(
                f"The gateway needs the key of the Messages API, one line of text. Set {PREFIX}API_KEY_FILE to a file with it, or ANTHROPIC_API_KEY."
            )
        return key

    def database(self) -> str:
        """URL of the database; the default's directory is made."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        directory = user_data_path("neuroworkflow-agent", ensure_exists=True)
        return f"sqlite:///{directory / 'gateway.db'}"

    def journal(self) -> Path:
        """Directory of the journal: where it is set, else beside an SQLite file, else among this user's data."""
        if self.journal_dir is not None:
            return self.journal_dir
        kind, _, file = self.database().partition("?")[0].partition(":///")
        is_file = kind == "sqlite" and file
        return (
            Path(f"{file}-journals")
            if is_file
            else user_data_path("neuroworkflow-agent") / "gateway-journals"
        )


def load_settings(**given: Any) -> GatewaySettings:
    """The settings of this process.

    Parameters
    ----------
    **given
        Fields that go before the environment; None counts as not given.

    Raises
    ------
    ConfigError
        With every variable that cannot work; values are not repeated, since some are secrets.
    """
    managed = _listen_where_the_hub_says()
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return GatewaySettings(**{**managed, **chosen})
    except ValidationError as error:
        problems = []
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            where = ".".join(str(part) for part in item["loc"])
            name = _NAMES.get(where) or (
                where if where.isupper() or not where else f"{PREFIX}{where.upper()}"
            )
            problems.append(f"{name}: {item['msg'].removeprefix('Value error, ')}".removeprefix(": "))
        raise ConfigError("The gateway cannot start. " + "; ".join(problems) + ".") from None


class _Managed(BaseSettings):
    """What a Hub tells a service that it starts itself."""

    model_config = SettingsConfigDict(env_prefix="JUPYTERHUB_", env_ignore_empty=True, extra="ignore")

    service_name: str | None = None
    service_url: str | None = None


def _listen_where_the_hub_says() -> dict[str, Any]:
    parts = urlsplit(_Managed().service_url or "")
    return {"host": parts.hostname, "port": parts.port} if parts.hostname and parts.port else {}
