"""A notebook verified as a user has it: `run --verify`, `%chat --verify`, and at a turn's end."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_output

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import Waiting
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.file_holder import FileHolder
from neuroworkflow_agent.render.parts import turn_end
from neuroworkflow_agent.surfaces import verifying
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.surfaces.headless_process import call, read, write

pytestmark = pytest.mark.kernel


def kept(source: str, said: str, count: int) -> object:
    return new_code_cell(
        source, outputs=[new_output("stream", name="stdout", text=said)], execution_count=count
    )


def test_without_a_prompt_nothing_is_saved_and_the_exit_code_tells(workspace: Path) -> None:
    path, page = workspace / "a.ipynb", workspace / "page.html"
    write(path, [kept("x = 2\nprint(x)", "2\n", 1), kept("print(x + 1)", "4\n", 2)])
    before = path.read_bytes()
    code, out, _err = call("run", path, "--verify", "--report", page)
    assert (code, out.splitlines()) == (
        6,
        ["Not verified: cell 2 differs.", "  cell 2 differs: stdout: '4' before, '3' now"],
    )
    assert path.read_bytes() == before
    assert "print(x + 1)" in page.read_text()
    write(path, [kept("x = 2\nprint(x)", "2\n", 1)])
    code, out, _err = call("run", path, "--verify", "--json")
    summary = json.loads(out)
    assert (code, summary["exit_code"], summary["verification"]["verified"]) == (0, 0, True)
    assert summary["verification"]["summary"].startswith("Verified: 1 cell ran in a fresh kernel")


def test_with_a_prompt_the_result_is_verified(workspace: Path, scripted_model: ScriptedModel) -> None:
    path = workspace / "a.ipynb"
    write(path, [new_code_cell("x = 2\nprint(x)")])
    scripted_model.extend(Reply.code("hidden = 5"), Reply.code("print(hidden)"), Reply.text("Done."))
    code, out, _err = call("run", path, "go", "--verify")
    assert (code, out.splitlines()[-1].split(":")[0]) == (0, "Verified")
    saved = read(path)
    assert "print(hidden)" in [cell.source for cell in saved.cells]
    del saved.cells[[cell.source for cell in saved.cells].index("hidden = 5")]
    write(path, saved.cells)
    code, out, _err = call("run", path, "--verify")
    assert code == 6
    assert "name 'hidden' is not defined: it depends on code that is in no cell" in out


def test_a_result_that_is_verified_next_is_not_called_unverified_before(
    workspace: Path, scripted_model: ScriptedModel
) -> None:
    path = workspace / "a.ipynb"
    write(path, [new_code_cell("x = 2\nprint(x)")])
    scripted_model.extend(tool("cell_insert", source="y = 3", index=-1), Reply.text("Added."))
    code, out, err = call("run", path, "add one", "--no-scratch", "--verify")
    assert (code, out.splitlines()[-1].split(":")[0]) == (0, "Verified")
    assert "not verified" not in out + err + path.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--verify", "--output", "b.ipynb"], "--output goes with a PROMPT"),
        (["--report", "b.html"], "--report goes with --verify"),
        (["--verify", "--kernel", "none-such"], "No kernelspec named 'none-such'"),
        (["--verify", "--report", "no/such/folder/b.html"], "The report cannot be written"),
        (["--verify", "--report", "a.ipynb"], "A report is an HTML page and ends in .html, got 'a.ipynb'."),
        (["--verify", "--report", "rates.csv"], "A report is an HTML page"),
        (["--verify", "--report", f"{'x' * 300}.html"], "File name too long"),
    ],
)
def test_what_cannot_be_asked_is_said(workspace: Path, options: list[str], said: str) -> None:
    path = workspace / "a.ipynb"
    write(path, [])
    code, out, err = call("run", path, *options)
    assert (code, out) == (2, "")
    assert said in err


def test_report_that_cannot_be_written_keeps_what_was_found(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write(workspace / "a.ipynb", [kept("print(2)", "2\n", 1)])
    monkeypatch.setattr(verifying, "write_private", full)
    code, out, err = call("run", workspace / "a.ipynb", "--verify", "--report", workspace / "b.html")
    assert (code, out.startswith("Verified: 1 cell ran")) == (1, True)
    assert "b.html': No space left on device." in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "is not a notebook: no program could read its JSON."),
        (f'{{"nbformat": 4, "a": {"9" * 5000}}}', "is not a notebook: no program could read its JSON."),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1]}', "its JSON is not that of a notebook"),
    ],
)  # fmt: skip
def test_file_that_is_no_notebook_is_said(text: str, said: str, workspace: Path) -> None:
    (workspace / "a.ipynb").write_text(text)
    code, out, err = call("run", workspace / "a.ipynb", "--verify")
    assert (code, out, said in err) == (2, "", True), err
    (workspace / "loop.ipynb").symlink_to("loop.ipynb")
    assert "Too many levels of symbolic links." in call("run", workspace / "loop.ipynb", "--verify")[2]


def test_half_a_pair_of_surrogates_in_a_cell_stays_in_the_file(workspace: Path) -> None:
    path = workspace / "a.ipynb"
    write(path, [new_code_cell("half = 'HALF'\nlen(half)")])
    path.write_text(path.read_text().replace("HALF", "\\ud800"))
    assert call("run", path)[0] == 0
    (cell,) = json.loads(path.read_text())["cells"]
    assert "".join(cell["source"]) == "half = '\ud800'\nlen(half)"
    assert cell["outputs"][0]["data"]["text/plain"] == ["1"]
    assert call("run", path, "--verify")[0] == 0


# -- the tool, and a turn's end -----------------------------------------------------------------------


class IdleKernel:
    """A kernel that is not asked."""

    language = "python"


@pytest.fixture
def session(workspace: Path, portal: Portal, scripted_model: ScriptedModel) -> Iterator[Session]:
    path = workspace / "a.ipynb"
    write(path, [kept("x = 2\nprint(x)", "2\n", 1)])
    kernel: Any = IdleKernel()
    document = NotebookDocument(FileHolder(path))
    config = AgentConfig.from_env(workspace=workspace)
    with Session(config, kernel=kernel, document=document, portal=portal) as session:
        yield session


def tool(name: str, **arguments: Any) -> Reply:
    return Reply.tool(f"mcp__neuroworkflow__{name}", **arguments)


def test_the_model_may_have_the_notebook_verified_and_a_turn_that_edits_says_what_came_of_it(
    session: Session, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(tool("verify_notebook"), Reply.text("It is."))
    turn = session.run("is it reproducible?", verify=True)
    assert turn.result().verified == ""  # nothing was edited
    (told,) = scripted_model.requests[-1].tool_results
    assert "Verified: 1 cell ran in a fresh kernel, all with the same outputs." in str(told)
    scripted_model.extend(tool("cell_insert", source="print(nowhere)", index=-1), Reply.text("Added."))
    turn = session.run("add one", verify=True)
    assert (turn.result().end, turn.result().verified) == ("complete", "not verified: cell 2 failed")
    assert "not verified: cell 2 failed" in turn_end(turn.result()).text
    scripted_model.extend(tool("cell_insert", source="y = 1", index=-1), Reply.text("Added."))
    assert session.run("add one").result().verified == "not verified"  # nobody has looked
    scripted_model.extend(
        tool("cell_insert", source="z = 1", index=-1), tool("verify_notebook"), Reply.text("Added, verified.")
    )
    assert session.run("add one").result().verified == "not verified: cell 2 failed"  # the model has


def test_a_turn_that_is_stopped_while_it_is_verified_ends_as_interrupted(
    session: Session, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(
        tool("cell_insert", source="import time; time.sleep(600)", index=-1), Reply.text("Added.")
    )
    turn = session.start("add one", verify=True)
    for event in turn:
        if event == Waiting("verify", "1 of 2"):
            turn.interrupt()
    assert (turn.result().end, turn.result().verified) == ("interrupted", "not verified")


def test_chat_verify_shows_what_came_of_it(start_kernel: Callable[[], RealKernel], workspace: Path) -> None:
    path = workspace / "a.ipynb"
    write(path, [kept("x = 2\nprint(x)", "3\n", 1), new_code_cell("%chat --verify")])
    kernel = start_kernel()
    kernel.run("%load_ext neuroworkflow_agent")
    kernel.run(f"__vsc_ipynb_file__ = {str(path)!r}")
    ran = kernel.run("%chat --verify")
    assert ran.status == "ok"
    assert "Not verified: cell 1 differs." in ran.text
    assert "cell 1 differs: stdout: '3' before, '2' now" in ran.text
    assert "cell 2 was not run: asks the agent; no model is called here" in ran.text
