"""A notebook file, written as a page beside it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from neuroworkflow_agent.errors import ConfigError, why_no_notebook
from neuroworkflow_agent.notebook_metadata import about
from neuroworkflow_agent.outputs import with_texts
from neuroworkflow_agent.replacing import Temporary, look
from neuroworkflow_agent.surfaces.export.html_page import as_html
from neuroworkflow_agent.surfaces.export.made import facts_of
from neuroworkflow_agent.surfaces.export.markdown_page import MarkdownPage
from neuroworkflow_agent.surfaces.export.sections import Style, parts_of
from neuroworkflow_agent.text import one_line

_TITLE = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)
_MAX_TITLE_CHARS = 120
_ENDINGS = (".html", ".md")


def export(
    notebook: Path, style: Style, output: Path | None, *, hide: Callable[[str], str], overwrite: bool = False
) -> list[Path]:
    """Write a notebook's page; returns the files that were written.

    Parameters
    ----------
    notebook
        The file.
    style
        What it shows.
    output
        Where to, `.html` or `.md`; None for an `.html` file beside the notebook.
    hide
        Takes known secrets out of a text.
    overwrite
        Whether to replace files that are there.

    Raises
    ------
    ConfigError
        If the notebook cannot be read, or the page not written there.
    """
    read = _read(notebook)
    read.cells = [_hidden(cell, hide) for cell in read.cells]
    target = output or notebook.with_suffix(".html")
    if target.suffix.lower() not in _ENDINGS:
        raise ConfigError(f"A page ends in {' or '.join(_ENDINGS)}, got '{target}'.")
    parts, facts = parts_of(read.cells, style), facts_of(read, notebook)
    language = str(about(read, "language_info").get("name") or "python").lower()
    folder = notebook.resolve().parent
    if target.suffix.lower() == ".html":
        title = _title(read.cells) or notebook.stem
        written = {target: as_html(title, parts, facts, folder, language).encode("utf-8", "replace")}
    else:
        page = MarkdownPage(folder, quote(f"{target.stem}_files"), language)
        written = {target: page.write(parts, facts).encode("utf-8", "replace")}
        beside = target.with_name(f"{target.stem}_files")
        # The text comes last: one that is there has its pictures.
        written = {beside / name: data for name, data in page.pictures.items()} | written
    _write(written, overwrite=overwrite)
    return sorted(written, key=lambda path: path != target)


def _write(files: dict[Path, bytes], *, overwrite: bool) -> None:
    """All of them, or none that is new."""
    for path in files:
        _require_place(path, overwrite=overwrite)
    made: list[Path] = []
    try:
        for path, data in files.items():
            if not path.parent.exists():
                path.parent.mkdir()
                made.append(path.parent)
            is_new = not path.exists()
            if not _put(path, data):
                raise ConfigError(f"'{path}' was written by another program meanwhile.")
            if is_new:
                made.append(path)
    except BaseException as error:
        _remove(made)
        if isinstance(error, OSError):
            raise ConfigError(f"'{path}' cannot be written: {error.strerror or error}.") from error
        raise


def _require_place(path: Path, *, overwrite: bool) -> None:
    """See that nothing of the user's is replaced, before anything is written."""
    try:
        is_there, is_file = os.path.lexists(path), path.is_file()
        # A link that came with a downloaded notebook would have its pictures lie elsewhere.
        is_blocked = path.suffix.lower() not in _ENDINGS and (
            path.parent.is_symlink() or (path.parent.exists() and not path.parent.is_dir())
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"'{path}' cannot be written: {reason}.") from error
    if is_blocked:
        raise ConfigError(f"'{path.parent}' is no folder for pictures. Name another file with --output.")
    if is_there and not is_file:
        raise ConfigError(f"'{path}' is no regular file. Name another one with --output.")
    if is_there and not overwrite:
        raise ConfigError(
            f"'{path}' is there already. Name another file with --output, or replace it with --force."
        )


def _remove(made: list[Path]) -> None:
    """What was made of a page that could not be written as a whole."""
    for path in reversed(made):
        with contextlib.suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


def _put(path: Path, data: bytes) -> bool:
    """Put a file in its place as a whole; False if somebody else has written there."""
    target = path.resolve()
    new = Temporary(target)
    try:
        new.write(data)
        return new.put(look(target))
    finally:
        new.discard()


def _read(notebook: Path) -> Any:
    import nbformat

    if notebook.exists() and not notebook.is_file():
        raise ConfigError(f"'{notebook}' is not a regular file; name a notebook.")
    try:
        return nbformat.read(notebook, as_version=4)
    except Exception as error:
        reason = one_line(why_no_notebook(error), _MAX_TITLE_CHARS)
        raise ConfigError(f"'{notebook}' cannot be read as a notebook: {reason}.") from error


def _hidden(cell: Any, hide: Callable[[str], str]) -> Any:
    cell.source = hide(cell.source)
    if cell.cell_type == "code":
        cell.outputs = [with_texts(output, hide) for output in cell.outputs]
    return cell


def _title(cells: list[Any]) -> str:
    """The first heading."""
    texts = (cell.source for cell in cells if cell.cell_type == "markdown")
    found = next((found[1] for text in texts if (found := _TITLE.search(text))), "")
    return one_line(found, _MAX_TITLE_CHARS)
