"""Which session a notebook had last: a small file for each, by which a new kernel goes on with it.

They lie on the kernel's machine, as the sessions do, so that every browser finds them. A notebook is known by its path and by
ids of its cells: a new one that takes the name of one that was deleted does not inherit its session.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.private_files import write_private

_MAX_CELLS = 300
_MAX_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class NotebookKey:
    """A notebook, as it is found again."""

    path: str
    """On its server."""
    cells: Sequence[str] = ()
    """Ids of its cells."""

    @classmethod
    def read(cls, about: object) -> NotebookKey:
        """What a page says of its notebook."""
        given = about if isinstance(about, dict) else {}
        cells = given.get("cells")
        ids = [str(each)[:64] for each in cells[:_MAX_CELLS]] if isinstance(cells, list) else []
        return cls(str(given.get("path") or "")[:1000], tuple(ids))


def remember(notebook: NotebookKey, session_id: str | None, workspace: Path) -> None:
    """Keep a notebook's session, or with None that it has none; what cannot be written is not remembered."""
    with contextlib.suppress(OSError, ConfigError):
        file = _file(notebook, workspace)
        if session_id is None:
            file.unlink(missing_ok=True)
        else:
            text = json.dumps({"session": session_id, "cells": notebook.cells})
            write_private(file, text.encode())


def remembered(notebook: NotebookKey, workspace: Path) -> str | None:
    """The session that a notebook had last; None if it had none, or is another one of the same name."""
    try:
        with _file(notebook, workspace).open("rb") as file:
            kept = json.loads(file.read(_MAX_BYTES))
        session_id, cells = str(kept["session"]), kept["cells"]
    except (OSError, ConfigError, ValueError, KeyError, TypeError):
        return None
    is_same = not cells or not set(map(str, cells)).isdisjoint(notebook.cells)
    return session_id if is_same else None


def _file(notebook: NotebookKey, workspace: Path) -> Path:
    name = hashlib.sha256(f"{workspace}\0{notebook.path}".encode("utf-8", "surrogatepass")).hexdigest()
    return state_directory("notebooks") / f"{name}.json"
