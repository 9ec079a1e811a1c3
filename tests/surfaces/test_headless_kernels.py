"""`run` with kernels that start slowly or not at all, and with kernels of other languages: each with a turn."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import psutil
import pytest
from nbformat.v4 import new_code_cell

from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests import needs
from tests.conftest import SpecMaker
from tests.surfaces.headless_process import ours, read, run, start, wait_for, write


@pytest.fixture
def notebook(workspace: Path) -> Path:
    path = workspace / "analysis.ipynb"
    write(path, [new_code_cell("x = 41")])
    return path


def test_turn_in_a_kernel_that_starts_slowly(
    notebook: Path, slow_kernel: str, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("x + 1"), Reply.text("There."))
    code, out, err = run("run", notebook, "add", "--kernel", slow_kernel)
    assert (code, out) == (0, "There.\n"), err
    assert err.startswith("Starting the kernel 'slow' …\n")
    assert ours(read(notebook))[1].outputs[0].data["text/plain"] == "42"


def test_turn_in_an_r_kernel(notebook: Path, scripted_model: ScriptedModel) -> None:
    needs.program("R", install="sudo apt install r-cran-irkernel")
    scripted_model.extend(Reply.code("x + 1"), Reply.code("stop('no')"), Reply.text("There."))
    write(notebook, [new_code_cell("x <- 41"), new_code_cell("x")])
    code, out, err = run("run", notebook, "add", "--kernel", "ir")
    assert (code, out) == (0, "There.\n"), err
    saved = read(notebook)
    assert saved.metadata["language_info"]["name"] == "R"
    assert saved.cells[1].outputs[0].data["text/plain"] == "[1] 41"
    assert ours(saved)[1].outputs[0].data["text/plain"] == "[1] 42"
    assert ours(saved)[2].outputs[0].output_type == "error"


def test_turn_in_a_deno_kernel(notebook: Path, make_spec: SpecMaker, scripted_model: ScriptedModel) -> None:
    deno = needs.program("deno", install="pip install deno")
    spec = make_spec(
        "deno", deno, "jupyter", "--kernel", "--conn", "{connection_file}", language="typescript"
    )
    # Its ZeroMQ drops a message when the socket is not ready at once, on a busy machine sometimes an output:
    # https://github.com/zeromq/zmq.rs/blob/master/src/pub.rs
    scripted_model.extend(*[Reply.code("x + 1")] * 3, Reply.text("There."))
    write(notebook, [new_code_cell("const x = 41; x")])
    code, out, err = run("run", notebook, "add", "--kernel", spec)
    assert (code, out) == (0, "There.\n"), err
    shown = [output.data["text/plain"] for cell in ours(read(notebook))[1:4] for output in cell.outputs]
    assert shown
    assert all("42" in text for text in shown)


@pytest.mark.parametrize(
    ("argv", "arguments", "says"),
    [
        (("false",), (), "'bad' ended twice before it answered"),
        (("/opt/none/python",), (), "'bad' cannot be run: No such file or directory"),
        (("sleep", "600"), ("--start-timeout", "1"), "'bad' did not answer within 1 s"),
    ],
    ids=["ends", "missing", "silent"],
)
def test_kernel_that_does_not_start_is_an_error_and_nothing_is_written(
    argv: tuple[str, ...],
    arguments: tuple[str, ...],
    says: str,
    notebook: Path,
    make_spec: SpecMaker,
    scripted_model: ScriptedModel,
) -> None:
    before = notebook.read_bytes()
    code, out, err = run("run", notebook, "go", "--kernel", make_spec("bad", *argv), "--json", *arguments)
    summary = json.loads(out)
    assert (code, summary["end"], summary["exit_code"]) == (1, "error", 1)
    assert says in summary["message"]
    assert "Traceback" not in err
    assert notebook.read_bytes() == before
    assert list(notebook.parent.iterdir()) == [notebook]
    assert scripted_model.requests == []


@pytest.mark.parametrize("pause_s", [0.15, 0.3, 0.45, 0.6])
def test_interrupted_while_the_kernel_starts_leaves_nothing(
    pause_s: float, notebook: Path, make_spec: SpecMaker, tmp_path: Path, scripted_model: ScriptedModel
) -> None:
    spec = make_spec("silent", "bash", "-c", f"touch {tmp_path}/began; exec sleep 600")
    before = notebook.read_bytes()
    process = start("run", notebook, "go", "--kernel", spec)
    wait_for((tmp_path / "began").exists, process)
    time.sleep(pause_s)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=30)
    assert (process.returncode, "Stopped while the kernel started." in err) == (130, True), err
    assert "Traceback" not in err
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert notebook.read_bytes() == before
