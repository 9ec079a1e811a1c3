"""One suite for every `Kernel`: the shell we live in, awaited and blocking, and a client of a real kernel."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from IPython.core.interactiveshell import InteractiveShell

from neuroworkflow_agent.errors import ExecutionTimeoutError, KernelDiedError, KernelError
from neuroworkflow_agent.kernels.base import Execution, Kernel
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.letting_go import GRACE_S
from neuroworkflow_agent.kernels.live import LiveKernel
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.kernels.user_code import UserCode
from neuroworkflow_agent.outputs import OutputChange, OutputList

T = TypeVar("T")


class Bench:
    """A kernel, and a way to run coroutines that use it while its main thread serves."""

    def __init__(self, kernel: Kernel, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self.kernel = kernel
        self.run = run

    def execute(self, source: str, **arguments: Any) -> Execution:
        execution = self.run(self.kernel.execute(source, **arguments))
        assert isinstance(execution, Execution)
        return execution

    def stop_after(self, source: str, seconds: float = 0.3) -> float:
        """Cancel an execution; seconds until it let go."""

        async def main() -> float:
            task = asyncio.ensure_future(self.kernel.execute(source))
            await asyncio.sleep(seconds)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.monotonic() - started

        took = self.run(main())
        assert isinstance(took, float)
        return took


class LoopThread:
    """The engine's side: a loop on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.stop()


def live_bench(shell: InteractiveShell, thread: LoopThread, *, blocking: bool) -> Bench:
    queue = MainThreadQueue()
    kernel = LiveKernel(shell, queue)

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        queue.open()
        future = thread.submit(coroutine)
        future.add_done_callback(lambda _: queue.finish())
        if blocking:
            queue.serve_blocking(on_interrupt=lambda: None)
        else:
            asyncio.run(queue.serve(on_interrupt=lambda: None))
        return future.result()

    return Bench(kernel, run)


@pytest.fixture(
    scope="module",
    params=["live", "live_blocking", pytest.param("client", marks=[pytest.mark.kernel])],
)
def place(request: pytest.FixtureRequest) -> Iterator[str | Bench]:
    """Where code runs: a kind of shell of each test's own, or the one real kernel of this module."""
    if request.param != "client":
        yield request.param
        return
    thread = LoopThread()
    kernel = thread.submit(ClientKernel.start("python3")).result(60)
    yield Bench(kernel, lambda coroutine: thread.submit(coroutine).result(60))
    thread.submit(kernel.aclose()).result(20)
    thread.stop()


@pytest.fixture
def bench(request: pytest.FixtureRequest, place: str | Bench) -> Iterator[Bench]:
    if isinstance(place, Bench):
        place.execute("get_ipython().reset(new_session=True)\n%colors nocolor")
        yield place
    else:
        shell, thread = request.getfixturevalue("shell"), request.getfixturevalue("loop_thread")
        yield live_bench(shell, thread, blocking=place == "live_blocking")


INLINE = """\
import matplotlib
from IPython.core.pylabtools import select_figure_formats
from matplotlib_inline.backend_inline import configure_inline_support
matplotlib.use("module://matplotlib_inline.backend_inline")
configure_inline_support(get_ipython(), "module://matplotlib_inline.backend_inline")
select_figure_formats(get_ipython(), {"png"})
import matplotlib.pyplot as plt
plt.ion()
plt.rcParams["figure.max_open_warning"] = 0
"""


def kinds(execution: Execution) -> list[str]:
    return [output["output_type"] for output in execution.outputs]


def texts(execution: Execution) -> list[tuple[str, str]]:
    return [
        (output["name"], output["text"]) for output in execution.outputs if output["output_type"] == "stream"
    ]


def result_of(execution: Execution) -> str:
    return str(execution.outputs[-1]["data"]["text/plain"])


def test_last_expression_is_the_result(bench: Bench) -> None:
    execution = bench.execute("x = 20\nx + 1")
    assert (execution.status, kinds(execution), result_of(execution)) == ("ok", ["execute_result"], "21")


def test_semicolon_silences_the_result(bench: Bench) -> None:
    assert bench.execute("41;").outputs == ()


def test_names_stay_and_none_of_ours_appear(bench: Bench) -> None:
    names = "sorted(name for name in dir() if not name.startswith('_'))"
    before = result_of(bench.execute(names))
    bench.execute("kept = 'here'")
    assert result_of(bench.execute("kept")) == "'here'"
    assert result_of(bench.execute(f"del kept\n{names}")) == before


def test_code_runs_on_the_main_thread(bench: Bench) -> None:
    source = "import threading\nthreading.current_thread() is threading.main_thread()"
    assert result_of(bench.execute(source)) == "True"


def test_top_level_await_works(bench: Bench) -> None:
    assert result_of(bench.execute("import asyncio\nawait asyncio.sleep(0.01)\n'awaited'")) == "'awaited'"


def test_magics_and_shell_lines_work(bench: Bench) -> None:
    assert texts(bench.execute("!echo from the shell"))[0][1].strip() == "from the shell"
    assert bench.execute("%who_ls").status == "ok"
    assert texts(bench.execute("%%capture captured\nprint('in a cell magic')\n")) == []
    assert result_of(bench.execute("captured.stdout")) == "'in a cell magic\\n'"


def test_streams_keep_their_order_and_neighbours_are_joined(bench: Bench) -> None:
    source = "import sys, time\nprint('a'); print('b')\nsys.stdout.flush(); time.sleep(0.3)\nprint('c', file=sys.stderr); sys.stderr.flush(); time.sleep(0.3)\nprint('d')"  # fmt: skip
    assert texts(bench.execute(source)) == [("stdout", "a\nb\n"), ("stderr", "c\n"), ("stdout", "d\n")]


def test_changes_arrive_while_the_code_runs_and_add_up_to_the_outputs(bench: Bench) -> None:
    seen: list[OutputChange] = []
    execution = bench.execute("import time\nprint('first')\ntime.sleep(0.1)\n1", on_output=seen.append)
    outputs = OutputList()
    for change in seen:
        outputs.apply(change)
    assert outputs.outputs == execution.outputs


def test_the_start_is_told_once_before_any_output(bench: Bench) -> None:
    seen: list[str] = []
    bench.execute(
        "print(1)\n2", on_start=lambda: seen.append("start"), on_output=lambda c: seen.append(c["op"])
    )
    assert seen == ["start", "append", "append"]


def test_text_is_handed_on_while_the_code_is_silent(bench: Bench, tmp_path: Path) -> None:
    seen: list[str] = []

    def on_output(change: OutputChange) -> None:
        seen.append(change["output"].get("text", "") if change["op"] == "append" else "")
        if "".join(seen) == "one\ntwo\n":
            (tmp_path / "go").touch()

    source = f"import time\nfrom pathlib import Path\nprint('one')\nprint('two', flush=True)\nuntil = time.monotonic() + 20\nwhile not Path({str(tmp_path / 'go')!r}).exists() and time.monotonic() < until: time.sleep(0.01)\ntime.monotonic() < until"  # fmt: skip
    execution = bench.run(bench.kernel.execute(source, on_output=on_output))
    assert result_of(execution) == "True"


def test_error_comes_back_as_data_with_the_users_frames_only(bench: Bench) -> None:
    execution = bench.execute("def f():\n    return 1 / 0\nf()")
    assert execution.status == "error"
    assert execution.error is not None
    assert (execution.error.ename, execution.error.evalue) == ("ZeroDivisionError", "division by zero")
    traceback = "\n".join(execution.error.traceback)
    assert "return 1 / 0" in traceback
    assert "neuroworkflow_agent" not in traceback
    assert "interactiveshell.py" not in traceback
    assert kinds(execution) == ["error"]


def test_syntax_error_is_an_error_too(bench: Bench) -> None:
    execution = bench.execute("def f(:")
    assert execution.status == "error"
    assert execution.error is not None
    assert execution.error.ename == "SyntaxError"


def test_display_and_updates_by_id(bench: Bench) -> None:
    source = "h = display('one', display_id='x')\ndisplay('other')\nh.update('two')"
    execution = bench.execute(f"from IPython.display import display\n{source}")
    assert [output["data"]["text/plain"] for output in execution.outputs] == ["'two'", "'other'"]


def test_clear_output_is_honoured(bench: Bench) -> None:
    source = "from IPython.display import clear_output\nfor i in range(3):\n    clear_output(wait=True)\n    print(i)"
    assert texts(bench.execute(source)) == [("stdout", "2\n")]
    assert bench.execute("print('gone')\nclear_output()").outputs == ()


def test_inline_figures_are_flushed(bench: Bench) -> None:
    pytest.importorskip("matplotlib")
    execution = bench.execute(f"{INLINE}plt.plot([1, 2]);")
    assert execution.status == "ok"
    figures = [output for output in execution.outputs if "image/png" in output.get("data", {})]
    assert len(figures) == 1
    assert base64.b64decode(figures[0]["data"]["image/png"]).startswith(b"\x89PNG")


def test_fifty_figures_survive(bench: Bench) -> None:
    source = f"{INLINE}for i in range(50):\n    plt.figure(figsize=(1, 1)); plt.plot([i])"
    execution = bench.execute(source)
    assert sum("image/png" in output.get("data", {}) for output in execution.outputs) == 50


def test_executions_run_one_at_a_time_in_order(bench: Bench) -> None:
    async def main() -> list[Execution]:
        sources = [
            "order = []",
            *[f"import time; time.sleep(0.02); order.append({n})" for n in range(4)],
            "order",
        ]
        return list(await asyncio.gather(*[bench.kernel.execute(source) for source in sources]))

    assert result_of(bench.run(main())[-1]) == "[0, 1, 2, 3]"


@pytest.mark.parametrize("source", ["input('name? ')", "import getpass; getpass.getpass()"])
def test_input_is_an_error_rather_than_a_wait(source: str, bench: Bench) -> None:
    execution = bench.execute(source)
    assert execution.status == "error"
    assert execution.error is not None
    assert "input" in execution.error.evalue


def test_sys_exit_ends_the_code_and_nothing_else(bench: Bench) -> None:
    bench.execute("safe = 1")
    assert bench.execute("import sys; sys.exit(3)").status == "error"
    assert result_of(bench.execute("safe")) == "1"


def test_forked_child_does_not_come_back(bench: Bench) -> None:
    source = "import os\npid = os.fork()\nif pid == 0:\n    os._exit(0)\n_ = os.waitpid(pid, 0)\n'parent'"
    assert result_of(bench.execute(source)) == "'parent'"


def test_worker_processes_work(bench: Bench) -> None:
    source = "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as pool:\n    r = pool.map(abs, [-1, -2])\nr"
    assert result_of(bench.execute(source)) == "[1, 2]"


def test_ten_megabytes_of_output_survive(bench: Bench) -> None:
    execution = bench.execute("print('x' * 10_000_000)")
    assert sum(len(text) for _, text in texts(execution)) == 10_000_001


def test_hundred_thousand_prints_survive(bench: Bench) -> None:
    execution = bench.execute("for i in range(100_000):\n    print(i)")
    (only,) = texts(execution)
    assert only[1].split() == [str(number) for number in range(100_000)]


def test_large_image_survives(bench: Bench) -> None:
    source = "import os\nfrom IPython.display import Image, display\ndisplay(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + os.urandom(20_000_000), format='png'))"  # fmt: skip
    execution = bench.execute(source)
    assert len(execution.outputs[0]["data"]["image/png"]) > 26_000_000


@pytest.mark.parametrize(
    "source",
    [
        "import time; time.sleep(600)",
        "while True: pass",
        "import asyncio; await asyncio.sleep(600)",
        "import asyncio; await asyncio.sleep(0)\nwhile True: pass",
        "import asyncio; await asyncio.to_thread(int)\nimport time; time.sleep(600)",
    ],
)
def test_cancelling_stops_the_code_at_once_and_keeps_the_namespace(source: str, bench: Bench) -> None:
    if (
        isinstance(bench.kernel, ClientKernel)
        and source.startswith("import asyncio; await asyncio.")
        and "\n" in source
    ):
        pytest.skip("ipykernel lets an interrupt only cancel the task of an async cell")
    bench.execute("kept = 5")
    assert bench.stop_after(source) < 2
    assert result_of(bench.execute("kept")) == "5"


def test_cancelled_while_queued_never_runs(bench: Bench) -> None:
    async def main() -> None:
        first = asyncio.ensure_future(bench.kernel.execute("import time; time.sleep(0.4)"))
        await asyncio.sleep(0.1)
        second = asyncio.ensure_future(bench.kernel.execute("ran = True"))
        await asyncio.sleep(0.05)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        await first

    bench.run(main())
    assert result_of(bench.execute("'ran' in globals()")) == "False"


def test_timeout_interrupts(bench: Bench) -> None:
    with pytest.raises(ExecutionTimeoutError, match=r"timeout_s=0\.3"):
        bench.execute("import time; time.sleep(600)", timeout_s=0.3)
    assert result_of(bench.execute("1")) == "1"


@pytest.mark.waits
def test_code_that_catches_the_interrupt_is_told_again(bench: Bench) -> None:
    source = "import time\ntry:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    pass\ntime.sleep(600)"
    assert GRACE_S - 0.5 < bench.stop_after(source) < GRACE_S + 6
    assert result_of(bench.execute("1")) == "1"


@pytest.mark.waits
@pytest.mark.parametrize("pause", ["import time; time.sleep", "import asyncio; await asyncio.sleep"])
def test_stopped_code_cleans_up_in_peace(pause: str, bench: Bench) -> None:
    bench.execute("cleaned = 0")
    source = f"try:\n    {pause}(600)\nfinally:\n    {pause}(0.5); cleaned += 1"
    for _ in range(2):
        assert bench.stop_after(source) >= 0.5
    assert result_of(bench.execute("cleaned")) == "2"


def test_stopped_twice_by_our_own_side_is_one_interrupt(bench: Bench) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(
            bench.kernel.execute(
                "import time\ntry:\n    time.sleep(600)\nfinally:\n    time.sleep(0.6); cleaned = 1"
            )
        )
        for _ in range(3):
            await asyncio.sleep(0.2)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    bench.execute("cleaned = 0")
    bench.run(main())
    assert result_of(bench.execute("cleaned")) == "1"


def test_the_number_of_a_cell_is_told_when_it_begins_so_that_a_stopped_one_has_it(bench: Bench) -> None:
    numbers: list[int] = []

    async def main() -> None:
        begun = asyncio.Event()

        def begin(number: int) -> None:
            numbers.append(number)
            begun.set()

        task = asyncio.ensure_future(
            bench.kernel.execute("import time; time.sleep(600)", as_cell=True, on_number=begin)
        )
        await asyncio.wait_for(begun.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    bench.run(main())
    ended = bench.run(bench.kernel.execute("1", as_cell=True, on_number=numbers.append))
    assert numbers == [numbers[0], ended.execution_count]
    assert None not in numbers


def test_second_stop_interrupts_the_cleanup(bench: Bench) -> None:
    async def main() -> float:
        task = asyncio.ensure_future(
            bench.kernel.execute("import time\ntry:\n    time.sleep(600)\nfinally:\n    time.sleep(600)")
        )
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.sleep(0.7)
        started = time.monotonic()
        await bench.kernel.interrupt()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert bench.run(main()) < 2.9  # by the second Stop; after 3 s there would be another interrupt


@pytest.mark.waits
def test_code_that_swallows_interrupts_is_interrupted_until_it_lets_go(bench: Bench) -> None:
    said: list[str] = []

    def on_output(change: OutputChange) -> None:
        said.append(str(change))

    source = "import time\ncaught = 0\nwhile caught < 2:\n    try:\n        time.sleep(600)\n    except KeyboardInterrupt:\n        caught += 1"

    async def main() -> None:
        task = asyncio.ensure_future(bench.kernel.execute(source, on_output=on_output))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = time.monotonic()
    bench.run(main())
    assert 3 < time.monotonic() - started < 6
    assert result_of(bench.execute("caught")) == "2"
    assert "interrupted again" in "".join(said)


def test_numbers_that_json_does_not_know_survive(bench: Bench) -> None:
    source = (
        "from IPython.display import display\ndisplay({'application/json': {'nan': float('nan')}}, raw=True)"
    )
    json.dumps(bench.execute(source).outputs, allow_nan=False)


# -- what only one of them can show -------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nasync def busy():\n    while True: pass\nawait asyncio.gather(busy())",
        "import asyncio\nasync def busy():\n    while True: pass\nt = asyncio.create_task(busy())\nawait asyncio.sleep(600)",
        "import signal\nsignal.signal(signal.SIGINT, lambda *_: None)\nimport asyncio\nawait asyncio.sleep(600)",
        "import signal\nsignal.signal(signal.SIGINT, lambda *_: None)\nwhile True: pass",
        "import signal, time\nsignal.signal(signal.SIGINT, lambda *_: None)\ntime.sleep(600)",
    ],
    ids=["busy child task", "busy task beside it", "own handler", "own handler, busy", "own handler, asleep"],
)
@pytest.mark.waits
@pytest.mark.parametrize("blocking", [False, True])
def test_stubborn_code_is_stopped(
    source: str, blocking: bool, shell: InteractiveShell, loop_thread: LoopThread
) -> None:
    bench = live_bench(shell, loop_thread, blocking=blocking)
    handler = signal.getsignal(signal.SIGINT)
    assert bench.stop_after(source) < 6
    assert result_of(bench.execute("1")) == "1"
    assert signal.getsignal(signal.SIGINT) is handler


def test_code_that_ends_as_its_grace_ends_holds_up_nothing(
    shell: InteractiveShell, loop_thread: LoopThread
) -> None:
    """Its end is told on the loop that is about to interrupt it again."""

    class Ended:
        code = UserCode(lambda: asyncio.sleep(0), is_async=False)

        def __init__(self) -> None:
            self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.1, self.done.set_result, None)

        def grace_left_s(self) -> float:
            return -1.0

    async def main() -> None:
        await LiveKernel(shell, MainThreadQueue())._interrupt_until_done(Ended())  # type: ignore[arg-type]

    loop_thread.submit(main()).result(5)


@pytest.mark.waits
def test_stubborn_code_is_stopped_while_a_debugger_traces_the_engine(
    shell: InteractiveShell, loop_thread: LoopThread
) -> None:
    bench = live_bench(shell, loop_thread, blocking=False)
    loop_thread.loop.call_soon_threadsafe(sys.settrace, lambda *_event: None)
    source = "import signal, time\nsignal.signal(signal.SIGINT, lambda *_: None)\ntime.sleep(600)"
    assert bench.stop_after(source) < 6


@pytest.mark.kernel
def test_cancelled_start_leaves_no_kernel(loop_thread: LoopThread) -> None:
    async def main() -> None:
        for seconds in (0.0, 0.05, 0.2, 0.5):
            task = asyncio.ensure_future(ClientKernel.start("python3"))
            await asyncio.sleep(seconds)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await (await task).aclose()

    before = set(psutil.Process().children(recursive=True))
    loop_thread.submit(main()).result(60)
    assert set(psutil.Process().children(recursive=True)) <= before


def test_exit_does_not_end_the_shell_we_live_in(shell: InteractiveShell, loop_thread: LoopThread) -> None:
    bench = live_bench(shell, loop_thread, blocking=False)
    for source in ("exit()", "quit()", "get_ipython().ask_exit()"):
        execution = bench.execute(source)
        assert execution.error is not None
        assert "their variables are safe" in execution.error.evalue


def test_forked_child_that_returns_ends_with_the_code(
    shell: InteractiveShell, loop_thread: LoopThread
) -> None:
    bench = live_bench(shell, loop_thread, blocking=False)
    source = "import os\npid = os.fork()\nos.waitpid(pid, 0)[1] if pid else None"
    assert result_of(bench.execute(source)) == "0"


def test_blocking_call_inside_a_running_loop_may_await(
    shell: InteractiveShell, loop_thread: LoopThread
) -> None:
    bench = live_bench(shell, loop_thread, blocking=True)

    async def cell() -> str:
        before = asyncio.current_task()
        shown = result_of(bench.execute("import asyncio\nawait asyncio.sleep(0.01)\n'inner'"))
        assert asyncio.current_task() is before
        await asyncio.sleep(0)
        return shown

    assert asyncio.run(cell()) == "'inner'"


def test_without_a_waiting_cell_code_is_refused(shell: InteractiveShell, loop_thread: LoopThread) -> None:
    kernel = LiveKernel(shell, MainThreadQueue())
    with pytest.raises(KernelError, match="No cell waits"):
        loop_thread.submit(kernel.execute("1")).result(5)


@pytest.mark.kernel
@pytest.mark.parametrize("source", ["import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit()"])
def test_dead_kernel_is_named_and_started_again(source: str, loop_thread: LoopThread) -> None:
    kernel = loop_thread.submit(ClientKernel.start("python3")).result(60)
    bench = Bench(kernel, lambda coroutine: loop_thread.submit(coroutine).result(60))
    try:
        bench.execute("kept = 1")
        if source == "exit()":  # answers before it ends the kernel; the next call says so
            bench.execute(source)
            time.sleep(1)
        with pytest.raises(KernelDiedError, match="All its variables are lost"):
            bench.execute(source)
        assert result_of(bench.execute("'kept' in globals()")) == "False"
    finally:
        loop_thread.submit(kernel.aclose()).result(20)


@pytest.mark.kernel
def test_closing_lets_stopped_code_clean_up(loop_thread: LoopThread, tmp_path: Path) -> None:
    source = f"import time, pathlib\ntry:\n    time.sleep(600)\nfinally:\n    time.sleep(0.5); pathlib.Path({str(tmp_path / 'cleaned')!r}).touch()"

    async def main() -> None:
        kernel = await ClientKernel.start("python3")
        task = asyncio.ensure_future(kernel.execute(source))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.sleep(0.1)
        await kernel.aclose()
        await asyncio.wait([task])

    loop_thread.submit(main()).result(60)
    assert (tmp_path / "cleaned").exists()


@pytest.mark.kernel
def test_client_of_a_connection_file_hears_only_its_own(loop_thread: LoopThread, tmp_path: Path) -> None:
    owner = loop_thread.submit(ClientKernel.start("python3")).result(60)
    try:
        assert owner.manager is not None
        guest = loop_thread.submit(ClientKernel.connect(owner.manager.connection_file)).result(60)

        async def both() -> tuple[Execution, Execution]:
            pair = await asyncio.gather(owner.execute("print('owner')"), guest.execute("print('guest')"))
            return pair[0], pair[1]

        one, two = loop_thread.submit(both()).result(30)
        assert (texts(one), texts(two)) == ([("stdout", "owner\n")], [("stdout", "guest\n")])
        task = loop_thread.submit(guest.execute("import time; time.sleep(600)"))
        time.sleep(0.3)
        task.cancel()
        assert loop_thread.submit(guest.execute("'free'")).result(10).status == "ok"
        loop_thread.submit(guest.aclose()).result(10)
    finally:
        loop_thread.submit(owner.aclose()).result(20)
