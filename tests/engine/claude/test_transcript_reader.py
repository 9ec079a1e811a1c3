"""A transcript read from disk, after real turns of the real CLI."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.claude.transcript_reader import read_transcript
from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.events import CellOutput, TextDelta, ToolResult, ToolUse, TurnEnd, TurnStart
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.outputs import Output
from neuroworkflow_agent.pictures import encode_picture
from neuroworkflow_agent.testing import Reply, ScriptedModel


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    return buffer.getvalue()


class Canned:
    """A kernel whose every execution prints and draws."""

    language = "python"

    async def execute(self, source: str, **_: Any) -> Execution:
        outputs: tuple[Output, ...] = (
            {"output_type": "stream", "name": "stdout", "text": "17 spikes\n"},
            {
                "output_type": "display_data",
                "data": {"image/png": base64.b64encode(png()).decode()},
                "metadata": {},
            },
        )
        return Execution(source, "ok", outputs, 1, None, 0.1)

    async def interrupt(self) -> None: ...

    async def aclose(self) -> None: ...


def kinds(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_transcript_has_what_the_live_turns_had(
    make_session: Any, scripted_model: ScriptedModel, workspace: Path
) -> None:
    scripted_model.extend(
        Reply.text("Hello."),
        Reply.code("count()"),
        Reply.text("Seventeen."),
    )
    session = make_session(kernel=Canned())
    ends = [session.run("Hi there.").result()]
    note = Attachment("notes.md", "File notes.md:\nkeep rates", (encode_picture(png()),))
    ends.append(session.run("How many?", context="In [1]:\nx", attachments=[note]).result())
    blocks = scripted_model.requests[1].body["messages"][-1]["content"]
    ours = [block for block in blocks if "[Image: source:" not in block.get("text", "")]
    assert [block["type"] for block in ours] == ["text", "text", "image", "text"]
    events = read_transcript(session.session_id, AgentConfig.from_env(workspace=workspace))
    assert kinds(events) == [
        "TurnStart", "TextDelta", "TurnEnd",
        "TurnStart", "ToolUse", "CellOutput", "CellOutput", "ToolResult", "TextDelta", "TurnEnd",
    ]  # fmt: skip
    starts = [(e.prompt, e.attached) for e in events if isinstance(e, TurnStart)]
    assert starts == [("Hi there.", ()), ("How many?", ("notes.md",))]
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["Hello.\n\n", "Seventeen.\n\n"]
    (use,) = (e for e in events if isinstance(e, ToolUse))
    assert (use.name, use.input) == ("run_code", {"code": "count()"})
    outputs = [e.change["output"] for e in events if isinstance(e, CellOutput) and e.change["op"] == "append"]
    assert outputs[0]["text"] == "17 spikes\n"
    assert outputs[1]["data"]["image/png"] == base64.b64encode(png()).decode()
    assert [e.is_error for e in events if isinstance(e, ToolResult)] == [False]
    told = [e.last_message_id for e in events if isinstance(e, TurnEnd)]
    assert told == [end.last_message_id for end in ends]
    assert all(told)


def test_a_fork_from_a_turn_holds_the_turns_up_to_it(
    make_session: Any, scripted_model: ScriptedModel, workspace: Path
) -> None:
    scripted_model.extend(*(Reply.text(f"Answer {number}.") for number in range(3)))
    session = make_session()
    ends = [session.run(f"Question {number}").result() for number in range(3)]
    config = AgentConfig.from_env(workspace=workspace)
    copy = transcripts.fork(session.session_id, config, up_to=ends[1].last_message_id)
    prompts = [e.prompt for e in read_transcript(copy, config) if isinstance(e, TurnStart)]
    assert prompts == ["Question 0", "Question 1"]


def test_a_session_is_named_by_what_the_user_said_first(
    make_session: Any, scripted_model: ScriptedModel, workspace: Path
) -> None:
    scripted_model.extend(Reply.text("1"), Reply.text("2"))
    session = make_session()
    session.run("Count the spikes.", context="In [1]:\nx = 1").result()
    session.run("And now the rates.").result()
    config = AgentConfig.from_env(workspace=workspace)
    assert transcripts.find(session.session_id, config).title == "Count the spikes."
    transcripts.rename(session.session_id, "Spikes", config)
    assert transcripts.find(session.session_id, config).title == "Spikes"


def test_a_stopped_turn_is_told_as_interrupted(
    make_session: Any, scripted_model: ScriptedModel, workspace: Path
) -> None:
    scripted_model.extend(Reply.text("word " * 400, delay_s=0.02), Reply.text("Fine."))
    session = make_session()
    turn = session.start("Talk.")
    for event in turn:
        if isinstance(event, TextDelta):
            turn.interrupt()
    session.run("Go on.").result()
    events = read_transcript(session.session_id, AgentConfig.from_env(workspace=workspace))
    assert [(e.end) for e in events if isinstance(e, TurnEnd)] == ["interrupted", "complete"]
    assert "word" in next(e.text for e in events if isinstance(e, TextDelta))
