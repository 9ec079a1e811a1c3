"""A session shown again: what the screen showed of it, and what was said elsewhere since.

`claude --resume` in a terminal goes on with the same transcript and writes no log of ours.
"""

from __future__ import annotations

from dataclasses import replace

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude.transcript_reader import read_transcript
from neuroworkflow_agent.engine.claude.transcripts import find
from neuroworkflow_agent.engine.event_log import CUT_OFF, read_log
from neuroworkflow_agent.engine.turn_lock import is_worked_on
from neuroworkflow_agent.errors import SessionNotFoundError
from neuroworkflow_agent.events import Event, TurnEnd

_STILL_RUNS = "It still runs, in another process; open the session again to see what came of it."


def history(session_id: str, config: AgentConfig) -> list[Event]:
    """The turns of a session, oldest first, each from its `TurnStart` to its `TurnEnd`.

    Parameters
    ----------
    session_id
        Its id, or the beginning of it.

    Raises
    ------
    SessionNotFoundError
        If there is none with this id.
    """
    try:
        session_id = find(session_id, config).session_id
    except SessionNotFoundError:
        # Claude Code may have cleared its transcript away; what was seen is still so.
        if logged := _logged(session_id):
            return logged
        raise
    logged = _logged(session_id)
    return [*logged, *said_elsewhere(session_id, config, logged)]


def _logged(session_id: str) -> list[Event]:
    """What the log has; a turn without an end may still run, in another process."""
    logged = read_log(session_id)
    last = logged[-1] if logged else None
    if isinstance(last, TurnEnd) and last.message == CUT_OFF and is_worked_on(session_id):
        logged[-1] = replace(last, message=_STILL_RUNS)
    return logged


def said_elsewhere(session_id: str, config: AgentConfig, logged: list[Event]) -> list[Event]:
    """The turns of a session's transcript that are not in its log, as far as a transcript has them.

    Raises
    ------
    SessionNotFoundError
        If there is no session with this id.
    """
    if not logged:
        return read_transcript(session_id, config)
    last = next((event for event in reversed(logged) if isinstance(event, TurnEnd)), None)
    after = last.last_message_id if last is not None else None
    return read_transcript(session_id, config, after=after) if after else []
