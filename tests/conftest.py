"""Fixtures for everything: a private home for Claude Code, a scripted model, and a look around afterwards."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import settings
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.environ import private_environ
from tests import needs, tiers

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A shell without job control starts what it puts in the background with SIGINT ignored, and every process
# the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("suite", max_examples=20, deadline=None, print_blob=True)
settings.register_profile("thorough", max_examples=500, deadline=None, print_blob=True)
settings.load_profile("thorough" if tiers.THOROUGH else "suite")

_NEEDS = {
    "start_kernel": "kernel",
    "shared_kernel": "kernel",
    "slow_kernel": "kernel",
    "client_kernel": "kernel",
    "make_session": "claude",
    "scripted_model": "server",
    "upstream": "server",
    "serve_gateway": "server",
    "postgres": "server",
    "browser": "browser",
    "lab": "browser",
    "on_a_hub": "hub",
}
"""What a test needs, told by the fixtures it uses; modules that need more say so with `pytestmark`."""
_EXPENSIVE = ("browser", "hub", "model", "kernel", "claude", "server")
"""Markers of tests that boot something, the slowest first."""
_BUSY = 3
"""The first so many of them keep the processors busy; tests with the others wait for most of their time."""
_TOGETHER = re.compile(r"tests/surfaces/(side_bar/|panel/browser/test_p|panel/browser/)")
"""Modules of one place: they share what each worker that has one of them boots."""
_BUSY_AT_ONCE = 2
_WAITING_BETWEEN = 8

_LIBRARY = Path(__file__).parent / "nodes" / "library"
_LOOPBACK = ("127.", "::1", "localhost")


def pytest_report_header() -> str:
    """The tier, and the seed that leads to the same choices again."""
    return f"tier: {tiers.TIER}, NEUROWORKFLOW_TEST_SEED={tiers.SEED}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what tests need, put the modules in their order, leave out what the tier does not run."""
    if tiers.TIER not in tiers.TIERS:
        raise pytest.UsageError(f"NEUROWORKFLOW_TEST_TIER is {tiers.TIER!r}, not one of {tiers.TIERS}.")
    for item in items:
        needs = {_NEEDS[name] for name in getattr(item, "fixturenames", ()) if name in _NEEDS}
        for marker in needs - {mark.name for mark in item.iter_markers()}:
            item.add_marker(marker)
    costs: dict[str, int] = {}
    for item in items:
        place = _place(item.nodeid)
        costs[place] = min(_cost(item), costs.get(place, len(_EXPENSIVE)))
    order = {place: number for number, place in enumerate(_in_order(costs))}
    items.sort(key=lambda item: order[_place(item.nodeid)])
    left_out = [item for item in items if not _is_in_tier(item)]
    items[:] = [item for item in items if _is_in_tier(item)]
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile`, but that a folder may stay on one worker, too."""
    from xdist.scheduler import LoadFileScheduling

    class ByPlace(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _place(nodeid)

    return ByPlace(config, log) if config.getoption("dist") == "loadfile" else None


def _place(nodeid: str) -> str:
    """What stays on one worker: a module, or several that share what they boot."""
    module = nodeid.partition("::")[0]
    together = _TOGETHER.match(module)
    return together.group() if together else module


def _in_order(costs: dict[str, int]) -> Iterator[str]:
    """The slowest first, so that no worker begins one when the others are done; of the busy ones not too many at once."""
    by_cost = sorted(costs, key=lambda place: (costs[place], not _TOGETHER.match(place)))
    busy = [place for place in by_cost if costs[place] < _BUSY]
    others = iter([place for place in by_cost if costs[place] >= _BUSY])
    yield from busy[:_BUSY_AT_ONCE]
    for place in busy[_BUSY_AT_ONCE:]:
        yield from itertools.islice(others, _WAITING_BETWEEN)
        yield place
    yield from others


def _cost(item: pytest.Item) -> int:
    """The place in `_EXPENSIVE` of the dearest thing a test needs; one past its end for nothing."""
    own = {mark.name for mark in item.iter_markers()}
    return next((place for place, marker in enumerate(_EXPENSIVE) if marker in own), len(_EXPENSIVE))


def _is_in_tier(item: pytest.Item) -> bool:
    if item.get_closest_marker("thorough"):
        return tiers.THOROUGH
    is_quick = _cost(item) == len(_EXPENSIVE) and item.get_closest_marker("waits") is None
    return tiers.TIER != "quick" or is_quick


@pytest.fixture(autouse=True)
def markers_are_true(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that is not marked for it starts no kernel and no server: it could not be in the quick tier."""
    if _cost(request.node) < len(_EXPENSIVE):
        return

    def refuse(*_arguments: Any, **_more: Any) -> Any:
        raise AssertionError("A test without a marker for it started a kernel, a server or `claude`.")

    for place in (
        "uvicorn.Server.serve",
        "jupyter_client.provisioning.local_provisioner.launch_kernel",
        "neuroworkflow_agent.engine.claude.process.ClaudeProcess.__init__",
    ):
        monkeypatch.setattr(place, refuse)


@pytest.fixture(autouse=True)
def network_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the test process may connect to anywhere but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            raise AssertionError(f"A test tried to reach {address!r}.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Claude Code's files, caches and settings of this test alone; no key of the developer's."""
    home = tmp_path_factory.mktemp("home")
    private = private_environ(home)
    for name in os.environ.keys() - private.keys():
        monkeypatch.delenv(name)
    for name, value in private.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """After each test: no child process and no thread that was not there before."""
    threads = set(threading.enumerate())
    children = set(psutil.Process().children(recursive=True))
    yield
    _eventually(lambda: set(threading.enumerate()) <= threads, lambda: set(threading.enumerate()) - threads)
    _eventually(
        lambda: _living_children() <= children,
        lambda: [child.cmdline() for child in _living_children() - children],
    )


def _living_children() -> set[psutil.Process]:
    found = set()
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE and not _is_helper(child):
                found.add(child)
        except psutil.NoSuchProcess:
            continue
    return found


def _is_helper(child: psutil.Process) -> bool:
    """Whether a browser or a database started it, as they do whenever they like; who started those ends them all."""
    parent = child.parent()
    of_database = parent is not None and parent.name() == child.name() == "postgres"
    return of_database or "chrom" in child.name()


def _eventually(holds: Callable[[], bool], what: Callable[[], Any], timeout_s: float = 8.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"Left behind: {what()!r}")
        time.sleep(0.02)


# Not for the whole session: while Playwright is open, its event loop runs in this thread, and no asyncio test can.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium."""
    from playwright.sync_api import sync_playwright

    from neuroworkflow_agent.testing.lab import find_chromium

    path = find_chromium() or needs.missing("Chromium", install="sudo apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty workspace."""
    root = tmp_path / "workspace"
    root.mkdir()
    return root


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The double of the library, importable in processes that are started."""
    monkeypatch.setenv("PYTHONPATH", str(_LIBRARY))
    return _LIBRARY


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A bare shell, as in a terminal, that leaves no trace in the interpreter."""
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("colors", "nocolor")
    yield shell
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()


@pytest.fixture
def scripted_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedModel]:
    """The model, and an environment that leads every client of this test to it."""
    with ScriptedModel() as model:
        for name, value in model.environ.items():
            monkeypatch.setenv(name, value)
        yield model


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A worker thread of this test's own."""
    portal = Portal()
    yield portal
    portal.stop()


SpecMaker = Callable[..., str]


@pytest.fixture
def make_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SpecMaker:
    """Makes kernelspecs that only this test sees; gives their names back."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    def make(name: str, *argv: str, language: str = "python") -> str:
        home = tmp_path / "jupyter" / "kernels" / name
        home.mkdir(parents=True)
        spec = {"argv": list(argv), "display_name": name, "language": language}
        (home / "kernel.json").write_text(json.dumps(spec))
        return name

    return make


@pytest.fixture
def slow_kernel(make_spec: SpecMaker) -> str:
    """A kernelspec of an ipykernel that begins after three seconds."""
    command = f"sleep 3; exec {sys.executable} -m ipykernel_launcher -f $0"
    return make_spec("slow", "bash", "-c", command, "{connection_file}")


SessionMaker = Callable[..., Session]


@pytest.fixture
def make_session(workspace: Path, portal: Portal) -> Iterator[SessionMaker]:
    """Makes sessions over the workspace; they end with the test."""
    sessions: list[Session] = []

    def make(*, kernel: Any = None, resume: str | None = None, fork: bool = False, can_ask: bool = True, **settings: Any) -> Session:  # fmt: skip
        config = AgentConfig.from_env(workspace=workspace, **settings)
        session = Session(config, kernel=kernel, resume=resume, fork=fork, can_ask=can_ask, portal=portal)
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()
