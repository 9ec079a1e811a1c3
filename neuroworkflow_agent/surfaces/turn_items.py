"""What a person is shown of turns, as values: the items of a turn, and what is being waited for.

A `TurnView` makes and changes them; who draws them only reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from neuroworkflow_agent.engine.file_changes import WRITING_TOOLS
from neuroworkflow_agent.engine.permissions import QUESTION
from neuroworkflow_agent.events import (
    ApprovalDecision,
    ApprovalRequest,
    FileChange,
    ToolResult,
    TurnEnd,
    TurnUndone,
)
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.outputs import OutputList
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.tools.cell_answers import address_told
from neuroworkflow_agent.tools.registry import CELL_EDITS, CELL_EXECUTE, RUN_CODE

CardState: TypeAlias = Literal["waiting", "running", "asking", "ok", "error", "stopped", "denied"]
"""`waiting`: for the kernel; `asking`: for the user."""

OPEN_STATES: tuple[CardState, ...] = ("asking", "running", "waiting")
"""Of a call under way; the first of them is what a person hears of if there are several."""

_ABOUT_A_CELL = frozenset({"cell_get", CELL_EXECUTE, *CELL_EDITS})


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
        """Whether all there is to tell of the call is known when it comes; what one does to its file, or which cells it runs, comes later."""
        return self.name not in (*WRITING_TOOLS, *CELL_EDITS, CELL_EXECUTE)

    @property
    def is_whole(self) -> bool:
        """Whether all there is to tell of the call is known by now."""
        is_placed = self.name == CELL_EXECUTE and self.change is not None  # it may run for long
        return self.is_told_at_once or is_placed or self.state != "running"

    @property
    def is_open(self) -> bool:
        """Whether it is still under way."""
        return self.state in OPEN_STATES

    @property
    def cell(self) -> str:
        """Address of the notebook's cell that it is about; empty where it is about none, or the cell is gone."""
        if self.name == "cell_insert":
            return address_told(self.result.text) if self.result is not None else ""
        is_about_one = self.name in _ABOUT_A_CELL and not (self.name == "cell_delete" and self.state == "ok")
        return str(self.input.get("cell") or "") if is_about_one else ""

    @property
    def file(self) -> str:
        """Path of the file that the call has changed; empty where it changed none, or has not yet."""
        is_there = (
            self.state == "ok" and self.name not in CELL_EDITS
        )  # one that is not written yet may not be
        return self.change.path if self.change is not None and is_there else ""

    @property
    def failure(self) -> str:
        """What the model was told went wrong, where neither an output nor the state shows it; empty if nothing did."""
        if self.result is None or not self.result.is_error or self.state in ("denied", "stopped"):
            return ""
        is_shown = any(output["output_type"] == "error" for output in self.outputs.outputs)
        return "" if is_shown else self.result.text


@dataclass(eq=False, slots=True)
class Note:
    """Something worth knowing that is not a part of the answer."""

    text: str
    is_failure: bool = False


@dataclass(eq=False, slots=True)
class End:
    """How a turn ended."""

    event: TurnEnd
    undone: tuple[TurnUndone, ...] = ()
    """What of it was taken back since, and when."""
    is_pinned: bool = False
    """Whether the agent is given its texts again after a summary."""


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


def _clock(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02d} s"
