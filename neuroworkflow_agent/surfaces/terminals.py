"""Which front ends are terminals: what they have shown stays as it is, so an answer has to come to them as text, piece by piece.

jupyter_console and qtconsole pass over `update_display_data`, and nothing on the wire says so. They ask whether a line is
complete before they send it, as JupyterLab's own consoles do, whose messages name no user. Used on the thread that takes requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAX = 100
"""Of sessions that are remembered; the latest."""


class Terminals:
    """Those that have sent something."""

    def __init__(self) -> None:
        self._sessions: dict[str, None] = {}

    def note(self, header: Mapping[str, Any]) -> None:
        """A front end has sent a request with this header."""
        if header.get("msg_type") != "is_complete_request" or not header.get("username"):
            return
        self._sessions[str(header.get("session"))] = None
        while len(self._sessions) > _MAX:
            del self._sessions[next(iter(self._sessions))]

    def sent(self, header: Mapping[str, Any]) -> bool:
        """Whether a request with this header is from one of them."""
        return str(header.get("session")) in self._sessions
