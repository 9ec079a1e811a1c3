"""A notebook run anew: what is said of each cell, and what is left behind."""

from __future__ import annotations

import asyncio
import copy
import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from neuroworkflow_agent.errors import NoKernelSpecError
from neuroworkflow_agent.verification.fresh_run import verify
from neuroworkflow_agent.verification.verdicts import Verification

pytestmark = pytest.mark.kernel


def cell(source: str, said: str | None = None, count: int | None = 1, *tags: str) -> Any:
    outputs = [] if said is None else [new_output("stream", name="stdout", text=said)]
    return new_code_cell(source, outputs=outputs, execution_count=count, metadata={"tags": list(tags)})


def notebook(*cells: Any) -> Any:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=list(cells), metadata={"kernelspec": spec})


async def verified(given: Any, cwd: Path, **more: Any) -> Verification:
    return await verify(given, "it.ipynb", cwd=cwd, environ=os.environ, **more)


async def test_each_cell_gets_its_verdict_and_the_notebook_stays_as_it_is(tmp_path: Path) -> None:
    given = notebook(
        new_markdown_cell("# Title"),
        cell("x = 3\nprint('id', object())", "id <object object at 0x7f00ab12cd>\n", 1),
        cell("print(x)", "4\n", 2),
        cell("print(x)", None, None),
        cell("%%chat\nmake q", None, 3),
        cell("q + 1", None, 4),
        cell("later + 1", None, 5),
        cell("later = 1", None, 6),
        cell("import random; print(random.random())", "0.5\n", 7, "verify-tolerate"),
        cell("1 / 0", None, 8, "skip-execution", "verify-skip"),
        cell("y = 1 / 0", None, 9),
        cell("y", None, 12),
        cell("int('a')", None, 13, "raises-exception"),
        cell("open('made', 'w').close()", None, 14),
        cell("  ", None, None),
    )
    before = copy.deepcopy(given)
    found = await verified(given, tmp_path)
    assert given == before
    assert [(each.number, each.state, each.reasons, each.missing) for each in found.cells] == [
        (2, "same", (), ()),
        (3, "differs", ("stdout: '4' before, '3' now",), ()),
        (4, "ran", (), ()),
        (5, "skipped", ("asks the agent; no model is called here",), ()),
        (6, "failed", ("NameError: name 'q' is not defined: it depends on code that is in no cell; maybe the agent that cell 5 asks gave it",), ("q",)),
        (7, "failed", ("NameError: name 'later' is not defined: it is given only below, by cell 8",), ("later",)),
        (8, "same", (), ()),
        (9, "tolerated", found.cells[7].reasons, ()),
        (10, "skipped", ("tagged skip-execution",), ()),
        (11, "failed", ("ZeroDivisionError: division by zero",), ()),
        (12, "failed", ("NameError: name 'y' is not defined: cell 11, which gives it, failed",), ("y",)),
        (13, "differs", ("error: none before, ValueError: invalid literal for int() with base 10: 'a' now",), ()),
        (14, "same", (), ()),
    ]  # fmt: skip
    assert found.remarks == (
        "Code was run in between that is in no cell, or that is run anew: [10] and 1 more.",
    )
    assert (
        found.summary
        == "Not verified: cell 3 differs, cell 6 failed, cell 7 failed, cell 11 failed and 2 more."
    )
    assert (tmp_path / "made").exists()
    assert psutil.Process().children(recursive=True) == []


async def test_a_notebook_that_comes_out_the_same_is_verified(tmp_path: Path) -> None:
    found = await verified(
        notebook(cell("a = 1"), cell("print(a)", "1\n", 2), cell("a", None, None)), tmp_path
    )
    assert found.is_verified
    assert (
        found.summary
        == "Verified: 3 cells ran in a fresh kernel, 2 with the same outputs, the others had none."
    )
    assert found.as_json()["cells"][0] == {
        "number": 1,
        "cell": found.cells[0].cell,
        "state": "same",
        "reasons": [],
        "missing": [],
    }


async def test_what_a_later_cell_shows_anew_and_what_a_magic_says_of_its_wrong_use(tmp_path: Path) -> None:
    def displayed(text: str) -> Any:
        return new_output("display_data", data={"text/plain": text})

    wrong = new_output("stream", name="stderr", text="UsageError: Cell magic `%%no_such` not found.\n")
    given = notebook(
        new_code_cell(
            "shown = display({'x': 1}, display_id='a')", outputs=[displayed("{'x': 2}")], execution_count=1
        ),
        cell("shown.update({'x': 2})", None, 2),
        new_code_cell("%%no_such\n1", outputs=[wrong], execution_count=3),
        new_code_cell("%%no_such\n2", outputs=[], execution_count=4),
    )
    found = await verified(given, tmp_path)
    assert [each.state for each in found.cells] == ["same", "same", "same", "failed"]


async def test_cells_after_the_death_of_the_kernel_are_not_run(tmp_path: Path) -> None:
    given = notebook(
        cell("import os; os.kill(os.getpid(), 9)"), cell("1"), cell("import time; time.sleep(60)")
    )
    found = await verified(given, tmp_path)
    assert [(each.state, each.reasons) for each in found.cells] == [
        ("failed", ("the kernel died",)),
        ("not run", ("the kernel died in cell 1",)),
        ("not run", ("the kernel died in cell 1",)),
    ]


async def test_a_cell_may_take_its_time_and_no_longer_and_who_stops_waits_for_nothing(tmp_path: Path) -> None:
    endless = "import time\nwhile True:\n    try: time.sleep(9)\n    except KeyboardInterrupt: {}"
    found = await verified(notebook(cell(endless.format("break")), cell("2;")), tmp_path, timeout_s=0.2)
    assert [(each.state, each.reasons) for each in found.cells] == [
        ("failed", ("ran longer than 0.2 s",)),
        ("same", ()),
    ]
    done: list[int] = []
    running = asyncio.create_task(
        verified(
            notebook(cell("1"), cell(endless.format("pass"))), tmp_path, on_cell=lambda n, _: done.append(n)
        )
    )
    while 1 not in done:
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert psutil.Process().children(recursive=True) == []


async def test_a_kernelspec_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoKernelSpecError):
        await verified(notebook(), tmp_path, kernel="no-such-kernel")
