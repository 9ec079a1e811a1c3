"""A model server of its own: started once, found again, replaced when dead, gone when idle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from neuroworkflow_agent.models.sidecar import ModelServerError, Running, Sidecar

SERVER = """\
import json, sys
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from neuroworkflow_agent.models.host import host

settings = json.load(sys.stdin)
if settings.get("fails"):
    sys.exit("there is no memory left")
app = Starlette(routes=[Route("/v1/models", lambda request: JSONResponse({"data": []}))])
host(app, Path(sys.argv[1]), idle_s=settings["idle_s"])
"""

Make = Callable[..., Sidecar]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes sidecars of a tiny server; whatever runs at the end is ended."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "tiny_server.py").write_text(SERVER)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    made: list[Sidecar] = []

    def make(**settings: Any) -> Sidecar:
        made.append(
            Sidecar("The tiny server", "tiny_server", {"idle_s": 60, **settings}, tmp_path / "servers")
        )
        return made[-1]

    yield make
    for sidecar in made:
        sidecar.stop()


def get(running: Running, path: str, token: str | None = None) -> int:
    headers = {"x-api-key": running.token if token is None else token}
    return httpx.get(f"{running.url}{path}", headers=headers).status_code


def test_server_is_started_once_and_found_again(make: Make, tmp_path: Path) -> None:
    running = make().ensure()
    assert running.is_alive()
    assert make().ensure() == running
    assert make(other=1).ensure().pid != running.pid
    assert make(unused=1).find() is None


def test_only_who_knows_the_token_is_let_in(make: Make, tmp_path: Path) -> None:
    running = make().ensure()
    assert get(running, "/v1/models") == get(running, "/health") == 200
    assert get(running, "/v1/models", "wrong") == get(running, "/health", "") == 401
    (state,) = (tmp_path / "servers").glob("*.json")
    assert state.stat().st_mode & 0o077 == 0
    assert running.token not in repr(running)
    assert running.token not in " ".join(psutil.Process(running.pid).cmdline())
    (connection,) = [c for c in psutil.Process(running.pid).net_connections() if c.status == "LISTEN"]
    assert connection.laddr.ip == "127.0.0.1"


def test_many_at_once_start_one(make: Make) -> None:
    found: list[Running] = []
    threads = [threading.Thread(target=lambda: found.append(make().ensure())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({running.pid for running in found}) == 1


def test_killed_server_is_replaced(make: Make) -> None:
    running = make().ensure()
    psutil.Process(running.pid).kill()
    wait_until(lambda: not running.is_alive())
    assert make().find() is None
    assert make().ensure().pid != running.pid


@pytest.mark.waits
def test_server_that_does_not_answer_is_replaced(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuroworkflow_agent.models.sidecar._HEALTH_TIMEOUT_S", 0.5)
    running = make().ensure()
    psutil.Process(running.pid).suspend()
    assert make().ensure().pid != running.pid
    wait_until(lambda: not running.is_alive())


def test_idle_server_ends_and_leaves_no_state(make: Make, tmp_path: Path) -> None:
    running = make(idle_s=0.5).ensure()
    wait_until(lambda: not running.is_alive())
    assert list((tmp_path / "servers").glob("*.json")) == []


def test_why_it_could_not_start_is_said(make: Make) -> None:
    with pytest.raises(
        ModelServerError, match=r"The tiny server could not be started: there is no memory left"
    ):
        make(fails=True).ensure()


def test_state_of_another_process_is_not_believed(make: Make, tmp_path: Path) -> None:
    running = make().ensure()
    (state,) = (tmp_path / "servers").glob("*.json")
    text = state.read_text()
    make().stop()
    wait_until(lambda: not running.is_alive())
    state.write_text(text.replace(str(running.pid), str(psutil.Process().pid)))
    assert make().find() is None


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
