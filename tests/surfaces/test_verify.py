"""`run --verify` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output

from neuroworkflow_agent.testing import Reply, ScriptedModel
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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--verify", "--output", "b.ipynb"], "--output goes with a PROMPT"),
        (["--report", "b.html"], "--report goes with --verify"),
        (["--verify", "--kernel", "none-such"], "No kernelspec named 'none-such'"),
        (["--verify", "--report", "no/such/folder/b.html"], "The report cannot be written"),
    ],
)
def test_what_cannot_be_asked_is_said(workspace: Path, options: list[str], said: str) -> None:
    path = workspace / "a.ipynb"
    write(path, [])
    code, out, err = call("run", path, *options)
    assert (code, out) == (2, "")
    assert said in err
