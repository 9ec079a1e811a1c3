"""Who is calling: a shared service token, or a user's own JupyterHub token.

Cookies and query parameters count for nothing. The address somebody calls from tells nobody who they are, only
whose questions wait longer.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from neuroworkflow_agent.gateway.api_errors import unauthorized
from neuroworkflow_agent.gateway.headers import RawHeaders, only

_MAX_TOKEN_CHARS = 8_192
_SCHEMES = ("bearer", "token")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody we know."""

    kind: Literal["service", "hub", "jwt"]
    name: str

    @property
    def account(self) -> str:
        """Under which name their use is written down."""
        return f"{self.kind}:{self.name}"


SHARED = Caller("service", "shared")
"""Whoever shows a service token: such callers share one account."""


class Asker(Protocol):
    """Whoever wants to know whose a token is, because it was shown to them."""

    peer: str
    """The address it came from."""

    def when_gone(self) -> asyncio.Future[None]:
        """Done when nobody waits for the answer any more."""
        ...


class TokenChecker(Protocol):
    """Knows whose a token is."""

    async def caller(self, token: str, asker: Asker) -> Caller:
        """Whose it is.

        Raises
        ------
        ApiError
            If it is nobody's, or must not be used here.
        ClientGoneError
            If `asker` has gone.
        """
        ...


class Callers:
    """Finds out who is calling.

    Parameters
    ----------
    service_tokens
        Every one is taken.
    hub
        Asked about any other token; None takes no other.
    """

    def __init__(self, service_tokens: Iterable[str], hub: TokenChecker | None) -> None:
        self._service_tokens = [token.encode() for token in service_tokens]
        self._hub = hub

    async def identify(self, headers: RawHeaders, asker: Asker) -> Caller:
        """Who shows these headers.

        Raises
        ------
        ApiError
            401 or 403 if nobody who may call; 429 or 503 if that cannot be found out now.
        ClientGoneError
            If `asker` has gone meanwhile.
        """
        token = shown_token(headers)
        shown = token.encode()
        # Every one is compared, so that the time tells nothing about which one is near.
        if sum(hmac.compare_digest(shown, known) for known in self._service_tokens):
            return SHARED
        if self._hub is None:
            raise unauthorized("This token is not known here.")
        return await self._hub.caller(token, asker)


def shown_token(headers: RawHeaders) -> str:
    """The one token of a request, from `x-api-key` or `Authorization`.

    Raises
    ------
    ApiError
        401 if there is none, or more than one.
    """
    listed = list(headers)
    tokens = {value.strip() for value in only(listed, b"x-api-key")}
    tokens |= {bearer for value in only(listed, b"authorization") if (bearer := _bearer(value))}
    if len(tokens) != 1:
        what = "no token" if not tokens else "different tokens"
        raise unauthorized(f"The request shows {what}. Show one, as x-api-key or as a bearer token.")
    return _printable(tokens.pop())


def bearer_token(headers: RawHeaders) -> str:
    """The token of the one `Authorization` header.

    Raises
    ------
    ApiError
        401 if there is none.
    """
    values = only(headers, b"authorization")
    token = _bearer(values[0]) if len(values) == 1 else b""
    if not token:
        raise unauthorized("Workflow tools need the user's own token, as 'Authorization: Bearer …'.")
    return _printable(token)


def _bearer(value: bytes) -> bytes:
    scheme, _, token = value.strip().partition(b" ")
    return token.strip() if scheme.decode("latin-1").lower() in _SCHEMES else b""


def _printable(token: bytes) -> str:
    text = token.decode("latin-1")
    if (
        not text
        or len(text) > _MAX_TOKEN_CHARS
        or not text.isascii()
        or not text.isprintable()
        or " " in text
    ):
        raise unauthorized("This is not a token.")
    return text
