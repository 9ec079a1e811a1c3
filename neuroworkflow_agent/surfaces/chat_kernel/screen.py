"""A prompt's cell to whoever serves it: what is shown there, what is asked there, what is waited for until the user stops it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from neuroworkflow_agent.render.markdown import page
from neuroworkflow_agent.surfaces.turn_errors import TurnStoppedError

if TYPE_CHECKING:
    from neuroworkflow_agent.outputs import OutputChange
    from neuroworkflow_agent.render.parts import Rendered
    from neuroworkflow_agent.surfaces.chat_kernel.cell import Ask, Cell

T = TypeVar("T")
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Screen:
    """One cell while it is served. On the agent's thread, but for `show_output`."""

    cell: Cell
    """What is served."""
    ask: Ask | None
    """Asks the user; None where nobody can be asked."""
    stopped: threading.Event
    """Set when the user stops it."""
    _shown: list[str] = field(default_factory=list)
    """Ids of displays."""

    def show(self, rendered: Rendered) -> None:
        """Show a text of ours."""
        self._shown.append(f"nwa-{uuid.uuid4().hex[:12]}")
        self._publish(rendered, is_update=False)

    def show_instead(self, rendered: Rendered) -> None:
        """Show a text in the place of the last one; below it in a terminal."""
        self._publish(rendered, is_update=not self.cell.is_in_terminal)

    def show_output(self, change: OutputChange, clear: Callable[[bool], object] | None = None) -> None:
        """Show what code has shown that is not the user's.

        Parameters
        ----------
        clear
            Clears the cell, where more stands in it than such outputs.
        """
        cell = self.cell
        if change["op"] == "clear":
            (clear or cell.clear)(change["wait"])
        elif change["op"] == "update":
            transient = {"display_id": change["display_id"]}
            cell.publish(change["data"], change["metadata"], transient=transient, update=True)
        else:
            output = dict(change["output"])
            kind = output.pop("output_type")
            if kind in ("stream", "error"):
                cell.tell(kind, output)
            else:
                transient = {"display_id": change["display_id"]} if change["display_id"] else {}
                cell.publish(output["data"], output.get("metadata"), transient=transient)

    def wait(self, future: Future[T]) -> T:
        """What comes of something that goes on elsewhere; it is cancelled when the user stops the cell.

        Raises
        ------
        TurnStoppedError
            If they do.
        """
        while not future.done():
            if self.stopped.is_set():
                future.cancel()
            self.raise_if_stopped()
            wait([future], _LOOK_S)
        return future.result()

    def raise_if_stopped(self) -> None:
        """Raise `TurnStoppedError` if the user has stopped the cell."""
        if self.stopped.is_set():
            raise TurnStoppedError("Stopped.", end="interrupted")

    def _publish(self, rendered: Rendered, *, is_update: bool) -> None:
        data = {"text/html": page(rendered.html), "text/plain": rendered.text}
        self.cell.publish(data, transient={"display_id": self._shown[-1]}, update=is_update)
