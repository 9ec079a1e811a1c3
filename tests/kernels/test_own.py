"""The kernel we live in, reached by a message to ourselves; in a real kernel."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from neuroworkflow_agent.testing.environ import private_environ
from neuroworkflow_agent.testing.real_kernel import RealKernel

pytestmark = pytest.mark.kernel

SETUP = """
import asyncio, json, threading, time
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.kernels.own import OwnKernel
portal, seen, interrupts = Portal(), [], []
async def make():
    return OwnKernel(get_ipython(), on_interrupt=lambda: interrupts.append(1), hide=lambda t: t.replace("s3cret", "[redacted]"))
own = portal.call(make())
def start(source, **more):
    return portal.submit(own.execute(source, on_start=lambda: seen.append("start"), **more))
def told(execution):
    return [execution.status, [o.get("text") or o.get("data", {}).get("text/plain") or o.get("ename") for o in execution.outputs]]
"""


def wait_for(kernel: RealKernel, name: str) -> None:
    """Until the run of that name has ended; a message to ourselves and the next cell come in any order."""
    for _ in range(200):
        if kernel.run(f"print({name}.done())").text.strip() == "True":
            return
        time.sleep(0.02)
    raise AssertionError(f"{name} did not end.")


@pytest.fixture(scope="module")
def one_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKernel]:
    kernel = RealKernel(
        tmp_path_factory.mktemp("workspace"), private_environ(tmp_path_factory.mktemp("home"))
    )
    yield kernel
    kernel.close()


@pytest.fixture
def kernel(one_kernel: RealKernel) -> Iterator[RealKernel]:
    assert one_kernel.run(SETUP).status == "ok"
    yield one_kernel
    one_kernel.run("portal.call(own.aclose()); portal.stop()")
    assert one_kernel.run("get_ipython().reset(new_session=True)").status == "ok"


def test_code_waits_for_the_users_cell_and_runs_before_the_next(kernel: RealKernel) -> None:
    kernel.run(
        "run = start('order.append(\"agent\")\\nprint(6 * 7)\\norder')\norder = []\ntime.sleep(0.5)\norder.append('user')\nwaiting = not run.done() and not seen"
    )
    wait_for(kernel, "run")
    assert kernel.run("print(waiting, order, seen, told(run.result(5)))").text.strip() == (
        "True ['user', 'agent'] ['start'] ['ok', ['42\\n', \"['user', 'agent']\"]]"
    )


def test_code_runs_on_the_main_thread_in_the_users_namespace_and_leaves_no_trace(kernel: RealKernel) -> None:
    kernel.run(
        "source = 'import threading as t\\nmine = t.current_thread() is t.main_thread()\\nawait asyncio.sleep(0)'\nrun = start(source)"
    )
    wait_for(kernel, "run")
    ran = kernel.run("print(mine, [n for n in dir() if 'neuroworkflow' in n.lower()], source in In)")
    assert ran.text.strip() == "True [] False"


def test_what_code_sets_in_the_context_lasts(kernel: RealKernel) -> None:
    kernel.run(
        "import contextvars\nvar = contextvars.ContextVar('var', default='unset')\nrun = start('var.set(1)')"
    )
    wait_for(kernel, "run")
    kernel.run("run = start('found = var.get()')")
    wait_for(kernel, "run")
    assert kernel.run("print(var.get(), found)").text.strip() == "1 1"


def test_an_error_exit_input_and_a_secret_are_dealt_with(kernel: RealKernel) -> None:
    for source, expected in [
        ("1/0", "ZeroDivisionError"),
        ("exit()", "KernelExitError"),
        ("input()", "InputNotAvailableError"),
        ("print('s3cret')", "[redacted]"),
    ]:
        kernel.run(f"run = start({source!r})")
        wait_for(kernel, "run")
        assert expected in kernel.run("print(told(run.result(5)))").text


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "import time; time.sleep(600)",
        "await asyncio.sleep(600)",
        "await asyncio.sleep(0)\nwhile True: pass",
    ],
)
def test_cancelled_code_stops_at_once_and_the_kernel_is_free(kernel: RealKernel, source: str) -> None:
    kernel.run(
        f"run = start({source!r})\ndef stop():\n    while not seen: time.sleep(0.01)\n    time.sleep(0.3); seen.append(time.monotonic()); run.cancel()\nthreading.Thread(target=stop).start()"
    )
    wait_for(kernel, "run")
    took, cancelled = kernel.run("print(time.monotonic() - seen[-1], run.cancelled())").text.split()
    assert float(took) < 2
    assert cancelled == "True"


@pytest.mark.parametrize("pause", ["time.sleep", "await asyncio.sleep"])
def test_stopped_code_cleans_up_in_peace(kernel: RealKernel, pause: str) -> None:
    kernel.run("cleaned = 0")
    source = f"try:\n    {pause}(600)\nfinally:\n    {pause}(0.3)\n    cleaned += 1"
    for _ in range(8):
        kernel.run(
            f"seen.clear(); run = start({source!r})\ndef stop():\n    while not seen: time.sleep(0.01)\n    time.sleep(0.1); run.cancel()\nthreading.Thread(target=stop).start()"
        )
        wait_for(kernel, "run")
    assert kernel.run("print(cleaned)").text.strip() == "8"


def test_code_cancelled_while_it_waits_never_runs(kernel: RealKernel) -> None:
    kernel.run("ran = False\nrun = start('ran = True')\ntime.sleep(0.3); run.cancel(); time.sleep(0.3)")
    kernel.run("again = start('again_ran = True')")
    wait_for(kernel, "again")
    assert kernel.run("print(ran, again_ran, seen)").text.strip() == "False True ['start']"


def test_the_kernels_own_interrupt_stops_the_code_and_is_told(kernel: RealKernel) -> None:
    kernel.run("run = start('import time; time.sleep(600)')")
    time.sleep(0.5)
    kernel.manager.interrupt_kernel()
    wait_for(kernel, "run")
    assert kernel.run("print(interrupts, told(run.result(5)))").text.strip().startswith("[1] ['interrupted'")


def test_time_limit_counts_from_the_start_of_the_code(kernel: RealKernel) -> None:
    kernel.run("run = start('import time; time.sleep(0.1); done = 1', timeout_s=0.6)\ntime.sleep(1)")
    wait_for(kernel, "run")
    assert kernel.run("print(done)").text.strip() == "1"
    kernel.run("run = start('import time; time.sleep(600)', timeout_s=0.3)")
    wait_for(kernel, "run")
    assert "ExecutionTimeoutError" in kernel.run("print(repr(run.exception(5)))").text


def test_a_call_reads_on_the_main_thread_or_gives_up_when_the_kernel_is_busy(kernel: RealKernel) -> None:
    kernel.run(
        "import sys\nread = portal.submit(own.call(lambda: threading.current_thread() is threading.main_thread(), wait_s=5))"
    )
    wait_for(kernel, "read")
    assert kernel.run("print(read.result(5))").text.strip() == "True"
    kernel.run("read = portal.submit(own.call(lambda: 1, wait_s=0.2))\ntime.sleep(0.6)")
    wait_for(kernel, "read")
    assert kernel.run("print(repr(read.exception(5)))").text.strip() == "TimeoutError()"


def test_two_kernels_of_one_shell_take_turns(kernel: RealKernel) -> None:
    kernel.run("other = portal.call(make())\ninside = []")
    code = "inside.append(1); time.sleep(0.2); alone = len(inside) == 1; inside.pop(); results = globals().get('results', []) + [alone]"
    kernel.run(f"first, second = start({code!r}), portal.submit(other.execute({code!r}))")
    wait_for(kernel, "first")
    wait_for(kernel, "second")
    assert kernel.run("print(results)").text.strip() == "[True, True]"
    kernel.run("portal.call(other.aclose())")


def test_outside_a_jupyter_kernel_it_says_what_works(shell: object) -> None:
    from neuroworkflow_agent.errors import KernelError
    from neuroworkflow_agent.kernels.own import OwnKernel

    with pytest.raises(KernelError, match="%chat"):
        OwnKernel(shell, on_interrupt=lambda: None)


def test_a_cell_of_the_notebook_takes_the_next_number_and_is_kept(kernel: RealKernel) -> None:
    kernel.run("run = start('print(1)\\n6 * 7', as_cell=True)")
    wait_for(kernel, "run")
    kernel.run("beside = start('43')")
    wait_for(kernel, "beside")
    shown = kernel.run(
        "n = run.result().execution_count\nprint([In[n], Out[n], told(run.result()), beside.result().execution_count])"
    )
    assert shown.text.strip() == r"""['print(1)\n6 * 7', 42, ['ok', ['1\n', '42']], None]"""
    # Of what it shows no cell hears: its page is given it.
    assert not [msg for msg in shown.msgs if msg["msg_type"] == "execute_result"]
