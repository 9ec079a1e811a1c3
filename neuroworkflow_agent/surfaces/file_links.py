"""Where a file is from a notebook, for a link that JupyterLab and Notebook follow: it opens the file there. Pure but for symbolic links."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class FileLinks:
    """Links from one notebook."""

    notebook: str
    """Its file, as the server tells its kernel; empty where there is none."""
    workspace: Path
    """Where relative paths begin."""

    def link_to(self, path: str) -> str:
        """The target of a link; empty for a file that may lie outside what the server shows.

        Only what lies beside or below the notebook is sure not to; hidden files are not shown either.
        """
        notebook = Path(self.notebook)
        if not notebook.is_absolute():
            return ""
        beside = Path(os.path.realpath(notebook)).parent
        place = Path(os.path.relpath(os.path.realpath(self.workspace / path), beside))
        if any(part.startswith(".") for part in place.parts):
            return ""
        return quote(place.as_posix())
