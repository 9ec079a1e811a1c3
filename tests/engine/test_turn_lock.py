"""One turn of a session at a time, also where two processes work on it."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine import turn_lock
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.history import history
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.engine.turn_lock import ELSEWHERE, TurnLock, is_worked_on
from neuroworkflow_agent.errors import SessionBusyError
from neuroworkflow_agent.events import TurnEnd, TurnStart
from neuroworkflow_agent.ids import SessionId, new_session_id
from neuroworkflow_agent.testing import Reply, ScriptedModel

Maker = Callable[..., Session]
_HOLDS = """
import os, sys, time
from neuroworkflow_agent.engine.turn_lock import TurnLock
assert TurnLock(sys.argv[1]).take()
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(60)
"""
"""A process that holds a session, and has forked a child, as code of the user's does."""


@contextmanager
def held_elsewhere(session_id: str) -> Iterator[subprocess.Popen[str]]:
    """While another process works on a session; what it has forked lives as long as this."""
    command = [sys.executable, "-c", _HOLDS, session_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process
        finally:
            process.kill()
            os.kill(child, signal.SIGKILL)


def freed_soon(session_id: str) -> bool:
    """Whether it is let go within some seconds."""
    deadline = time.monotonic() + 10
    while is_worked_on(session_id):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_lock_is_one_turns_and_outlives_none() -> None:
    session_id = new_session_id()
    ours, theirs = TurnLock(session_id), TurnLock(session_id)
    assert not is_worked_on(session_id)
    assert ours.take()
    assert is_worked_on(session_id)
    assert ours.take(), "the next turn may begin while the last word of the one before is written"
    assert not theirs.take()
    ours.release()
    assert not theirs.take()
    ours.release()
    assert not is_worked_on(session_id)
    assert theirs.take()
    theirs.release()


def test_a_lock_ends_with_its_process_though_a_child_of_it_lives() -> None:
    session_id = new_session_id()
    with held_elsewhere(session_id) as process:
        assert is_worked_on(session_id)
        assert not TurnLock(session_id).take()
        process.kill()
        process.wait()
        assert not is_worked_on(session_id)
        lock = TurnLock(session_id)
        assert lock.take()
        lock.release()


def test_where_no_lock_can_be_had_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    lock = TurnLock(SessionId("s"))
    assert lock.take()
    lock.release()
    assert not is_worked_on("s")


def test_windows_has_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec(turn_lock.__name__)
    assert spec is not None
    assert spec.loader is not None
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "register_at_fork"):
        monkeypatch.delattr(os, name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lock = module.TurnLock("s")
    assert lock.take()
    lock.release()
    assert not module.is_worked_on("s")


@pytest.mark.claude
def test_no_turn_begins_while_another_process_works_on_the_session(
    scripted_model: ScriptedModel, make_session: Maker, workspace: Path
) -> None:
    scripted_model.extend(Reply.text("one"), Reply.text("two"))
    session = make_session()
    assert session.start("first").result(60).end == "complete"
    assert freed_soon(session.session_id)
    config = AgentConfig.from_env(workspace=workspace)
    with held_elsewhere(session.session_id):
        end = session.start("second").result(60)
        assert (end.end, end.message) == ("error", ELSEWHERE)
        with pytest.raises(SessionBusyError, match="Another process"):
            transcripts.delete(session.session_id, config)
    assert len(scripted_model.requests) == 1
    assert session.start("third").result(60).end == "complete"
    session.flush()
    events = history(session.session_id, config)
    assert [event.prompt for event in events if isinstance(event, TurnStart)] == ["first", "third"]


@pytest.mark.claude
def test_a_turn_that_runs_is_not_called_cut_off(
    scripted_model: ScriptedModel, make_session: Maker, workspace: Path
) -> None:
    go, session = threading.Event(), make_session()
    config = AgentConfig.from_env(workspace=workspace)
    scripted_model.extend(Reply.text("one"), Reply.text("two", until=go))
    session.start("first").result(60)
    turn = session.start("second")
    scripted_model.wait_for_requests(2)
    session.flush()
    last = history(session.session_id, config)[-1]
    assert isinstance(last, TurnEnd)
    assert last.message.startswith("It still runs, in another process")
    go.set()
    assert turn.result(60).end == "complete"
    assert freed_soon(session.session_id)
    last = history(session.session_id, config)[-1]
    assert isinstance(last, TurnEnd)
    assert last.end == "complete"
