"""The thread that serves prompts, one at a time; what it takes is imported by the first one.

An `AgentThread` belongs to its relay, whose thread calls it, and ends with it.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from neuroworkflow_agent.surfaces.chat_kernel.cell import Cell, Failure
from neuroworkflow_agent.surfaces.chat_kernel.relay import Relay

if TYPE_CHECKING:
    from neuroworkflow_agent.surfaces.chat_kernel.conversation import Conversation

_LOOK_S = 0.1


class AgentThread:
    """Serves prompts.

    Parameters
    ----------
    relay
        Whose prompts they are.
    kernel_id
        By which a Jupyter server knows the chat kernel; empty if it does not.
    """

    def __init__(self, relay: Relay, kernel_id: str = "") -> None:
        self._relay = relay
        self._kernel_id = kernel_id
        self._cells: queue.SimpleQueue[Cell | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._conversation: Conversation | None = None

    # -- from the relay's thread ----------------------------------------------------------------------

    def serve(self, cell: Cell) -> None:
        """See `Agent.serve`."""
        self._stopped.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="neuroworkflow-agent-prompts", daemon=True)
            self._thread.start()
        self._cells.put(cell)

    def interrupt(self) -> None:
        """See `Agent.interrupt`."""
        self._stopped.set()
        if self._conversation is not None:
            self._conversation.stop()

    def close(self) -> None:
        """See `Agent.close`."""
        if self._thread is None:
            return
        self.interrupt()
        self._cells.put(None)
        self._thread.join(3)

    # -- on the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while (cell := self._cells.get()) is not None:
            cell.end(self._failure(cell))
        if self._conversation is not None:
            self._conversation.close()

    def _failure(self, cell: Cell) -> Failure | None:
        """Serve a prompt; why it failed, if it did."""
        from neuroworkflow_agent.errors import AgentError, sentence
        from neuroworkflow_agent.surfaces.chat_kernel.conversation import Conversation
        from neuroworkflow_agent.surfaces.chat_kernel.screen import Screen
        from neuroworkflow_agent.surfaces.turn_errors import TurnNotCompleteError, TurnStoppedError

        try:
            if self._conversation is None:
                self._conversation = Conversation(self._relay, self._kernel_id)
            ask = functools.partial(self._ask, cell) if cell.takes_input else None
            self._conversation.serve(Screen(cell, ask, self._stopped))
        except (TurnStoppedError, TurnNotCompleteError) as ended:
            return Failure(type(ended).__name__, str(ended), tuple(ended._render_traceback_()))
        except AgentError as error:
            return Failure("UsageError", str(error), (f"UsageError: {error}",))
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not leave the cell running for ever
            said = sentence(error)
            return Failure(type(error).__name__, said, (f"{type(error).__name__}: {said}",))
        return None

    def _ask(self, cell: Cell, question: str, is_over: Callable[[], bool]) -> str:
        """Ask on the front end's input prompt and wait.

        Raises
        ------
        KeyboardInterrupt
            If the turn was stopped, or has ended.
        """
        answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._relay.ask(cell, question, answers.put)
        while True:
            try:
                return answers.get(timeout=_LOOK_S)
            except queue.Empty:
                if self._stopped.is_set() or is_over():
                    raise KeyboardInterrupt from None
