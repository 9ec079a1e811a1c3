"""The items of turns as what a page is sent of them, and what of it has changed. Pure.

What is sent of an item is a JSON-safe dict with an `id`, a `kind`, fields that are plain text or flags, and `parts`:
pieces of safe HTML. `Transcript` knows what it has handed out, so a change costs what is new, not the transcript.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

from neuroworkflow_agent.engine.file_changes import WRITING_TOOLS
from neuroworkflow_agent.events import Event, FileChange
from neuroworkflow_agent.outputs import Output
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.approval import approval_card
from neuroworkflow_agent.render.outputs import ShownPicture, render_output
from neuroworkflow_agent.render.stream import MarkdownStream
from neuroworkflow_agent.surfaces import turn_items
from neuroworkflow_agent.surfaces.panel.patches import Item, Op, change
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.surfaces.turn_items import Activity, Card, End, Note, Prompt, Text
from neuroworkflow_agent.surfaces.turn_view import TurnView
from neuroworkflow_agent.text import clip, strip_control
from neuroworkflow_agent.tools.registry import CELL_EDITS, CELL_EXECUTE

_SILENT_TOOLS = (*WRITING_TOOLS, *CELL_EDITS, CELL_EXECUTE)
"""Whose success says nothing that the card and the notebook do not show."""
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
    link_to
        Gives the target of a link to a file, from the notebook; empty where there is none.
    """

    def __init__(
        self,
        on_picture: Callable[[ShownPicture], None],
        root: PurePath | None = None,
        link_to: Callable[[str], str] = lambda _path: "",
    ) -> None:
        self._root = root
        self._on_picture = on_picture
        self._link_to = link_to
        self._view = TurnView()
        self._drawers: dict[int, _Drawer] = {}
        self._sent: dict[str, Item] = {}

    @property
    def runs_on(self) -> bool:
        """Whether code of a turn that has ended still runs."""
        return self._view.runs_on

    @property
    def activity(self) -> Activity | None:
        """What is being waited for."""
        return self._view.activity

    @property
    def items(self) -> Sequence[turn_items.Item]:
        """Everything, in the order in which it is shown."""
        return self._view.items

    def handle(self, event: Event) -> None:
        """Take in one event; what it changes is rendered when it is asked for."""
        self._view.handle(event)

    def note(self, message: str, *, failed: bool = False) -> None:
        """Add a notice of the panel's own."""
        self._view.note(message, is_failure=failed)

    def patch(self) -> list[Op]:
        """What has changed since the last patch or snapshot."""
        ops: list[Op] = []
        for item in self._view.take_changed():
            drawer = self._drawers.get(id(item)) or self._make_drawer(item)
            drawn = drawer.draw()
            ops += change(self._sent.get(drawn["id"]), drawn)
            self._sent[drawn["id"]] = {**drawn, "parts": list(drawn["parts"])}
        return ops

    def snapshot(self) -> list[Item]:
        """Every item as it was when the last patch was taken, oldest first."""
        return [dict(item) for item in self._sent.values()]

    def _make_drawer(self, item: turn_items.Item) -> _Drawer:
        item_id = f"i{len(self._drawers) + 1}"
        drawer: _Drawer
        match item:
            case Prompt() | Note():
                drawer = _Fixed(item_id, item)
            case End():
                drawer = _End(item_id, item)
            case Plan():
                drawer = _Plan(item_id, item)
            case Text(is_thinking=True):
                drawer = _Thinking(item_id, item)
            case Text():
                drawer = _Answer(item_id, item)
            case Card():
                drawer = (
                    _Question(item_id, item)
                    if item.is_question
                    else _Tool(item_id, item, self._on_picture, self._root, self._link_to)
                )
        self._drawers[id(item)] = drawer
        return drawer


class _Drawer:
    """One item; `draw` brings what is sent of it up to date."""

    def __init__(self, item_id: str, kind: str, **fields: Any) -> None:
        self.sent: Item = {"id": item_id, "kind": kind, "parts": [], **fields}

    def draw(self) -> Item:
        """What a page is to show now."""
        return self.sent


class _Fixed(_Drawer):
    def __init__(self, item_id: str, item: Prompt | Note) -> None:
        match item:
            case Prompt(text=text, attached=attached):
                # What a turn took in while it ran cannot be gone back to.
                turn = "" if item.is_follow_up else item.turn_id
                said = strip_control(text)
                super().__init__(
                    item_id, "user", text=said, attached=[*map(strip_control, attached)], turn=turn
                )
            case Note(text=text, is_failure=failed):
                super().__init__(item_id, "notice", text=strip_control(text), failed=failed)


class _End(_Drawer):
    """A turn's closing line, and whether it was undone or pinned since."""

    def __init__(self, item_id: str, item: End) -> None:
        event = item.event
        super().__init__(
            item_id,
            "end",
            end=event.end,
            failed=event.end not in ("complete", "interrupted"),
            fork=event.last_message_id or "",
            turn=event.turn_id,
        )
        self._item = item

    def draw(self) -> Item:
        undone = self._item.undone
        self.sent["text"] = parts.turn_end(self._item.event, undone).text
        self.sent["undone"] = any(each.is_whole for each in undone)
        self.sent["pinned"] = self._item.is_pinned
        return self.sent


class _Plan(_Drawer):
    def __init__(self, item_id: str, item: Plan) -> None:
        super().__init__(item_id, "plan")
        self._item = item

    def draw(self) -> Item:
        self.sent["parts"] = [parts.plan(self._item.rows).html]
        return self.sent


class _Thinking(_Drawer):
    def __init__(self, item_id: str, item: Text) -> None:
        super().__init__(item_id, "thinking")
        self._item = item

    def draw(self) -> Item:
        text = strip_control(self._item.text)[:_MAX_THINKING_CHARS]
        self.sent.update(text=text, done=self._item.is_done)
        return self.sent


class _Answer(_Drawer):
    """An answer while it is written."""

    def __init__(self, item_id: str, item: Text) -> None:
        super().__init__(item_id, "answer", source="")
        self._item = item
        self._stream = MarkdownStream()
        self._closed: list[str] = []

    def draw(self) -> Item:
        self._stream.feed(self._item.take_new())
        self._closed += [chunk.html for chunk in self._stream.take_closed()]
        tail = self._stream.tail().html
        self.sent["parts"] = [*self._closed, tail] if tail else list(self._closed)
        self.sent["done"] = self._item.is_done
        if self._item.is_done:
            self.sent["source"] = self._item.text.strip()
        return self.sent


class _CardDrawer(_Drawer):
    def __init__(self, item_id: str, card: Card) -> None:
        super().__init__(item_id, "question" if card.is_question else "tool", tool=card.tool_use_id)
        self._card = card

    def draw(self) -> Item:
        self.sent["state"] = self._card.state
        if (request := self._card.request) is not None:
            self.sent.update(request=request.request_id, reason=request.reason, remember=request.can_remember)
        if (decision := self._card.decision) is not None:
            self.sent.update(decision=strip_control(decision.reason))
        return self.sent


class _Question(_CardDrawer):
    """The agent's questions, and the answers once they are given."""

    def draw(self) -> Item:
        super().draw()
        decision = self._card.decision
        self.sent["questions"] = parts.questions(self._card.input)
        self.sent["answers"] = decision.answers if decision is not None else {}
        # What the model was answered is the answers again, in words meant for it.
        self.sent["parts"] = _result_parts(self._card) if decision is None else []
        return self.sent


class _Tool(_CardDrawer):
    """A call of a tool, with the outputs of its code."""

    _input_of: tuple[bool, FileChange | None] | None = None
    """What its input is shown with: whether as an approval has it, and the change to its file."""
    _rendered: Sequence[tuple[Output, str]] = ()

    def __init__(
        self,
        item_id: str,
        card: Card,
        on_picture: Callable[[ShownPicture], None],
        root: PurePath | None,
        link_to: Callable[[str], str],
    ) -> None:
        super().__init__(item_id, card)
        self._on_picture = on_picture
        self._root = root
        self._link_to = link_to

    def draw(self) -> Item:
        super().draw()
        self._draw_input()
        self._draw_link()
        duration_s = self._card.duration_s
        self.sent["cell"] = self._card.cell
        self.sent["duration"] = "" if duration_s is None else f"{duration_s:.1f} s"
        outputs = self._draw_outputs()
        needs_result = not outputs or bool(self._card.failure)
        self.sent["parts"] = [*outputs, *_result_parts(self._card)] if needs_result else outputs
        return self.sent

    def _draw_input(self) -> None:
        card, is_whole = self._card, self._card.request is not None
        if (is_whole, card.change) == self._input_of:
            return
        self._input_of = is_whole, card.change
        draw = approval_card if is_whole else parts.tool_card
        shown = draw(card.name, card.input, self._root, card.change)
        is_open = is_whole or shown.is_open or (bool(shown.html) and card.name != CELL_EXECUTE)
        code = strip_control(str(card.input.get("code", ""))).strip("\n") if card.is_code else ""
        self.sent.update(name=card.name, title=shown.title, input=shown.html, open=is_open, code=code)

    def _draw_link(self) -> None:
        """Where the file is opened that its title ends with."""
        if "link" not in self.sent and self._card.file:
            self.sent["link"] = self._link_to(self._card.file)

    def _draw_outputs(self) -> list[str]:
        """The outputs, of which those that have changed are rendered."""
        before = self._rendered
        outputs = self._card.outputs.outputs
        left_out = max(0, len(outputs) - _MAX_OUTPUTS)
        shown: list[tuple[Output, str]] = []
        for index, output in enumerate(outputs[left_out:]):
            if index < len(before) and before[index][0] == output:
                shown.append(before[index])
                continue
            made = render_output(output)
            if made.picture is not None:
                self._on_picture(made.picture)
            shown.append((output, made.html))
        self._rendered = shown
        note = [f'<div class="nwa-note">{left_out:,} earlier outputs left out</div>'] if left_out else []
        return [*note, *(markup for _, markup in shown)]


def _result_parts(card: Card) -> list[str]:
    """What the model was answered, where nothing tells it better."""
    result = card.result
    if (
        result is None
        or card.state == "stopped"
        or ((card.is_code or card.name in _SILENT_TOOLS) and not result.is_error)
    ):
        return []
    text = clip(strip_control(result.text).strip(), _MAX_RESULT_CHARS)
    return [f'<pre class="nwa-result">{html.escape(text)}</pre>'] if text else []
