"""Watching the user's cells in a real kernel, where texts are sent from a thread of their own."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.kernels.ran_cells import Tail
from neuroworkflow_agent.testing.real_kernel import RealKernel

_ATTACH = """\
from neuroworkflow_agent.kernels.activity import Activity
activity = Activity(get_ipython())
activity.attach()
activity.take(9);
"""


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[RealKernel]:
    kernel = RealKernel(tmp_path)
    kernel.run(_ATTACH, is_silent=True)
    yield kernel
    kernel.close()


@pytest.mark.kernel
def test_texts_results_and_errors_are_told_in_their_order_and_the_streams_left_alone(
    watched: RealKernel,
) -> None:
    shown = watched.run(
        "import sys, threading\n"
        "print([stream.write.__module__.startswith('neuroworkflow') for stream in (sys.stdout, sys.stderr)])\n"
        "display('shown')\n"
        "thread = threading.Thread(target=print, args=('from a thread',)); thread.start(); thread.join()\n"
        "print('before the result')\n"
        "6 * 7"
    )
    watched.run("for number in range(100_000): print('line', number)")
    failed = watched.run("print('and then', file=sys.stderr)\n1 / 0")
    told = watched.run("print(activity.take(20_000))").text
    first, many, last = told.split("\n\nIn [")
    assert first.endswith(
        "Output:\n[False, False]\n'shown'\nfrom a thread\nbefore the result\n42",
    )
    assert many.endswith("line 99999")
    assert len(many) < 4000
    assert "Output:\nand then\n" in last
    assert "ZeroDivisionError: division by zero" in last
    assert [output["output_type"] for output in shown.outputs] == [
        "stream",
        "display_data",
        "stream",
        "execute_result",
    ]
    assert failed.status == "error"
    hooks = "[len(vars(stream._local).get('hooks', ())) for stream in (sys.stdout, sys.stderr)]"
    asked = f"seen = []; sys.stdout.pub_thread.schedule(lambda: seen.append({hooks}))"
    watched.run(f"activity.detach()\n{asked}\nsys.stdout.flush()")
    assert watched.run("seen").text == "[[0, 0]]"


def test_tail_holds_the_end_whatever_the_pieces() -> None:
    tail = Tail(10)
    for piece in ("a" * 50, "", *"0123456789", "bc"):
        tail.add(piece)
    assert tail.text() == "23456789bc"
    tail.settle()
    tail.add("d")
    assert tail.text() == "3456789bcd"


@pytest.mark.parametrize("size", [150, 6_000, 100_000])
def test_tail_of_much_output_takes_little_memory(size: int) -> None:
    tail = Tail(3_000)
    tracemalloc.start()
    for _ in range(7_500):
        tail.add("x" * size + "\n")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 2_000_000
    assert tail.text().endswith("xx\n")


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_secret_is_kept_back_where_the_tail_begins(size: int) -> None:
    secret = "s3cret-key"
    for offset in range(len(secret) + 2):
        tail = Tail(30)
        text = f"{f'{secret} ' * 1000}{'y' * offset}"
        for start in range(0, len(text), size):
            tail.add(text[start : start + size])
        told = tail.text(lambda text: text.replace(secret, "[redacted]"))
        assert "redacted" in told
        assert not any(secret[at : at + 4] in told for at in range(len(secret) - 3))
