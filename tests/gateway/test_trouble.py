"""A database that takes no entries, or hangs: nothing is lost, nobody waits for long, and it is said."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from neuroworkflow_agent.errors import GatewayError
from neuroworkflow_agent.gateway import ledger as ledgers
from neuroworkflow_agent.gateway.ledger import Ledger
from neuroworkflow_agent.gateway.reservations import Reservation
from neuroworkflow_agent.gateway.store import Store, StoreUnavailableError
from neuroworkflow_agent.gateway.tables import UnknownSchemaError
from neuroworkflow_agent.gateway.totals import Used, today
from neuroworkflow_agent.gateway.usage import Usage
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.gateway.conftest import SERVICE_TOKEN, Served, ServeGateway, gateways, stopped, wait_until

SAID = "The usage record cannot be written, so nothing is served until it can; the gateway's log says why."


def written(url: str) -> int:
    """How many requests the record has."""
    with Store(url) as store:
        return sum(line.requests for line in store.lines(today(), today()))


def run(url: str, *statements: str) -> None:
    """As the database's administrator, outside of any transaction."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


# -- takes no entries -----------------------------------------------------------------------------------------

_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@contextmanager
def read_only(url: str) -> Iterator[None]:
    run(url, "ALTER DATABASE postgres SET default_transaction_read_only = on", _OTHERS)
    yield
    run(
        url,
        "SET default_transaction_read_only = off",
        "ALTER DATABASE postgres RESET default_transaction_read_only",
        _OTHERS,
    )


@contextmanager
def revoked(url: str) -> Iterator[None]:
    run(url, "REVOKE UPDATE ON gateway_usage FROM limited")
    yield
    run(url, "GRANT UPDATE ON gateway_usage TO limited")


@contextmanager
def damaged(url: str) -> Iterator[None]:
    file = Path(url.removeprefix("sqlite:///"))
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = file.read_bytes()
    with file.open("r+b") as opened:
        opened.write(os.urandom(len(whole)))
    yield
    with file.open("r+b") as opened:
        opened.write(whole)


@contextmanager
def full(url: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_: object, **_more: object) -> None:
            raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

        patch.setattr("neuroworkflow_agent.gateway.reservations.settle", refuse)
        yield


Broken = Callable[[str], Any]


@pytest.fixture(params=[read_only, revoked, damaged, full], ids=lambda broken: str(broken.__name__))
def broken_database(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: str | None, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str, Broken]:
    """URLs of a database, as the gateway and as its administrator see it, and what breaks it for a block."""
    monkeypatch.setattr(ledgers, "_RETRY_S", 0.1)  # a second
    broken: Broken = request.param
    if broken in (damaged, full):
        url = f"sqlite:///{tmp_path / 'usage.db'}"
        return url, url, broken
    url = str(request.getfixturevalue("postgres_database"))
    if broken is read_only:
        return url, url, broken
    run(
        url,
        "DROP ROLE IF EXISTS limited",
        "CREATE ROLE limited LOGIN",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO limited",
        "GRANT USAGE ON SCHEMA public TO limited",
    )
    with Store(url) as store:
        store.create()
    return url.replace("gateway@", "limited@"), url, broken


@pytest.mark.parametrize(
    "budget",
    [
        pytest.param({"user_usd_per_day": 1}, id="budget"),
        pytest.param({}, id="no budget", marks=pytest.mark.thorough),
    ],
)
def test_while_an_entry_cannot_be_written_nothing_is_served_and_nothing_is_lost(
    broken_database: tuple[str, str, Broken],
    budget: dict[str, float],
    tmp_path: Path,
    upstream: ScriptedModel,
) -> None:
    """Six answers of $150 were served on a budget of $1, and none was recorded."""
    url, administrator, broken = broken_database
    upstream.extend(*[Reply((), output_tokens=2_000_000)] * 7)
    with ExitStack() as stack:
        with gateways(tmp_path, upstream) as serve:
            gateway = serve(database_url=url, **budget)
            stack.enter_context(broken(administrator))
            answers = [gateway.ask(model="claude-opus-4-1", stream=True) for _ in range(6)]
            served = [answer for answer in answers if answer.status_code == 200]
            assert len(served) <= 1
            refused = answers[-1]
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert refused.json()["error"]["message"] == SAID
            ready = gateway.client.get("/readyz")
            assert (ready.status_code, ready.json()) == (503, {"status": SAID})
            assert gateway.client.get("/healthz").status_code == 200
            assert "usage record cannot be written" in "".join(gateway.log)
        # It ends meanwhile, and is started anew.
        with gateways(tmp_path, upstream) as serve:
            gateway = serve(database_url=url, **budget)
            assert gateway.client.get("/readyz").status_code == 503
            assert gateway.ask().status_code == 503
            stack.close()
            wait_until(lambda: gateway.client.get("/readyz").status_code == 200)
            assert written(administrator) == len(served)
            assert gateway.ask(max_tokens=1).status_code == (429 if served and budget else 200)
    assert list((tmp_path / "journal").iterdir()) == []


async def test_what_could_not_be_written_is_kept_and_counts_once(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit was carried out, its answer lost: the ledger cannot know, and writes it again."""
    ledger = Ledger(database, tmp_path / "journal")
    await ledger.open()
    exchange = Store.exchange

    def lose_the_answer(*arguments: Any) -> Any:
        exchange(*arguments)
        raise StoreUnavailableError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "exchange", lose_the_answer)
        await ledger.add("hub:a", Usage("m", 5), 0.5)
        assert ledger.trouble == SAID
        with pytest.raises(StoreUnavailableError, match="cannot be written"):
            await ledger.totals("hub:a")
        await ledger.close()
    assert len(list((tmp_path / "journal").iterdir())) == 1
    ledger = Ledger(database, tmp_path / "journal")
    await ledger.open()
    assert (ledger.trouble, (await ledger.totals("hub:a")).account) == (None, Used(5, 0.5))
    await ledger.close()
    assert written(database) == 1


async def test_entries_that_even_the_journal_does_not_take_are_written_from_memory(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neuroworkflow_agent.gateway.journal_file.JournalFile.append", full_disk)
    ledger = Ledger(database, tmp_path / "journal")
    await ledger.open()
    await ledger.add("hub:a", Usage("m", 5), 0.5)
    assert written(database) == 1
    with monkeypatch.context() as broken:
        broken.setattr(Store, "exchange", lambda *_: (_ for _ in ()).throw(StoreUnavailableError("gone")))
        await ledger.add("hub:a", Usage("m", 7), 0.5)
        await ledger.close()
    assert '"input_tokens": 7' in caplog.text  # nowhere else to put it


# -- hangs ----------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a second, where they are four."""
    monkeypatch.setattr(ledgers, "_ANSWER_S", 1.0)


def connect(gateway: Served) -> socket.socket:
    """Asks, and does not wait for the answer."""
    body = json.dumps({"model": "m", "messages": [], "system": "x" * 30_000})
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {SERVICE_TOKEN}\r\ncontent-length: {len(body)}"
    )
    connection = socket.create_connection(("127.0.0.1", gateway.port), 10)
    connection.sendall(f"{head}\r\n\r\n{body}".encode())
    return connection


def timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    """What comes of it, and after how long."""
    started = time.monotonic()
    return ask(), time.monotonic() - started


@pytest.mark.usefixtures("impatient")
def test_database_that_hangs_holds_nobody(
    postgres_database: str, tmp_path: Path, upstream: ScriptedModel
) -> None:
    """PostgreSQL's processes stand still, as behind a network that loses everything."""
    upstream.extend(Reply.text("before"), Reply.text("meanwhile", delay_s=1.0), *[Reply.text("after")] * 9)
    with gateways(tmp_path, upstream) as serve:
        gateway = serve(database_url=postgres_database, user_usd_per_day=1, user_concurrency=2)
        assert gateway.ask().status_code == 200
        with ThreadPoolExecutor(1) as pool, stopped(postgres_database):
            connect(gateway).close()
            connect(gateway).close()
            # Those two have left, and do not keep the places until the database answers, or is known to hang.
            wait_until(lambda: sum('"client_gone"' in line for line in gateway.log) == 2)
            answer, waited_s = timed(gateway.ask)
            assert (answer.status_code, answer.json()["error"]["message"]) == (503, SAID)
            assert waited_s < 3
            alive, waited_s = timed(lambda: gateway.client.get("/healthz"))
            assert (alive.status_code, waited_s < 0.5) == (200, True)
            ready, waited_s = timed(lambda: gateway.client.get("/readyz"))
            assert (ready.status_code, waited_s < 2) == (503, True)
            assert pool.submit(gateway.ask).result().status_code == 503
        wait_until(lambda: gateway.client.get("/readyz").status_code == 200)
        assert gateway.ask(stream=True).status_code == 200
        wait_until(lambda: written(postgres_database) == 2)
        stack = ExitStack()
        stack.enter_context(stopped(postgres_database))
        started = time.monotonic()
    ended_s = time.monotonic() - started
    stack.close()
    assert ended_s < 6


@pytest.mark.usefixtures("impatient")
def test_answer_that_runs_while_the_database_hangs_is_whole_and_written_later(
    postgres_database: str, serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    upstream.extend(Reply.text("one two three", delay_s=0.2))
    gateway = serve_gateway(database_url=postgres_database, user_usd_per_day=1)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.ask, stream=True)
        upstream.wait_for_requests(1)
        with stopped(postgres_database):
            answer, waited_s = timed(asking.result)
            assert "message_stop" in answer.text
            assert waited_s < 3
    wait_until(lambda: written(postgres_database) == 1)


@pytest.mark.usefixtures("impatient")
async def test_reservation_that_came_too_late_is_given_back(postgres_database: str, tmp_path: Path) -> None:
    def asked(exchange_id: str) -> Reservation:
        return Reservation(exchange_id, "hub:a", Used(1), 0.0, 1, lambda *_: True, True)

    ledger = Ledger(postgres_database, tmp_path)
    await ledger.open()
    await ledger.reserve(asked("before"))
    with stopped(postgres_database), pytest.raises(StoreUnavailableError):
        await ledger.reserve(asked("during"))
    while ledger.trouble is not None:
        await asyncio.sleep(0.05)
    assert (await ledger.reserve(asked("after"))).hub.running == 1
    await ledger.close()


# -- older and newer records ----------------------------------------------------------------------------------

_SCHEMA_1 = """CREATE TABLE gateway_usage (
    day DATE NOT NULL, account VARCHAR(300) NOT NULL, model VARCHAR(100) NOT NULL, requests BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, cache_read_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL, cost_microusd BIGINT NOT NULL, PRIMARY KEY (day, account, model))"""


async def test_record_of_the_first_schema_is_brought_up_to_date_in_place(
    database: str, tmp_path: Path
) -> None:
    row = f"INSERT INTO gateway_usage VALUES ('{today()}', 'hub:a', 'm', 3, 10, 20, 30, 40, 500000)"
    run(database, _SCHEMA_1, row)
    for _ in range(2):
        ledger = Ledger(database, tmp_path / "journal")
        await ledger.open()
        await ledger.add("hub:a", Usage("m", 1), 0.25)
        await ledger.close()
    assert written(database) == 5
    # A replica of the first schema that is still there writes to the same record.
    run(database, "UPDATE gateway_usage SET requests = requests + 1")
    assert written(database) == 6


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["CREATE TABLE gateway_schema (version INTEGER)", "INSERT INTO gateway_schema VALUES (3)"], "of schema 3, and this version knows up to 2"),
        (["CREATE TABLE gateway_usage (day DATE, cost INTEGER)"], "lacks account, cache_read_tokens"),
    ],
)  # fmt: skip
async def test_record_that_is_not_ours_to_write_to_is_refused(
    database: str, tmp_path: Path, statements: list[str], said: str
) -> None:
    run(database, *statements)
    with pytest.raises(UnknownSchemaError, match=said):
        await Ledger(database, tmp_path / "journal").open()
    assert list((tmp_path / "journal").iterdir()) == []


def test_refusal_of_a_record_is_one_sentence_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuroworkflow_agent.gateway.server import serve
    from neuroworkflow_agent.gateway.settings import load_settings

    url = f"sqlite:///{tmp_path / 'usage.db'}"
    run(url, "CREATE TABLE gateway_usage (day DATE)")
    monkeypatch.setattr("neuroworkflow_agent.gateway.server.hide_from_other_processes", lambda: None)
    monkeypatch.setattr("neuroworkflow_agent.gateway.server.log_to_stderr", lambda: None)
    with pytest.raises(GatewayError, match="another table gateway_usage"):
        serve(load_settings(database_url=url, service_tokens=SERVICE_TOKEN, api_key="sk-ant-a-key-0001"))


async def test_newer_version_that_takes_the_record_over_ends_the_older_ones_service(
    database: str, tmp_path: Path
) -> None:
    ledger = Ledger(database, tmp_path / "journal")
    await ledger.open()
    run(database, "UPDATE gateway_schema SET version = 3")
    with pytest.raises(StoreUnavailableError):
        await ledger.reserve(Reservation("a", "hub:a", Used(), 0.0, 1, lambda *_: True, True))
    assert ledger.trouble == SAID
    await ledger.close()
