"""How a database is reached, how long it may take, and how a connection that hangs is let go of.

What a server itself can limit, it is told to limit. One that was stopped, or that the network lost, answers nothing and
refuses nothing: its connection is broken off from another thread, with `DatabaseConnection.abort`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

_CONNECT_S = 3
_STATEMENT_MS = 3_000
_IDLE_MS = 5_000
"""A replica that stops in the middle of a transaction keeps others waiting for so long."""


class DatabaseConnection:
    """What breaks a connection off while another thread waits for its answer."""

    def __init__(self, raw: Any) -> None:
        self._file = raw if isinstance(raw, sqlite3.Connection) else None
        # A copy, so that the number does not come to name another connection of this process.
        self._socket = None if self._file is not None else socket.socket(fileno=os.dup(raw.fileno()))

    def abort(self) -> None:
        """Let whoever waits for it have an error instead."""
        with contextlib.suppress(OSError, sqlite3.Error):
            if self._file is not None:
                self._file.interrupt()
            elif self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """It has been closed."""
        if self._socket is not None:
            self._socket.close()


def make_engine(url: str, remember: Any) -> sa.Engine:
    """An engine with one connection; `remember` is called with each that is opened in its place."""
    is_file = sa.make_url(url).get_backend_name() == "sqlite"
    limits = f"-c statement_timeout={_STATEMENT_MS} -c idle_in_transaction_session_timeout={_IDLE_MS}"
    given = {} if is_file else {"connect_timeout": _CONNECT_S, "options": limits, **_given(url)}
    engine = sa.create_engine(url, pool_size=1, max_overflow=0, connect_args=given)
    if is_file:
        _keep_private(engine.url.database or "")
        sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "connect", remember)
    return engine


def _given(url: str) -> dict[str, Any]:
    """What the URL itself says goes before."""
    return {
        name: value
        for name, value in sa.make_url(url).query.items()
        if name in ("connect_timeout", "options")
    }


def _keep_private(file: str) -> None:
    """Make the file for its user alone; SQLite gives those it puts beside it the same mode."""
    with contextlib.suppress(OSError):  # what is in the way is said when it is opened
        if file and file != ":memory:" and not file.startswith("file:"):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            for each in (Path(file), Path(f"{file}-wal"), Path(f"{file}-shm")):
                if each.exists():
                    each.chmod(0o600)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Several processes may share the file, and a reader never waits for a writer."""
    for pragma in (f"busy_timeout={_STATEMENT_MS}", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
