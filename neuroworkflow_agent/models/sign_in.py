"""Signing in: a key is shown once to the address it is for, and kept if it is taken there.

The command line and the panel do it through `sign_in`. It asks for the list of models, which costs nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from neuroworkflow_agent import credentials
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.credentials import Kind, SignIn
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.models.choose import ANTHROPIC_URL, OPENAI_URL, checked_url
from neuroworkflow_agent.models.local_servers import is_loopback
from neuroworkflow_agent.text import one_line, redact, strip_control
from neuroworkflow_agent.wire import GATEWAY_PATH

if TYPE_CHECKING:
    import httpx

_TIMEOUT_S = 20.0
_KEY = re.compile(r"[!-~]+")
"""What a header can hold."""
_ERRNO = re.compile(r"\[Errno -?\d+\] ")
_URLS = {"anthropic": ANTHROPIC_URL, "openai": OPENAI_URL}
_VARIABLES = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL"}
UNCHECKED = "To keep it all the same, give --unchecked."


class NotSignedInError(ConfigError):
    """A key was not kept; the message says why."""


def sign_in(
    kind: Kind, key: str, url: str = "", model: str | None = None, *, unchecked: bool = False
) -> SignIn:
    """Keep a key, once its endpoint has taken it. Blocks.

    Parameters
    ----------
    kind
        Who takes the key.
    key
        As it was pasted; empty for a server that asks for none.
    url
        Base URL; empty for `default_url`.
    model
        Which model serves unless something else is asked for.
    unchecked
        Whether to keep it without asking the endpoint.

    Raises
    ------
    ConfigError
        If it is not kept; nothing has changed then.
    """
    require_no_gateway(AgentConfig.from_env())
    credentials.require_place()
    asked = SignIn(kind, plain_url(url or default_url(kind)), _plain_key(key, kind), model)
    if not unchecked:
        _prove(asked)
    return credentials.keep(asked)


def require_no_gateway(config: AgentConfig) -> None:
    """Raise where a hub's gateway serves, whatever is kept.

    Raises
    ------
    NotSignedInError
        That says so.
    """
    if url := config.endpoint.get("NEUROWORKFLOW_BACKEND_URL"):
        raise NotSignedInError(
            f"The gateway at {url} serves here (NEUROWORKFLOW_BACKEND_URL is set), so you need no key of your own. "
            "To sign in with one all the same, unset that variable first."
        )


def default_url(kind: Kind) -> str:
    """Where a key of this kind is shown unless told otherwise; empty where that has to be said.

    It is what the environment says now, so that the key is used as long as it says so.
    """
    variable = _VARIABLES.get(kind, "")
    return AgentConfig.from_env().endpoint.get(variable) or _URLS.get(kind, "")


def plain_url(url: str) -> str:
    """A base URL with nothing secret in it.

    Raises
    ------
    ConfigError
        If it is none.
    """
    parts = urlsplit(url) if url.startswith(("http://", "https://")) else None
    if parts is not None and (parts.username or parts.password or parts.query or parts.fragment):
        raise ConfigError("Give the base URL alone, without a user, a password or anything behind a '?'.")
    return checked_url(url).rstrip("/")


def _plain_key(key: str, kind: Kind) -> str:
    plain = strip_control(key).strip()
    if not plain and kind != "server":
        raise NotSignedInError("No key was given, so nothing is kept.")
    if plain and not _KEY.fullmatch(plain):
        raise NotSignedInError("A key is one word of plain letters, digits and signs; nothing is kept.")
    return plain


def _prove(asked: SignIn) -> None:
    """Show the endpoint the key.

    Raises
    ------
    NotSignedInError
        If it is refused, or nobody says that it is taken.
    """
    import httpx

    address, headers = _request(asked)
    try:
        answer = httpx.get(address, headers=headers, timeout=_TIMEOUT_S, trust_env=not is_loopback(asked.url))
    except httpx.HTTPError as error:
        reason = one_line(_ERRNO.sub("", str(error)), 200) or "it took too long"
        raise NotSignedInError(
            f"{asked.url} does not answer ({reason}), so the key could not be checked, and nothing is kept. "
            f"Check the network and the address. {UNCHECKED}"
        ) from error
    said = _said(answer, asked.key)
    if answer.status_code in (401, 403):
        raise NotSignedInError(
            f"{asked.url} refused the key (HTTP {answer.status_code}{said}), so nothing is kept."
        )
    if not _lists_models(answer):
        raise NotSignedInError(
            f"{asked.url} did not list its models (HTTP {answer.status_code}{said}), so the key could not be "
            f"checked, and nothing is kept. Check the address. {UNCHECKED}"
        )


def _request(asked: SignIn) -> tuple[str, dict[str, str]]:
    """Where models are listed, and what to show there."""
    bearer = {"authorization": f"Bearer {asked.key}"} if asked.key else {}
    api_key = {"x-api-key": asked.key} if asked.key else {}
    match asked.kind:
        case "openai":
            return f"{asked.url}/models", bearer
        case "gateway":
            return f"{asked.url}{GATEWAY_PATH}/v1/models", api_key
        case "anthropic":
            return f"{asked.url}/v1/models", {"anthropic-version": "2023-06-01", **api_key}
        case "server":
            return f"{asked.url}/v1/models", {**bearer, **api_key}


def _lists_models(answer: httpx.Response) -> bool:
    try:
        return answer.status_code == 200 and isinstance(answer.json()["data"], list)
    except (ValueError, KeyError, TypeError):
        return False


def _said(answer: httpx.Response, key: str) -> str:
    """The message of an error, which may repeat the key."""
    try:
        message = answer.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {redact(one_line(str(message), 200), [key])}"
