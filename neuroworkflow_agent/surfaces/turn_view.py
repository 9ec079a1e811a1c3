"""Events of turns → what a person is shown of them: items, and what is being waited for. Pure.

`TurnView` is the one reader of events for people: a cell, a terminal, a notebook file and a panel draw its items and
look at no event. It is fed turn after turn, live or from a log, and gives the same items for the same events.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from neuroworkflow_agent.engine.file_changes import WRITING_TOOLS
from neuroworkflow_agent.engine.permissions import QUESTION
from neuroworkflow_agent.events import (
    ApprovalDecision,
    ApprovalRequest,
    CellEnd,
    CellOutput,
    CellStart,
    Event,
    FileChange,
    FollowUp,
    Notice,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
    Waiting,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.outputs import ExecutionStatus, OutputList
from neuroworkflow_agent.surfaces.plan import Plan, PlanReader, Step
from neuroworkflow_agent.tools.cell_answers import address_told
from neuroworkflow_agent.tools.registry import CELL_EDITS, RUN_CODE

METADATA_KEY = "neuroworkflow_agent"
"""Under which cells and outputs say which turn they came from."""

CardState: TypeAlias = Literal["waiting", "running", "asking", "ok", "error", "stopped", "denied"]
"""`waiting`: for the kernel; `asking`: for the user."""

_FIRST: tuple[CardState, ...] = ("asking", "running", "waiting")
"""Which of several calls under way a person hears of."""
_STATES: dict[ExecutionStatus, CardState] = {"ok": "ok", "error": "error", "interrupted": "stopped"}
_READING = frozenset({"Read", "Glob", "Grep", "Skill", "notebook_get", "notebook_search", "cell_get"})
_ABOUT_A_CELL = frozenset({"cell_get", "cell_execute", *CELL_EDITS})
_WRITTEN = {
    RUN_CODE: "code",
    "Write": "a file",
    "Edit": "a change",
    "cell_insert": "a cell",
    QUESTION: "a question",
}
_WAITING, _WRITING, _THINKING = "Waiting for the model", "Writing", "Thinking"


@dataclass(eq=False, slots=True)
class Prompt:
    """The user's message."""

    turn_id: TurnId
    text: str
    attached: tuple[str, ...]
    """Names of what the user pointed at."""
    is_follow_up: bool = False
    """Whether the turn took it in while it ran."""


@dataclass(eq=False, slots=True)
class Text:
    """A piece of the answer, Markdown, or of the model's thinking."""

    is_thinking: bool = False
    is_done: bool = False
    """Whether nothing will be added any more."""
    _pieces: list[str] = field(default_factory=list)
    _taken: int = 0

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self._pieces)

    def add(self, text: str) -> None:
        """Put text at its end."""
        self._pieces.append(text)

    def take_new(self) -> str:
        """What was added since the last call; for the one that draws it."""
        new, self._taken = "".join(self._pieces[self._taken :]), len(self._pieces)
        return new


@dataclass(eq=False, slots=True)
class Card:
    """A call of a tool: what it is given, what the user said to it, and what came of it."""

    tool_use_id: str
    name: str
    """Short name of the tool."""
    input: dict[str, Any]
    state: CardState
    change: FileChange | None = None
    """What it does to its file, where that could be told."""
    outputs: OutputList = field(default_factory=OutputList)
    """Of the code of a `run_code`."""
    execution_count: int | None = None
    duration_s: float | None = None
    """Of the code of a `run_code`, once it has ended."""
    result: ToolResult | None = None
    """What the model was answered."""
    request: ApprovalRequest | None = None
    """The question to the user, if there was one."""
    decision: ApprovalDecision | None = None
    """What the user said."""

    @property
    def is_code(self) -> bool:
        """Whether it runs code in the kernel."""
        return self.name == RUN_CODE

    @property
    def is_question(self) -> bool:
        """Whether the agent asks the user something."""
        return self.name == QUESTION

    @property
    def is_told_at_once(self) -> bool:
        """Whether all there is to tell of the call is known when it comes; what one does to its file comes later."""
        return self.name not in (*WRITING_TOOLS, *CELL_EDITS)

    @property
    def is_whole(self) -> bool:
        """Whether all there is to tell of the call is known by now."""
        return self.is_told_at_once or self.state != "running"

    @property
    def is_open(self) -> bool:
        """Whether it is still under way."""
        return self.state in _FIRST

    @property
    def cell(self) -> str:
        """Address of the notebook's cell that it is about; empty where it is about none, or the cell is gone."""
        if self.name == "cell_insert":
            return address_told(self.result.text) if self.result is not None else ""
        is_about_one = self.name in _ABOUT_A_CELL and not (self.name == "cell_delete" and self.state == "ok")
        return str(self.input.get("cell") or "") if is_about_one else ""

    @property
    def failure(self) -> str:
        """What the model was told went wrong, where no output shows it; empty if nothing did."""
        if self.result is None or not self.result.is_error or self.outputs.outputs or self.state == "denied":
            return ""
        return self.result.text


@dataclass(eq=False, slots=True)
class Note:
    """Something worth knowing that is not a part of the answer."""

    text: str
    is_failure: bool = False


@dataclass(eq=False, slots=True)
class End:
    """How a turn ended."""

    event: TurnEnd


Item: TypeAlias = Prompt | Text | Card | Plan | Note | End


@dataclass(frozen=True, slots=True)
class Activity:
    """What a turn is at while nothing else shows that it goes on."""

    text: str
    """Such as `Waiting for the model`."""
    since: float
    """By the view's clock, s."""
    card: Card | None = None
    """The call it is about, if it is about one."""
    is_writing: bool = False
    """Whether the text that grows shows it by itself."""

    def line(self, now: float) -> str:
        """The text with its time, which moves ever slower: a display that is drawn anew loses a selection."""
        seconds = int(now - self.since)
        step = 1 if seconds < 10 else 5 if seconds < 60 else 30
        shown = seconds - seconds % step
        return f"{self.text} … {_clock(shown)}" if shown else f"{self.text} …"


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
        self._turn_id = TurnId("")
        self._text: Text | None = None
        self._introduction = ""
        self._stage = ""
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
            case TurnEnd():
                self._end(event)
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
        if isinstance(item, Card):
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
            card.state = "stopped"
            self._touch(card)
        self._stage = ""
        self._add(End(event))

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
                if (card := self._cards.get(tool_use_id)) is not None:
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
        if (card := self._cards.get(tool_use_id)) is not None:
            for name, value in fields.items():
                setattr(card, name, value)
            self._touch(card)

    def _take_result(self, tool_use_id: ToolUseId, result: ToolResult) -> None:
        self._stage = _WAITING
        is_of_plan, steps = self._plan_reader.take_result(result)
        if is_of_plan:
            self._show_plan(steps)
            return
        if (card := self._cards.get(tool_use_id)) is None:
            return
        if card.is_open:
            card.state = "stopped" if result.is_stopped else "error" if result.is_error else "ok"
        card.result = result
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
            case "call":
                written = _WRITTEN.get(event.detail)
                self._stage = f"Writing {written}" if written else _WAITING

    def _find_activity(self) -> Activity | None:
        text, card = self._stage, None
        if text and self._under_way:
            card = min(self._under_way.values(), key=lambda each: _FIRST.index(each.state))
            text = _doing(card)
        before = self.activity
        if before is not None and (before.text, before.card) == (text, card):
            return before
        is_writing = card is None and text in (_WRITING, _THINKING)
        return Activity(text, self.clock(), card, is_writing) if text else None


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


def _clock(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02d} s"
