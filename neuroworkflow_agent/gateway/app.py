"""The gateway as an ASGI app: who may do what, and who does it.

The app owns two HTTP clients and the ledger, from its lifespan's start to its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from neuroworkflow_agent.gateway.api_errors import ApiError, unauthorized
from neuroworkflow_agent.gateway.body import Body, ClientGoneError, too_large, while_connected
from neuroworkflow_agent.gateway.budgets import Budgets
from neuroworkflow_agent.gateway.callers import Caller, Callers, bearer_token
from neuroworkflow_agent.gateway.connection import Unconnected, connection_of
from neuroworkflow_agent.gateway.headers import only
from neuroworkflow_agent.gateway.hub import HubTokens
from neuroworkflow_agent.gateway.jwts import Jwts
from neuroworkflow_agent.gateway.ledger import CANNOT_WRITE, Ledger
from neuroworkflow_agent.gateway.price_list import PriceList
from neuroworkflow_agent.gateway.prices import Prices
from neuroworkflow_agent.gateway.record import Exchange, Record
from neuroworkflow_agent.gateway.relay import Relay
from neuroworkflow_agent.gateway.routes import Route, Routes
from neuroworkflow_agent.gateway.running import Running
from neuroworkflow_agent.gateway.settings import GatewaySettings
from neuroworkflow_agent.gateway.upstream import Upstream

if TYPE_CHECKING:
    from neuroworkflow_agent.gateway.workflow import WorkflowServer

_log = logging.getLogger("neuroworkflow_agent.gateway")
_MAX_CALL_BYTES = 4 * 2**20


class Gateway:
    """The ASGI app. Answers every request: by refusing it, by carrying it upstream, or itself.

    Parameters
    ----------
    settings
        Its settings.

    Raises
    ------
    ConfigError
        If there is no key, or its prices cannot be read.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._key = settings.key()
        self._price_list = PriceList.load(settings.prices_file)
        self._routes = Routes(settings.service_prefix)
        self._running: Counter[str] = Counter()
        self.record = Record()
        self.running = Running()
        self._lifespan = Starlette(lifespan=self._open)

    @asynccontextmanager
    async def _open(self, _app: Starlette) -> AsyncIterator[None]:
        """Open what is needed to serve, and close it."""
        settings = self._settings
        # Each server has a client of its own: cookies and connections are never shared.
        async with (
            Upstream(settings.upstream_url, settings.idle_timeout_s) as upstream,
            httpx.AsyncClient(trust_env=False) as helpers,
            self.record.served_at(settings.host, settings.metrics_port),
        ):
            prices = Prices(settings.prices, self._price_list)
            await asyncio.to_thread(prices.prepare)
            self._ledger = Ledger(settings.database(), settings.journal())
            await self._ledger.open()
            self._budgets = Budgets(settings, self._ledger, prices)
            self._relay = Relay(upstream, settings, self._key, self._ledger, prices)
            self._callers = self._make_callers(helpers)
            self._jwts = self._make_jwts(helpers)
            self._tools = await asyncio.to_thread(_workflow_server, settings)
            try:
                yield
            finally:
                # The server has given them their time.
                await self.running.end()
                await self._ledger.close()

    def _make_callers(self, client: httpx.AsyncClient) -> Callers:
        settings = self._settings
        hub = (
            HubTokens(
                client,
                settings.hub_api_url,
                settings.hub_service,
                settings.hub_cache_s,
                peer_questions=settings.peer_questions,
            )
            if settings.hub_api_url
            else None
        )
        return Callers((token.get_secret_value() for token in settings.service_tokens), hub)

    def _make_jwts(self, client: httpx.AsyncClient) -> Jwts | None:
        settings = self._settings
        if settings.jwt_issuer is None:
            return None
        return Jwts(client, settings.jwt_issuer, settings.jwt_audience or "", settings.jwt_jwks_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._lifespan(scope, receive, send)
            return
        exchange = Exchange(scope["method"][:20])
        connection = connection_of(scope)
        with self.record.in_flight.track_inprogress(), self.running.one():
            try:
                await self._serve(scope, receive, send, exchange)
            except ApiError as refusal:
                exchange.outcome, exchange.reason = "refused", refusal.reason
                await self._answer(refusal.response(), scope, receive, send, exchange)
            except ClientGoneError:
                exchange.outcome = "client_gone"
            except asyncio.CancelledError:  # only the process's end cuts a request; its task ends here
                exchange.outcome, exchange.reason = "aborted", "shutdown"
                if exchange.first_byte_s is None:
                    ended = ApiError(
                        503,
                        "The gateway is restarting; try again.",
                        reason="shutdown",
                        headers={"retry-after": "1"},
                    )
                    await self._answer(ended.response(), scope, receive, send, exchange)
            except Exception:  # noqa: BLE001 - the app's boundary: the caller gets an answer, the log the reason
                exchange.outcome, exchange.reason = "failed", "bug"
                _log.exception("A request failed.")
                if exchange.first_byte_s is None:
                    failed = ApiError(500, "The gateway failed; its log says where.", reason="bug")
                    await self._answer(failed.response(), scope, receive, send, exchange)
            finally:
                self.record.log(exchange)
                if connection is not None:
                    connection.request_ended()

    async def _serve(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        found = self._routes.find(scope["method"], scope["raw_path"])
        exchange.purpose = found.purpose
        match found.purpose:
            case "messages" | "count_tokens" | "models":
                await self._carry(found, scope, receive, send, exchange)
            case "list_tools" | "call_tool":
                await self._use_tools(found, scope, receive, send, exchange)
            case "health":
                await self._answer(JSONResponse({"status": "ok"}), scope, receive, send, exchange)
            case "readiness":
                await self._answer(await self._readiness(), scope, receive, send, exchange)
            case "metrics":
                await self._answer(self._metrics(headers), scope, receive, send, exchange)

    async def _carry(
        self, found: Route, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> None:
        limits = self._settings
        lengths = only(scope["headers"], b"content-length")
        length = int(lengths[0]) if lengths else None
        if length is not None and length > limits.max_body_bytes:
            raise too_large(limits.max_body_bytes)
        body = Body(receive, exchange, limits.max_body_bytes, limits.idle_timeout_s)
        connection = connection_of(scope)
        # The body is not touched yet: who waits for "100 Continue" is told so by the first look at it.
        caller = await self._callers.identify(scope["headers"], connection or Unconnected(scope))
        exchange.caller = caller.account
        if connection is not None:
            connection.caller_is_known()
        with self._slot(caller):
            if found.purpose != "messages":
                await self._relay.serve(found, scope, body, send, exchange, caller.account)
                return
            async with self._budgets.admitted(caller.account, body, length, exchange):
                await self._relay.serve(found, scope, body, send, exchange, caller.account)

    @contextmanager
    def _slot(self, caller: Caller) -> Iterator[None]:
        """One of the caller's places."""
        most = self._settings.user_concurrency
        if self._running[caller.account] >= most:
            raise ApiError(
                429, f"{most} requests of yours are running; wait for one to end.",
                reason="concurrency", headers={"retry-after": "1"},
            )  # fmt: skip
        self._running[caller.account] += 1
        try:
            yield
        finally:
            self._running[caller.account] -= 1
            if not self._running[caller.account]:
                del self._running[caller.account]

    # -- workflow tools -------------------------------------------------------------------------------

    async def _use_tools(
        self, found: Route, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> None:
        if self._tools is None:
            raise ApiError(404, "This gateway has no workflow tools.", reason="tool")
        token = bearer_token(scope["headers"])
        # Without an issuer to check it against, the token is the workflow server's to judge.
        caller = await self._jwts.caller(token) if self._jwts else _unverified(token)
        exchange.caller = caller.account
        if self._jwts and (connection := connection_of(scope)) is not None:
            connection.caller_is_known()
        limits = self._settings
        body = Body(receive, exchange, min(_MAX_CALL_BYTES, limits.max_body_bytes), limits.idle_timeout_s)

        async def use(tools: WorkflowServer) -> None:
            if found.purpose == "list_tools":
                body.skip()
                answer: dict[str, Any] = {"tools": await tools.list(token)}
            else:
                answer = await tools.call(token, *_call_of(await body.read()))
            await self._answer(JSONResponse(answer), scope, receive, send, exchange)

        with self._slot(caller):
            try:
                await while_connected(use(self._tools), body, limits.total_timeout_s)
            except TimeoutError:
                raise ApiError(504, "The workflow tool took too long.", reason="total") from None

    # -- about itself ---------------------------------------------------------------------------------

    async def _readiness(self) -> Response:
        """Whether requests are to be sent here."""
        if self.running.is_draining:
            return JSONResponse({"status": "This gateway is about to end."}, 503)
        if await self._ledger.is_available():
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": CANNOT_WRITE}, 503, {"retry-after": "5"})

    def _metrics(self, headers: list[tuple[bytes, bytes]]) -> Response:
        if self._settings.metrics_port is not None:
            raise ApiError(404, "The metrics have a port of their own.", reason="path")
        wanted = self._settings.metrics_token
        if wanted is not None and not hmac.compare_digest(bearer_token(headers), wanted.get_secret_value()):
            raise unauthorized("The metrics need their token.")
        content, media_type = self.record.metrics()
        return Response(content, media_type=media_type)

    async def _answer(
        self, response: Response, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> None:
        exchange.answered(response.status_code)
        exchange.sent_bytes += len(response.body)
        await response(scope, receive, send)


def _workflow_server(settings: GatewaySettings) -> WorkflowServer | None:
    """Where workflow tools are; None if the gateway has none, which then needs not import `mcp`, half of its start."""
    if settings.mcp_url is None:
        return None
    from neuroworkflow_agent.gateway.workflow import WorkflowServer

    return WorkflowServer(settings.mcp_url, settings.tool_timeout_s)


def _unverified(token: str) -> Caller:
    """Somebody whose name only the workflow server knows, told from others all the same."""
    return Caller("jwt", f"unverified-{hashlib.sha256(token.encode()).hexdigest()[:12]}")


def _call_of(body: bytes) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a tool call."""
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        call = None
    name = call.get("tool_name") if isinstance(call, dict) else None
    arguments = call.get("arguments") or {} if isinstance(call, dict) else None
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        raise ApiError(400, 'Give {"tool_name": "…", "arguments": {…}}.', reason="body")
    return name, arguments
