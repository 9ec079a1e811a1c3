"""A turn as plain text: in a terminal IPython, and wherever there is no cell to fill."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from neuroworkflow_agent.events import Event
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.approval import approval
from neuroworkflow_agent.surfaces.card_text import answer_text, card_text, failure_text
from neuroworkflow_agent.surfaces.turn_view import Card, End, Item, Note, Prompt, Text, TurnView
from neuroworkflow_agent.text import for_terminal

_ERASE_LINE = "\r\x1b[K"


class TerminalView:
    """Writes the events of turns as text; code the agent runs prints by itself.

    Parameters
    ----------
    write
        Takes text, line ends included.
    is_live
        Whether the last line may be written over: then it says what is being waited for.
    """

    def __init__(self, write: Callable[[str], object], *, is_live: bool = False) -> None:
        self._write = write
        self._is_live = is_live
        self._view = TurnView()
        self._said: dict[int, dict[str, None]] = {}
        """What was written of each call."""
        self._line = ""
        """What stands in the last line until something else is written."""
        self._at_line_start = True
        self._is_record = False

    def handle(self, event: Event) -> None:
        """Write what `event` stands for."""
        self._view.handle(event)
        for item in self._view.take_changed():
            self._draw(item)
        self._draw_activity()

    def show(self, events: Iterable[Event]) -> None:
        """Write turns of the past: their prompts and outputs, too."""
        self._is_record = True
        for event in events:
            self._view.handle(event)
        for item in self._view.take_changed():
            self._draw(item)

    def tick(self) -> None:
        """Move the clock of what is being waited for."""
        self._draw_activity()

    def _draw(self, item: Item) -> None:
        match item:
            case Prompt(text=text) if self._is_record:
                self._put_line(parts.prompt(text).text)
            case Text(is_thinking=False):
                self._put(item.take_new())
            case Card():
                self._draw_card(item)
            case Note(text=text):
                self._put_line(text)
            case End(event=event):
                self._put_line(parts.turn_end(event).text)
                if self._is_record:
                    self._put("\n")
            case _:
                pass

    def _draw_card(self, card: Card) -> None:
        if card.is_code and not self._is_record and (outputs := card.outputs.outputs):
            # What code prints stands there already, with or without a line's end.
            self._at_line_start = str(outputs[-1].get("text", "\n")).endswith("\n")
        said = self._said.setdefault(id(card), {})
        if card.state == "asking" and card.request is not None:
            shown = approval(card.name, card.input, card.request.reason, card.change).text
            head, _, body = shown.partition("\n")
            is_known = any(known.endswith(body) for known in said)
            self._say(said, head if is_known else shown)
        elif not said and (card.is_whole):
            self._say(said, card_text(card).text)
        if self._is_record:
            self._put_line(parts.outputs_text(card.outputs.outputs))
        elif card.state != "asking":
            self._say(said, answer_text(card).text)
            self._say(said, failure_text(card).text)

    def _say(self, said: dict[str, None], text: str) -> None:
        """Write a part of what there is to say of a call, but nothing twice."""
        if text and text not in said and not any(known.endswith(text) for known in said):
            said[text] = None
            self._put_line(text)

    # -- what is being waited for ---------------------------------------------------------------------

    def _draw_activity(self) -> None:
        activity = self._view.activity
        is_shown = activity is not None and not activity.is_writing
        if not self._is_live or activity is None or not is_shown or _has_the_terminal(activity.card):
            self._erase()
            return
        line = activity.line(self._view.clock())
        if line != self._line:
            start = "" if self._line or self._at_line_start else "\n"
            self._write(f"{start}{_ERASE_LINE}{line}")
            self._line, self._at_line_start = line, True

    def _erase(self) -> None:
        if self._line:
            self._write(_ERASE_LINE)
            self._line = ""

    def _put(self, text: str) -> None:
        text = for_terminal(text)
        if text:
            self._erase()
            self._write(text)
            self._at_line_start = text.endswith("\n")

    def _put_line(self, text: str) -> None:
        if text:
            self._put(("" if self._at_line_start else "\n") + text + "\n")


def _has_the_terminal(card: Card | None) -> bool:
    """Whether code may print, or the user is being asked."""
    return card is not None and (card.is_code or card.state == "asking")
