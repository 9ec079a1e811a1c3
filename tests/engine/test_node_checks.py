"""Node files are checked as they are written, in the same turn, over the real CLI."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import Event, Notice, ToolResult, ToolUse, TurnEnd
from neuroworkflow_agent.testing import Reply, ScriptedModel, ToolCall
from tests.nodes.faults import CORRECT, FAULTS

Maker = Callable[..., Session]
FAULTY = next(fault for fault in FAULTS if fault.code == "NW204")
RATE = (CORRECT / "FiringRateNode.py").read_text()


def seen(model: ScriptedModel, at: int) -> str:
    """Everything a request holds, as text."""
    return json.dumps(model.requests[at].body, ensure_ascii=False)


def run(session: Session, prompt: str = "make a node") -> tuple[list[Event], TurnEnd]:
    events: list[Event] = []
    session.run(prompt, listener=events.append)
    assert isinstance(events[-1], TurnEnd)
    return events, events[-1]


def write(path: Path, content: str) -> Reply:
    return Reply.tool("Write", file_path=str(path), content=content)


def node_tool(name: str, **given: Any) -> Reply:
    return Reply((ToolCall(f"mcp__neuroworkflow__{name}", given),))


def test_findings_come_back_in_the_same_turn_and_the_closing_line_counts_them(
    workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    path = workspace / "nodes" / "FiringRateNode.py"
    fix = Reply.tool(
        "Edit", file_path=str(path), old_string='default_value="mode"', new_string='default_value="mean"'
    )
    scripted_model.extend(write(path, FAULTY.source), fix, Reply.text("Done."))
    events, end = run(make_session())
    assert end.end == "complete"
    told = [event.message for event in events if isinstance(event, Notice)][1:]
    assert len(told) == 1
    assert told[0].startswith("The checker: nodes/FiringRateNode.py:32:13: warning NW204 The default 'mode'")
    assert end.checked == "checked: 0 errors"
    assert "nodes/FiringRateNode.py:32:13: warning NW204 The default 'mode'" in seen(scripted_model, 1)
    assert "Fix every error" in seen(scripted_model, 1)
    assert "1 file, 1 node: 0 errors, 0 warnings" in seen(scripted_model, 2)
    assert path.read_text() == RATE


def test_errors_that_stay_are_in_the_closing_line(
    workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    wrong = next(fault for fault in FAULTS if fault.code == "NW301").source
    scripted_model.extend(
        write(workspace / "FiringRateNode.py", wrong), Reply.text("Done."), Reply.text("Hi.")
    )
    session = make_session()
    assert run(session)[1].checked == "checked: 1 error"
    assert run(session, "hello")[1].checked == ""


def test_workflow_that_is_written_is_checked_too(
    workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    (workspace / "FiringRateNode.py").write_text(RATE)
    flow = "from neuroworkflow.core.workflow import WorkflowBuilder\nfrom FiringRateNode import FiringRateNode\nWorkflowBuilder('w').add_node(FiringRateNode('rates'))\n"
    scripted_model.extend(write(workspace / "flow.py", flow), Reply.text("Done."))
    assert run(make_session())[1].checked == "checked: 0 errors, 1 warning"
    assert "flow.py:3:31: warning NW706" in seen(scripted_model, 1)


def test_other_files_and_deleted_ones_are_not_mentioned(
    workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    gone = workspace / "FiringRateNode.py"

    def remove(_request: Any) -> Reply:
        gone.unlink()
        return Reply.text("Done.")

    scripted_model.extend(
        write(workspace / "notes.py", "x = 1\n"),
        write(workspace / "node.md", "NODE_DEFINITION"),
        write(gone, RATE),
        remove,
    )
    assert run(make_session())[1].checked == ""
    assert "node checker" not in seen(scripted_model, 2)
    assert "node checker" in seen(scripted_model, 3)


def test_file_that_changed_after_its_check_is_said_to(
    workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    path = workspace / "FiringRateNode.py"

    def change(_request: Any) -> Reply:
        path.write_text(RATE + "\n# more\n")
        return Reply.text("Done.")

    scripted_model.extend(write(path, RATE), change)
    assert run(make_session())[1].checked == "checked: 0 errors, 1 file changed since"


def test_tools_answer_about_the_nodes_of_the_workspace(
    workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    nodes = workspace / "nodes"
    nodes.mkdir()
    for name in ("FiringRateNode", "PoissonPopulationNode", "IsiStatisticsNode"):
        (nodes / f"{name}.py").write_text((CORRECT / f"{name}.py").read_text())
    (workspace / "flow.py").write_text(
        "b = WorkflowBuilder('w').add_node(FiringRateNode('a')).add_node(IsiStatisticsNode('b'))\n"
        "b.connect('a', 'firing_rate_hz', 'b', 'spike_times_ms')\n"
    )
    scripted_model.extend(
        node_tool("list_nodes"),
        node_tool("check_node", paths=["nodes"]),
        node_tool(
            "check_connection",
            output="PoissonPopulationNode.spike_times_ms",
            input="firing_rate.spike_times_ms",
        ),
        node_tool("check_workflow", path="flow.py"),
        node_tool("check_node", paths=["/etc"]),
        node_tool("check_connection", output="X.y", input="Z.w"),
        Reply.text("Done."),
    )
    events, end = run(make_session(mode="read-only"))
    results = [event for event in events if isinstance(event, ToolResult)]
    assert [event.name for event in events if isinstance(event, ToolUse)] == [
        "list_nodes", "check_node", "check_connection", "check_workflow", "check_node", "check_connection",
    ]  # fmt: skip
    assert [result.is_error for result in results] == [False, False, False, False, True, True]
    assert results[0].text.startswith("firing_rate · class FiringRateNode · nodes/FiringRateNode.py:")
    assert results[1].text == "3 files, 3 nodes: 0 errors, 0 warnings"
    assert results[2].text.startswith("fits: DICT, and both are in ms")
    assert "flow.py:2:1: warning NW711" in results[3].text
    assert "flowchart LR" in results[3].text
    assert "outside the workspace" in results[4].text
    assert results[5].text.startswith("There is no node 'X' here. Nodes: FiringRateNode")
    assert end.checked == "checked: 0 errors"


@pytest.mark.parametrize("mode", ["plan", "read-only"])
def test_running_a_node_is_a_change(
    mode: str, workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    (workspace / "FiringRateNode.py").write_text(RATE)
    scripted_model.extend(node_tool("check_node", paths=["."], run=True), Reply.text("No."))
    events, _ = run(make_session(mode=mode))
    (result,) = [event for event in events if isinstance(event, ToolResult)]
    assert result.is_error
    assert f"not allowed in {mode} mode" in result.text


def test_running_a_node_asks_in_ask_mode(
    workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    (workspace / "FiringRateNode.py").write_text(RATE)
    scripted_model.extend(node_tool("check_node", run=True), Reply.text("No."))
    assert run(make_session(mode="ask", can_ask=False))[1].end == "interaction"


@pytest.mark.usefixtures("library")
def test_stop_ends_a_node_that_runs(
    workspace: Path, scripted_model: ScriptedModel, make_session: Maker
) -> None:
    endless = f"        window_ms = 1.0\n        open({str(workspace / 'started')!r}, 'w').close()\n        while True: pass\n"
    path = workspace / "FiringRateNode.py"
    path.write_text(RATE.replace("        window_ms = self._par", f"{endless}        window_ms = self._par"))
    (workspace / "FiringRateNode.example.json").write_text('{"inputs": {"spike_times_ms": {"a": [1.0]}}}')
    scripted_model.extend(
        node_tool("check_node", paths=["FiringRateNode.py"], run=True), Reply.text("Never said.")
    )
    session = make_session()
    turn = session.start("run it")
    deadline = time.monotonic() + 60
    while not (workspace / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(mine(workspace)) == 2
    session.interrupt()
    turn.result(20)
    deadline = time.monotonic() + 10
    while mine(workspace):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def mine(workspace: Path) -> list[str]:
    """Command lines of the processes that answer, and of those that run a node of this workspace."""
    found = []
    ours = {child.pid for child in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "neuroworkflow_agent.nodes" in line and (process.info["pid"] in ours or str(workspace) in line):
            found.append(line)
    return found
