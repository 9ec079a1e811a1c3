"""One cell that the agent is asked in: what it shows, and how it ends. Used from the agent's thread; the relay sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from neuroworkflow_agent.prompt_cells import Prompt
from neuroworkflow_agent.surfaces.chat_kernel.wire import Message

Tell = Callable[[str, dict[str, Any], dict[str, Any]], None]
"""Sends an output: its type, its content, the header it belongs to."""


class Ask(Protocol):
    """Asks a question and waits for the reply."""

    def __call__(self, question: str, *, is_over: Callable[[], bool]) -> str:
        """Raise KeyboardInterrupt if the turn was stopped, or `is_over`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a cell has failed."""

    ename: str
    evalue: str
    traceback: tuple[str, ...]

    @property
    def content(self) -> dict[str, Any]:
        """As messages have it."""
        return {"ename": self.ename, "evalue": self.evalue, "traceback": list(self.traceback)}


class Cell:
    """A prompt's cell while it is served.

    Parameters
    ----------
    request
        What was sent.
    prompt
        What it says.
    tell
        Sends an output of it.
    end
        Ends it; with a failure, if it has failed.
    is_in_terminal
        Whether what it has shown stays as it is.
    """

    def __init__(
        self,
        request: Message,
        prompt: Prompt,
        tell: Tell,
        end: Callable[[Cell, Failure | None], None],
        *,
        is_in_terminal: bool = False,
    ) -> None:
        self.request = request
        self.is_in_terminal = is_in_terminal
        self.prompt = prompt
        self.proposed = ""
        """Source of a new code cell that is to stand below it; empty for none."""
        self._end = end
        self._tell = tell

    def end(self, failure: Failure | None) -> None:
        """End it."""
        self._end(self, failure)

    @property
    def takes_input(self) -> bool:
        """Whether whoever has sent it can be asked."""
        return bool(self.request.content.get("allow_stdin", True))

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
    ) -> None:
        """As `display_pub.publish` of a shell."""
        content = {"data": data, "metadata": metadata or {}, "transient": transient or {}}
        self.tell("update_display_data" if update else "display_data", content)

    def write(self, text: str) -> None:
        """Write text, line ends included."""
        self.tell("stream", {"name": "stdout", "text": text})

    def clear(self, wait: bool = False) -> None:
        """As `display_pub.clear_output` of a shell."""
        self.tell("clear_output", {"wait": wait})

    def tell(self, kind: str, content: dict[str, Any]) -> None:
        """Send an output."""
        self._tell(kind, content, self.request.header)
