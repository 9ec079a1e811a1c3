"""Which chats a workspace has, read from the disk: sessions with a transcript, and those that were cut off before they had one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.event_log import delete_log, log_path, read_log
from neuroworkflow_agent.engine.handed_on import forget_handed_on
from neuroworkflow_agent.engine.log_search import search_logs
from neuroworkflow_agent.engine.past_turns import as_text, past_turns
from neuroworkflow_agent.engine.turn_lock import require_idle
from neuroworkflow_agent.errors import ConfigError, SessionNotFoundError
from neuroworkflow_agent.events import TurnStart
from neuroworkflow_agent.state.forgetting import delete_session
from neuroworkflow_agent.surfaces.web.kept import Kept

_MAX_LISTED = 500
_FORGOTTEN = "What was said here before, which you do not remember:\n\n{turns}"


@dataclass(frozen=True, slots=True)
class ListedChat:
    """A chat, as a list shows it."""

    session_id: str
    title: str
    modified: datetime
    """Last change, UTC."""
    is_pinned: bool
    place: str = ""
    """Where what was looked for is said in it."""


@dataclass(frozen=True, slots=True)
class StoredChat:
    """How a chat can be gone on with."""

    has_transcript: bool
    told: str = ""
    """What the model has to be told of it, where it has no transcript."""


def list_chats(config: AgentConfig, kept: Kept, words: str = "") -> list[ListedChat]:
    """The chats of the workspace, the newest first.

    Parameters
    ----------
    words
        Looked for in what was said.
    """
    found: list[tuple[datetime, str, str]] = [
        (each.modified, each.session_id, each.title)
        for each in transcripts.sessions(config, limit=_MAX_LISTED)
    ]
    known = {session_id for _, session_id, _ in found}
    found += [row for each in kept.begun if each not in known and (row := _of_log(each)) is not None]
    found.sort(reverse=True)
    places = search_logs([session_id for _, session_id, _ in found], words) if words else {}
    return [
        ListedChat(session_id, title, modified, session_id in kept.pinned, places.get(session_id, ""))
        for modified, session_id, title in found
    ]


def stored_chat(session_id: str, config: AgentConfig) -> StoredChat:
    """Look for a chat.

    Raises
    ------
    SessionNotFoundError
        If there is none with this id.
    """
    if transcripts.exists(session_id, config.workspace):
        return StoredChat(has_transcript=True)
    if events := read_log(session_id):
        return StoredChat(has_transcript=False, told=_FORGOTTEN.format(turns=as_text(past_turns(events))))
    raise SessionNotFoundError(session_id)


def delete_chat(session_id: str, config: AgentConfig) -> None:
    """Delete a chat for good.

    Raises
    ------
    SessionNotFoundError
        If there is none with this id.
    SessionBusyError
        If a turn of it runs, in whatever process.
    """
    if stored_chat(session_id, config).has_transcript:
        delete_session(session_id, config)
    else:
        require_idle(session_id)
        delete_log(session_id)
        forget_handed_on(session_id)


def _of_log(session_id: str) -> tuple[datetime, str, str] | None:
    """When it was changed, its id and its title; None if it has no log."""
    try:
        modified = datetime.fromtimestamp(log_path(session_id).stat().st_mtime, UTC)
    except (OSError, ConfigError):
        return None
    started = next((event for event in read_log(session_id) if isinstance(event, TurnStart)), None)
    return (modified, session_id, " ".join(started.prompt.split())) if started is not None else None
