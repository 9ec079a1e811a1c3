"""What a turn still waits for once the model has answered: code that runs on, and the notebook that is run anew.

A `Closing` belongs to its session and lives on the portal's loop; it owns the task that waits, which `stop` ends together
with what it waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.events import Notice, Waiting
from neuroworkflow_agent.text import one_line

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.claude.setup import ProcessSetup
    from neuroworkflow_agent.engine.turn import Turn
    from neuroworkflow_agent.tools.verify import VerifyNotebook

_WORD_CHARS = 200
UNVERIFIED = "not verified"
"""Said of a turn that edited cells, and after which the notebook was not run anew."""


class Closing:
    """Of one session's turns.

    Parameters
    ----------
    setup
        Tells how many edits were made, and has what runs code and what verifies.
    waits_for_code
        Whether a turn waits for code that runs on; else only a verification does.
    """

    def __init__(self, setup: ProcessSetup, *, waits_for_code: bool = True) -> None:
        self._setup = setup
        self._waits_for_code = waits_for_code
        self._is_wanted = False
        self._edits_before = 0
        self._task: asyncio.Task[None] | None = None

    def begin(self, *, is_wanted: bool) -> None:
        """A turn begins."""
        self._is_wanted, self._edits_before, self._task = is_wanted, self._setup.edit_count, None

    @property
    def is_due(self) -> bool:
        """Whether the turn may not end yet: code runs on, or it has edited cells that are to be verified."""
        return self._task is None and ((self._runs_on and self._waits_for_code) or self._is_to_verify)

    @property
    def _runs_on(self) -> bool:
        return self._setup.code is not None and self._setup.code.detachments.running is not None

    @property
    def _is_to_verify(self) -> bool:
        return self._is_wanted and self._has_edited and self._setup.verifier is not None

    @property
    def _has_edited(self) -> bool:
        return self._setup.edit_count > self._edits_before

    @property
    def word(self) -> str:
        """Whether the notebook is verified as the turn leaves it, for its closing line; empty where it has edited no cells."""
        if self._setup.verifier is None or not self._has_edited:
            return ""
        return self._setup.verifier.word or UNVERIFIED

    @property
    def is_running(self) -> bool:
        """Whether something is waited for, or a notebook is being run anew for the model."""
        is_asked = self._setup.verifier is not None and self._setup.verifier.is_running
        return is_asked or (self._task is not None and not self._task.done())

    def start(self, turn: Turn, hide: Callable[[str], str], finish: Callable[[], None]) -> None:
        """Wait, verify if that is wanted, note what came of it in the turn, then call `finish`."""
        self._task = asyncio.create_task(self._close(turn, hide, finish))

    def stop(self) -> None:
        """End what runs. The turn's end is then somebody else's."""
        if self._setup.verifier is not None:
            self._setup.verifier.stop()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _close(self, turn: Turn, hide: Callable[[str], str], finish: Callable[[], None]) -> None:
        if self._runs_on:
            await self._wait_for_code(turn)
        if self._is_to_verify and self._setup.verifier is not None:
            turn.verified = one_line(hide(await self._verify(self._setup.verifier, turn)), _WORD_CHARS)
        finish()

    async def _wait_for_code(self, turn: Turn) -> None:
        assert self._setup.code is not None
        turn.emit(Waiting("code"))
        ended = await self._setup.code.detachments.wait()
        if ended is not None:
            turn.emit(Notice(f"The code that ran on has ended, after {ended.duration_s:.0f} s."))

    async def _verify(self, verifier: VerifyNotebook, turn: Turn) -> str:
        turn.emit(Waiting("verify"))
        try:
            found = await verifier.verify(
                on_cell=lambda done, total: turn.emit(Waiting("verify", f"{done} of {total}"))
            )
        except AgentError as error:
            return f"not verified: {error}"
        except Exception as error:  # noqa: BLE001 - a turn has to end, whatever a notebook makes happen
            return f"not verified: {type(error).__name__}"
        return found.word
