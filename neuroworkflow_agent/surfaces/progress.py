"""Progress of a headless run on standard error."""

from __future__ import annotations

from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from rich.theme import Theme

from neuroworkflow_agent.events import Event
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.surfaces import headless
from neuroworkflow_agent.surfaces.console import SafeConsole
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.surfaces.terminal_colours import ENDS, FAILURE, PROGRESS
from neuroworkflow_agent.surfaces.terminal_style import coloured
from neuroworkflow_agent.surfaces.turn_items import Card, End, Item, Note, Prompt
from neuroworkflow_agent.surfaces.turn_view import TurnView
from neuroworkflow_agent.text import one_line

_MAX_FAILURE_CHARS = 300


class ConsoleProgress:
    """Shows a run on the terminal; use it as a context manager.

    Parameters
    ----------
    quiet
        Show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._console = SafeConsole(stderr=True, quiet=quiet, highlight=False)
        self._console.push_theme(Theme(PROGRESS))
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task("", total=None, visible=False, count="")
        self._view = TurnView()
        self._calls: set[int] = set()
        self._failures: set[int] = set()
        self._said: list[str] = []
        self.progress = headless.Progress(
            self._on_starting, self._on_cell, self._on_event, self._say, self._on_verified
        )
        """What to hand to `headless.run`."""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bar.stop()

    def _on_starting(self, kernel_name: str) -> None:
        text = f"Starting the kernel {kernel_name!r} …"
        self._bar.update(self._task, description=text, visible=True)
        if not self._console.is_terminal:  # where no bar is drawn
            self._say(text)

    def _on_cell(self, done: int, total: int) -> None:
        self._count("Running cells", done, total)

    def _on_verified(self, done: int, total: int) -> None:
        self._count("Verifying in a fresh kernel", done, total)

    def _count(self, text: str, done: int, total: int) -> None:
        self._bar.update(
            self._task,
            description=text,
            completed=done,
            total=total,
            count=f"{done}/{total}",
            visible=True,
        )

    def _on_event(self, event: Event) -> None:
        before = self._view.activity
        self._view.handle(event)
        for item in self._view.take_changed():
            self._draw(item)
        if (activity := self._view.activity) is not before:
            # From now on the clock is that of what is being waited for.
            text = f"{activity.text} …" if activity is not None else ""
            self._bar.reset(self._task, description=text, total=None, count="", visible=activity is not None)

    def _draw(self, item: Item) -> None:
        match item:
            case Prompt():
                self._say("The agent is at work …")
            case Card():
                if id(item) not in self._calls and item.is_whole:
                    self._calls.add(id(item))
                    self._draw_call(item)
                if item.failure and id(item) not in self._failures:
                    self._failures.add(id(item))
                    self._say(f"  failed: {one_line(item.failure, _MAX_FAILURE_CHARS)}", FAILURE)
            case Plan():
                head, *_steps = parts.plan(item.rows).text.split("\n")
                self._say(head)
            case Note(text=text):
                self._say(text)
            case End(event=event):
                self._say(parts.turn_end(event).text, ENDS.get(event.end, FAILURE))
            case _:
                pass

    def has_just_said(self, text: str) -> bool:
        """Whether the last line that was shown has this text."""
        return not self._console.quiet and bool(self._said) and text in self._said[-1]

    def _draw_call(self, card: Card) -> None:
        given = parts.tool_card(card.name, card.input, change=card.change)
        self._say(f"· {given.title}", "bold")
        if given.text:
            self._bar.console.print(coloured(given.text, given.language), soft_wrap=True)

    def _say(self, text: str, style: str = "") -> None:
        self._said.append(text)
        self._bar.console.print(Text(text, style), soft_wrap=True)
