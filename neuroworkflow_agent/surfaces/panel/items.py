"""Events → the items of a transcript, and what of them has changed. Pure.

An item is a JSON-safe dict with an `id`, a `kind`, fields that are plain text or flags, and `parts`: pieces
of safe HTML. `Transcript` knows what it has handed out, so a change costs what is new, not the transcript.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from neuroworkflow_agent.engine.permissions import QUESTION
from neuroworkflow_agent.events import (
    ApprovalDecision,
    ApprovalRequest,
    CellEnd,
    CellOutput,
    CellStart,
    Event,
    Notice,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.outputs import Output, OutputList
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.approval import approval_card
from neuroworkflow_agent.render.outputs import ShownPicture, render_output
from neuroworkflow_agent.render.stream import MarkdownStream
from neuroworkflow_agent.surfaces.panel.patches import Item, Op, change
from neuroworkflow_agent.text import clip, strip_control
from neuroworkflow_agent.tools.registry import RUN_CODE

_OPEN_STATES = ("waiting", "running", "asking")
_SILENT_TOOLS = (RUN_CODE, "Write", "Edit")
"""Whose success says nothing that the card does not show."""
_MAX_RESULT_CHARS = 4_000
_MAX_OUTPUTS = 60
_MAX_THINKING_CHARS = 20_000


class Transcript:
    """What a panel shows.

    Parameters
    ----------
    on_picture
        Told of each picture before an item refers to it.
    root
        Files below it are named from there.
    """

    def __init__(self, on_picture: Callable[[ShownPicture], None], root: PurePath | None = None) -> None:
        self._root = root
        self._on_picture = on_picture
        self._items: dict[str, Item] = {}
        self._sent: dict[str, Item] = {}
        self._dirty: dict[str, None] = {}
        self._tools: dict[str, _Tool] = {}
        self._answer: _Answer | None = None
        self._thinking: Item | None = None
        self._introduction = ""
        self._count = 0

    def handle(self, event: Event) -> None:
        """Take in one event; what it changes is rendered when it is asked for."""
        match event:
            case TurnStart(prompt=prompt, attached=attached):
                self._add("user", text=strip_control(prompt), attached=[strip_control(a) for a in attached])
            case TextDelta(text=text):
                self._feed(text)
            case ThinkingDelta(text=text):
                self._think(text)
            case ToolUse(tool_use_id=tool_use_id, name=name, input=tool_input):
                self._end_text()
                self._tool(tool_use_id, name, tool_input)
            case CellStart(tool_use_id=tool_use_id):
                self._set(tool_use_id, state="running")
            case CellOutput(tool_use_id=tool_use_id, change=change):
                if (tool := self._tools.get(tool_use_id)) is not None:
                    tool.outputs.apply(change)
                    self._touch(tool.item)
            case CellEnd(tool_use_id=tool_use_id, status=status, duration_s=duration_s):
                state = {"ok": "ok", "error": "error", "interrupted": "stopped"}[status]
                self._set(tool_use_id, state=state, duration=f"{duration_s:.1f} s")
            case ToolResult():
                self._show_result(event)
            case ApprovalRequest():
                self._end_text()
                tool = self._tool(event.tool_use_id or event.request_id, event.name, event.input)
                if tool.item["kind"] == "tool":
                    card = approval_card(event.name, event.input, self._root)
                    self._touch(tool.item, title=card.title, input=card.html, open=True)
                self._touch(
                    tool.item,
                    state="asking",
                    request=event.request_id,
                    reason=event.reason,
                    remember=event.can_remember,
                )
            case ApprovalDecision():
                self._decide(event)
            case Notice(message=message, is_introduction=is_introduction):
                # Each process of a session says which model serves; people want to hear of it when it changes.
                if not is_introduction or message != self._introduction:
                    self._end_text()
                    self._add("notice", text=strip_control(message), failed=False)
                self._introduction = message if is_introduction else self._introduction
            case TurnEnd():
                self._end_turn(event)

    def note(self, message: str, *, failed: bool = False) -> None:
        """Add a notice of the panel's own."""
        self._end_text()
        self._add("notice", text=strip_control(message), failed=failed)

    def patch(self) -> list[Op]:
        """What has changed since the last patch or snapshot."""
        ops: list[Op] = []
        for key in self._dirty:
            item = self._items[key]
            self._render(item)
            ops += change(self._sent.get(key), item)
            self._sent[key] = {**item, "parts": list(item["parts"])}
        self._dirty.clear()
        return ops

    def snapshot(self) -> list[Item]:
        """Every item as it was when the last patch was taken, oldest first."""
        return [dict(self._sent[key]) for key in self._items if key in self._sent]

    # -- items ----------------------------------------------------------------------------------------

    def _add(self, kind: str, **fields: Any) -> Item:
        self._count += 1
        item: Item = {"id": f"i{self._count}", "kind": kind, "parts": [], **fields}
        self._items[item["id"]] = item
        self._touch(item)
        return item

    def _touch(self, item: Item, **fields: Any) -> None:
        item.update(fields)
        self._dirty[item["id"]] = None

    def _set(self, tool_use_id: str, **fields: Any) -> None:
        if (tool := self._tools.get(tool_use_id)) is not None:
            self._touch(tool.item, **fields)

    def _render(self, item: Item) -> None:
        if self._answer is not None and self._answer.item is item:
            self._answer.render()
        elif (tool := self._tools.get(item.get("tool", ""))) is not None and not tool.is_plain:
            tool.render(self._on_picture)

    # -- text -----------------------------------------------------------------------------------------

    def _feed(self, text: str) -> None:
        self._end_thinking()
        if self._answer is None:
            if not text.strip():
                return
            self._answer = _Answer(self._add("answer", done=False, source=""))
        self._answer.feed(text)
        self._touch(self._answer.item)

    def _think(self, text: str) -> None:
        if self._thinking is None:
            self._end_text()
            self._thinking = self._add("thinking", done=False, text="")
        whole = self._thinking["text"] + strip_control(text)
        self._touch(self._thinking, text=whole[:_MAX_THINKING_CHARS])

    def _end_text(self) -> None:
        self._end_thinking()
        if (answer := self._answer) is not None:
            answer.render()
            self._touch(answer.item, done=True, source=answer.source)
            self._answer = None

    def _end_thinking(self) -> None:
        if self._thinking is not None:
            self._touch(self._thinking, done=True)
            self._thinking = None

    # -- tools ----------------------------------------------------------------------------------------

    def _tool(self, tool_use_id: str, name: str, tool_input: dict[str, Any]) -> _Tool:
        """The card of a tool use, made by whichever event comes first."""
        if (known := self._tools.get(tool_use_id)) is not None:
            return known
        if name == QUESTION:
            item = self._add("question", questions=parts.questions(tool_input), answers={}, state="running")
        else:
            card = parts.tool_card(name, tool_input, self._root)
            state = "waiting" if name == RUN_CODE else "running"
            item = self._add(
                "tool",
                name=name,
                title=card.title,
                input=card.html,
                open=card.is_open or bool(card.html),
                state=state,
                duration="",
            )
        item["tool"] = tool_use_id
        tool = self._tools[tool_use_id] = _Tool(item, is_plain=name != RUN_CODE)
        return tool

    def _show_result(self, event: ToolResult) -> None:
        """Show what the model was answered, where no outputs tell it better."""
        tool = self._tools.get(event.tool_use_id)
        if tool is None:
            return
        if tool.is_plain or not tool.outputs.outputs:
            tool.is_plain = True
            shown = _result_html(event, tool.item.get("name", ""))
            tool.item["parts"] = [shown] if shown else []
        if tool.item["state"] in _OPEN_STATES:
            tool.item["state"] = "stopped" if event.is_stopped else "error" if event.is_error else "ok"
        self._touch(tool.item)

    def _decide(self, event: ApprovalDecision) -> None:
        for tool in self._tools.values():
            if tool.item.get("request") == event.request_id and tool.item["state"] == "asking":
                goes_on = "waiting" if tool.item.get("name") == RUN_CODE else "running"
                state = goes_on if event.allowed else "denied"
                self._touch(tool.item, state=state, decision=strip_control(event.reason))
                if event.answers:
                    self._touch(tool.item, answers=event.answers)

    # -- the end --------------------------------------------------------------------------------------

    def _end_turn(self, event: TurnEnd) -> None:
        self._end_text()
        for tool in self._tools.values():
            if tool.item["state"] in _OPEN_STATES:
                self._touch(tool.item, state="stopped")
        self._add(
            "end",
            end=event.end,
            text=parts.turn_end(event).text,
            failed=event.end not in ("complete", "interrupted"),
            fork=event.last_message_id or "",
        )


class _Answer:
    """An answer while it is written."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self._stream = MarkdownStream()
        self._pieces: list[str] = []
        self._closed: list[str] = []

    @property
    def source(self) -> str:
        return "".join(self._pieces).strip()

    def feed(self, text: str) -> None:
        self._pieces.append(text)
        self._stream.feed(text)

    def render(self) -> None:
        self._closed += [chunk.html for chunk in self._stream.take_closed()]
        tail = self._stream.tail().html
        self.item["parts"] = [*self._closed, tail] if tail else list(self._closed)


class _Tool:
    """A tool use while it runs."""

    def __init__(self, item: Item, *, is_plain: bool) -> None:
        self.item = item
        self.is_plain = is_plain
        """Whether it has no outputs, only a result."""
        self.outputs = OutputList()
        self._rendered: list[tuple[Output, str]] = []

    def render(self, on_picture: Callable[[ShownPicture], None]) -> None:
        """Render the outputs that have changed."""
        outputs = self.outputs.outputs
        left_out = max(0, len(outputs) - _MAX_OUTPUTS)
        shown: list[tuple[Output, str]] = []
        for index, output in enumerate(outputs[left_out:]):
            if index < len(self._rendered) and self._rendered[index][0] == output:
                shown.append(self._rendered[index])
                continue
            made = render_output(output)
            if made.picture is not None:
                on_picture(made.picture)
            shown.append((output, made.html))
        self._rendered = shown
        note = [f'<div class="nwa-note">{left_out:,} earlier outputs left out</div>'] if left_out else []
        self.item["parts"] = [*note, *(markup for _, markup in shown)]


def _result_html(event: ToolResult, name: str) -> str:
    text = clip(strip_control(event.text).strip(), _MAX_RESULT_CHARS)
    if not text or (name in _SILENT_TOOLS and not event.is_error):
        return ""
    return f'<pre class="nwa-result">{html.escape(text)}</pre>'
