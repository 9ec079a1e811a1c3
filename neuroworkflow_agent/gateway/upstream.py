"""The way to the Messages API: httpx over aiohttp's connections.

httpx's own pool looks at every open connection before each request, which takes longer than all the rest as
soon as some dozens are open; aiohttp's does not. https://github.com/encode/httpx/issues/3215
"""

from __future__ import annotations

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

_KEEPALIVE_S = 30.0

TRANSPORT_ERRORS = (httpx.HTTPError, aiohttp.ClientError)
"""What a request may end with; the transport does not translate all of aiohttp's errors."""


def upstream_client() -> httpx.AsyncClient:
    """A client with as many connections as there are requests, and without cookies."""
    return httpx.AsyncClient(transport=AiohttpTransport(client=_session), headers={"accept": "*/*"})


def is_timeout(error: Exception) -> bool:
    """Whether one of `TRANSPORT_ERRORS` means that the other side said nothing for too long."""
    # A lost connection is translated as a timeout, too.
    return isinstance(error.__cause__ or error, TimeoutError)


def _session() -> aiohttp.ClientSession:
    # The system's own resolver: aiohttp's other one, if it is installed, leaves a thread behind.
    resolver = aiohttp.ThreadedResolver()
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, resolver=resolver)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
