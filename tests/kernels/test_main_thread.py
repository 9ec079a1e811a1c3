"""The queue to the main thread: whom an interrupt reaches, and whom it does not."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.kernels.user_code import UserCode

Serve = Callable[..., None]


def serve_awaiting(queue: MainThreadQueue, **arguments: Any) -> None:
    asyncio.run(queue.serve(**arguments))


def serve_blocking(queue: MainThreadQueue, **arguments: Any) -> None:
    queue.serve_blocking(**arguments)


@pytest.fixture(params=[serve_awaiting, serve_blocking])
def serve(request: pytest.FixtureRequest) -> Serve:
    found: Serve = request.param
    return found


def later(seconds: float, function: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, function)
    timer.start()
    return timer


def code(body: Callable[[], None]) -> UserCode:
    async def run() -> None:
        body()

    return UserCode(run, is_async=False)


def test_jobs_run_in_order_on_the_serving_thread(serve: Serve) -> None:
    queue, seen = MainThreadQueue(), []
    queue.open()
    for number in range(5):
        queue.post(lambda number=number: seen.append((number, threading.get_ident())))  # type: ignore[misc]
    queue.finish()
    serve(queue, on_interrupt=lambda: None)
    assert seen == [(number, threading.get_ident()) for number in range(5)]


def test_signal_while_idle_is_reported_and_nothing_is_raised(serve: Serve) -> None:
    queue, reported = MainThreadQueue(), []
    queue.open()

    def on_interrupt() -> None:
        reported.append(time.monotonic())
        queue.finish()

    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = later(0.2, send)
    serve(queue, on_interrupt=on_interrupt)
    timer.join()
    assert len(reported) == 1
    assert reported[0] - sent[0] < 1


def test_signal_while_code_runs_is_reported_and_raised_inside_it(serve: Serve) -> None:
    queue, seen = MainThreadQueue(), []
    queue.open()

    def body() -> None:
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            seen.append("raised")

    queue.post(lambda: code(body))
    queue.post(queue.finish)
    timer = later(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    serve(queue, on_interrupt=lambda: seen.append("reported"))
    timer.join()
    assert sorted(seen) == ["raised", "reported"]


@pytest.mark.parametrize(
    ("stops", "interrupts"),
    [
        (["signal", "engine", "engine"], 1),
        (["engine", "again", "again"], 1),
        (["signal", "again"], 1),
        (["signal", "signal"], 2),
        (["engine", "wait", "again"], 2),
        (["engine", "wait", "engine"], 1),
    ],
)
def test_one_stop_is_one_interrupt(stops: list[str], interrupts: int, serve: Serve) -> None:
    queue, seen = MainThreadQueue(), []
    queue.open()

    def body() -> None:
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            try:
                time.sleep(until - time.monotonic())
            except KeyboardInterrupt:
                seen.append("raised")

    running = code(body)
    do = {
        "signal": lambda: os.kill(os.getpid(), signal.SIGINT),
        "engine": lambda: queue.interrupt(running),
        "again": lambda: queue.interrupt(running, again=True),
        "wait": lambda: time.sleep(0.6),
    }

    def stop() -> None:
        for each in stops:
            do[each]()
            time.sleep(0.1)

    queue.post(lambda: running)
    queue.post(queue.finish)
    timer = later(0.2, stop)
    serve(queue, on_interrupt=lambda: None)
    timer.join()
    assert len(seen) == interrupts


def test_engine_that_is_faster_than_the_handler_sends_no_second_interrupt(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, sent = MainThreadQueue(), []
    queue.open()
    running = code(lambda: time.sleep(600))
    monkeypatch.setattr(signal, "pthread_kill", lambda *arguments: sent.append(arguments))

    def tell_engine() -> None:
        engine = threading.Thread(target=queue.interrupt, args=(running,))
        engine.start()
        engine.join()

    queue.post(lambda: running)
    queue.post(queue.finish)
    timer = later(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    serve(queue, on_interrupt=tell_engine)
    timer.join()
    assert sent == []


def test_a_signal_that_ends_no_wait_is_sent_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that came just before the code began to sleep; it is interrupted once all the same."""
    queue = MainThreadQueue()
    seen: list[str] = []
    lost: list[int] = []
    queue.open()
    really = signal.pthread_kill

    def send(thread_id: int, number: int) -> None:
        if len(lost) < 2:
            lost.append(number)
        else:
            really(thread_id, number)

    def body() -> None:
        for _ in range(2):
            try:
                time.sleep(1 if seen else 600)
            except KeyboardInterrupt:
                seen.append("raised")

    running = code(body)
    monkeypatch.setattr(signal, "pthread_kill", send)
    queue.post(lambda: running)
    queue.post(queue.finish)
    timer = later(0.2, lambda: queue.interrupt(running))
    serve(queue, on_interrupt=lambda: None)
    timer.join()
    assert (len(lost), seen) == (2, ["raised"])


def test_late_interrupt_hits_nothing(serve: Serve) -> None:
    """An interrupt meant for code that has ended must not strike what runs next."""
    queue, seen = MainThreadQueue(), []
    first = code(lambda: None)
    queue.open()
    queue.post(lambda: first)

    def second() -> None:
        queue.interrupt(first)
        time.sleep(0.1)
        seen.append("second ran to its end")

    queue.post(lambda: code(second))
    queue.post(queue.finish)
    serve(queue, on_interrupt=lambda: seen.append("reported"))
    assert seen == ["second ran to its end"]


def test_handler_of_before_is_put_back(serve: Serve) -> None:
    before = signal.getsignal(signal.SIGINT)
    queue = MainThreadQueue()
    queue.open()
    queue.finish()
    serve(queue, on_interrupt=lambda: None)
    assert signal.getsignal(signal.SIGINT) is before


def test_cancelled_cell_tells_the_agent_and_waits_for_its_end() -> None:
    queue, told = MainThreadQueue(), []

    async def main() -> None:
        def on_interrupt() -> None:
            told.append(True)
            asyncio.get_running_loop().call_later(0.1, queue.finish)

        queue.open()
        serving = asyncio.ensure_future(queue.serve(on_interrupt=on_interrupt))
        await asyncio.sleep(0.1)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    asyncio.run(main())
    assert told == [True]
    assert not queue.is_open


def test_two_cells_cannot_wait_at_once() -> None:
    queue = MainThreadQueue()
    queue.open()
    with pytest.raises(KernelError, match="one at a time"):
        queue.open()


def test_job_posted_to_nobody_is_refused() -> None:
    with pytest.raises(KernelError, match="No cell waits"):
        MainThreadQueue().post(lambda: None)
