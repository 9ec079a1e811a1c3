"""Sessions on disk: Claude Code's own transcripts, through the SDK.

`claude --resume` in a terminal and `%chat --resume` meet the same history. The SDK takes two seconds to import,
so each function imports it by itself: who imports this module on the kernel's main thread does not wait for it.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude.home import settle_home
from neuroworkflow_agent.engine.event_log import copy_log, delete_log, read_log
from neuroworkflow_agent.engine.handed_on import copy_handed_on, forget_handed_on
from neuroworkflow_agent.engine.prompts import BESIDE_THE_PROMPT, is_of_the_cli, read_message
from neuroworkflow_agent.engine.turn_lock import require_idle
from neuroworkflow_agent.errors import ConfigError, SessionNotFoundError
from neuroworkflow_agent.events import TurnStart
from neuroworkflow_agent.ids import SessionId, TurnId

_FORK = " (fork)"
_SESSION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session, as a list shows it."""

    session_id: SessionId
    title: str
    """Given title, else the first prompt."""
    modified: datetime
    """Last change, UTC."""


def exists(session_id: str, workspace: Path) -> bool:
    """Whether the session was written down for this workspace."""
    import claude_agent_sdk as sdk

    settle_home()
    return sdk.get_session_info(session_id, directory=str(workspace)) is not None


def find(session_id: str, config: AgentConfig) -> StoredSession:
    """The session with this id, or with the only id that starts so.

    Raises
    ------
    SessionNotFoundError
        If there is none, or more than one.
    """
    import claude_agent_sdk as sdk

    settle_home()
    if _SESSION_ID.fullmatch(session_id):  # the whole one: no need to look through all of them
        found = sdk.get_session_info(session_id, directory=str(config.workspace))
        if found is None:
            raise SessionNotFoundError(session_id)
        return _stored(found, config)
    matches = [each for each in sessions(config) if session_id and each.session_id.startswith(session_id)]
    if len(matches) != 1:
        raise SessionNotFoundError(session_id)
    return matches[0]


def pick(session_id: str, config: AgentConfig) -> StoredSession:
    """As `find`; the latest one for an empty id.

    Raises
    ------
    SessionNotFoundError
        If there is none with this id.
    ConfigError
        If there is none at all.
    """
    if session_id:
        return find(session_id, config)
    latest = sessions(config, limit=1)
    if not latest:
        raise ConfigError("There is no session to resume in this workspace yet.")
    return latest[0]


def sessions(config: AgentConfig, *, limit: int | None = None) -> list[StoredSession]:
    """Sessions of the workspace, newest first."""
    import claude_agent_sdk as sdk

    settle_home()
    found = sdk.list_sessions(directory=str(config.workspace), limit=limit)
    return [_stored(info, config) for info in found]


def fork(
    session_id: str,
    config: AgentConfig,
    *,
    title: str | None = None,
    up_to: str | None = None,
    log_of: str | None = None,
    log_before: TurnId | None = None,
) -> SessionId:
    """Copy a session; returns the copy's id.

    Parameters
    ----------
    up_to
        Id of the last message to copy, as `TurnEnd.last_message_id` has it; None for all.
    log_of
        The session whose log the copy is given, all of it; None for the same, as far as it is copied.
    log_before
        With `log_of`: the turn that ends what is copied of the log; None for none.

    Raises
    ------
    ConfigError
        If the session has no such message.
    """
    import claude_agent_sdk as sdk

    stored = find(session_id, config)
    title = title or title_of_copy(stored.title)
    directory = str(config.workspace)
    try:
        result = sdk.fork_session(stored.session_id, directory=directory, up_to_message_id=up_to, title=title)
    except ValueError as error:
        raise ConfigError(f"This session cannot be forked there: {error}.") from error
    copy_log(
        log_of or stored.session_id, result.session_id, up_to=None if log_of else up_to, before=log_before
    )
    if up_to is None:
        copy_handed_on(stored.session_id, result.session_id)
    return SessionId(result.session_id)


def title_of_copy(title: str) -> str:
    """The title of a copy of a session."""
    return f"{title.removesuffix(_FORK)}{_FORK}"


def rename(session_id: str, title: str, config: AgentConfig) -> SessionId:
    """Give a session a title; returns its id.

    Raises
    ------
    ConfigError
        If the title is empty.
    """
    import claude_agent_sdk as sdk

    if not title.strip():
        raise ConfigError("title must not be empty.")
    stored = find(session_id, config)
    sdk.rename_session(stored.session_id, title.strip(), directory=str(config.workspace))
    return stored.session_id


def delete(session_id: str, config: AgentConfig) -> SessionId:
    """Delete a session for good, transcript and log; returns its id.

    Raises
    ------
    SessionBusyError
        If a turn of it runs, in whatever process.
    """
    import claude_agent_sdk as sdk

    stored = find(session_id, config)
    require_idle(stored.session_id)
    sdk.delete_session(stored.session_id, directory=str(config.workspace))
    delete_log(stored.session_id)
    forget_handed_on(stored.session_id)
    return stored.session_id


def _stored(info: Any, config: AgentConfig) -> StoredSession:
    title = " ".join(_title(info, str(config.workspace)).split()) or "(no title)"
    return StoredSession(
        SessionId(info.session_id), title, datetime.fromtimestamp(info.last_modified / 1000, UTC)
    )


def _title(info: Any, directory: str) -> str:
    """What the user called it, else what they said first; what the agent was told beside that is not a title."""
    said = info.first_prompt or ""
    if said.startswith(BESIDE_THE_PROMPT):
        said = _first_prompt(info.session_id, directory)
    return str(info.custom_title or said or info.summary or "")


@functools.lru_cache(maxsize=2_000)
def _first_prompt(session_id: str, directory: str) -> str:
    """Read from the transcript once; it never changes."""
    import claude_agent_sdk as sdk

    for message in sdk.get_session_messages(session_id, directory=directory, limit=20):
        raw: Any = message.message
        if message.type == "user" and (prompt := read_message(raw.get("content") or "")[0]):
            # Behind a summary the transcript does not go back any further, but what was shown does.
            return _first_shown(session_id) if is_of_the_cli(prompt) else prompt
    return ""


def _first_shown(session_id: str) -> str:
    return next((event.prompt for event in read_log(session_id) if isinstance(event, TurnStart)), "")
