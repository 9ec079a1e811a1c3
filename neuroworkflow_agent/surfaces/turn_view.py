"""Events of turns → what a person is shown of them: items, and what is being waited for. Pure.

`TurnView` is the one reader of events for people: a cell, a terminal, a notebook file and a panel draw its items and
look at no event. It is fed turn after turn, live or from a log, and gives the same items for the same events.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.engine.permissions import QUESTION
from neuroworkflow_agent.events import (
    ApprovalDecision,
    ApprovalRequest,
    CellEnd,
    CellOutput,
    CellStart,
    CodeEnd,
    Compacted,
    Event,
    FileChange,
    FollowUp,
    Notice,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnPinned,
    TurnStart,
    TurnUndone,
    Waiting,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.outputs import ExecutionStatus
from neuroworkflow_agent.surfaces.plan import Plan, PlanReader, Step
from neuroworkflow_agent.surfaces.turn_items import (
    OPEN_STATES,
    Activity,
    Card,
    CardState,
    End,
    Item,
    Note,
    Prompt,
    Text,
)
from neuroworkflow_agent.tools.cell_answers import runs_on
from neuroworkflow_agent.tools.registry import RUN_CODE

_STATES: dict[ExecutionStatus, CardState] = {"ok": "ok", "error": "error", "interrupted": "stopped"}
_READING = frozenset({"Read", "Glob", "Grep", "Skill", "notebook_get", "notebook_search", "cell_get"})
_WRITTEN = {
    RUN_CODE: "code",
    "Write": "a file",
    "Edit": "a change",
    "cell_insert": "a cell",
    QUESTION: "a question",
}
_WAITING, _WRITING, _THINKING = "Waiting for the model", "Writing", "Thinking"
_VERIFYING = "Verifying the notebook"


class TurnView:
    """What is shown of one turn, or of a session turn after turn.

    Parameters
    ----------
    clock
        Gives the time, s.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.items: list[Item] = []
        """Everything, in the order in which it is shown."""
        self.activity: Activity | None = None
        """What is being waited for; None while no turn runs."""
        self._changed: dict[int, Item] = {}
        self._cards: dict[str, Card] = {}
        self._changes: dict[str, FileChange] = {}
        """Of calls that have no card yet."""
        self._places: dict[int, int] = {}
        self._under_way: dict[str, Card] = {}
        self._left: dict[str, Card] = {}
        """Calls of turns that have ended whose code runs on."""
        self._turn_id = TurnId("")
        self._text: Text | None = None
        self._introduction = ""
        self._stage = ""
        self.runs_on = False
        """Whether code of a turn that has ended still runs."""
        self._plan_reader = PlanReader()
        self._plan: Plan | None = None
        """Of this turn, once it has changed something in it."""

    def handle(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case TurnStart(turn_id=turn_id, prompt=prompt, attached=attached):
                # Nothing comes after a turn's end, and ids may come again.
                self._cards, self._changes, self._plan = {}, {}, None
                self._turn_id = turn_id
                self._add(Prompt(turn_id, prompt, attached))
                self._stage = "Starting the agent"
            case FollowUp(prompt=prompt, attached=attached):
                self._end_text()
                self._add(Prompt(self._turn_id, prompt, attached, is_follow_up=True))
            case Waiting():
                self._wait(event)
            case TextDelta(text=text):
                self._write(text, is_thinking=False)
            case ThinkingDelta(text=text):
                self._write(text, is_thinking=True)
            case Notice(message=message, is_introduction=is_introduction):
                # Each process of a session says which model serves; people want to hear of it when it changes.
                if not is_introduction or message != self._introduction:
                    self.note(message)
                self._introduction = message if is_introduction else self._introduction
            case Compacted():
                self.note(_summarized(event))
            case TurnEnd():
                self._end(event)
            case CodeEnd():
                self._end_code(event)
            case TurnUndone(turn_id=turn_id):
                for item in self._ends_of(turn_id):
                    item.undone = (*item.undone, event)
                    self._touch(item)
            case TurnPinned(turn_id=turn_id, is_pinned=is_pinned):
                for item in self._ends_of(turn_id):
                    item.is_pinned = is_pinned
                    self._touch(item)
            case _:
                self._handle_call(event)
        self.activity = self._find_activity()

    def note(self, text: str, *, is_failure: bool = False) -> None:
        """Add a notice of the surface's own."""
        self._end_text()
        self._add(Note(text, is_failure))

    def take_changed(self) -> list[Item]:
        """What is new or has changed since the last call, in the order in which it is shown."""
        changed = [self._changed[place] for place in sorted(self._changed)]
        self._changed.clear()
        return changed

    # -- items ----------------------------------------------------------------------------------------

    def _add(self, item: Item) -> None:
        self._places[id(item)] = len(self.items)
        self.items.append(item)
        self._touch(item)

    def _touch(self, item: Item) -> None:
        self._changed[self._places[id(item)]] = item
        if isinstance(item, Card) and item.tool_use_id not in self._left:
            if item.is_open:
                self._under_way[item.tool_use_id] = item
            else:
                self._under_way.pop(item.tool_use_id, None)

    def _write(self, text: str, *, is_thinking: bool) -> None:
        if self._text is not None and self._text.is_thinking != is_thinking:
            self._end_text()
        if self._text is None:
            if not text.strip():
                return
            self._text = Text(is_thinking)
            self._add(self._text)
        self._text.add(text)
        self._touch(self._text)
        self._stage = _THINKING if is_thinking else _WRITING

    def _end_text(self) -> None:
        if self._text is not None:
            self._text.is_done = True
            self._touch(self._text)
            self._text = None

    def _end(self, event: TurnEnd) -> None:
        self._end_text()
        for card in list(self._under_way.values()):
            if event.runs_on and _runs_on(card):
                self._left[card.tool_use_id] = self._under_way.pop(card.tool_use_id)
                continue
            card.state = "stopped"
            self._touch(card)
        self.runs_on = self.runs_on or event.runs_on
        self._stage = ""
        self._add(End(event))

    def _ends_of(self, turn_id: TurnId) -> list[End]:
        return [item for item in self.items if isinstance(item, End) and item.event.turn_id == turn_id]

    # -- calls ----------------------------------------------------------------------------------------

    def _handle_call(self, event: Event) -> None:
        match event:
            case ToolUse() if self._plan_reader.take_use(event):
                self._end_text()
                self._stage = _WAITING
            case ToolUse(tool_use_id=tool_use_id, name=name, input=tool_input):
                self._card(tool_use_id, name, tool_input)
            case FileChange(tool_use_id=tool_use_id):
                self._changes[tool_use_id] = event
                self._change(tool_use_id, change=event)
            case CellStart(tool_use_id=tool_use_id):
                self._change(tool_use_id, state="running")
            case CellOutput(tool_use_id=tool_use_id, change=change):
                if (card := self._known(tool_use_id)) is not None:
                    card.outputs.apply(change)
                    self._touch(card)
            case CellEnd(
                tool_use_id=tool_use_id, status=status, execution_count=count, duration_s=duration_s
            ):
                self._change(tool_use_id, state=_STATES[status], execution_count=count, duration_s=duration_s)
            case ToolResult(tool_use_id=tool_use_id):
                self._take_result(tool_use_id, event)
            case ApprovalRequest(name=name, input=tool_input, tool_use_id=tool_use_id, request_id=request_id):
                card = self._card(tool_use_id or request_id, name, tool_input)
                card.input = tool_input
                self._change(card.tool_use_id, state="asking", request=event, decision=None)
            case ApprovalDecision():
                self._take_decision(event)
            case _:
                pass

    def _card(self, tool_use_id: str, name: str, tool_input: dict[str, Any]) -> Card:
        """The card of a call, made by whichever event comes first."""
        self._end_text()
        if (known := self._cards.get(tool_use_id)) is not None:
            return known
        self._stage = _WAITING  # once it is done
        state: CardState = "waiting" if name == RUN_CODE else "running"
        card = Card(tool_use_id, name, tool_input, state, self._changes.get(tool_use_id))
        self._cards[tool_use_id] = card
        self._add(card)
        return card

    def _change(self, tool_use_id: str, **fields: Any) -> None:
        if (card := self._known(tool_use_id)) is not None:
            for name, value in fields.items():
                setattr(card, name, value)
            self._touch(card)

    def _known(self, tool_use_id: str) -> Card | None:
        return self._left.get(tool_use_id) or self._cards.get(tool_use_id)

    def _end_code(self, event: CodeEnd) -> None:
        """Code that ran on after its turn's end has ended."""
        for card in self._left.values():
            if card.is_open:
                card.state = "stopped"
                self._touch(card)
        self._left.clear()
        self.runs_on = False
        what = "was stopped" if event.is_stopped else "has ended"
        self.note(f"The code that ran on {what}, after {event.duration_s:.0f} s.")

    def _take_result(self, tool_use_id: ToolUseId, result: ToolResult) -> None:
        self._stage = _WAITING
        is_of_plan, steps = self._plan_reader.take_result(result)
        if is_of_plan:
            self._show_plan(steps)
            return
        if (card := self._cards.get(tool_use_id)) is None:
            return
        card.result = result
        if card.is_open and not _runs_on(card):
            card.state = "stopped" if result.is_stopped else "error" if result.is_error else "ok"
        self._touch(card)

    def _show_plan(self, steps: dict[str, Step] | None) -> None:
        if steps is None:
            return
        if self._plan is None:
            self._plan = Plan()
            self._add(self._plan)
        self._plan.steps = steps
        self._touch(self._plan)

    def _take_decision(self, decision: ApprovalDecision) -> None:
        for card in list(self._under_way.values()):
            if card.state == "asking" and card.request and card.request.request_id == decision.request_id:
                goes_on: CardState = "waiting" if card.is_code else "running"
                card.state = goes_on if decision.allowed else "denied"
                card.decision = decision
                self._touch(card)

    # -- activity -------------------------------------------------------------------------------------

    def _wait(self, event: Waiting) -> None:
        match event.what:
            case "model":
                self._stage = _WAITING
            case "retry":
                self._stage = f"Trying again ({event.detail})"
            case "code":
                self._stage = "Running on"
            case "compact":
                self._stage = "Summarizing the session"
            case "verify":
                self._stage = f"Verifying the notebook ({event.detail})" if event.detail else _VERIFYING
            case "call":
                written = _WRITTEN.get(event.detail)
                self._stage = f"Writing {written}" if written else _WAITING

    def _find_activity(self) -> Activity | None:
        text, card = self._stage, None
        if text and self._under_way:
            card = min(self._under_way.values(), key=lambda each: OPEN_STATES.index(each.state))
            text = _doing(card)
        before = self.activity
        if before is not None and (before.text, before.card) == (text, card):
            return before
        is_writing = card is None and text in (_WRITING, _THINKING)
        return Activity(text, self.clock(), card, is_writing) if text else None


def _runs_on(card: Card) -> bool:
    """Whether the model was told that the code of a call has not ended."""
    return card.is_code and card.state == "running" and card.result is not None and runs_on(card.result.text)


def _summarized(event: Compacted) -> str:
    before, after = event.before_tokens, event.after_tokens
    sizes = f": {before:,} tokens became {after:,}" if before and after else ""
    why = "" if event.is_wanted else ", as the context was nearly full"
    return f"The session so far was summarized for the agent{why}{sizes}. You still see all of it."


def _doing(card: Card) -> str:
    match card.state:
        case "asking":
            return "Waiting for your answer"
        case "waiting":
            return "Waiting for the kernel"
    return (
        "Running"
        if card.is_code or card.name == "cell_execute"
        else "Reading"
        if card.name in _READING
        else "Working"
    )
