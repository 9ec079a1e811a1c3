"""What the screen showed is kept, and shown again as it was."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine import event_log
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.event_log import EventLog, copy_log, delete_log, log_path, read_log
from neuroworkflow_agent.engine.history import history
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import (
    CellEnd,
    CellOutput,
    CellStart,
    Event,
    Notice,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
    decode,
)
from neuroworkflow_agent.ids import SessionId, ToolUseId, TurnId
from neuroworkflow_agent.outputs import stream
from neuroworkflow_agent.surfaces.panel.items import Transcript
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests import tiers

Maker = Callable[..., Session]
ID = SessionId("0c8a1f5e-0000-4000-8000-000000000001")
TURN, CALL = TurnId("turn_1"), ToolUseId("toolu_1")
PICTURE = base64.b64encode(bytes(range(256)) * 40).decode()


def drawn(data: dict[str, Any]) -> CellOutput:
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    return CellOutput(CALL, {"op": "append", "output": output, "display_id": "d1"})


def ended(turn: TurnId = TURN, message_id: str | None = "m1") -> TurnEnd:
    return TurnEnd(turn, "complete", "", ID, 1.5, last_message_id=message_id)


def written(*events: Event, turn: TurnId = TURN, log: EventLog | None = None) -> EventLog:
    log = log or EventLog(ID, lambda text: text.replace("sk-secret", "***"))

    async def main() -> None:
        for event in events:
            log.add(turn, event)
        await log.flush()

    asyncio.run(main())
    return log


def test_what_is_written_is_read_with_its_texts_joined() -> None:
    use, start = ToolUse(CALL, "run_code", {"code": "x", "n": [1, None]}), TurnStart(TURN, "Go", ("a", "b"))
    written(
        start, TextDelta("He"), TextDelta("llo"), use, CellStart(CALL), CellOutput(CALL, stream("stdout", "1")),
        CellOutput(CALL, stream("stdout", "2\n")), CellEnd(CALL, "ok", 3, 0.5), ToolResult(CALL, "12", False), ended(),
    )  # fmt: skip
    assert read_log(ID) == [
        start, TextDelta("Hello"), use, CellStart(CALL), CellOutput(CALL, stream("stdout", "12\n")),
        CellEnd(CALL, "ok", 3, 0.5), ToolResult(CALL, "12", False), ended(),
    ]  # fmt: skip


def test_nobody_else_can_read_it_and_secrets_are_not_in_it() -> None:
    written(
        TurnStart(TURN, "my key is sk-secret"), ToolUse(CALL, "run_code", {"code": "'sk-secret'"}), ended()
    )
    path = log_path(ID)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "sk-secret" not in path.read_text()


def test_pictures_lie_beside_it_once() -> None:
    update = CellOutput(
        CALL, {"op": "update", "display_id": "d1", "data": {"image/png": PICTURE}, "metadata": {}}
    )
    figure = drawn({"image/png": PICTURE, "text/plain": "<Figure>"})
    written(TurnStart(TURN, "Draw"), figure, update, ended())
    (picture,) = log_path(ID).with_suffix(".pictures").iterdir()
    assert picture.read_bytes() == base64.b64decode(PICTURE)
    assert picture.stat().st_mode & 0o777 == 0o600
    assert log_path(ID).stat().st_size < 2_000
    assert read_log(ID)[1:3] == [figure, update]
    picture.unlink()
    assert read_log(ID)[1] == drawn({"image/png": "", "text/plain": "<Figure>"})


def test_turn_without_an_end_was_cut_off() -> None:
    written(TurnStart(TURN, "Go"), TextDelta("He"))
    *_, last = read_log(ID)
    assert isinstance(last, TurnEnd)
    assert (last.end, last.message) == ("cut_off", "The kernel ended before the turn did.")


@pytest.mark.parametrize("rubbish", [b'{"turn": "turn_1", "at": 1, "type": "Text', b"\x00\xff", b"[]", b'{"turn": 3}'])  # fmt: skip
def test_half_a_line_costs_that_line(rubbish: bytes) -> None:
    written(TurnStart(TURN, "Go"))
    with log_path(ID).open("ab") as file:
        file.write(rubbish + b"\n")
    written(TextDelta("Hello"), ended())
    assert read_log(ID) == [TurnStart(TURN, "Go"), TextDelta("Hello"), ended()]


def test_disk_that_was_full_for_a_while_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes, *, is_to_last: bool) -> None:
        with path.open("ab") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(event_log, "_append", full)
        log = written(TurnStart(TURN, "Go"))
        assert (
            log.trouble == "What you see of this session cannot be kept: No space left on device."
        )  # twice, and half lines in between
        written(TextDelta("Hello"), log=log)
    written(ended(), log=log)
    assert log.trouble == ""
    assert read_log(ID) == [TurnStart(TURN, "Go"), TextDelta("Hello"), ended()]


def test_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    log_path(ID).symlink_to(victim)
    log = written(TurnStart(TURN, "Go"))
    assert log.trouble
    assert victim.read_text() == "mine"


def test_oldest_turns_go_when_it_grows_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MAX_BYTES", 20_000)
    for number in range(12):
        turn = TurnId(f"turn_{number}")
        figure = drawn({"image/png": base64.b64encode(f"{number}".encode() * 4_000).decode()})
        written(TurnStart(turn, f"Q{number}"), TextDelta("x" * 3_000), figure, ended(turn), turn=turn)
    prompts = [event.prompt for event in read_log(ID) if isinstance(event, TurnStart)]
    assert log_path(ID).stat().st_size <= 20_000
    assert prompts == [f"Q{number}" for number in range(12 - len(prompts), 12)]
    assert len(prompts) >= 3
    assert len(list(log_path(ID).with_suffix(".pictures").iterdir())) == len(prompts)


def test_copy_ends_where_it_is_asked_to_and_deleting_takes_all() -> None:
    for number in (1, 2):
        turn = TurnId(f"turn_{number}")
        written(
            TurnStart(turn, f"Q{number}"), drawn({"image/png": PICTURE}), ended(turn, f"m{number}"), turn=turn
        )
    copy_log(ID, "copy", up_to="m1")
    assert [type(event).__name__ for event in read_log("copy")] == ["TurnStart", "CellOutput", "TurnEnd"]
    assert read_log("copy")[1] == drawn({"image/png": PICTURE})
    delete_log(ID)
    assert read_log(ID) == []
    assert {path.name.split(".")[0] for path in log_path(ID).parent.iterdir()} == {"copy"}


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a/b", "x" * 100])
def test_name_that_is_no_id_leads_nowhere(name: str) -> None:
    assert read_log(name) == []
    delete_log(name)


# -- with sessions ------------------------------------------------------------------------------------


def items(events: list[Event]) -> list[dict[str, Any]]:
    transcript = Transcript(lambda _picture: None)
    for event in events:
        transcript.handle(event)
    transcript.patch()
    return transcript.snapshot()


def test_user_message_is_kept_before_the_model_is_called(
    scripted_model: ScriptedModel, make_session: Maker
) -> None:
    session = make_session()
    kept: list[str] = []

    def reply(_request: Any) -> Reply:
        kept.append(log_path(session.session_id).read_text())
        return Reply.text("Hello.")

    scripted_model.extend(reply)
    session.run("Count the spikes.")
    assert "Count the spikes." in kept[0]


def test_turns_of_a_terminal_are_shown_between_ours(
    scripted_model: ScriptedModel, make_session: Maker, workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    scripted_model.extend(*(Reply.text(f"Answer {number}.") for number in range(3)))
    config = AgentConfig.from_env(workspace=workspace)

    def ask(prompt: str, resume: str | None) -> str:
        session = make_session(resume=resume)
        session.run(prompt)
        session.close()
        return session.session_id

    session_id = ask("Ours", None)
    with monkeypatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))  # a client that writes no log of ours
        ask("Theirs", session_id)

    def prompts() -> list[str]:
        return [event.prompt for event in history(session_id, config) if isinstance(event, TurnStart)]

    assert prompts() == ["Ours", "Theirs"]
    ask("Ours again", session_id)
    assert prompts() == ["Ours", "Theirs", "Ours again"]
    copy = transcripts.fork(session_id, config)
    assert [event.prompt for event in history(copy, config) if isinstance(event, TurnStart)] == prompts()
    transcripts.delete(session_id, config)
    assert read_log(session_id) == []


def test_fork_of_a_session_begins_with_what_the_other_showed(
    scripted_model: ScriptedModel, make_session: Maker, workspace: Path
) -> None:
    scripted_model.extend(Reply.text("One."), Reply.text("Two."))
    first = make_session()
    first.run("First")
    fork = make_session(resume=first.session_id, fork=True)
    fork.run("Second")
    fork.close()
    config = AgentConfig.from_env(workspace=workspace)
    shown = [event.prompt for event in history(fork.session_id, config) if isinstance(event, TurnStart)]
    assert shown == ["First", "Second"]
    assert [event.prompt for event in read_log(first.session_id) if isinstance(event, TurnStart)] == ["First"]


def test_what_cannot_be_kept_is_said_once(scripted_model: ScriptedModel, make_session: Maker) -> None:
    session = make_session()
    log_path(session.session_id).mkdir()
    scripted_model.extend(Reply.text("One."), Reply.text("Two."))
    told = [
        [event.message for event in session.run(prompt) if isinstance(event, Notice)] for prompt in ("a", "b")
    ]
    assert told[0][1:] == ["What you see of this session cannot be kept: Is a directory."]
    assert told[1] == []


def test_transcript_that_was_not_written_is_told(
    scripted_model: ScriptedModel, make_session: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_model.extend(Reply.text("One."), Reply.text("Two."))
    session = make_session()
    session.run("a")
    monkeypatch.setattr(transcripts, "exists", lambda *_: False)
    told = [event.message for event in session.run("b") if isinstance(event, Notice)]
    assert len(told) == 1
    assert told[0].startswith("Claude Code could not write this session down")


_CHILD = """
import json, sys, time
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import encode
def show(event):
    print(json.dumps([time.time(), encode(event)]), flush=True)
session = Session()
print(json.dumps(session.session_id), flush=True)
for number in range(100):
    session.run(f"Question {number}", listener=show)
"""


def test_killed_at_any_moment_it_has_all_but_the_last_second(
    scripted_model: ScriptedModel, workspace: Path
) -> None:
    chosen = random.Random(tiers.SEED)
    replies = [Reply.text("word " * 30, delay_s=0.01), Reply.text("more " * 5)]
    rounds = tiers.count(50, at_least=2)
    scripted_model.extend(*replies * 50 * rounds)
    for _ in range(rounds):
        environ = {**os.environ, "NEUROWORKFLOW_WORKSPACE_ROOT": str(workspace)}
        process = subprocess.Popen(
            [sys.executable, "-c", _CHILD], env=environ, stdout=subprocess.PIPE, text=True, cwd=workspace
        )
        assert process.stdout is not None
        session_id = json.loads(process.stdout.readline())
        first = process.stdout.readline()
        time.sleep(1.2 + chosen.random() * 2.0)
        killed_at = time.time()
        process.kill()
        rest, _ = process.communicate()
        lines = [json.loads(line) for line in (first + rest).splitlines() if line.endswith("]")]
        logged = read_log(session_id)
        asked = [event.prompt for event in logged if isinstance(event, TurnStart)]
        seen = [decode(event) for _, event in lines]
        # The last message may have come so late that it had not been taken in.
        prompts = [event.prompt for event in seen if isinstance(event, TurnStart)]
        assert asked in (prompts, prompts[:-1])
        early = [decode(event) for at, event in lines if at < killed_at - 1.0]
        text = "".join(event.text for event in logged if isinstance(event, TextDelta))
        assert text.startswith("".join(event.text for event in early if isinstance(event, TextDelta)))
        ends = [event.turn_id for event in logged if isinstance(event, TurnEnd)]
        assert {event.turn_id for event in early if isinstance(event, TurnEnd)} <= set(ends)
