"""The record of what was used: SQLite, a real PostgreSQL, two replicas, a database that goes away."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from neuroworkflow_agent.gateway.ledger import Ledger
from neuroworkflow_agent.gateway.store import Store
from neuroworkflow_agent.gateway.totals import Line, Totals, Used, today
from neuroworkflow_agent.gateway.usage import Usage
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.gateway.conftest import ServeGateway


def lines(url: str, account: str | None = None) -> list[Line]:
    """What is written down of today."""
    with Store(url) as store:
        return store.lines(today(), today(), account)


@pytest.fixture
async def ledger(database: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger(database, tmp_path / "journal")
    await ledger.open()
    yield ledger
    await ledger.close()


async def test_what_is_added_counts_at_once(ledger: Ledger, database: str) -> None:
    await ledger.add("hub:a", Usage("m", 1, 2, 3, 4), 0.5)
    await ledger.add("hub:a", Usage("n", 10), 0.25)
    await ledger.add("hub:b", Usage("m", 100), 1.0)
    assert await ledger.totals("hub:a") == Totals(Used(20, 0.75), Used(120, 1.75))
    assert (await ledger.totals("hub:c")).account == Used()
    assert [(line.account, line.model, line.requests) for line in lines(database)] == [
        ("hub:a", "m", 1), ("hub:a", "n", 1), ("hub:b", "m", 1),
    ]  # fmt: skip
    assert [line.account for line in lines(database, "hub:b")] == ["hub:b"]


@pytest.mark.parametrize("is_old", [True, False])
async def test_sqlite_files_are_for_their_user_alone(tmp_path: Path, is_old: bool) -> None:
    file = tmp_path / "ledger.db"
    before = os.umask(0o022)
    try:
        if is_old:
            sqlite3.connect(file).execute("CREATE TABLE old (x)").connection.close()
            assert file.stat().st_mode & 0o077
        ledger = Ledger(f"sqlite:///{file}", tmp_path / "journal")
        await ledger.open()
        await ledger.add("hub:a", Usage("m", 1), 0.5)
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.glob("ledger.db*")}
        assert modes == {f"ledger.db{end}": 0o600 for end in ("", "-wal", "-shm")}
        await ledger.close()
    finally:
        os.umask(before)


async def test_names_that_databases_refuse_are_written_all_the_same(ledger: Ledger) -> None:
    await asyncio.wait_for(ledger.add("hub:a\x00b", Usage("m\ud800\x00" + "x" * 300, 5), 0.0), 5)
    assert (await ledger.totals("hub:a\x00b")).account.tokens == 5


async def test_number_that_no_database_takes_is_written_as_the_largest_that_all_take(ledger: Ledger) -> None:
    await asyncio.wait_for(ledger.add("hub:a", Usage("m", 2**80), math.inf), 5)
    await asyncio.wait_for(ledger.add("hub:a", Usage("m", 5), 0.0), 5)
    assert (await ledger.totals("hub:a")).account.tokens == 2**53 + 5


async def test_replicas_lose_nothing(database: str, tmp_path: Path) -> None:
    replicas = [Ledger(database, tmp_path / "journal") for _ in range(2)]
    await asyncio.gather(*(replica.open() for replica in replicas))
    await asyncio.gather(
        *(replicas[n % 2].add(f"hub:{n % 7}", Usage(f"m{n % 3}", 1), 0.001) for n in range(400))
    )
    both = [await replica.totals("hub:1") for replica in replicas]
    assert both[0] == both[1]
    assert (both[0].hub.tokens, round(both[0].hub.cost_usd, 6)) == (400, 0.4)
    await asyncio.gather(*(replica.close() for replica in replicas))


def test_one_after_another_a_budget_is_kept_to_the_request(
    database: str, serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    replicas = [serve_gateway(database_url=database, user_tokens_per_day=31) for _ in range(2)]
    upstream.extend(*[Reply.text("a b c")] * 10)
    assert [replicas[n % 2].ask(stream=True).status_code for n in range(5)] == [200, 200, 200, 429, 429]


def test_budgets_of_the_hub_and_of_users_are_apart(
    serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    gateway = serve_gateway(hub_usd_per_day=0.000001)
    upstream.extend(Reply.text("one"))
    assert gateway.ask().status_code == 200
    refused = gateway.ask()
    assert refused.status_code == 429
    assert refused.json()["error"]["message"].startswith("This hub's budget for today is used up: $")
    assert int(refused.headers["retry-after"]) <= 86_400
    assert gateway.client.post(
        "/v1/messages/count_tokens", json={}, headers={"x-api-key": "shared-service-token-0001"}
    ).is_success
