"""Serves the gateway: uvicorn, with patience for slow clients that ends.

The HTTP protocol of a connection owns two timers: one while the next request's headers come, one while the
client does not take what was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import math
import sys
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from neuroworkflow_agent.errors import ConfigError, GatewayError
from neuroworkflow_agent.gateway.app import Gateway
from neuroworkflow_agent.gateway.journal import Journal
from neuroworkflow_agent.gateway.privileges import take_user
from neuroworkflow_agent.gateway.record import log_to_stderr
from neuroworkflow_agent.gateway.settings import GatewaySettings
from neuroworkflow_agent.gateway.shutdown import GatewayServer
from neuroworkflow_agent.gateway.store import Store, StoreUnavailableError
from neuroworkflow_agent.gateway.tables import UnknownSchemaError
from neuroworkflow_agent.wire import error_body

_PR_SET_DUMPABLE = 4


def make_protocol(settings: GatewaySettings) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol with the limits of `settings`, which uvicorn itself has no settings for."""

    class LimitedProtocol(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _writing_timer: asyncio.TimerHandle | None = None
        _header_bytes = 0
        _is_whole = True

        @property
        def _is_waiting(self) -> bool:
            """Whether what comes next is a request's beginning."""
            return self._is_whole and (self.cycle is None or self.cycle.response_complete)

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait_for_headers()

        def connection_lost(self, exc: Exception | None) -> None:
            self._headers_came()
            self.resume_writing()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._is_waiting and not self.transport.is_closing():
                self._wait_for_headers()
                self._header_bytes += len(data)
                if self._header_bytes > settings.max_header_bytes:
                    self._refuse(431, "The request's headers are too large.")

        def on_headers_complete(self) -> None:
            self._headers_came()
            self._header_bytes = 0
            self._is_whole = False
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._headers_came()
            self._is_whole = True
            super().on_message_complete()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if not self._is_whole and self._timer is None:
                # Answered early. A client reads its answer only after sending everything, but not for ever.
                self._timer = self.loop.call_later(settings.header_timeout_s, self.transport.close)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._writing_timer = self.loop.call_later(settings.idle_timeout_s, self.transport.abort)

        def resume_writing(self) -> None:
            if self._writing_timer is not None:
                self._writing_timer.cancel()
                self._writing_timer = None
            super().resume_writing()

        def send_400_response(self, msg: str) -> None:
            self._refuse(400, msg)

        def _wait_for_headers(self) -> None:
            if self._timer is None:
                self._timer = self.loop.call_later(settings.header_timeout_s, self._headers_are_late)

        def _headers_came(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _headers_are_late(self) -> None:
            self._refuse(408, "The request's headers did not come in time.")

        def _refuse(self, status: int, message: str) -> None:
            if self.transport.is_closing():
                return
            body = json.dumps(error_body(status, message)).encode()
            head = (
                STATUS_LINE[status],
                b"content-type: application/json\r\nconnection: close\r\ncontent-length: ",
            )
            self.transport.write(b"".join((*head, str(len(body)).encode(), b"\r\n\r\n", body)))
            self.transport.close()

    return LimitedProtocol


def make_server(settings: GatewaySettings) -> GatewayServer:
    """A server for the gateway, not yet running.

    Raises
    ------
    ConfigError
        If the settings lack something.
    """
    gateway = Gateway(settings)
    config = uvicorn.Config(
        gateway,
        host=settings.host,
        port=settings.port,
        http=make_protocol(settings),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(settings.grace_s),
    )
    return GatewayServer(config, gateway, settings.drain_s)


def serve(settings: GatewaySettings) -> None:
    """Serve until told to stop, with SIGTERM or Ctrl-C.

    Raises
    ------
    ConfigError
        If the settings lack something.
    GatewayError
        If the database holds a record that this version must not write to.
    """
    if not settings.service_tokens and settings.hub_api_url is None:
        raise ConfigError(
            "Nobody could call this gateway. Set NEUROWORKFLOW_SERVICE_TOKEN, or let a JupyterHub start it as its service."
        )
    hide_from_other_processes()
    log_to_stderr()
    server = make_server(settings)
    take_user(settings)
    hide_from_other_processes()  # again: the kernel may show a process anew that has changed its user
    _prepare(settings)
    logging.getLogger("neuroworkflow_agent.gateway").info(
        "Listening on http://%s:%d for %s.", settings.host, settings.port, settings.upstream_url
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn hands the signal on when it has stopped
        server.run()


def _prepare(settings: GatewaySettings) -> None:
    """Find out what would keep the app from starting; a database that is away only keeps it from serving yet."""
    try:
        with Store(settings.database()) as store:
            store.create()
    except UnknownSchemaError as error:
        raise GatewayError(str(error)) from None
    except StoreUnavailableError as error:
        logging.getLogger("neuroworkflow_agent.gateway").error(
            "The database does not answer, and requests are refused until it does: %s", error
        )
    Journal(settings.journal(), settings.database()).prepare()


def hide_from_other_processes() -> None:
    """Keep other processes of the same user from reading our memory and environment (Linux).

    On a hub for a try, where everything runs as one user, kernels could else read the key there.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
