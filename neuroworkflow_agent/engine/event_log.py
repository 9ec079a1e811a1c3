"""What the screen showed of a session: its events, one JSON line each, in one file of the user's own.

Claude Code's transcript is the model's memory, this log is the screen's. An `EventLog` belongs to its session and
lives on the portal's loop, which never waits for the disk; a file is appended to in one piece, so that a process that
is killed leaves at most half a line, and readers pass over it. Pictures lie beside it, each once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.engine.log_lines import Record, ends_with, joined, read_line, turn_of, written_line
from neuroworkflow_agent.engine.log_pictures import pictures_of, remove_pictures_but
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import CodeEnd, Event, TurnEnd, Waiting
from neuroworkflow_agent.ids import SessionId, TurnId
from neuroworkflow_agent.private_files import write_private

MAX_BYTES = 64 * 1024 * 1024
"""Of one log; beyond it the oldest turns go."""
_GATHER_S = 0.1
"""How long events are gathered before they are written; the first one after such a time is written at once."""
_MAX_UNWRITTEN_BYTES = 8 * 1024 * 1024
_SESSION_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
CUT_OFF = "The kernel ended before the turn did."


class EventLog:
    """Appends the events of one session.

    Parameters
    ----------
    session_id
        Whose.
    hide
        Applied to every text; takes known secrets out.
    """

    def __init__(self, session_id: SessionId, hide: Callable[[str], str]) -> None:
        self._session_id = session_id
        self._hide = hide
        self._path: Path | None = None
        """Its file, once there was a place for it."""
        self._pending: list[Record] = []
        self._unwritten = b""
        """Lines that could not be written."""
        self._writing = asyncio.Lock()
        self._flush_soon: asyncio.TimerHandle | None = None
        self._flushed_at = float("-inf")
        self._flushing: set[asyncio.Task[None]] = set()
        self.trouble = ""
        """Why what happened last could not be written, one sentence; empty if it was."""

    def add(self, turn_id: TurnId, event: Event) -> None:
        """Have an event written in a moment; what only says that something is waited for is not kept."""
        if isinstance(event, Waiting):
            return
        self._pending.append((turn_id, time.time(), event))
        if self._flush_soon is None:
            loop = asyncio.get_running_loop()
            wait_s = max(0.0, self._flushed_at + _GATHER_S - loop.time())
            self._flush_soon = loop.call_later(wait_s, self._start_flush)

    async def flush(self) -> None:
        """Write what was added so far; a turn's end also reaches the disk itself."""
        if self._flush_soon is not None:
            self._flush_soon.cancel()
            self._flush_soon = None
        async with self._writing:
            records, self._pending = self._pending, []
            if not records and not self._unwritten:
                return
            try:
                await asyncio.to_thread(self._write, records)
            except RuntimeError:  # at the interpreter's end there are no pools
                self._write(records)

    def _start_flush(self) -> None:
        self._flush_soon = None
        self._flushed_at = asyncio.get_running_loop().time()
        task = asyncio.create_task(self.flush())
        self._flushing.add(task)
        task.add_done_callback(self._flushing.discard)

    def _write(self, records: list[Record]) -> None:
        has_ended = any(isinstance(event, TurnEnd) for _, _, event in records)
        data = self._unwritten
        try:
            path = self._path = self._path or log_path(self._session_id)
            for record in joined(records):
                data += written_line(record, path, self._hide)
            _append(path, data, is_to_last=has_ended)
            self._unwritten, self.trouble = b"", ""
            if has_ended and path.stat().st_size > MAX_BYTES:
                _shorten(path)
        except (OSError, ConfigError) as error:
            # The next line must not become the end of one that was written by half.
            self._unwritten = b"\n" + data.lstrip(b"\n") if len(data) <= _MAX_UNWRITTEN_BYTES else b""
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self.trouble = f"What you see of this session cannot be kept: {(reason or type(error).__name__).rstrip('.')}."


def log_path(session_id: str) -> Path:
    """Where a session's log is, or would be.

    Raises
    ------
    ConfigError
        If there is no place for it.
    """
    if not _SESSION_ID.fullmatch(session_id):
        raise ConfigError(f"{session_id!r} is not the id of a session.")
    return state_directory("sessions") / f"{session_id}.jsonl"


def read_log(session_id: str) -> list[Event]:
    """The turns of a session as they were shown, oldest first, each from its start to its end.

    A turn without an end was cut off. Empty if there is no log.
    """
    try:
        path = log_path(session_id)
        lines = path.read_bytes().splitlines()
    except (OSError, ConfigError):
        return []
    turns: dict[TurnId, list[tuple[float, Event]]] = {}
    for line in lines:
        if (record := read_line(line, path)) is not None:
            turn_id, at, event = record
            turns.setdefault(turn_id, []).append((at, event))
    events: list[Event] = []
    for turn_id, happened in turns.items():
        events += _whole([event for _, event in happened])
        if not any(isinstance(event, TurnEnd) for _, event in happened):
            duration_s = max(0.0, happened[-1][0] - happened[0][0])
            events.append(TurnEnd(turn_id, "cut_off", CUT_OFF, SessionId(session_id), duration_s))
    return events


def _whole(events: list[Event]) -> list[Event]:
    """A turn whose code ended with the kernel, and not by itself: it does not run on any more."""
    if any(isinstance(event, CodeEnd) for event in events):
        return events
    return [
        replace(event, runs_on=False) if isinstance(event, TurnEnd) and event.runs_on else event
        for event in events
    ]


def add_to_log(session_id: str, turn_id: TurnId, event: Event, hide: Callable[[str], str]) -> None:
    """Add what happened to a turn after its end; nothing if that cannot be written."""
    with contextlib.suppress(OSError, ConfigError):
        path = log_path(session_id)
        _append(path, written_line((turn_id, time.time(), event), path, hide), is_to_last=True)


def copy_log(
    session_id: str, copy_id: str, *, up_to: str | None = None, before: TurnId | None = None
) -> None:
    """Give a copied session the log of the other: whole turns, and what became of them later.

    Parameters
    ----------
    up_to
        Id of the message that the copy ends with, as `TurnEnd.last_message_id` has it; None for all.
    before
        The turn that the copy ends before; None for all.
    """
    with contextlib.suppress(OSError, ConfigError):
        source, target = log_path(session_id), log_path(copy_id)
        lines = source.read_bytes().splitlines(keepends=True)
        kept = _kept(lines, up_to, before)
        if pictures_of(source).is_dir():
            shutil.copytree(pictures_of(source), pictures_of(target), dirs_exist_ok=True)
        _append(target, b"".join(line for line in lines if turn_of(line) in kept), is_to_last=True)


def _kept(lines: list[bytes], up_to: str | None, before: TurnId | None) -> set[str]:
    """The turns of a log that begin before there."""
    kept: set[str] = set()
    for line in lines:
        turn = turn_of(line)
        if turn == before:
            break
        kept.add(turn)
        if up_to is not None and ends_with(line, up_to):
            break
    return kept


def delete_log(session_id: str) -> None:
    """Delete a session's log and its pictures, if there are any."""
    with contextlib.suppress(ConfigError):
        path = log_path(session_id)
        path.unlink(missing_ok=True)
        shutil.rmtree(pictures_of(path), ignore_errors=True)


def _append(path: Path, data: bytes, *, is_to_last: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if is_to_last:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shorten(path: Path) -> None:
    """Let the oldest turns go until half of what may be is left."""
    lines = path.read_bytes().splitlines(keepends=True)
    turns = [turn_of(line) for line in lines]
    sizes: dict[str, int] = {}
    for turn, line in zip(turns, lines, strict=True):
        sizes[turn] = sizes.get(turn, 0) + len(line)
    kept: set[str] = set()
    room = MAX_BYTES // 2
    for turn in reversed(sizes):
        room -= sizes[turn]
        if room < 0 and kept:
            break
        kept.add(turn)
    rest = b"".join(line for turn, line in zip(turns, lines, strict=True) if turn in kept)
    write_private(path, rest)
    remove_pictures_but(rest, path)
