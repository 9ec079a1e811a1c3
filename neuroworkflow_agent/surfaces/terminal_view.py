"""A turn in a terminal IPython, and wherever there is no cell to fill: with colours, or as plain text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from neuroworkflow_agent.events import Event
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.approval import approval_card, approval_head
from neuroworkflow_agent.surfaces.card_text import answer_text, failure_text
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.surfaces.terminal_colours import ENDS, FAILURE, GREY
from neuroworkflow_agent.surfaces.terminal_style import TerminalStyle
from neuroworkflow_agent.surfaces.turn_items import Card, End, Item, Note, Prompt, Text
from neuroworkflow_agent.surfaces.turn_view import TurnView
from neuroworkflow_agent.text import for_terminal

if TYPE_CHECKING:
    from neuroworkflow_agent.surfaces.terminal_answer import TerminalAnswer

_ERASE_LINE = "\r\x1b[K"


class TerminalView:
    """Writes the events of turns as text; code the agent runs prints by itself.

    Parameters
    ----------
    write
        Takes text, line ends included.
    is_live
        Whether the last line may be written over: then it says what is being waited for.
    style
        Draws Markdown and colours; None for plain text.
    """

    def __init__(
        self, write: Callable[[str], object], *, is_live: bool = False, style: TerminalStyle | None = None
    ) -> None:
        self._write = write
        self._style = style
        self._answer: TerminalAnswer | None = None
        """What is being written, where that is drawn as Markdown."""
        self._is_live = is_live
        self._view = TurnView()
        self._said: dict[int, dict[str, None]] = {}
        """What was written of each call."""
        self._steps: dict[str, str] = {}
        """What was written of the steps of the plan."""
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
            case Prompt(text=text, is_follow_up=is_follow_up) if self._is_record or is_follow_up:
                self._put_line(parts.prompt(text).text, "bold")
            case Text(is_thinking=False):
                self._draw_text(item)
            case Card():
                self._draw_card(item)
            case Plan():
                self._draw_plan(item)
            case Note(text=text, is_failure=is_failure):
                self._put_line(text, FAILURE if is_failure else GREY)
            case End(event=event, undone=undone) if self._is_record or not undone:
                line = parts.turn_end(event, undone, error_follows=not self._is_record).text
                self._put_line(line, ENDS.get(event.end, FAILURE))
                if self._is_record:
                    self._put("\n")
            case _:
                pass

    def _draw_text(self, item: Text) -> None:
        text = item.take_new()
        if self._style is None:
            self._put(text)
            return
        from neuroworkflow_agent.surfaces.terminal_answer import TerminalAnswer

        if text and self._answer is None:
            self._erase()
            self._write("" if self._at_line_start else "\n")
            self._answer, self._at_line_start = TerminalAnswer(self._write, self._style), True
        if self._answer is not None:
            self._answer.add(text)
        if item.is_done or self._is_record:
            self._end_answer()

    def _end_answer(self) -> None:
        if self._answer is not None:
            self._answer.end()
            self._answer = None

    def _draw_card(self, card: Card) -> None:
        if card.is_code and not self._is_record and (outputs := card.outputs.outputs):
            # What code prints stands there already, with or without a line's end.
            self._at_line_start = str(outputs[-1].get("text", "\n")).endswith("\n")
        said = self._said.setdefault(id(card), {})
        if card.is_question:
            self._say(said, parts.question(card.input).text)
        else:
            self._say_call(said, card)
        if card.state != "asking":
            self._say(said, answer_text(card).text, GREY)
            if self._is_record:
                self._put_line(parts.outputs_text(card.outputs.outputs))
            self._say(said, failure_text(card).text, FAILURE)

    def _say_call(self, said: dict[str, None], card: Card) -> None:
        """Write what is called, and what the user was asked about it."""
        is_asked = card.request is not None and (self._is_record or card.state == "asking")
        is_told = card.is_told_at_once if is_asked else card.is_whole
        if is_told and not said:
            given = parts.tool_card(card.name, card.input, change=card.change)
            self._say(said, given.title, "bold")
            self._say(said, given.text, language=given.language)
        if is_asked and card.request is not None:
            asked = approval_card(card.name, card.input, change=card.change)
            self._say(said, approval_head(card.name, card.request.reason), "bold")
            self._say(said, asked.text, language=asked.language)

    def _draw_plan(self, plan: Plan) -> None:
        """Write the steps that have come or changed."""
        for state, text in plan.rows:
            line = parts.plan_line(state, text)
            if self._steps.get(text) != line:
                self._steps[text] = line
                self._put_line(line)

    def _say(self, said: dict[str, None], text: str, style: str = "", *, language: str = "") -> None:
        """Write a part of what there is to say of a call, but nothing twice."""
        if text and text not in said:
            said[text] = None
            self._put_line(text, style, language=language)

    # -- what is being waited for ---------------------------------------------------------------------

    def _draw_activity(self) -> None:
        activity = self._view.activity
        is_shown = activity is not None and not activity.is_writing
        if not self._is_live or activity is None or not is_shown or _has_the_terminal(activity.card):
            self._erase()
            return
        self._end_answer()
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
        """Write text as text."""
        self._put_drawn(for_terminal(text))

    def _put_line(self, text: str, style: str = "", *, language: str = "") -> None:
        """Write lines, at the start of one; with colours if there are any."""
        if not text:
            return
        drawn = for_terminal(text)
        if self._style is not None and language:
            drawn = self._style.code(text, language)
        elif self._style is not None:
            drawn = self._style.words(text, style)
        self._end_answer()
        self._put_drawn(("" if self._at_line_start else "\n") + drawn + "\n")

    def _put_drawn(self, text: str) -> None:
        if text:
            self._erase()
            self._write(text)
            self._at_line_start = text.endswith("\n")


def on_standard_output(*, is_live: bool = False) -> TerminalView:
    """A view that writes to standard output.

    Parameters
    ----------
    is_live
        Whether turns are under way; then a terminal says what is being waited for.
    """
    is_terminal = sys.stdout.isatty()
    return TerminalView(_write_now, is_live=is_live and is_terminal, style=TerminalStyle.of_standard_output())


def _write_now(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _has_the_terminal(card: Card | None) -> bool:
    """Whether code may print, or the user is being asked."""
    return card is not None and (card.is_code or card.state == "asking")
