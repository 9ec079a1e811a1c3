"""Keeps one run: what was asked, its events as they come, the notebook before and after, and what changed in the workspace.

A `Recorder` belongs to the thread that runs the run. It owns the directory of its start from `begin` to `end`, and the open
file with the events. A process that is killed leaves the directory with what came, under a name that is no result's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neuroworkflow_agent.events import Event, ToolResult, ToolUse
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.runs.asked import Asked
from neuroworkflow_agent.runs.event_file import NAME as EVENTS
from neuroworkflow_agent.runs.event_file import EventFile
from neuroworkflow_agent.runs.files import FileChange, FileWatch, as_json
from neuroworkflow_agent.runs.record import FORMAT, this_process, versions, write_record
from neuroworkflow_agent.runs.store import Place, Store
from neuroworkflow_agent.text import map_texts
from neuroworkflow_agent.wire import USED_UP

BEFORE, AFTER, FILES = "before.ipynb", "after.ipynb", "files.json"
_CELLS = "the notebook's cells"
_RUN = "the run"


class Recorder:
    """The record of one start.

    Parameters
    ----------
    store
        Where runs are kept.
    asked
        What is asked.
    hide
        Applied to every text; takes known secrets out.
    again
        Whether it may take the place of an earlier result.
    is_shared
        Whether others work in the same workspace meanwhile.
    """

    def __init__(
        self,
        store: Store,
        asked: Asked,
        hide: Callable[[str], str],
        *,
        again: bool = False,
        is_shared: bool = False,
    ) -> None:
        self._store = store
        self._asked = asked
        self._hide = hide
        self._again = again
        self._is_shared = is_shared
        self.place: Place = store.begin(asked.key)
        """Where the record is."""
        self._told: dict[str, Any] = {}
        self._events = EventFile(self.place.path / EVENTS, hide)
        self._files: FileWatch | None = None
        self._writers: dict[str, str] = {}

    def begin(
        self,
        *,
        endpoint: Mapping[str, Any],
        workspace: Path,
        directory: Path,
        own_file: Path,
        mode: str,
        more: Mapping[str, Any],
    ) -> None:
        """Write what is asked, and look at the workspace.

        Parameters
        ----------
        directory
            Where the kernel starts.
        own_file
            The notebook that the run itself saves.
        more
            More of the document.
        """
        self._told = {
            "format": FORMAT,
            "key": self._asked.key,
            "start": self._store.starts(self._asked.key),
            "asked": self._asked.as_dict(self._hide),
            "endpoint": dict(endpoint),
            "mode": mode,
            "workspace": str(workspace),
            "directory": str(directory),
            "own_file": _below(own_file, workspace),
            "versions": versions(),
            "begun": _now(),
            **more,
            **this_process(),
        }
        write_record(self.place, self._told)
        self.watch()

    def watch(self) -> None:
        """Have the workspace as it is now be the one that changes are told from."""
        workspace = Path(self._told["workspace"])
        self._files = FileWatch(workspace, [self._store.root], {self._told["own_file"]: _RUN})

    @property
    def own_file(self) -> str:
        """Path from the workspace of the notebook that the run itself saves."""
        return str(self._told.get("own_file", ""))

    def keep_notebook(self, name: str, text: str) -> None:
        """Keep a notebook's text, without secrets."""
        try:
            shown = json.dumps(map_texts(json.loads(text), self._hide), ensure_ascii=False, indent=1)
        except ValueError:
            shown = self._hide(text)
        write_private(self.place.path / name, shown.encode("utf-8", "replace") + b"\n")

    def on_cell(self) -> None:
        """One of the notebook's own cells has ended."""
        if self._files is not None:
            self._files.note(_CELLS)

    def on_event(self, event: Event) -> None:
        """Keep an event; after a tool's answer, look what it changed."""
        self._events.add(event)
        if isinstance(event, ToolUse):
            self._writers[event.tool_use_id] = event.name
        elif isinstance(event, ToolResult) and self._files is not None:
            self._files.note(self._writers.pop(event.tool_use_id, _RUN))

    def look(self) -> list[FileChange]:
        """What has changed in the workspace by now."""
        if self._files is None:
            return []
        self._files.note(_RUN, at_any_cost=True)
        return self._files.changes

    def end(self, ended: Mapping[str, Any]) -> Place:
        """Write how it ended and put the directory where it belongs; gives where that is.

        Parameters
        ----------
        ended
            More of the document: `end`, `exit_code`, `message`, usage, cost, checks.
        """
        self._events.close()
        if self._files is not None:
            told = as_json(
                self._files.changes, is_complete=self._files.is_complete, is_shared=self._is_shared
            )
            write_private(self.place.path / FILES, json.dumps(told, indent=1).encode() + b"\n")
        shown = map_texts(dict(ended), self._hide)
        sealed = {name: _digest(self.place.path / name) for name in (EVENTS, BEFORE, AFTER, FILES)}
        write_record(self.place, {**self._told, **shown, "ended": _now(), "sha256": sealed})
        if is_answer(ended):
            self.place = self._store.accept(self.place, again=self._again)
        else:
            self.place = self._store.put_aside(self.place)
        return self.place

    def close(self) -> None:
        """Let go of a start that did not come to an end. Idempotent."""
        self._events.close()


def is_answer(ended: Mapping[str, Any]) -> bool:
    """Whether the question is answered by a run that ended so, and need not be asked again."""
    end = ended.get("end")
    return end not in ("interrupted", "cut_off") and not (
        end == "limit" and USED_UP in str(ended.get("message"))
    )


def _below(path: Path, root: Path) -> str:
    """A path from the root, if it is below."""
    real, base = os.path.realpath(path), os.path.realpath(root)
    return os.path.relpath(real, base) if real.startswith(base + os.sep) else real


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
