"""One connection to the gateway: what its caller sends goes through `RequestReader` to uvicorn, within limits.

uvicorn's own protocol serves a request at a time; this one stands before it as its transport. A connection owns
two timers: one while a request's headers come or the rest of one that is answered, one while its caller does not
take what was sent. The app says when it knows the caller and when a request has ended, by `connection_of`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from neuroworkflow_agent.gateway.framing import Refused, RequestReader
from neuroworkflow_agent.gateway.peers import Peers, most_connections
from neuroworkflow_agent.gateway.refused import RefusedConnections
from neuroworkflow_agent.gateway.settings import GatewaySettings
from neuroworkflow_agent.wire import error_body

_STATE = "neuroworkflow_connection"
_AT_ONCE = (429, 431)
"""Not after earlier answers, however long they take."""
_CROWDED = Refused(503, "The gateway has too many connections; try again soon.", "crowded")
_LATE = Refused(408, "The request's headers did not come in time.", "late")
_RETRY_S = 2
_NO_PEER = "-"


def make_protocol(settings: GatewaySettings, refused: RefusedConnections) -> type[asyncio.Protocol]:
    """What uvicorn is to serve each connection with: its own HTTP protocol, with the limits of `settings`.

    Parameters
    ----------
    settings
        Limits.
    refused
        Is told of connections that meet one.
    """
    peers = Peers(most_connections(settings.max_connections), settings.peer_connections)

    class LimitedConnection(Connection):
        def __init__(self, **given: Any) -> None:
            super().__init__(settings, peers, refused, **given)

    return LimitedConnection


class Connection(asyncio.Protocol):
    """A caller's connection.

    Parameters
    ----------
    settings
        Limits.
    peers
        The connections there are.
    refused
        Is told if this one is.
    app_state, **given
        What uvicorn gives its protocols.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        peers: Peers,
        refused: RefusedConnections,
        *,
        app_state: dict[str, Any],
        **given: Any,
    ) -> None:
        self._settings = settings
        self._peers = peers
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        # The state of an ASGI scope is where an app and its server may leave things for each other.
        self._server = HttpToolsProtocol(app_state={**app_state, _STATE: self}, **given)
        self._reader = RequestReader(settings.max_header_bytes)
        self._timer: asyncio.TimerHandle | None = None
        self._writing_timer: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None
        self._is_serving = self._is_answered = self._is_known = False
        self._wants_pause = self._is_paused = False
        self.is_full = False
        """Whether the caller does not take what was sent."""

    # -- what the event loop says ----------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """A caller is there."""
        self._transport: asyncio.Transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) else _NO_PEER
        self._servers_transport = _ServersTransport(self, transport)
        self._server.connection_made(self._servers_transport)
        if self._peers.admit(self, self.peer):
            self._start_timer(self._headers_are_late)
        else:
            self._refuse(_CROWDED)

    def data_received(self, data: bytes) -> None:
        """The caller has sent something."""
        self._reader.feed(data)
        self._advance()
        if not self._is_serving and not self._transport.is_closing():
            self._server.data_received(b"")  # a request begins: it would close an idle connection

    def pause_writing(self) -> None:
        """The caller does not take what was sent."""
        self.is_full = True
        self._server.pause_writing()
        self._start_writing_timer()

    def resume_writing(self) -> None:
        """It does again."""
        self.is_full = False
        if not self._transport.is_closing():
            self._stop_writing_timer()
        self._server.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has gone, or we have."""
        self._peers.leave(self)
        self._stop_timer()
        self._stop_writing_timer()
        self._reader.messages.clear()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self._server.connection_lost(exc)

    # -- requests, one after the other -----------------------------------------------------------------

    def _advance(self) -> None:
        """Give the server what it may have: the next request when the one before it is answered."""
        messages = self._reader.messages
        while messages and not self._transport.is_closing():
            if not self._is_serving:
                self._begin()
            if piece := messages[0].take():
                self._server.data_received(piece)
            if not (messages[0].is_whole and self._is_answered):
                break
            messages.popleft()
            self._is_serving = False
        if not self._transport.is_closing():
            self._refuse_if_due()
            self._wait()
            self._pause_or_resume()

    def _begin(self) -> None:
        self._stop_timer()
        self._is_serving = True
        self._is_answered = self._servers_transport.has_begun = False

    def _refuse_if_due(self) -> None:
        refusal = self._reader.refusal
        if refusal is None:
            return
        messages = self._reader.messages
        if not messages or not messages[0].is_whole or refusal.status in _AT_ONCE:
            self._refuse(refusal)

    def _wait(self) -> None:
        """Have somebody who sends nothing, or too slowly, given up."""
        if self._timer is not None or self._transport.is_closing():
            return
        if not self._is_serving:
            self._start_timer(self._headers_are_late)
        elif self._is_answered:
            # Answered early. A client reads its answer only after sending everything, but not for ever.
            self._start_timer(self.close)

    def _pause_or_resume(self) -> None:
        messages = self._reader.messages
        ahead = sum(map(len, messages)) if len(messages) > 1 else 0
        is_full = self._wants_pause or ahead > self._settings.max_header_bytes
        if is_full != self._is_paused and not self._transport.is_closing():
            self._is_paused = is_full
            (self._transport.pause_reading if is_full else self._transport.resume_reading)()

    # -- what the app says -----------------------------------------------------------------------------

    def caller_is_known(self) -> None:
        """Whoever sent the request may use the gateway."""
        self._is_known = True
        self._peers.keep(self)

    def when_gone(self) -> asyncio.Future[None]:
        """Done when the connection is."""
        if self._gone is None:
            self._gone = self._loop.create_future()
            if self._transport.is_closing():
                self._gone.set_result(None)
        return self._gone

    def request_ended(self) -> None:
        """The app is done with the request, and has answered it if it could."""
        self._is_answered = True
        if self._is_known:
            self._is_known = False
            self._peers.release(self)
        self._advance()

    # -- the end ---------------------------------------------------------------------------------------

    def make_way(self) -> None:
        """Close, for a newer connection; see `Peers`."""
        self._refuse(_CROWDED)

    def close(self) -> None:
        """Close when the caller has taken what was sent, but wait for that only so long."""
        if self._transport.is_closing():
            return
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._start_writing_timer()

    def _headers_are_late(self) -> None:
        if self._reader.is_amid:
            self._refuse(_LATE)
        else:
            self.close()

    def _refuse(self, refusal: Refused) -> None:
        """Say why, unless that would stand in the middle of an answer, and close."""
        if self._transport.is_closing():
            return
        self._refused.add(refusal.reason, refusal.status, self.peer)
        if self._transport.get_write_buffer_size():  # whoever takes nothing does not keep it open either
            self._transport.abort()
            return
        if not (self._is_serving and self._servers_transport.has_begun):
            self._transport.write(_answer(refusal))
        self.close()

    def _start_timer(self, then: Callable[[], None]) -> None:
        self._timer = self._loop.call_later(self._settings.header_timeout_s, self._time_is_up, then)

    def _time_is_up(self, then: Callable[[], None]) -> None:
        self._timer = None
        then()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_writing_timer(self) -> None:
        if self._writing_timer is None:
            limits = self._settings
            patience_s = limits.idle_timeout_s if self._is_known else limits.header_timeout_s
            self._writing_timer = self._loop.call_later(patience_s, self._give_up_writing)

    def _give_up_writing(self) -> None:
        self._writing_timer = None
        self._refused.add("unread", 0, self.peer)
        self._transport.abort()

    def _stop_writing_timer(self) -> None:
        if self._writing_timer is not None:
            self._writing_timer.cancel()
            self._writing_timer = None

    def wants_pause(self, wanted: bool) -> None:
        """Whether the server can take no more for now."""
        self._wants_pause = wanted
        self._pause_or_resume()


class _ServersTransport(asyncio.Transport):
    """The connection, as uvicorn's protocol sees it."""

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        super().__init__()
        self._connection = connection
        self._transport = transport
        self._write = transport.write
        self.has_begun = False
        """Whether something was written of the current answer."""

    def write(self, data: Any) -> None:
        if not self.has_begun:
            self.has_begun = not data.startswith(b"HTTP/1.1 100 ")
        self._write(data)

    def close(self) -> None:
        self._connection.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._connection.wants_pause(True)

    def resume_reading(self) -> None:
        self._connection.wants_pause(False)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


def connection_of(scope: Scope) -> Connection | None:
    """The connection that a request came over; None if another server serves the app."""
    found = scope.get("state", {}).get(_STATE)
    return found if isinstance(found, Connection) else None


def at_once(sending: Awaitable[None]) -> None:
    """Send something over a connection that is not full, for which nothing has to be waited for.

    Raises
    ------
    RuntimeError
        If the server waits all the same.
    """
    try:
        next(sending.__await__())
    except StopIteration:
        return
    raise RuntimeError("The server waits, though its connection is not full.")


class Unconnected:
    """What a request of another server is known by, instead of its connection."""

    def __init__(self, scope: Scope) -> None:
        self.peer = str((scope.get("client") or (_NO_PEER,))[0])

    def when_gone(self) -> asyncio.Future[None]:
        """Never: such a server does not say."""
        return asyncio.get_running_loop().create_future()


def _answer(refusal: Refused) -> bytes:
    body = json.dumps(error_body(refusal.status, refusal.message)).encode()
    lines = [
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}",
        "content-type: application/json",
    ]
    if refusal.status == _CROWDED.status:
        lines.append(f"retry-after: {_RETRY_S}")
    lines += [f"content-length: {len(body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode() + body
