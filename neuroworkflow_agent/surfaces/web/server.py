"""The web chat on a port of its own, until it is told to stop.

The caller's thread, the main one, serves requests; chats live on the portal's loop; a browser is opened on a thread of its own. What they have started ends with the server.
"""

from __future__ import annotations

import contextlib
import html
import logging
import socket
import sys
import threading
import webbrowser
from collections.abc import Collection, Iterator

import uvicorn

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.directories import private_directory
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import ConfigError, sentence
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.surfaces.console import echo
from neuroworkflow_agent.surfaces.web.access import Access, make_keys
from neuroworkflow_agent.surfaces.web.app import WebApp
from neuroworkflow_agent.surfaces.web.chats import Chats
from neuroworkflow_agent.surfaces.web.guard import LOG, Guard

PORT = 8899
_TRIES = 20
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_END_TIMEOUT_S = 8.0
_EXPOSED = (
    "Anybody who can reach this machine and has the token can run code here, and what goes over the network is not encrypted. "
    "Behind a proxy with TLS, or through ssh -L, it is."
)


def serve(
    config: AgentConfig,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    names: Collection[str] = (),
    opens_browser: bool = True,
    logs_requests: bool = False,
) -> None:
    """Serve until told to stop, with SIGTERM or Ctrl-C.

    Parameters
    ----------
    config
        Settings of chats.
    host
        Address to listen on.
    port
        To listen on; None for the first free one from `PORT` on.
    names
        Under which the server may be called, beside addresses.
    opens_browser
        Whether the page is opened.
    logs_requests
        Whether each request is a line on standard error.

    Raises
    ------
    ConfigError
        If it cannot listen there.
    """
    if not host:
        raise ConfigError("--host needs an address; 0.0.0.0 stands for all of this machine's.")
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    keys = make_keys(port)
    portal = shared_portal()
    chats = portal.call(_made(config))
    app = WebApp(chats, portal)
    everywhere = host not in _LOOPBACK
    names = {*names, *([socket.gethostname(), socket.getfqdn()] if everywhere else [])}
    guarded = Guard(Access(app.asgi, keys, names))
    server = _Server(
        uvicorn.Config(
            guarded, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, timeout_keep_alive=75, timeout_graceful_shutdown=3,
        ),
        app,
    )  # fmt: skip
    if logs_requests:
        logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s")
        LOG.setLevel(logging.INFO)
    url = f"http://{_called(host)}:{port}/?token={keys.token}"
    echo(url)
    if everywhere:
        echo(_EXPOSED, err=True)
    with _browser(url) if opens_browser else contextlib.nullcontext(), contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    with contextlib.suppress(TimeoutError):
        portal.call(chats.aclose(), _END_TIMEOUT_S)


class _Server(uvicorn.Server):
    """Ends what pages are being sent before it waits for their requests."""

    def __init__(self, config: uvicorn.Config, app: WebApp) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        self._app.end_streams()
        await super().shutdown(sockets)


def _listen(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    error: OSError | None = None
    for each in (port,) if port is not None else range(PORT, PORT + _TRIES):
        try:
            return socket.create_server((host, each), family=family, backlog=128)
        except OSError as refused:
            error = refused
    # asyncio's way of naming the address once more is cut off.
    reason = (error.strerror or str(error)).partition(" (")[0] if error is not None else ""
    raise ConfigError(
        f"Nothing can listen on {host}:{port if port is not None else PORT}: {reason}. Choose another --port."
    )


def _called(host: str) -> str:
    """How the server is called from here."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    return f"[{name}]" if ":" in name else name


async def _made(config: AgentConfig) -> Chats:
    return Chats(config, shared_portal())


@contextlib.contextmanager
def _browser(url: str) -> Iterator[None]:
    """Open a browser by way of a file that only the user can read: what a command line says everybody sees."""
    target = html.escape(url)
    try:
        file = private_directory("web") / f"open-{url.rpartition(':')[2].partition('/')[0]}.html"
        write_private(
            file, f'<meta http-equiv="refresh" content="0; url={target}"><a href="{target}">Open</a>'.encode()
        )
    except (OSError, ConfigError) as error:
        echo(f"No browser is opened; open the address yourself. {sentence(error)}", err=True)
        yield
        return
    try:
        # One in a terminal returns when it is left, and has to be served until then.
        threading.Thread(target=webbrowser.open, args=(file.as_uri(),), daemon=True).start()
        yield
    finally:
        file.unlink(missing_ok=True)
