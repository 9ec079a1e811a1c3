"""One turn of a session at a time, whichever process works on it: a notebook's kernel, the web page, an editor.

A `TurnLock` belongs to its session's record and holds the session's log by a lock of the system's from a turn's beginning to
its end. The lock ends with the process, however that ends; children that the user's code forks do not keep it. Windows has none.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time

from neuroworkflow_agent.engine.event_log import log_path
from neuroworkflow_agent.errors import ConfigError, SessionBusyError
from neuroworkflow_agent.ids import SessionId

if sys.platform != "win32":
    import fcntl

ELSEWHERE = (
    "Another process is in the middle of a turn of this session. Wait for its end, or go on in a copy."
)
_TRIES = 5
_AGAIN_S = 0.05
"""Who only looks whether a session is worked on holds its log for a moment, too."""
_held: set[int] = set()
"""Descriptors of this process's locks."""


class TurnLock:
    """Of one session.

    Parameters
    ----------
    session_id
        Whose.
    """

    def __init__(self, session_id: SessionId) -> None:
        self._session_id = session_id
        self._mutex = threading.Lock()
        self._descriptor = -1
        self._turns = 0
        """How many hold it: after a stop the next turn may begin before the last word of the one before is written."""

    def take(self) -> bool:
        """Hold it for one turn; False if somebody else works on the session. Where no lock can be had, there is none."""
        if sys.platform == "win32":
            return True
        with self._mutex:
            if self._descriptor < 0:
                try:
                    self._descriptor = _locked(self._session_id)
                except BlockingIOError:
                    return False
                except (OSError, ConfigError):  # a full disk, a file system without locks
                    return True
            self._turns += 1
            return True

    def release(self) -> None:
        """A turn that holds it has ended."""
        if sys.platform == "win32":
            return
        with self._mutex:
            self._turns = max(0, self._turns - 1)
            if self._turns or self._descriptor < 0:
                return
            descriptor, self._descriptor = self._descriptor, -1
            _held.discard(descriptor)
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # for copies of it, too, in what was forked from C
            os.close(descriptor)


def is_worked_on(session_id: str) -> bool:
    """Whether a turn of a session runs, in this process or another one."""
    if sys.platform == "win32":
        return False
    try:
        descriptor = _opened(session_id, os.O_RDONLY)
    except (OSError, ConfigError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def require_idle(session_id: str) -> None:
    """Refuse what would pull a session away from under a turn.

    Raises
    ------
    SessionBusyError
        If one runs, in whatever process.
    """
    if is_worked_on(session_id):
        raise SessionBusyError(ELSEWHERE)


def _opened(session_id: str, flags: int) -> int:
    return os.open(log_path(session_id), flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)


def _locked(session_id: SessionId) -> int:
    descriptor = _opened(session_id, os.O_RDWR | os.O_CREAT)
    try:
        for is_last in (*[False] * (_TRIES - 1), True):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if is_last:
                    raise
                time.sleep(_AGAIN_S)
    except BaseException:
        os.close(descriptor)
        raise
    _held.add(descriptor)
    return descriptor


def _let_go_in_child() -> None:
    while _held:
        os.close(_held.pop())


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_let_go_in_child)
