"""A session deleted with all that is kept of it, the files of its turns included."""

from __future__ import annotations

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.event_log import read_log
from neuroworkflow_agent.events import TurnStart
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.state.file_copies import forget


def delete_session(session_id: str, config: AgentConfig) -> SessionId:
    """Delete a session for good: transcript, log, and what files of its turns were; returns its id.

    A copy of the session cannot undo these turns any more either.

    Raises
    ------
    SessionNotFoundError
        If there is none with this id.
    """
    found = transcripts.find(session_id, config).session_id
    turns = [event.turn_id for event in read_log(found) if isinstance(event, TurnStart)]
    deleted = transcripts.delete(found, config)
    for turn in turns:
        forget(turn)
    return deleted
