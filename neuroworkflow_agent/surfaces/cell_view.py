"""A turn shown in the outputs of the cell that asked: rendered text, calls of tools, live output.

Everything here runs on the main thread, but for `tell_running`. Updates are coalesced: more text only marks what changed,
and `tick` (called a few times a second) sends it. The code the agent runs writes its outputs into the cell
by itself, between our displays.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.events import CellOutput, Event, FileChange, TextDelta, ThinkingDelta
from neuroworkflow_agent.outputs import OutputList
from neuroworkflow_agent.prompt_cells import METADATA_KEY
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.markdown import page
from neuroworkflow_agent.render.parts import Rendered, ToolCard
from neuroworkflow_agent.render.stream import MarkdownStream
from neuroworkflow_agent.surfaces.card_text import card_text, status_of
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.surfaces.turn_items import Activity, Card, End, Item, Note, Prompt, Text
from neuroworkflow_agent.surfaces.turn_view import TurnView

_THINKING = "Thinking …"
"""What stands over the model's thinking while it goes on."""


@dataclass(eq=False, slots=True)
class _Display:
    """One of our own displays, or the outputs of one code run, in cell order."""

    display_id: str = field(default_factory=lambda: f"nwa-{uuid.uuid4().hex[:12]}")
    bundle: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    outputs: OutputList | None = None
    has_style: bool = False
    """Whether it brings the style along, as the first one does for all."""


@dataclass(eq=False, slots=True)
class _Writing:
    """A piece of the answer while it grows."""

    item: Text
    stream: MarkdownStream = field(default_factory=MarkdownStream)
    display: _Display | None = None
    """Of what may still change."""


class CellView:
    """Shows the events of one turn in one cell.

    Parameters
    ----------
    publish
        `display_pub.publish` of the shell, uncaptured.
    clear
        `display_pub.clear_output` of the shell, uncaptured.
    link_to
        Gives the target of a link to a file; empty where there is none.
    """

    def __init__(
        self,
        publish: Callable[..., None],
        clear: Callable[..., None],
        link_to: Callable[[str], str] = lambda _path: "",
    ) -> None:
        self._publish = publish
        self._clear = clear
        self._link_to = link_to
        self._view = TurnView()
        self._shown: list[_Display] = []
        self._cards: dict[int, tuple[_Display, Any]] = {}
        """Where each call is shown, and what of it."""
        self._plans: dict[int, _Display] = {}
        self._ends: dict[int, _Display] = {}
        self._given: dict[int, tuple[FileChange | None, ToolCard]] = {}
        """What each call is given, drawn once."""
        self._writing: _Writing | None = None
        self._slot: _Display | None = None
        """At the end, showing what is being waited for; what comes next takes its place."""
        self._is_record = False
        self._lock = threading.RLock()

    def handle(self, event: Event) -> None:
        """Take in one event; text is sent by the next `tick`."""
        with self._lock:
            self._view.handle(event)
            if not isinstance(event, TextDelta | ThinkingDelta | CellOutput):
                self.tick()

    def show(self, events: Iterable[Event]) -> None:
        """Show turns of the past: their prompts and outputs, too."""
        self._is_record = True
        for event in events:
            self._view.handle(event)
        self.tick()

    def tick(self) -> None:
        """Send what changed since the last call."""
        with self._lock:
            for item in self._view.take_changed():
                self._draw(item)
            self._draw_activity()

    def tell_running(self, tool_use_id: str, since: float) -> None:
        """Say how long the code of a call has been running. From another thread: the main one is busy with it.

        Parameters
        ----------
        since
            When it began, by `time.monotonic`, s.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            for item in reversed(self._view.items):
                if isinstance(item, Card) and item.tool_use_id == tool_use_id and item.is_open:
                    self._draw_card(item, activity=Activity("Running", since, item).line(time.monotonic()))
                    return
        finally:
            self._lock.release()

    def replay(self, _wait: bool) -> bool:
        """Honour a `clear_output` of the agent's code without losing what stands above it.

        The cell is one list of outputs to the front end, so clearing removes all of it; what does not
        belong to the running code is put back. Returns True: the clear has been dealt with.
        """
        with self._lock:
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

    # -- items ----------------------------------------------------------------------------------------

    def _draw(self, item: Item) -> None:
        match item:
            case Prompt(text=text, is_follow_up=is_follow_up):
                if self._is_record or is_follow_up:
                    self._fill(self._next(), parts.prompt(text))
            case Text():
                self._draw_text(item)
            case Card():
                self._draw_card(item)
            case Plan():
                display = self._plans.get(id(item)) or self._next()
                self._plans[id(item)] = display
                self._fill(display, parts.plan(item.rows))
            case Note(text=text):
                self._fill(self._next(), parts.notice(text))
            case End(event=event, undone=undone):
                about = {"turn": event.turn_id, "end": event.end, "session": event.session_id}
                display = self._ends.get(id(item)) or self._next()
                self._ends[id(item)] = display
                drawn = parts.turn_end(event, undone, error_follows=not self._is_record)
                self._fill(display, drawn, {METADATA_KEY: about})

    def _draw_text(self, item: Text) -> None:
        if item.is_thinking:
            # Until something else is there.
            if not (item.is_done or self._is_record):
                self._fill_slot(parts.thinking(item.text), _THINKING)
            return
        if self._writing is None or self._writing.item is not item:
            self._writing = _Writing(item)
        writing = self._writing
        writing.stream.feed(item.take_new())
        for chunk in writing.stream.take_closed():
            self._fill_text(writing, Rendered(chunk.html, chunk.text))
            writing.display = None
        tail = writing.stream.tail()
        if tail.text.strip():
            self._fill_text(writing, Rendered(tail.html, tail.text))

    def _fill_text(self, writing: _Writing, rendered: Rendered) -> None:
        if writing.display is None:
            writing.display = self._next()
        self._fill(writing.display, rendered)

    def _draw_card(self, card: Card, *, activity: str = "") -> None:
        """Show a call as far as it has come, with what is being waited for in its heading, if it is under way."""
        status = activity or status_of(card)
        drawn = (status, card.state, card.decision, card.failure, card.change)
        display, before = self._cards.get(id(card), (None, None))
        if display is None:
            display = self._next()
            if card.is_code and not self._is_record:
                self._shown.append(_Display(card.tool_use_id, outputs=card.outputs))
        self._cards[id(card)] = display, drawn
        if drawn == before:
            return
        change, given = self._given.get(id(card), (None, None))
        if given is None or change is not card.change:
            given = parts.tool_card(card.name, card.input, change=card.change)
            self._given[id(card)] = card.change, given
        link = self._link_to(card.file) if card.file else ""
        self._fill(display, card_text(card, status, given, link), _waiting_for(activity))
        if self._is_record:
            self._republish(card.outputs)

    def _draw_activity(self) -> None:
        activity = self._view.activity
        if activity is None or activity.is_writing:
            return
        line = activity.line(self._view.clock())
        if activity.card is not None:
            self._draw_card(activity.card, activity=line)
        else:
            self._fill_slot(parts.notice(line), line)

    # -- displays -------------------------------------------------------------------------------------

    def _next(self) -> _Display:
        """The display for what comes next, at the end of the cell."""
        display, self._slot = self._slot, None
        if display is None:
            display = _Display(has_style=not self._shown)
            self._shown.append(display)
        return display

    def _fill_slot(self, rendered: Rendered, activity: str) -> None:
        slot = self._next()
        self._fill(slot, rendered, _waiting_for(activity))
        self._slot = slot

    def _fill(self, display: _Display, rendered: Rendered, metadata: dict[str, Any] | None = None) -> None:
        """Put content into a display, or other content than it has."""
        bundle = {
            "text/html": page(rendered.html, with_style=display.has_style),
            "text/plain": rendered.text,
        }
        is_new = not display.bundle
        if display.bundle == bundle:
            return
        display.bundle, display.metadata = bundle, metadata or {}
        self._publish(
            bundle, display.metadata, transient={"display_id": display.display_id}, update=not is_new
        )


def _waiting_for(activity: str) -> dict[str, Any]:
    """Metadata by which a page can end what the display says is being waited for, when the kernel has ended; none for nothing."""
    return {METADATA_KEY: {"activity": activity}} if activity else {}
