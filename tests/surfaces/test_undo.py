"""`%chat --undo` in a real kernel: shown, asked, done; and the cell that has shown the turn says so. The model is scripted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import Ran, RealKernel
from tests.surfaces.conftest import SharedKernel


@pytest.fixture
def scripted_model(shared_kernel: SharedKernel, monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    for name, value in shared_kernel.model.environ.items():
        monkeypatch.setenv(name, value)
    return shared_kernel.model


@pytest.fixture
def workspace(shared_kernel: SharedKernel) -> Path:
    return shared_kernel.workspace


SETUP = """\
import numpy as np, pandas as pd
df = pd.DataFrame({"x": [1, 2]}); rates = np.zeros(3); n = 1
class Model: state = 0
model = Model()
"""
CODE = """\
df["y"] = 0; rates += 1; n = 2; extra = 5; model.state = 1
open("out.txt", "w").write("out")
"""
STATE = "list(df), rates.sum(), n, 'extra' in dir(), model.state"


def change(kernel: RealKernel, model: ScriptedModel, prompt: str = "change things") -> Ran:
    kernel.run(SETUP)
    model.extend(Reply.code(CODE), Reply.text("Changed."))
    ran = kernel.run(f"%chat {prompt}")
    assert kernel.run(STATE).text == "(['x', 'y'], np.float64(3.0), 2, True, 1)"
    return ran


def told(model: ScriptedModel) -> Any:
    return model.requests[-1].tool_results[-1]["content"]


def test_what_code_changes_is_told_to_the_model_and_in_the_closing_line(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    ran = change(kernel, scripted_model)
    assert (
        "Names: new extra; rebound n; changed in place df, rates; not looked into model. Output of the code"
        in str(told(scripted_model))
    )
    assert " · changed: df, rates (+2)" in ran.outputs[-1]["data"]["text/plain"]


def test_turn_is_undone_after_a_question(
    kernel: RealKernel, scripted_model: ScriptedModel, workspace: Path
) -> None:
    ran = change(kernel, scripted_model)
    end_id = next(
        msg["content"]["transient"]["display_id"]
        for msg in reversed(ran.msgs)
        if "complete ·" in str(msg["content"].get("data"))
    )
    refused = kernel.run("%chat --undo", answers=["no"])
    shown = refused.text
    assert shown.splitlines()[0] == "Undo the turn “change things”"
    for line in (
        "df has what it held (by copy-on-write)",
        "rates has what it held (by copy)",
        "n is bound to what it was",
        "extra is unbound",
        "out.txt is deleted",
        "Not looked into, so what code changed inside them stays: model (kept by reference).",
        "The agent forgets this turn.",
    ):
        assert line in shown
    assert kernel.run("n").text == "2"

    done = kernel.run("%chat --undo", answers=["y"])
    assert done.status == "ok"
    assert kernel.run(STATE).text == "(['x'], np.float64(0.0), 1, False, 1)"
    assert not (workspace / "out.txt").exists()
    updates = [msg for msg in done.msgs if msg["header"]["msg_type"] == "update_display_data"]
    (update,) = [msg for msg in updates if msg["content"]["transient"]["display_id"] == end_id]
    assert update["content"]["data"]["text/plain"].startswith("undone · complete")

    scripted_model.extend(Reply.text("What things?"))
    kernel.run("%chat and now?")
    assert [text for text in scripted_model.requests[-1].user_texts if "change" in text] == []
    again = kernel.run("%chat --resume")
    assert "undone · complete" in again.text


def test_some_of_a_turn_is_undone_by_name_and_without_a_question(
    kernel: RealKernel, scripted_model: ScriptedModel, workspace: Path
) -> None:
    change(kernel, scripted_model)
    nobody = kernel.run("%chat --undo")
    assert "With --yes the turn is undone without a question." in nobody.text
    wrong = kernel.run("%chat --undo model --yes")
    assert (
        "'model' is nothing that can be taken back here. Choose from: files, cells, variables, out.txt"
        in wrong.text
    )
    done = kernel.run("%chat --undo files df --yes")
    assert "A part of the turn was undone." in done.text
    assert kernel.run(STATE).text == "(['x'], np.float64(3.0), 2, True, 1)"
    assert not (workspace / "out.txt").exists()
    kernel.run("rates[:] = 7")
    rest = kernel.run("def f():\n    get_ipython().run_line_magic('chat', '--undo --yes')\nf()")
    assert "Not taken back, or not looked at" in rest.text
    assert "rates: it was changed since" in rest.text
    assert kernel.run(STATE).text == "(['x'], np.float64(21.0), 1, False, 1)"


def test_a_turn_without_code_has_no_cost_and_nothing_to_undo(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    assert "There is no turn of this session to undo." in kernel.run("%chat --undo --yes").text
    scripted_model.extend(Reply.text("Hello."))
    kernel.run("%chat hello")
    shown = kernel.run("%chat --undo --yes").text
    assert "This turn changed nothing that can be taken back." in shown
    assert "The turn was undone." in shown
