"""A prompt over subkernels of other languages: the comment that stands for it, the agent's code, what failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.kernelspecs import bash, deno, octave, r

pytestmark = [pytest.mark.kernel, pytest.mark.claude]


@pytest.mark.parametrize(
    ("language", "given", "code", "wrong", "has_variables"),
    [
        (r, "x <- 41", "x + 1", "stop('no such thing')", True),
        (bash, "x=41", "echo $((x + 1))", "no-such-thing", True),
        (deno, "const x = 41", "x + 1", "throw new Error('no such thing')", False),
        pytest.param(octave, "x = 41;", "x + 1", "error('no such thing')", False, marks=pytest.mark.thorough),
    ],
    ids=["R", "bash", "Deno", "Octave"],
)
def test_agent_works_in_the_language_of_the_subkernel(
    language: Callable[[Path], str],
    given: str,
    code: str,
    wrong: str,
    has_variables: bool,
    scripted_model: ScriptedModel,
    start_kernel: Callable[..., RealKernel],
    tmp_path: Path,
) -> None:
    # Deno's sockets drop an output on a busy machine sometimes: https://github.com/zeromq/zmq.rs/blob/master/src/pub.rs
    scripted_model.extend(*[Reply.code(code)] * 3, Reply.code(wrong), Reply.text("It is 42."))
    kernel = start_kernel(language(tmp_path / "share" / "jupyter" / "kernels"))
    assert kernel.run(given).status == "ok"
    ran = kernel.run("%%chat\nadd one,\nplease")
    assert (ran.status, ran.end) == ("ok", "complete"), ran.text
    *told, failed = [str(each["content"]) for each in scripted_model.requests[-1].tool_results]
    assert "42" in " ".join(told)
    assert "no such thing" in failed or "not found" in failed
    said = "\n".join(scripted_model.requests[0].user_texts)
    assert given in said
    assert (
        "Variables that are new" in said and "41" in said.split("Variables that are new")[-1]
    ) == has_variables
    assert "42" in kernel.run(code).text


def test_failure_of_a_cell_can_be_seen_and_nothing_is_waited_for_in_vain(
    start_kernel: Callable[..., RealKernel], tmp_path: Path
) -> None:
    kernel = start_kernel(bash(tmp_path / "share" / "jupyter" / "kernels"))
    failed = kernel.run("ls /no-such-thing")
    assert (failed.status, failed.reply["ename"], failed.reply["evalue"]) == (
        "error",
        "ExitStatus",
        "exit status 2",
    )
    assert failed.outputs[-1]["traceback"] == ["ExitStatus: exit status 2"]
    left_open = kernel.run("if true")
    assert (left_open.status, left_open.reply["ename"]) == ("error", "NoReply")
    assert left_open.text.splitlines()[-1].startswith("NoReply: The kernel gave no answer to this code")
    assert kernel.run("echo $((1 + 1))").text == "2\n"


@pytest.mark.thorough
def test_cells_behind_a_failure_that_its_kernel_hides_do_not_run(
    start_kernel: Callable[..., RealKernel], tmp_path: Path
) -> None:
    kernel = start_kernel(octave(tmp_path / "share" / "jupyter" / "kernels"))
    sent = [kernel.send(code) for code in ("x = 1;", "error('no such thing')", "x = 2;", "%chat go")]
    assert [kernel.reply_to(each)["status"] for each in sent] == ["ok", "error", "aborted", "aborted"]
    assert "x = 1" in kernel.run("x").text
    failed = kernel.run("disp('seen'); error('no such thing')")
    assert [output["output_type"] for output in failed.outputs] == ["stream", "error"]
    assert (failed.reply["ename"], failed.reply["evalue"]) == ("Error", "no such thing")


@pytest.mark.thorough
def test_code_that_is_no_code_shows_an_error(start_kernel: Callable[..., RealKernel], tmp_path: Path) -> None:
    kernel = start_kernel(deno(tmp_path / "share" / "jupyter" / "kernels"))
    failed = kernel.run("const y = [")
    assert (failed.status, failed.text) == ("error", "Error: Execution failed")
    assert kernel.run("throw 'plain'").text == "Error: plain"
