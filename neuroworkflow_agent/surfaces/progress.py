"""Progress of a headless run on standard error."""

from __future__ import annotations

from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from neuroworkflow_agent.events import Event, Notice, ToolUse, TurnEnd, TurnStart
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.surfaces import headless
from neuroworkflow_agent.surfaces.console import SafeConsole


class ConsoleProgress:
    """Shows a run on the terminal; use it as a context manager.

    Parameters
    ----------
    quiet
        Show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._console = SafeConsole(stderr=True, quiet=quiet, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task("", total=None, visible=False)
        self.progress = headless.Progress(self._on_starting, self._on_cell, self._on_event, self._say)
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
        self._bar.update(self._task, description="Running cells", completed=done, total=total, visible=True)

    def _on_event(self, event: Event) -> None:
        match event:
            case TurnStart():
                self._bar.update(self._task, visible=False)
                self._say("The agent is at work …")
            case ToolUse(name=name, input=tool_input):
                self._say(f"· {parts.tool_use(name, tool_input).text}")
            case Notice(message=message):
                self._say(message)
            case TurnEnd():
                self._say(parts.turn_end(event).text)
            case _:
                pass

    def _say(self, text: str) -> None:
        self._bar.console.print(text, markup=False)
