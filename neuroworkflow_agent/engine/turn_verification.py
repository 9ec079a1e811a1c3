"""A notebook is run anew at the end of a turn that has edited its cells, where that is wanted.

A `TurnVerification` belongs to its session and lives on the portal's loop; it owns the task that waits for the notebook's
end, which `stop` ends together with a call of the tool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.events import Waiting
from neuroworkflow_agent.text import one_line

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.claude.setup import ProcessSetup
    from neuroworkflow_agent.engine.turn import Turn
    from neuroworkflow_agent.tools.verify import VerifyNotebook

_WORD_CHARS = 200


class TurnVerification:
    """Of one session's turns.

    Parameters
    ----------
    setup
        Tells how many edits were made, and has what verifies.
    """

    def __init__(self, setup: ProcessSetup) -> None:
        self._setup = setup
        self._is_wanted = False
        self._edits_before = 0
        self._task: asyncio.Task[None] | None = None

    def begin(self, *, is_wanted: bool) -> None:
        """A turn begins."""
        self._is_wanted, self._edits_before, self._task = is_wanted, self._setup.edit_count, None

    @property
    def is_due(self) -> bool:
        """Whether the turn may not end yet, since it has edited cells that are to be verified."""
        has_edited = self._setup.edit_count > self._edits_before
        return self._is_wanted and has_edited and self._task is None and self._setup.verifier is not None

    @property
    def is_running(self) -> bool:
        """Whether a notebook is being run anew, at the turn's end or for the model."""
        is_asked = self._setup.verifier is not None and self._setup.verifier.is_running
        return is_asked or (self._task is not None and not self._task.done())

    def start(self, turn: Turn, hide: Callable[[str], str], finish: Callable[[], None]) -> None:
        """Verify, note what came of it in the turn, then call `finish`."""
        assert self._setup.verifier is not None
        self._task = asyncio.create_task(self._verify(self._setup.verifier, turn, hide, finish))

    def stop(self) -> None:
        """End what runs. The turn's end is then somebody else's."""
        if self._setup.verifier is not None:
            self._setup.verifier.stop()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _verify(
        self, verifier: VerifyNotebook, turn: Turn, hide: Callable[[str], str], finish: Callable[[], None]
    ) -> None:
        turn.emit(Waiting("verify"))
        try:
            found = await verifier.verify(
                on_cell=lambda done, total: turn.emit(Waiting("verify", f"{done} of {total}"))
            )
            word = found.word
        except AgentError as error:
            word = f"not verified: {error}"
        except Exception as error:  # noqa: BLE001 - a turn has to end, whatever a notebook makes happen
            word = f"not verified: {type(error).__name__}"
        turn.verified = one_line(hide(word), _WORD_CHARS)
        finish()
