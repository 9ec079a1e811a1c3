"""Somebody else holds the usage record's file: nobody waits for long, answers go on, and each is written down once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from neuroworkflow_agent.gateway.store import Store
from neuroworkflow_agent.gateway.totals import today
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.gateway.attacks.conftest import SERVICE_TOKEN, Attacked, attacked_gateway, wait_until

# The gateway gives its database four seconds, twice here, so none of these is for the suite.
pytestmark = [pytest.mark.server, pytest.mark.thorough]
_MOST_S = 7.0


@contextmanager
def locked(file: Path, how: str) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute(how)
        yield
        other.execute("ROLLBACK")


def ask(attacked: Attacked, n: int) -> tuple[int, float]:
    """The status of an answer, and how long it took, in s."""
    body = {"model": "claude-sonnet-4-5", "messages": [], "stream": n % 2 == 0}
    started = time.monotonic()
    answer = httpx.post(
        f"{attacked.url}/v1/messages", json=body, headers={"x-api-key": SERVICE_TOKEN}, timeout=60
    )
    assert answer.status_code != 200 or "word" in answer.text
    return answer.status_code, time.monotonic() - started


@pytest.mark.parametrize("how", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
@pytest.mark.parametrize("budget", [{}, {"user_usd_per_day": 5}], ids=["no budget", "budget"])
def test_locked_record_holds_nobody_and_loses_nothing(
    tmp_path: Path, upstream: ScriptedModel, how: str, budget: dict[str, Any]
) -> None:
    upstream.extend(*[Reply.text("word word")] * 40)
    file = tmp_path / "usage.db"
    with attacked_gateway(upstream.base_url, tmp_path, **budget) as attacked:
        before, _ = ask(attacked, 0)
        assert before == 200
        with locked(file, how):
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda n: ask(attacked, n), range(16)))
            assert max(took_s for _, took_s in answers) < _MOST_S
            statuses = Counter(status for status, _ in answers)
            assert set(statuses) <= {200, 503}
            assert attacked.is_well(timeout_s=1)
            ready = httpx.get(f"{attacked.url}/readyz")
            assert ready.status_code == 503
            assert json.loads(ready.text)["status"].startswith("The usage record cannot be written")
        wait_until(lambda: httpx.get(f"{attacked.url}/readyz").status_code == 200)
        assert ask(attacked, 0)[0] == 200

        def written() -> int:
            with Store(f"sqlite:///{file}") as store:
                return sum(line.requests for line in store.lines(today(), today()))

        wait_until(lambda: written() == 2 + statuses[200])
        assert len(upstream.requests) == 2 + statuses[200]
