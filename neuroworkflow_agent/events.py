"""What happens during a turn, as frozen values that every surface renders.

`encode` gives the JSON form (a `type` tag and the fields), `decode` its inverse. Nothing here holds a
live object, so events may cross threads, processes and sockets.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from neuroworkflow_agent.ids import SessionId, ToolUseId, TurnId
from neuroworkflow_agent.outputs import ExecutionStatus, OutputChange

EndReason: TypeAlias = Literal["complete", "interaction", "interrupted", "limit", "cut_off", "error"]
"""How a turn ends, everywhere the same word."""


@dataclass(frozen=True, slots=True)
class TurnStart:
    """The user's message was accepted."""

    turn_id: TurnId
    prompt: str
    """The message as the user typed it."""
    attached: tuple[str, ...] = ()
    """Names of what the user pointed at."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The running turn took in another message of the user's."""

    message_id: str
    """As it was sent with."""
    prompt: str
    """The message as the user typed it."""
    attached: tuple[str, ...] = ()
    """Names of what the user pointed at."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer, Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of the model's thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The model calls a tool; its input is complete."""

    tool_use_id: ToolUseId
    name: str
    """Short name: `run_code`, `Read`, `Edit` …"""
    input: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a call is about to do to a file, or to a cell of the notebook."""

    tool_use_id: ToolUseId
    path: str
    """From the workspace's root; for a cell, the notebook's name and which cell."""
    diff: str
    """As `diff -u` has it, without a head of file names; empty if nothing changes."""


@dataclass(frozen=True, slots=True)
class CellStart:
    """The kernel has begun with the code of a `run_code` call; until then it was busy with something else."""

    tool_use_id: ToolUseId


@dataclass(frozen=True, slots=True)
class CellOutput:
    """The code of a `run_code` call produced output."""

    tool_use_id: ToolUseId
    change: OutputChange


@dataclass(frozen=True, slots=True)
class CellEnd:
    """The code of a `run_code` call has ended."""

    tool_use_id: ToolUseId
    status: ExecutionStatus
    execution_count: int | None
    duration_s: float


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool use was answered."""

    tool_use_id: ToolUseId
    text: str
    """The text the model reads, images left out."""
    is_error: bool
    image_count: int = 0
    """Images that went to the model with the text."""
    is_stopped: bool = False
    """Whether it came to nothing because the user stopped the turn."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A tool use waits for the user's decision."""

    request_id: str
    tool_use_id: ToolUseId | None
    name: str
    input: dict[str, Any]
    reason: str
    can_remember: bool = True
    """Whether the user may allow the like of it for the session."""


@dataclass(frozen=True, slots=True)
class ApprovalDecision:
    """A waiting tool use was decided."""

    request_id: str
    allowed: bool
    reason: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    """To a question: question text to the chosen answer."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know that is not a part of the answer (a retry, a restart …)."""

    message: str
    is_introduction: bool = False
    """Whether it says which model serves."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """A summary stands for all that was said before, as far as the model knows it."""

    is_wanted: bool
    """Whether the user asked for it; else the context was nearly full."""
    before_tokens: int
    """What the context held before, and what it holds now; 0 where that is not known."""
    after_tokens: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the turn is at from now on, until another event shows something; not worth keeping."""

    what: Literal["model", "retry", "call", "code", "verify", "compact"]
    """The model has the message; it is asked again; it writes a call of a tool; code runs on after its answer; the notebook
    is run anew; the session so far is summarized."""
    detail: str = ""
    """`2 of 9`, or the tool's short name."""
    retry_in_s: float | None = field(default=None, compare=False)
    """When it is asked again, as long as the endpoint wanted where it said so."""


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The last event of every turn while it runs, exactly once."""

    turn_id: TurnId
    end: EndReason
    message: str
    """What happened, one sentence; empty when the turn is complete."""
    session_id: SessionId | None
    duration_s: float
    model: str | None = None
    input_tokens: int = 0
    """All input of the turn, cached or not."""
    output_tokens: int = 0
    cost_usd: float | None = None
    """None where no price is known."""
    context_tokens: int = 0
    """What the model's context held at the end: all input of its last request, and its answer; 0 if unknown."""
    context_window: int | None = None
    """How many it can hold; None where that is not known."""
    checked: str = ""
    """What the checker says of the turn's node files, such as `checked: 0 errors`; empty without any."""
    verified: str = ""
    """What came of running the notebook anew, `verified` or `not verified: cell 4 differs`; `not verified` where
    that was not done since; empty where no cell was edited."""
    provenance: str = ""
    """Of a small model's answer, such as `embedded 0.5B · code was run`; empty for others."""
    last_message_id: str | None = None
    """The turn's last message in the session on disk, where a fork may branch off; None if unknown."""
    changed: str = ""
    """Names that the turn's code changed, such as `changed: df, rates (+2)`; empty where there are none, or nobody looked."""
    runs_on: bool = False
    """Whether code of it still runs; what comes of that comes after this, and a `CodeEnd` last."""


@dataclass(frozen=True, slots=True)
class CodeEnd:
    """Code that ran on after its turn had ended has ended, too."""

    duration_s: float
    is_stopped: bool
    """Whether the user stopped it."""


@dataclass(frozen=True, slots=True)
class TurnUndone:
    """A turn that has ended was taken back, or a part of it; comes after its end."""

    turn_id: TurnId
    is_whole: bool
    """Whether the session goes on as if the turn had not been."""
    restored: tuple[str, ...] = ()
    """What was taken back, thing by thing."""
    left: tuple[str, ...] = ()
    """What was not, and why."""


@dataclass(frozen=True, slots=True)
class TurnPinned:
    """The user wants the model to be given a turn's texts again after a summary, or does not any more."""

    turn_id: TurnId
    is_pinned: bool


Event: TypeAlias = (
    TurnStart
    | FollowUp
    | TextDelta
    | ThinkingDelta
    | ToolUse
    | FileChange
    | CellStart
    | CellOutput
    | CellEnd
    | ToolResult
    | ApprovalRequest
    | ApprovalDecision
    | Notice
    | Compacted
    | Waiting
    | TurnEnd
    | CodeEnd
    | TurnUndone
    | TurnPinned
)

_CLASSES: dict[str, type[Any]] = {cls.__name__: cls for cls in get_args(Event)}


def encode(event: Event) -> dict[str, Any]:
    """The JSON-safe form of `event`."""
    return {"type": type(event).__name__, **dataclasses.asdict(event)}


def decode(data: dict[str, Any]) -> Event:
    """The event that `encode` gave `data` for.

    Raises
    ------
    ValueError
        If `data` names no event or has other fields than that event.
    """
    fields = dict(data)
    name = fields.pop("type", None)
    try:
        for name_of_field in ("attached", "restored", "left"):
            if isinstance(listed := fields.get(name_of_field), list):
                fields[name_of_field] = tuple(listed)
        event: Event = _CLASSES[name](**fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"Not an event: {data!r}.") from error
    return event
