"""One request up to the Messages API, its answer down, as both come.

An exchange runs in two tasks, owned by `while_connected` and ended before it returns: one carries bytes, the other
waits for the caller to go away, which ends the first and with it the upstream request.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from time import monotonic

from starlette.types import Message, Scope, Send

from neuroworkflow_agent.gateway.answer import Answer
from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.asked import Asked
from neuroworkflow_agent.gateway.body import Body, ClientGoneError, while_connected
from neuroworkflow_agent.gateway.connection import Connection, at_once, connection_of
from neuroworkflow_agent.gateway.headers import coming_down, going_up, only, query_going_up
from neuroworkflow_agent.gateway.key_filter import KeyFilter
from neuroworkflow_agent.gateway.ledger import Ledger
from neuroworkflow_agent.gateway.prices import Prices
from neuroworkflow_agent.gateway.readers import BodyUsage, StreamUsage, UsageReader, estimated
from neuroworkflow_agent.gateway.record import Exchange
from neuroworkflow_agent.gateway.routes import Route
from neuroworkflow_agent.gateway.settings import GatewaySettings
from neuroworkflow_agent.gateway.upstream import TRANSPORT_ERRORS, ClosedMeanwhileError, Upstream, is_timeout
from neuroworkflow_agent.gateway.usage import Usage

_BOOKING_S = 5.0
_TRIES = 3
"""How often a request is sent at most, if the upstream closes the connections that were kept for it."""


class Relay:
    """Carries requests to the Messages API and back.

    Parameters
    ----------
    upstream
        Where requests go.
    settings
        Limits.
    key
        The real key.
    ledger, prices
        For what messages use.
    """

    def __init__(
        self, upstream: Upstream, settings: GatewaySettings, key: str, ledger: Ledger, prices: Prices
    ) -> None:
        self._upstream = upstream
        self._settings = settings
        self._key = key
        self._ledger = ledger
        self._prices = prices

    async def serve(
        self, found: Route, scope: Scope, body: Body, send: Send, exchange: Exchange, account: str
    ) -> None:
        """Serve one request to its end.

        Raises
        ------
        ApiError
            If it is refused before an answer has begun.
        """
        limits = self._settings
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        length = only(headers, b"content-length")
        path = self._path(found, scope["query_string"])
        going = _Request(scope["method"], path, going_up(headers, self._key), body)
        if scope["method"] == "POST":
            going.headers.extend((b"content-length", value) for value in length[:1])
        else:
            body.skip()
        work = _Relaying(
            self,
            going,
            send,
            exchange,
            connection_of(scope),
            is_booked=found.purpose == "messages",
            account=account,
        )
        try:
            await while_connected(work.run(), body, limits.total_timeout_s)
        except ClientGoneError:
            exchange.outcome = "client_gone"
        except asyncio.CancelledError:  # by the process's end
            exchange.outcome = "aborted"
            raise
        except TimeoutError:
            exchange.outcome, exchange.reason = "timeout", "total"
            if exchange.first_byte_s is None:
                raise ApiError(504, "The Messages API took too long.", reason="total") from None
        except ApiError as refusal:
            if isinstance(body.failure, ClientGoneError):
                exchange.outcome = "client_gone"
            else:
                raise body.failure or refusal from None
        finally:
            work.book_what_came()

    def _path(self, found: Route, query: bytes) -> str:
        """Where the request goes upstream."""
        try:
            known = query_going_up(query)
        except ValueError:
            raise ApiError(400, "The query cannot be read.", reason="query") from None
        return f"{found.upstream_path}{'?' if known else ''}{known}"

    def key_filter(self) -> KeyFilter:
        """For one answer."""
        return KeyFilter(self._key)

    async def answer_to(self, request: _Request) -> Answer:
        """The upstream's answer, its body still to come.

        Raises
        ------
        ApiError
            If there is none.
        """
        content = request.body if request.method == "POST" else None
        request.body.seen = request.asked.feed
        try:
            tries = _TRIES
            while True:
                try:
                    return await self._upstream.send(request.method, request.path, request.headers, content)
                except ClosedMeanwhileError:  # the next one that is kept may be closed, too
                    tries -= 1
                    if not (tries and request.body.can_be_read_again):
                        raise
        except TRANSPORT_ERRORS as error:
            if is_timeout(error):
                raise ApiError(
                    504, "The Messages API did not answer in time.", reason="upstream_timeout"
                ) from None
            raise ApiError(502, "The Messages API cannot be reached.", reason="upstream") from None

    def book(
        self, exchange: Exchange, account: str, usage: Usage | None, asked: Asked
    ) -> asyncio.Future[None] | None:
        """Have written down what was used; the future is done when it counts."""
        if usage is None:
            return None
        if not usage.model:
            usage = replace(usage, model=self._prices.dearest(asked.models))
        cost = self._prices.cost(usage)
        exchange.usage, exchange.cost_usd, exchange.unclear = usage.whole(), cost.usd, cost.unclear
        return self._ledger.add(
            account,
            exchange.usage,
            exchange.cost_usd,
            exchange_id=exchange.id,
            day=exchange.day,
            is_whole="output" not in usage.unclear,
        )


@dataclass(frozen=True, slots=True)
class _Request:
    """What goes up."""

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    body: Body
    asked: Asked = field(default_factory=Asked)


class _Relaying:
    """The bytes of one request and its answer."""

    def __init__(
        self,
        relay: Relay,
        request: _Request,
        send: Send,
        exchange: Exchange,
        connection: Connection | None,
        *,
        is_booked: bool,
        account: str,
    ) -> None:
        self._relay = relay
        self._request = request
        self._send = send
        self._exchange = exchange
        self._connection = connection
        self._account = account
        self._wants_booking = is_booked
        self._reader: UsageReader | None = None
        self._filter = relay.key_filter()

    async def run(self) -> None:
        """Send the request, hand on the answer."""
        answer = await self._relay.answer_to(self._request)
        self._request.body.forget()
        try:
            await self._start(answer)
            if self._connection is not None and isinstance(self._reader, StreamUsage):
                answer.take_at_once = self._pass_at_once
            await self._hand_on(answer)
        except TRANSPORT_ERRORS as error:
            # Ours ends as theirs did, without an end: the caller must not take it for whole.
            self._exchange.outcome = "timeout" if is_timeout(error) else "upstream_cut"
            self._exchange.reason = "upstream"
        finally:
            await answer.aclose()

    async def _start(self, answer: Answer) -> None:
        headers = coming_down(answer.headers)
        length = answer.header("content-length")
        if length is not None and answer.header("content-encoding") is None:
            headers.append((b"content-length", length.encode()))
        if self._wants_booking and answer.status == 200:
            is_stream = (answer.header("content-type") or "").startswith("text/event-stream")
            asked = self._request.asked
            known = int(length) if length is not None and length.isdigit() else 0
            self._reader = StreamUsage(asked) if is_stream else BodyUsage(asked, known)
        self._wants_booking = False
        self._exchange.request_id = (answer.header("request-id") or "")[:100]
        self._exchange.answered(answer.status)
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})

    async def _hand_on(self, answer: Answer) -> None:
        """Pass pieces on; the last of a message waits until its use is written down."""
        held = b""
        async for piece in answer:
            if isinstance(self._reader, StreamUsage):
                self._reader.feed(piece)
                if self._reader.is_final:
                    await self._book()
            elif self._reader is not None:
                self._reader.feed(piece)
                held, piece = piece, held  # noqa: PLW2901
            if passing := self._filter.feed(piece):
                await self._send(self._more(passing))
        await self._book()
        last = self._filter.feed(held) + self._filter.end()
        self._exchange.sent_bytes += len(last)
        await self._send({"type": "http.response.body", "body": last, "more_body": False})

    def _pass_at_once(self, piece: bytes) -> bool:
        """Pass an event on that is text alone, unless the caller does not take what was sent; whether it was."""
        reader, connection = self._reader, self._connection
        if (
            not isinstance(reader, StreamUsage)
            or connection is None
            or connection.is_full
            or not reader.feed_text(piece)
        ):
            return False
        if passing := self._filter.feed(piece):
            at_once(self._send(self._more(passing)))
        return True

    def _more(self, piece: bytes) -> Message:
        self._exchange.sent_bytes += len(piece)
        return {"type": "http.response.body", "body": piece, "more_body": True}

    async def _book(self) -> None:
        booked = self.book_what_came()
        if booked is not None:  # a database that is away does not hold the answer back for ever
            await asyncio.wait([booked], timeout=_BOOKING_S)

    def book_what_came(self) -> asyncio.Future[None] | None:
        """Have the use of the answer written down, once, however far it came."""
        reader, self._reader = self._reader, None
        usage = reader.usage() if reader is not None else self._unanswered()
        return self._relay.book(self._exchange, self._account, usage, self._request.asked)

    def _unanswered(self) -> Usage | None:
        """Of a request whose answer nobody waited for, and which is written all the same; None if it has one."""
        is_left = self._wants_booking and self._exchange.outcome in ("client_gone", "timeout", "aborted")
        if not is_left or not self._request.body.is_whole:
            return None
        self._wants_booking = False
        return estimated(self._request.asked, 0, monotonic(), is_cut=True)
