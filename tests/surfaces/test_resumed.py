"""A session that is shown again: drawn from its log, it is what each surface drew while it ran. A cell: `test_magics`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nbformat.v4 import new_notebook

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.history import history
from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import ApprovalRequest, CellEnd, CellOutput, Event, TextDelta, TurnEnd
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.outputs import OutputList
from neuroworkflow_agent.render.parts import outputs_text
from neuroworkflow_agent.surfaces.panel.items import Transcript
from neuroworkflow_agent.surfaces.terminal_view import TerminalView
from neuroworkflow_agent.surfaces.turn_cells import TurnCells
from neuroworkflow_agent.testing import Reply, ScriptedModel, Text, ToolCall

Maker = Callable[..., Session]
Draw = Callable[[Iterable[list[Event]]], Any]
CODE = """\
import time
from IPython.display import display
print("counting", end="")
for _ in range(3):
    time.sleep(0.15)  # longer than events are gathered
    print(".", end="")
place = display({"text/html": "<b>0</b>", "text/plain": "0"}, raw=True, display_id=True)
place.update({"text/html": "<b>17</b>", "text/plain": "17"}, raw=True)
1 / 0
"""
PROMPTS = ("Count and write.", "Talk.")
SHOWN = ("counting...", "ZeroDivisionError", "17", "as far")


def in_a_terminal(events: list[Event]) -> list[str]:
    """While turns run: what their code shows is written by the shell."""
    written: list[str] = []
    view = TerminalView(written.append)
    outputs = OutputList()
    for event in events:
        view.handle(event)
        if isinstance(event, CellOutput):
            outputs.apply(event.change)
        if isinstance(event, CellEnd):
            written.append(outputs_text(outputs.outputs) + "\n")
    return lines(written)


def again_in_a_terminal(events: list[Event]) -> list[str]:
    """Afterwards: with the messages, which a terminal has above its cells."""
    written: list[str] = []
    TerminalView(written.append).show(events)
    return [line for line in lines(written) if line not in [f"> {prompt}" for prompt in PROMPTS]]


def lines(written: list[str]) -> list[str]:
    return [line for line in "".join(written).splitlines() if line]


def in_a_notebook_file(batches: Iterable[list[Event]]) -> list[Any]:
    notebook = new_notebook()
    cells: TurnCells | None = None
    for event in (event for batch in batches for event in batch):
        if cells is None:
            cells = TurnCells(notebook)
        cells.handle(event)
        if isinstance(event, TurnEnd):
            cells = None
    return [{name: value for name, value in cell.items() if name != "id"} for cell in notebook.cells]


def in_a_panel(batches: Iterable[list[Event]]) -> list[Any]:
    transcript = Transcript(lambda _picture: None)
    for batch in batches:
        for event in batch:
            transcript.handle(event)
        transcript.patch()
    return transcript.snapshot()


SURFACES: dict[str, Draw] = {
    "notebook file": in_a_notebook_file, "panel": in_a_panel,
}  # fmt: skip


def test_each_surface_shows_a_session_again_as_it_was_seen(
    scripted_model: ScriptedModel, make_session: Maker, workspace: Path, portal: Portal
) -> None:
    plan = ToolCall("TaskCreate", {"subject": "Count", "description": "Count the spikes"})
    write = ToolCall("Write", {"file_path": str(workspace / "a.txt"), "content": "1\n"})
    bash = ToolCall("Bash", {"command": "rm -rf x"})
    scripted_model.extend(
        Reply((Text("I *count*."), plan)), Reply.code(CODE), Reply((Text("Now I write."), write)), Reply((bash,)), Reply.text("Done,\n\n- as far\n- as I may."),
        Reply.text("word " * 400, delay_s=0.02), Reply.text("Hello again."),
    )  # fmt: skip
    live: list[Event] = []

    def listener(event: Event) -> None:
        live.append(event)
        if isinstance(event, ApprovalRequest):
            turn.answer(event.request_id, Answer(False, "No."))
        if isinstance(event, TextDelta) and event.text.startswith("word"):
            turn.interrupt()

    kernel = portal.call(ClientKernel.start("python3", cwd=workspace))
    session = make_session(kernel=kernel, allow_bash=True)
    try:
        for prompt in PROMPTS:
            turn = session.start(prompt, listener=listener)
            turn.result(60)
    finally:
        session.close()
        portal.call(kernel.aclose())
    assert [event.end for event in live if isinstance(event, TurnEnd)] == ["complete", "interrupted"]
    again = history(session.session_id, AgentConfig.from_env(workspace=workspace))
    for name, draw in SURFACES.items():
        seen = draw([event] for event in live)
        assert draw([again]) == seen, name
        assert all(text in str(seen) for text in SHOWN), name
    seen = in_a_terminal(live)
    *before, last = again_in_a_terminal(again)
    assert [*before, last.removeprefix("interrupted · ")] == seen  # an error says so while it is new
    assert all(text in str(seen) for text in SHOWN)
    resumed = make_session(resume=session.session_id)
    resumed.start("Hello?", listener=live.append).result(60)
    resumed.close()
    again = history(session.session_id, AgentConfig.from_env(workspace=workspace))
    assert in_a_panel([again]) == in_a_panel([live])
