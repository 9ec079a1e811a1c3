"""A notebook file, written as a page beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from neuroworkflow_agent.errors import ConfigError
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
    language = str(read.metadata.get("language_info", {}).get("name") or "python").lower()
    folder = notebook.resolve().parent
    if target.suffix.lower() == ".html":
        title = _title(read.cells) or notebook.stem
        written = {target: as_html(title, parts, facts, folder, language).encode("utf-8", "replace")}
    else:
        page = MarkdownPage(folder, quote(f"{target.stem}_files"), language)
        written = {target: page.write(parts, facts).encode("utf-8", "replace")}
        beside = target.with_name(f"{target.stem}_files")
        written |= {beside / name: data for name, data in page.pictures.items()}
    _write(written, overwrite=overwrite)
    return list(written)


def _write(files: dict[Path, bytes], *, overwrite: bool) -> None:
    for path in files:
        if os.path.lexists(path) and not path.is_file():
            raise ConfigError(f"'{path}' is no regular file. Name another one with --output.")
        if path.exists() and not overwrite:
            raise ConfigError(
                f"'{path}' is there already. Name another file with --output, or replace it with --force."
            )
    for path, data in files.items():
        try:
            path.parent.mkdir(exist_ok=True)
            is_put = _put(path, data)
        except OSError as error:
            raise ConfigError(f"'{path}' cannot be written: {error.strerror or error}.") from error
        if not is_put:
            raise ConfigError(f"'{path}' was written by another program meanwhile.")


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
        reason = one_line(str(error), _MAX_TITLE_CHARS)
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
