"""A turn of a chat kernel taken back, and its notebook run anew. Real kernels; only the model is scripted."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.surfaces.chat_kernel.conftest import NAME, NOTEBOOK
from tests.surfaces.conftest import SharedKernel

pytestmark = [pytest.mark.kernel, pytest.mark.claude]


CODE = """\
rates += 1; n = 2; extra = 5
open("out.txt", "w").write("out")
"""


@pytest.fixture
def scripted_model(shared_kernel: SharedKernel) -> ScriptedModel:
    """The model of the module's kernel."""
    return shared_kernel.model


@pytest.fixture
def workspace(shared_kernel: SharedKernel) -> Path:
    """That kernel's folder."""
    return shared_kernel.workspace


def test_turn_is_undone_after_a_question(
    kernel: RealKernel, scripted_model: ScriptedModel, workspace: Path
) -> None:
    out = workspace / "out.txt"
    kernel.run("import numpy as np\nrates = np.zeros(3); n = 1")
    scripted_model.extend(Reply.code(CODE), Reply.text("Changed."))
    ran = kernel.run("%chat change things")
    told = str(scripted_model.requests[-1].tool_results[-1]["content"])
    assert "Names: new extra; rebound n; changed in place rates. Output of the code" in told
    assert " · changed: rates, n (+1)" in ran.outputs[-1]["data"]["text/plain"]
    end_id = next(
        msg["content"]["transient"]["display_id"]
        for msg in reversed(ran.msgs)
        if "complete ·" in str(msg["content"].get("data"))
    )
    assert "With --yes the turn is undone without a question." in kernel.run("%chat --undo").text
    refused = kernel.run("%chat --undo", answers=["no"])
    assert (refused.status, out.exists()) == ("ok", True)
    assert refused.text.splitlines()[0] == "Undo the turn “change things”"
    for line in ("out.txt is deleted", "rates has what it held (by copy)", "extra is unbound"):
        assert line in refused.text

    done = kernel.run("%chat --undo", answers=["y"])
    assert (done.status, out.exists()) == ("ok", False)
    assert kernel.run("rates.sum() == 0, n, 'extra' in dir()").text == "(np.True_, 1, False)"
    updates = [msg for msg in done.msgs if msg["header"]["msg_type"] == "update_display_data"]
    (update,) = [msg for msg in updates if msg["content"]["transient"]["display_id"] == end_id]
    assert update["content"]["data"]["text/plain"].startswith("undone · complete")

    scripted_model.extend(Reply.text("What things?"))
    kernel.run("%chat and now?")
    assert [text for text in scripted_model.requests[-1].user_texts if "change" in text] == []


def test_interrupted_question_undoes_nothing(
    kernel: RealKernel, scripted_model: ScriptedModel, workspace: Path
) -> None:
    scripted_model.extend(Reply.code("open('kept.txt', 'w').write('kept')"), Reply.text("Written."))
    kernel.run("%chat write")
    asked = kernel.client.execute("%chat --undo", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=30)
    kernel.manager.interrupt_kernel()
    assert kernel.reply_to(asked)["status"] == "ok"
    assert (workspace / "kept.txt").exists()


def test_its_notebook_is_run_anew_without_its_prompts(kernel: RealKernel, workspace: Path) -> None:
    nowhere = kernel.run("%chat --verify")
    assert nowhere.text.startswith(
        "UsageError: Which notebook is to be run anew is not known here: nothing says"
    )

    def shown(source: str, said: str) -> object:
        return new_code_cell(source, outputs=[new_output("stream", name="stdout", text=said)])

    prompt = new_code_cell("%chat set x to 3\nand say so")
    notebook = new_notebook(cells=[shown("x = 2\nprint(x)", "2\n"), prompt, shown("print(x)", "3\n")])
    notebook.metadata["kernelspec"] = {"name": NAME, "display_name": NAME}
    nbformat.write(notebook, workspace / NOTEBOOK)
    ran = kernel.run("%chat --verify")
    assert ran.status == "ok"
    assert "Not verified: cell 3 differs." in ran.text
    assert "cell 2 was not run: asks the agent; no model is called here" in ran.text
