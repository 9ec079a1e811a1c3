"""What is kept of a session: its event log, which is held for each turn, and a look whether Claude Code keeps its transcript.

A `SessionRecord` belongs to its session and lives on the portal's loop. A turn does not wait for it, but for the user's
message, and then not for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.event_log import EventLog, read_log
from neuroworkflow_agent.engine.history import history, said_elsewhere
from neuroworkflow_agent.engine.past_turns import past_turns, pinned_text
from neuroworkflow_agent.engine.turn import Turn
from neuroworkflow_agent.engine.turn_lock import TurnLock
from neuroworkflow_agent.errors import SessionNotFoundError
from neuroworkflow_agent.events import EndReason, Event, Notice, TurnEnd, TurnStart
from neuroworkflow_agent.ids import SessionId, TurnId

_DISK_TIMEOUT_S = 2.0
"""How long a turn waits for a disk that does not answer."""
_NOT_STORED = (
    "Claude Code could not write this session down: the agent forgets what was said when its process ends. "
    "Its directory, ~/.claude or CLAUDE_CONFIG_DIR, may be full or read-only."
)


class SessionRecord:
    """Keeps one session.

    Parameters
    ----------
    session_id
        Its id.
    config
        Its settings.
    resume
        The session that it goes on with, itself or another; None if it is new.
    hide
        Applied to what is kept; takes known secrets out.
    """

    def __init__(
        self, session_id: SessionId, config: AgentConfig, resume: SessionId | None, hide: Callable[[str], str]
    ) -> None:
        self._session_id = session_id
        self._config = config
        self._resume = resume
        self._log = EventLog(session_id, hide)
        self._is_caught_up = resume is None
        """Whether the log has what was said before this object was there."""
        self._is_due = False
        """Whether a turn was complete, so that the next one finds it in the transcript."""
        self._last_trouble = ""
        self._lock = TurnLock(session_id)
        self._letting_go: set[asyncio.Task[None]] = set()

    async def follow(self, turn: Turn) -> bool:
        """Log a turn, as the only one of the session; returns when what there is of it, the user's message, is written.

        Returns
        -------
        bool
            False, with nothing logged, if another process works on the session.
        """
        if not await asyncio.to_thread(self._lock.take):
            return False
        missing: list[Event] = []
        if not self._is_caught_up:
            self._is_caught_up = True
            missing = await asyncio.to_thread(self._find_missing)
        earlier = TurnId("")
        for event in missing:
            if isinstance(event, TurnStart):
                earlier = event.turn_id
            self._log.add(earlier, event)
        turn.subscribe(lambda event: self._log.add(turn.turn_id, event))
        turn.subscribe(self._let_go_at_end)
        await self._log.flush()
        return True

    def _let_go_at_end(self, event: Event) -> None:
        if isinstance(event, TurnEnd):
            task = asyncio.create_task(self._let_go())
            self._letting_go.add(task)
            task.add_done_callback(self._letting_go.discard)

    async def _let_go(self) -> None:
        await self.flush()  # else who looks meanwhile finds a turn that was cut off
        self._lock.release()

    async def check_transcript(self, turn: Turn) -> None:
        """Say in a turn if the transcript has nothing of those before."""
        is_due, self._is_due = self._is_due, False
        if is_due and not await asyncio.to_thread(self._has_transcript):
            turn.emit(Notice(_NOT_STORED))

    def tell_end(self, turn: Turn, end: EndReason) -> None:
        """A turn is about to end: say in it what could not be logged."""
        self._is_due = self._is_due or end == "complete"
        trouble = self._log.trouble
        if trouble and trouble != self._last_trouble:
            turn.emit(Notice(trouble))
        self._last_trouble = trouble

    async def pinned(self) -> str:
        """What the user has pinned, for the model to be given again."""
        await self.flush()
        return pinned_text(past_turns(await asyncio.to_thread(read_log, self._session_id)))

    async def flush(self) -> None:
        """Write what is not written yet."""
        await in_time(asyncio.create_task(self._log.flush()))

    def _has_transcript(self) -> bool:
        from neuroworkflow_agent.engine.claude.transcripts import exists

        return exists(self._session_id, self._config.workspace)

    def _find_missing(self) -> list[Event]:
        """What was said before, in the session that this one resumes, and is not in its log yet."""
        source = self._resume or self._session_id
        with contextlib.suppress(SessionNotFoundError, OSError):
            if source == self._session_id:
                return said_elsewhere(source, self._config, read_log(source))
            return history(source, self._config)
        return []


async def in_time(task: asyncio.Task[Any]) -> None:
    """Wait for work on the disk, but not for ever; what goes wrong there ends no turn."""
    await asyncio.wait([task], timeout=_DISK_TIMEOUT_S)
    if task.done() and not task.cancelled():
        task.exception()
