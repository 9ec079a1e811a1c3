"""Code that runs on when its turn has ended: what is shown of it, what it keeps waiting, and how it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import SessionBusyError
from neuroworkflow_agent.events import CodeEnd, Event
from neuroworkflow_agent.outputs import stream
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.turn_items import Card, Note
from neuroworkflow_agent.surfaces.turn_view import TurnView
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.tools.slow_kernel import SlowKernel

pytestmark = pytest.mark.claude


class Rig:
    """A chat whose code runs until a test lets it end, and what is shown of it."""

    def __init__(self, workspace: Path, portal: Portal, model: ScriptedModel) -> None:
        self.kernel = SlowKernel()
        self.view = TurnView()
        config = AgentConfig.from_env(workspace=workspace, detach_after_s=0.1)
        self.chat = Chat(config, kernel=self.kernel, portal=portal, leaves_code=True)
        self._portal = portal
        self._model = model

    def say(self, prompt: str, *replies: Reply) -> str:
        """A turn; all that the model was told by then."""
        self._model.extend(*replies, Reply.text("It runs."))
        assert self.chat.send(prompt, listener=self.view.handle).result(60).end == "complete"
        return "\n".join(self._model.requests[-1].user_texts)

    def post(self, function: Callable[[], object]) -> None:
        self._portal.post(function)

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    @property
    def card(self) -> Card:
        return next(item for item in self.view.items if isinstance(item, Card))

    @property
    def state(self) -> str:
        return self.card.state

    @property
    def notes(self) -> list[str]:
        return [item.text for item in self.view.items if isinstance(item, Note) and "ran on" in item.text]


@pytest.fixture
def rig(workspace: Path, portal: Portal, scripted_model: ScriptedModel) -> Iterator[Rig]:
    made = Rig(workspace, portal, scripted_model)
    yield made
    made.chat.close()


def test_the_turn_ends_first_and_the_end_is_told(rig: Rig) -> None:
    rig.say("fit it", Reply.code("slow"))
    assert (rig.state, rig.view.runs_on, rig.view.activity) == ("running", True, None)
    # What would end the session waits; another message does not.
    with pytest.raises(SessionBusyError, match="still runs"):
        rig.chat.select(new=True)
    with pytest.raises(SessionBusyError, match="still runs"):
        rig.chat.change(mode="plan")
    assert "code-1 still runs in the kernel, after" in rig.say(
        "how far?", Reply.tool("mcp__neuroworkflow__code_wait", code="code-1", wait_s=0)
    )
    rig.post(lambda: rig.kernel.say(stream("stdout", "epoch 2")))
    rig.until(lambda: bool(rig.card.outputs.outputs))
    assert rig.state == "running"
    rig.post(rig.kernel.may_end.set)
    rig.until(lambda: not rig.view.runs_on)
    assert rig.state == "ok"
    assert [note.partition(", after")[0] for note in rig.notes] == ["The code that ran on has ended"]
    assert "code-1 has ended." in rig.say("and?")
    # It is shown so again, and the session is free.
    again = TurnView()
    for event in rig.chat.history():
        again.handle(event)
    assert [(type(a), getattr(a, "state", "")) for a in again.items if isinstance(a, Card)] == [
        (type(a), getattr(a, "state", "")) for a in rig.view.items if isinstance(a, Card)
    ]
    rig.chat.select(new=True)


def test_a_stop_ends_it_also_when_no_turn_runs(rig: Rig) -> None:
    rig.say("fit it", Reply.code("slow"))
    rig.chat.stop()
    rig.until(lambda: not rig.view.runs_on)
    assert rig.state == "stopped"
    assert [note.partition(", after")[0] for note in rig.notes] == ["The code that ran on was stopped"]
    assert "stopped" in rig.say("go on", Reply.code("quick"))
    assert rig.view.items[-1].event.end == "complete"  # type: ignore[union-attr]


def test_a_kernel_that_ended_has_no_code_running_on(rig: Rig) -> None:
    rig.say("fit it", Reply.code("slow"))
    events: list[Event] = [event for event in rig.chat.history() if not isinstance(event, CodeEnd)]
    shown = TurnView()
    for event in events:
        shown.handle(event)
    assert not shown.runs_on
    assert [item.state for item in shown.items if isinstance(item, Card)] == ["stopped"]
