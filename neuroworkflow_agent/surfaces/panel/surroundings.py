"""What a chat in a page is beside: the kernel where its code runs, and what the user does there. A protocol.

In a notebook that is the kernel which the chat lives in; elsewhere a kernel in another process, with no cells of the user's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from neuroworkflow_agent.kernels.base import Kernel
from neuroworkflow_agent.notebooks.pages import Asker
from neuroworkflow_agent.state.effects import Effect
from neuroworkflow_agent.state.undo import Undo

if TYPE_CHECKING:
    from neuroworkflow_agent.notebooks.document import NotebookDocument


class Surroundings(Protocol):
    """Belongs to its chat from `attach` to `aclose`. Called on the engine's loop, where nothing else is said."""

    @property
    def kernel(self) -> Kernel:
        """Where code runs."""

    @property
    def undo(self) -> Undo:
        """Remembers what turns change."""

    @property
    def document(self) -> NotebookDocument | None:
        """The notebook that the user has open; None where there is none."""

    def attach(
        self,
        *,
        on_interrupt: Callable[[], None],
        on_cell: Callable[[], None],
        hide: Callable[[str], str],
    ) -> None:
        """Begin to serve a chat, on the thread that makes it.

        Parameters
        ----------
        on_interrupt
            Called, on any thread, when the user interrupts code of the agent's.
        on_cell
            Called, on any thread, when a cell of the user's has ended.
        hide
            Takes known secrets out of a text.
        """

    def detach(self) -> None:
        """Watch the user's cells no longer. On any thread; idempotent."""

    async def aclose(self) -> None:
        """Let go of the kernel. Idempotent."""

    def asker(self) -> Asker:
        """Where the request comes from that the calling thread, any one, answers."""

    def begin(self, asker: Asker) -> None:
        """A turn is asked for there."""

    def exclusively(self, function: Callable[[], list[Effect]]) -> list[Effect]:
        """Call a function while no code runs. On a thread that may wait.

        Raises
        ------
        ConfigError
            If code runs.
        """

    def take_activity(self, max_chars: int) -> str:
        """What happened beside the chat since the last call, for the model."""

    @property
    def error_name(self) -> str:
        """What the user's last cell failed with; empty if it did not."""

    def error(self) -> str:
        """That cell, with its traceback; empty if it did not fail."""

    async def find_variables(self, query: str, limit: int) -> list[tuple[str, str]]:
        """Names of variables that hold `query`, those that are meant most likely first, with their types."""

    async def describe(self, name: str) -> str | None:
        """What a variable is, for the model; None if there is none of that name."""

    def watch_variables(self, post: Callable[[dict[str, Any]], None]) -> None:
        """Hand the table of variables on, now and whenever code has run."""

    def leave_variables(self) -> None:
        """Do so no longer. Idempotent."""
