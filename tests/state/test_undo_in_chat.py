"""Turns of a real session taken back: its files, its memory, what is shown. The model is scripted."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import TurnStart, TurnUndone
from neuroworkflow_agent.state.undo import Undo
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.testing import Reply, ScriptedModel

pytestmark = pytest.mark.claude


@pytest.fixture
def chat(scripted_model: ScriptedModel, workspace: Path, portal: Portal) -> Iterator[Chat]:
    with Chat(AgentConfig.from_env(workspace=workspace), portal=portal, undo=Undo()) as made:
        yield made


def say(chat: Chat, model: ScriptedModel, prompt: str, *replies: Reply) -> list[str]:
    """Run a turn; what the model was told so far."""
    model.extend(*replies, Reply.text(f"To {prompt}"))
    assert chat.send(prompt).result(60).end == "complete"
    return model.requests[-1].user_texts


def write(path: Path, text: str) -> tuple[Reply, Reply]:
    """What a model does to write a file that may be there already."""
    return Reply.tool("Read", file_path=str(path)), Reply.tool("Write", file_path=str(path), content=text)


def test_turns_are_undone_in_order(chat: Chat, scripted_model: ScriptedModel, workspace: Path) -> None:
    notes = workspace / "notes.md"
    notes.write_text("old\n")
    with pytest.raises(ConfigError, match="no turn"):
        chat.undo_turn.plan()
    say(chat, scripted_model, "one", *write(notes, "one\n"))
    say(
        chat,
        scripted_model,
        "two",
        *write(notes, "two\n"),
        Reply.tool("Write", file_path=str(workspace / "new"), content="x"),
    )
    first_session = chat.session_id
    starts = [event for event in chat.history() if isinstance(event, TurnStart)]
    with pytest.raises(ConfigError, match="Undo them first, the last one first: 'two'"):
        chat.undo_turn.plan(starts[0].turn_id)

    plan = chat.undo_turn.plan()
    assert [(each.name, each.verb) for each in plan.effects] == [
        ("notes.md", "is restored"),
        ("new", "is deleted"),
    ]
    undone = chat.undo_turn.take_back(plan)
    assert undone == TurnUndone(starts[1].turn_id, True, ("notes.md is restored", "new is deleted"), ())
    assert (notes.read_text(), (workspace / "new").exists()) == ("one\n", False)
    assert chat.session_id != first_session
    assert [e for e in chat.history() if isinstance(e, TurnUndone)] == [undone]
    assert say(chat, scripted_model, "three") == ["one", "three"]

    chat.undo_turn.take_back(chat.undo_turn.plan())
    chat.undo_turn.take_back(chat.undo_turn.plan())
    assert notes.read_text() == "old\n"
    with pytest.raises(ConfigError, match="no turn"):
        chat.undo_turn.plan()
    with pytest.raises(ConfigError, match="no turn"):
        chat.undo_turn.plan(starts[0].turn_id)
    assert [e.prompt for e in chat.history() if isinstance(e, TurnStart)] == ["one", "two", "three"]
    assert say(chat, scripted_model, "four") == ["four"]
    assert [e.prompt for e in chat.history() if isinstance(e, TurnStart)] == ["one", "two", "three", "four"]


def test_a_part_is_undone_and_the_model_is_told(
    chat: Chat, scripted_model: ScriptedModel, workspace: Path
) -> None:
    say(
        chat, scripted_model, "one",
        Reply.tool("Write", file_path=str(workspace / "a"), content="a"),
        Reply.tool("Write", file_path=str(workspace / "b"), content="b"),
    )  # fmt: skip
    session = chat.session_id
    plan = chat.undo_turn.plan()
    undone = chat.undo_turn.take_back(plan, {plan.effects[0].key})
    assert (undone.is_whole, undone.restored) == (False, ("a is deleted",))
    assert sorted(each.name for each in workspace.iterdir()) == ["b"]
    assert chat.session_id == session
    told = say(chat, scripted_model, "two")
    assert "The user took back a part of what your last turn did: a is deleted." in told[1]
    chat.undo_turn.take_back(chat.undo_turn.plan())
    assert [each.name for each in chat.undo_turn.plan().effects] == ["b"]


def test_another_process_undoes_files_and_says_what_it_cannot(
    chat: Chat, scripted_model: ScriptedModel, workspace: Path, portal: Portal
) -> None:
    say(chat, scripted_model, "zero")
    say(chat, scripted_model, "one", Reply.tool("Write", file_path=str(workspace / "a"), content="a"))
    (workspace / "b").write_text("the user's")
    session = chat.session_id
    chat.close()
    with Chat(AgentConfig.from_env(workspace=workspace), portal=portal, undo=Undo()) as later:
        later.select(resume=session)
        plan = later.undo_turn.plan()
        assert plan.prompt == "one"
        assert plan.limits == (
            "The kernel that ran this turn is gone: cells and variables cannot be taken back, only files.",
        )
        later.undo_turn.take_back(plan)
        assert sorted(each.name for each in workspace.iterdir()) == ["b"]
        assert say(later, scripted_model, "two") == ["zero", "two"]


def test_what_is_kept_of_files_goes_with_the_session(
    chat: Chat, scripted_model: ScriptedModel, workspace: Path
) -> None:
    (workspace / "a").write_text("secret")
    say(chat, scripted_model, "one", *write(workspace / "a", "a"))
    chat.undo_turn.plan()
    assert len(list(state_directory("undo").iterdir())) == 1
    session = chat.session_id
    assert session is not None
    chat.delete(session)
    assert list(state_directory("undo").iterdir()) == []


def test_turn_of_which_nothing_was_kept_here_is_undone(
    chat: Chat, scripted_model: ScriptedModel, workspace: Path
) -> None:
    say(chat, scripted_model, "one")
    say(chat, scripted_model, "two", *write(workspace / "notes.md", "two\n"))
    assert chat.history()  # which has all of it written down
    for log in state_directory("sessions").glob("*.jsonl"):  # as a full disk leaves it, or `claude --resume`
        log.unlink()
    undone = chat.undo_turn.take_back(chat.undo_turn.plan())
    assert undone.is_whole
    assert say(chat, scripted_model, "three") == ["one", "three"]


def test_files_are_undone_where_the_session_cannot_be_copied(
    chat: Chat, scripted_model: ScriptedModel, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(chat, scripted_model, "one")
    say(chat, scripted_model, "two", *write(workspace / "notes.md", "two\n"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(transcripts, "fork", full)
        undone = chat.undo_turn.take_back(chat.undo_turn.plan())
    assert (undone.is_whole, undone.restored) == (False, ("notes.md is deleted",))
    assert undone.left == (
        "The agent remembers this turn, as no copy of the session could be made that ends before it: No space left on device.",
    )
    assert not (workspace / "notes.md").exists()
    texts = say(chat, scripted_model, "three")
    assert texts[:2] == ["one", "two"]
    assert "took back a part of what your last turn did: notes.md is deleted." in str(
        scripted_model.requests[-1].body
    )
