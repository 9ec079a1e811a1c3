"""Between cells: waiting until none runs, in a shell whose events are played."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from IPython.core.events import EventManager, available_events

from neuroworkflow_agent.kernels import between_cells
from neuroworkflow_agent.kernels.between_cells import BetweenCells


class Shell:
    """As much of a shell as is watched."""

    def __init__(self) -> None:
        shell: Any = self
        self.events = EventManager(shell, available_events)


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def is_waiting(waiting: Future[bool], *, for_s: float = 0.0) -> bool:
    time.sleep(for_s or 2 * between_cells._QUIET_S)
    return not waiting.done()


def test_it_waits_for_the_cell_in_which_it_was_made(shell: Shell, pool: ThreadPoolExecutor) -> None:
    between = BetweenCells(shell)
    waiting = pool.submit(between.wait)
    assert is_waiting(waiting)
    shell.events.trigger("post_execute")
    assert waiting.result(1) is True


def test_made_outside_a_cell_it_does_not_wait_for_ever(
    shell: Shell, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(between_cells, "_FIRST_S", 0.05)
    assert pool.submit(BetweenCells(shell).wait).result(1) is True


def test_cells_that_run_one_after_the_other_leave_no_time_between(
    shell: Shell, pool: ThreadPoolExecutor
) -> None:
    between = BetweenCells(shell)
    waiting = pool.submit(between.wait)
    for _ in range(5):
        shell.events.trigger("post_execute")
        time.sleep(between_cells._QUIET_S / 5)
        assert not waiting.done()
        shell.events.trigger("pre_execute")
        assert is_waiting(waiting)
    shell.events.trigger("post_execute")
    assert waiting.result(1) is True


def test_a_cell_inside_a_cell_is_not_the_end_of_it(shell: Shell, pool: ThreadPoolExecutor) -> None:
    between = BetweenCells(shell)
    for event in ("post_execute", "post_execute", "pre_execute", "pre_execute", "post_execute"):
        shell.events.trigger(event)
    waiting = pool.submit(between.wait)
    assert is_waiting(waiting)
    shell.events.trigger("post_execute")
    assert waiting.result(1) is True


def test_ended_nobody_waits_and_nothing_is_watched(shell: Shell, pool: ThreadPoolExecutor) -> None:
    between = BetweenCells(shell)
    shell.events.trigger("post_execute")
    shell.events.trigger("pre_execute")
    waiting = pool.submit(between.wait)
    threading.Timer(0.05, between.end).start()
    assert waiting.result(1) is False
    between.end()
    assert not any(shell.events.callbacks.values())


def test_end_from_two_threads_at_once_raises_in_neither(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message comes on the main thread while the last step ends on another."""
    between = BetweenCells(shell)
    unregister = shell.events.unregister

    def unregister_twice(event: str, callback: Any) -> None:
        unregister(event, callback)  # the other thread's
        unregister(event, callback)

    monkeypatch.setattr(shell.events, "unregister", unregister_twice)
    between.end()
    assert not any(shell.events.callbacks[name] for name in ("pre_execute", "post_execute"))
