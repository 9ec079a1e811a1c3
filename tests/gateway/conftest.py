"""A real gateway on loopback in front of a scripted model."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httptools
import httpx
import psutil
import pytest
import sqlalchemy as sa
import uvicorn

from neuroworkflow_agent.gateway.app import Gateway
from neuroworkflow_agent.gateway.connection import make_protocol
from neuroworkflow_agent.gateway.settings import GatewaySettings, load_settings
from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.ports import free_port, wait_for_port
from tests import needs

REAL_KEY = "sk-ant-the-real-key-000000001"
SERVICE_TOKEN = "shared-service-token-0001"


@pytest.fixture(scope="module")
def upstream_server() -> Iterator[ScriptedModel]:
    """The Messages API, that takes the real key only; its script is each test's own."""
    with ScriptedModel(api_key=REAL_KEY) as model:
        yield model


@pytest.fixture
def upstream(upstream_server: ScriptedModel) -> Iterator[ScriptedModel]:
    """The Messages API, with an empty script."""
    yield upstream_server
    upstream_server.forget()
    upstream_server.disconnects = 0


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """An ASGI app on loopback, in a thread; gives its URL."""
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "The server did not start."
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)


@dataclass
class Served:
    """A running gateway and what it logs."""

    url: str
    settings: GatewaySettings
    client: httpx.Client
    log: list[str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rsplit(":", 1)[1])

    def ask(self, path: str = "/v1/messages", token: str = SERVICE_TOKEN, **fields: Any) -> httpx.Response:
        """One message, not streamed unless asked to."""
        body = {"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [], **fields}
        return self.client.post(path, json=body, headers={"x-api-key": token})

    def raw(self, request: bytes, timeout_s: float = 10.0, answers: int = 1) -> bytes:
        """What comes back for these bytes: so many whole answers, or until the gateway closes or is silent for a while."""
        with socket.create_connection(("127.0.0.1", self.port), timeout_s) as connection:
            connection.sendall(request)
            return read_all(connection, answers=answers)


def read_all(connection: socket.socket, silence_s: float = 0.7, *, answers: int | None = None) -> bytes:
    """Everything until the other side closes, says nothing for a while after something came, or has given so many answers."""
    seen, counted = b"", _Answers()
    try:
        while counted.whole != answers and (piece := connection.recv(65_536)):
            seen += piece
            counted.feed(piece)
            connection.settimeout(silence_s)
    except (TimeoutError, ConnectionError):
        pass
    return seen


class _Answers:
    """Counts whole answers in what comes."""

    def __init__(self) -> None:
        self.whole = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        with suppress(httptools.HttpParserError):
            self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.whole += self._parser.get_status_code() >= 200


def wait_until(holds: Callable[[], Any], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "It did not come true."
        time.sleep(0.01)


ServeGateway = Callable[..., Served]


@contextmanager
def gateways(home: Path, upstream: ScriptedModel) -> Iterator[ServeGateway]:
    """A function that starts gateways; they end with the block."""
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("neuroworkflow_agent.gateway")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with ExitStack() as stack:

        def serve(**given: Any) -> Served:
            defaults = {
                "upstream_url": upstream.base_url,
                "api_key": REAL_KEY,
                "service_tokens": SERVICE_TOKEN,
                "database_url": f"sqlite:///{home / 'gateway.db'}",
                "journal_dir": home / "journal",
            }
            settings = load_settings(**{**defaults, **given})
            app = Gateway(settings)
            protocol = make_protocol(settings, app.record.refused_connections)
            url = stack.enter_context(serving(app, http=protocol, ws="none"))
            client = stack.enter_context(httpx.Client(base_url=url, timeout=30))
            return Served(url, settings, client, logged)

        yield serve
    logger.removeHandler(handler)


@pytest.fixture
def serve_gateway(tmp_path: Path, upstream: ScriptedModel) -> Iterator[ServeGateway]:
    """Starts gateways; they end with the test."""
    with gateways(tmp_path, upstream) as serve:
        yield serve


@pytest.fixture(scope="module")
def shared_gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream_server: ScriptedModel
) -> Iterator[Served]:
    """One gateway with the defaults for a module's tests; use it through `gateway`."""
    with gateways(tmp_path_factory.mktemp("gateway"), upstream_server) as serve:
        yield serve()


@pytest.fixture
def gateway(shared_gateway: Served, upstream: ScriptedModel) -> Served:
    """A gateway with the defaults, which other tests of the module use, too."""
    return shared_gateway


@pytest.fixture
def own_gateway(serve_gateway: ServeGateway) -> Served:
    """A gateway with the defaults for one test: its log, its record and its counters begin empty."""
    return serve_gateway()


def find_postgres() -> Path | None:
    """Where PostgreSQL's programs are."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str | None]:
    """A real PostgreSQL of these tests alone; gives its URL, None where it is not installed."""
    programs = find_postgres()
    if programs is None:
        yield None
        return
    # Not below pytest's directory, which only this user may enter: PostgreSQL does not run as root.
    with tempfile.TemporaryDirectory(prefix="postgres-") as home:
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(home, "postgres", "postgres")
        quiet: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "cwd": home,
            **user,
        }
        data = f"{home}/data"
        initdb = [str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "gateway", "--no-sync"]
        subprocess.run(initdb, check=True, **quiet)
        port = free_port()
        listen = ["-p", str(port), "-k", home, "-h", "127.0.0.1", "-c", "fsync=off"]
        process = subprocess.Popen([str(programs / "postgres"), "-D", data, *listen], **quiet)
        try:
            wait_for_port(port, process)
            yield f"postgresql+psycopg://gateway@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait(20)


def empty(url: str) -> None:
    """Make a PostgreSQL forget everything, with whoever is connected to it."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        )
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()


@pytest.fixture
def postgres_database(postgres: str | None) -> str:
    """URL of an empty PostgreSQL."""
    url = postgres or needs.missing("PostgreSQL", install="sudo apt install postgresql")
    empty(url)
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path, postgres: str | None) -> str:
    """URL of an empty database of each kind. (`postgres` is asked for here so that it outlives the test.)"""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return str(request.getfixturevalue("postgres_database"))


@contextmanager
def stopped(url: str) -> Iterator[None]:
    """A PostgreSQL whose processes stand still: it answers nothing, and refuses nothing."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        home = connection.execute(sa.text("SHOW data_directory")).scalar_one()
    engine.dispose()
    server = psutil.Process(int((Path(home) / "postmaster.pid").read_text().split()[0]))
    processes = [server]
    try:
        server.suspend()  # from here on it starts no others
        for child in server.children():
            processes.append(child)
            with suppress(psutil.NoSuchProcess):  # that of the connection above may just be ending
                child.suspend()
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()
