"""Serves the gateway: uvicorn, with connections that have limits."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import math
import sys

import uvicorn

from neuroworkflow_agent.errors import ConfigError, GatewayError
from neuroworkflow_agent.gateway.app import Gateway
from neuroworkflow_agent.gateway.connection import make_protocol
from neuroworkflow_agent.gateway.journal import Journal
from neuroworkflow_agent.gateway.peers import backlog, raise_descriptor_limit
from neuroworkflow_agent.gateway.privileges import take_user
from neuroworkflow_agent.gateway.record import log_to_stderr
from neuroworkflow_agent.gateway.settings import GatewaySettings
from neuroworkflow_agent.gateway.shutdown import GatewayServer
from neuroworkflow_agent.gateway.store import Store, StoreUnavailableError
from neuroworkflow_agent.gateway.tables import UnknownSchemaError

_PR_SET_DUMPABLE = 4


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
        http=make_protocol(settings, gateway.record.refused_connections),
        backlog=backlog(),
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
    raise_descriptor_limit()
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
