"""Words found in what sessions showed: in what the user asked and what the agent answered."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from neuroworkflow_agent.engine.event_log import log_path
from neuroworkflow_agent.engine.log_lines import read_line
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import FollowUp, TextDelta, TurnStart
from neuroworkflow_agent.text import one_line, show_invisible

_MAX_BYTES = 8 * 1024 * 1024
"""Of one session, its newest part."""
_AROUND_CHARS = 60


def search_logs(session_ids: Iterable[str], words: str, *, time_s: float = 2.0) -> dict[str, str]:
    """Where sessions have these words, whatever their case.

    Parameters
    ----------
    session_ids
        The sessions, those that matter most first.
    words
        What is looked for, as one text.
    time_s
        After which the rest is not looked at.

    Returns
    -------
    dict
        The newest place in each session that has one, on one line.
    """
    end = time.monotonic() + time_s
    found: dict[str, str] = {}
    for session_id in session_ids:
        if time.monotonic() > end:
            break
        for text in _texts(session_id, end):
            if place := _excerpt(text, words):
                found[session_id] = place
    return found


def _texts(session_id: str, end: float) -> Iterator[str]:
    """Messages and answers, oldest first; an answer's pieces as one."""
    answer = ""
    try:
        path = log_path(session_id)
        lines = path.read_bytes()[-_MAX_BYTES:].splitlines()
    except (OSError, ConfigError):
        return
    for line in lines:
        if time.monotonic() > end:
            return
        record = read_line(line, path) if b'"text"' in line or b'"prompt"' in line else None
        event = record[2] if record is not None else None
        if isinstance(event, TextDelta):
            answer += event.text
        elif answer:
            yield answer
            answer = ""
        if isinstance(event, TurnStart | FollowUp):
            yield event.prompt
    yield answer


def _excerpt(text: str, words: str) -> str:
    """The last place with these words, and what is around it; empty if there is none."""
    at = text.lower().rfind(words.lower())
    if at < 0:
        return ""
    start, stop = max(0, at - _AROUND_CHARS), at + len(words) + _AROUND_CHARS
    cut = one_line(show_invisible(text[start:stop]), 2 * _AROUND_CHARS + len(words) + 1)
    return f"{'…' if start else ''}{cut}{'…' if stop < len(text) else ''}"
