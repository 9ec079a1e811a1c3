"""A turn shown in the outputs of the cell that asked: rendered text, tool cards, live output.

Everything here runs on the main thread. Updates are coalesced: events only mark what changed, and
`tick` (called a few times a second) sends it. The code the agent runs writes its outputs into the cell
by itself, between our displays.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.events import (
    ApprovalDecision,
    ApprovalRequest,
    CellOutput,
    Event,
    Notice,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.outputs import OutputList
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.approval import approval
from neuroworkflow_agent.render.markdown import page
from neuroworkflow_agent.render.parts import Rendered
from neuroworkflow_agent.render.stream import MarkdownStream
from neuroworkflow_agent.tools.registry import RUN_CODE

METADATA_KEY = "neuroworkflow_agent"


@dataclass
class _Display:
    """One of our own displays, or the outputs of one code run, in cell order."""

    display_id: str = field(default_factory=lambda: f"nwa-{uuid.uuid4().hex[:12]}")
    bundle: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    outputs: OutputList | None = None


class CellView:
    """Shows the events of one turn in one cell.

    Parameters
    ----------
    publish
        `display_pub.publish` of the shell, uncaptured.
    clear
        `display_pub.clear_output` of the shell, uncaptured.
    """

    def __init__(self, publish: Callable[..., None], clear: Callable[..., None]) -> None:
        self._publish = publish
        self._clear = clear
        self._shown: list[_Display] = []
        self._text = MarkdownStream()
        self._thinking = ""
        self._slot: _Display | None = None
        self._slot_holds_text = False
        self._dirty = False

    def handle(self, event: Event) -> None:
        """Take in one event; most of what it shows is sent by the next `tick`."""
        match event:
            case TurnStart():
                self._fill_slot(parts.notice("Thinking …"))
            case TextDelta(text=text):
                self._text.feed(text)
                self._dirty = True
            case ThinkingDelta(text=text):
                self._thinking += text
                self._dirty = True
            case ToolUse(tool_use_id=tool_use_id, name=name, input=tool_input):
                self._end_text()
                self._show(parts.tool_use(name, tool_input))
                if name == RUN_CODE:
                    self._shown.append(_Display(display_id=tool_use_id, outputs=OutputList()))
            case CellOutput(tool_use_id=tool_use_id, change=change):
                for item in self._shown:
                    if item.outputs is not None and item.display_id == tool_use_id:
                        item.outputs.apply(change)
            case ToolResult():
                self._show_result(event)
            case ApprovalRequest(name=name, input=tool_input, reason=reason):
                self._end_text()
                self._show(approval(name, tool_input, reason))
            case ApprovalDecision(allowed=False, reason=reason):
                self._show(parts.notice(f"Not allowed. {reason}".strip()))
            case Notice(message=message):
                self._end_text()
                self._show(parts.notice(message))
            case TurnEnd():
                self._end_text()
                metadata = {
                    METADATA_KEY: {"turn": event.turn_id, "end": event.end, "session": event.session_id}
                }
                self._show(parts.turn_end(event), metadata)
            case _:
                pass

    def tick(self) -> None:
        """Send what changed since the last call."""
        if not self._dirty:
            return
        self._dirty = False
        for chunk in self._text.take_closed():
            self._fill_slot(Rendered(chunk.html, chunk.text))
            self._slot = None
        tail = self._text.tail()
        if tail.text.strip():
            self._fill_slot(Rendered(tail.html, tail.text))
            self._slot_holds_text = True
        elif self._thinking and not self._slot_holds_text:
            self._fill_slot(parts.thinking(self._thinking))

    def replay(self, _wait: bool) -> bool:
        """Honour a `clear_output` of the agent's code without losing what stands above it.

        The cell is one list of outputs to the front end, so clearing removes all of it; what does not
        belong to the running code is put back. Returns True: the clear has been dealt with.
        """
        self._clear(wait=True)
        last = len(self._shown) - 1
        for index, item in enumerate(self._shown):
            if item.outputs is None:
                self._publish(item.bundle, item.metadata, transient={"display_id": item.display_id})
            elif index != last:
                self._republish(item.outputs)
        return True

    def _republish(self, outputs: OutputList) -> None:
        for output in outputs.outputs:
            if output["output_type"] == "stream":
                self._publish({"text/plain": output["text"]})
            elif output["output_type"] == "error":
                self._publish({"text/plain": "\n".join(output["traceback"])})
            else:
                self._publish(output["data"], output.get("metadata", {}))

    def _show_result(self, event: ToolResult) -> None:
        runs = any(item.outputs is not None and item.display_id == event.tool_use_id for item in self._shown)
        if not runs or (event.is_error and not self._has_output(event)):
            shown = parts.tool_result(event.text, is_error=event.is_error)
            if shown.text:
                self._show(shown)

    def _has_output(self, event: ToolResult) -> bool:
        return any(
            item.outputs is not None and item.display_id == event.tool_use_id and item.outputs.outputs
            for item in self._shown
        )

    def _end_text(self) -> None:
        """Send the rest of the current text; what follows gets a display of its own."""
        self.tick()
        if self._slot_holds_text:
            self._slot = None
        self._text, self._thinking, self._slot_holds_text = MarkdownStream(), "", False

    def _show(self, rendered: Rendered, metadata: dict[str, Any] | None = None) -> None:
        self._fill_slot(rendered, metadata)
        self._slot = None

    def _fill_slot(self, rendered: Rendered, metadata: dict[str, Any] | None = None) -> None:
        """Put content into the open display, opening one if there is none."""
        bundle = {
            "text/html": page(rendered.html),
            "text/plain": rendered.text,
        }
        is_new = self._slot is None
        if self._slot is None:
            self._slot = _Display()
            self._shown.append(self._slot)
        if not is_new and self._slot.bundle == bundle:
            return
        self._slot.bundle, self._slot.metadata = bundle, metadata or {}
        self._publish(
            bundle, self._slot.metadata, transient={"display_id": self._slot.display_id}, update=not is_new
        )
