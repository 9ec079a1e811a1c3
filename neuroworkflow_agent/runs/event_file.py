"""The events of a run, one JSON line each, written as they come; pictures lie beside it.

Each line is written at once and as a whole: a run that is killed keeps what came.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from neuroworkflow_agent.engine.log_lines import read_line, written_line
from neuroworkflow_agent.events import Event, TurnEnd, TurnStart, Waiting
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.runs.plain_files import read_plain

NAME = "events.jsonl"


class EventFile:
    """Writes the events of one run.

    Parameters
    ----------
    path
        A new file.
    hide
        Applied to every text; takes known secrets out.
    """

    def __init__(self, path: Path, hide: Callable[[str], str]) -> None:
        self._path = path
        self._hide = hide
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._turn_id = TurnId("")

    def add(self, event: Event) -> None:
        """Write an event; what only says that something is waited for is not kept."""
        if isinstance(event, Waiting):
            return
        if isinstance(event, TurnStart | TurnEnd):
            self._turn_id = event.turn_id
        line = memoryview(written_line((self._turn_id, time.time(), event), self._path, self._hide))
        while line:
            line = line[os.write(self._descriptor, line) :]

    def close(self) -> None:
        """Have it on the disk. Idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.fsync(descriptor)
            os.close(descriptor)


def read_events(run: Path) -> Iterator[Event]:
    """The events of the run in a directory; what a kill has left of a last line is passed over."""
    path = run / NAME
    try:
        lines = read_plain(path).splitlines()
    except OSError:
        return
    for line in lines:
        if (record := read_line(line, path)) is not None:
            yield record[2]
