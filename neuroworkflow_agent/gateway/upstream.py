"""The way to the Messages API: aiohttp's connections.

httpx's own pool looks at every open connection before each request, which takes longer than all the rest as
soon as some dozens are open; aiohttp's does not. https://github.com/encode/httpx/issues/3215
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextvars import ContextVar
from time import monotonic
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from neuroworkflow_agent.gateway.answer import Answer

_KEEPALIVE_S = 30.0
_CONNECT_S = 10.0
_MAX_KNOWN = 100
_PIECE_BYTES = 64 * 2**10
"""Of an answer so much is read ahead, and twice that kept for a caller who does not take it."""

TRANSPORT_ERRORS = (aiohttp.ClientError,)
"""What a request may end with."""


_AT_ONCE_S = 2.0
"""A connection that was closed for being idle is found so within a way there and back. One that is lost later has carried
the request to a model that is at work on it, and counts it; it would be at work on it twice."""
_used_since: ContextVar[float | None] = ContextVar("used_since", default=None)
"""When the running task was given a connection that had served a request before; None if the last one was fresh."""


class ClosedMeanwhileError(aiohttp.ClientError):
    """A connection that was kept from an earlier request was lost at once, before anything of an answer came."""


class Upstream:
    """As many connections to one server as there are requests, and no cookies.

    Parameters
    ----------
    url
        Its base URL.
    idle_timeout_s
        How long it may say nothing.
    """

    def __init__(self, url: str, idle_timeout_s: float) -> None:
        self._url = url
        self._proxy = _proxy(url)
        self._idle_timeout_s = idle_timeout_s
        connect = min(_CONNECT_S, idle_timeout_s)
        self._timeout = aiohttp.ClientTimeout(connect=connect, sock_connect=connect, sock_read=idle_timeout_s)
        self._known: dict[str, URL] = {}

    async def __aenter__(self) -> Self:
        self._session = _session()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._session.close()

    async def send(
        self, method: str, path: str, headers: list[tuple[bytes, bytes]], content: AsyncIterable[bytes] | None
    ) -> Answer:
        """The answer to a request, its body still to come; the caller closes it.

        Raises
        ------
        TRANSPORT_ERRORS
            If there is none. `ClosedMeanwhileError` if the server, which may close what is idle whenever it likes,
            did so while the request was on its way.
        """
        _used_since.set(None)
        try:
            response = await self._session.request(
                method,
                self._parsed(path),
                headers=CIMultiDict(
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
                ),
                data=content,
                allow_redirects=False,
                timeout=self._timeout,
                proxy=self._proxy,
            )
        except TRANSPORT_ERRORS as error:
            since = _used_since.get()
            if since is not None and monotonic() - since < _AT_ONCE_S and _is_loss(error):
                raise ClosedMeanwhileError("the server closed the connection") from error
            raise
        return Answer(response, self._idle_timeout_s)

    def _parsed(self, path: str) -> URL:
        url = self._known.get(path)
        if url is None:
            url = URL(f"{self._url}{path}")
            if len(self._known) < _MAX_KNOWN:
                self._known[path] = url
        return url


class _Connector(aiohttp.TCPConnector):
    """Sees which connections are used again."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._used: WeakSet[Any] = WeakSet()

    async def connect(self, *arguments: Any, **given: Any) -> aiohttp.connector.Connection:
        """As aiohttp's."""
        connection = await super().connect(*arguments, **given)
        _used_since.set(monotonic() if connection.protocol in self._used else None)
        self._used.add(connection.protocol)
        return connection


def _is_loss(error: BaseException | None) -> bool:
    """Whether a connection went away without a word, by what the error was caused by."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it is the beginning of an answer
    if isinstance(error, ConnectionResetError | BrokenPipeError) or error is None:
        return error is not None
    return _is_loss(error.__cause__)


def is_timeout(error: Exception) -> bool:
    """Whether one of `TRANSPORT_ERRORS` means that the other side said nothing for too long."""
    return isinstance(error, TimeoutError)


def _session() -> aiohttp.ClientSession:
    # The system's own resolver: aiohttp's other one, if it is installed, leaves a thread behind.
    resolver = aiohttp.ThreadedResolver()
    connector = _Connector(limit=0, keepalive_timeout=_KEEPALIVE_S, resolver=resolver)
    # Nothing of the environment: it would read a .netrc before each request, and send what is in it.
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        read_bufsize=_PIECE_BYTES,
    )


def _proxy(url: str) -> str | None:
    """The proxy that the machine's settings name for `url`, looked up once."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    return proxy if proxy and not proxy_bypass(parts.netloc) else None
