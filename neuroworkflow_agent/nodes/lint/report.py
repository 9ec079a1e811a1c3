"""A notebook with what in it makes its results doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.nodes.findings import Finding, count, plural, summarise
from neuroworkflow_agent.nodes.lint import data, fallbacks, randomness, results, text_numbers
from neuroworkflow_agent.nodes.lint.calls import Calls
from neuroworkflow_agent.nodes.noqa import keep, noqas_in
from neuroworkflow_agent.nodes.reports import as_text
from neuroworkflow_agent.nodes.scripts import NotebookSource, read_script
from neuroworkflow_agent.nodes.selection import Selections
from neuroworkflow_agent.notebook_metadata import language_of

PREFIX = "NW8"
"""Of the findings that are looked for."""
_IN_EACH_CELL = (results, fallbacks)
_IN_CODE = (*_IN_EACH_CELL, randomness, data)


@dataclass(frozen=True)
class LintReport:
    """What looking at a notebook gave."""

    path: str
    cells: int
    findings: list[Finding]
    """Sorted by file, place and code."""
    silenced: int = 0
    """How many more a `noqa` has taken."""
    ignored: int = 0
    """How many more the project does not want."""

    @property
    def errors(self) -> int:
        """How many of them are certain to be wrong."""
        return count(self.findings, "error")

    @property
    def summary(self) -> str:
        """One line: `12 cells: 0 errors, 2 warnings`."""
        return f"{plural(self.cells, 'cell')}: {summarise(self.findings, self.silenced, self.ignored)}"

    def __str__(self) -> str:
        return f"{as_text(self.findings)}{self.summary}"


def lint_notebook(path: Path) -> LintReport:
    """Look at a notebook's code and text; a `.py` file has only code.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    Unreadable
        With the finding that says why.
    ConfigError
        If the notebook is not Python's, or the project's selection of findings cannot work.
    """
    source = read_script(path, leaves_cells_out=True)  # which looks first at what kind of file it is
    cells = _cells(path)
    text = text_numbers.check(cells, source.path, path.read_text(encoding="utf-8")) if cells else []
    noqas = {source.path: noqas_in(source)}
    unreadable = source.unreadable if isinstance(source, NotebookSource) else ()
    # Such a cell may be where data is used, or a seed is set.
    rules = _IN_EACH_CELL if unreadable else _IN_CODE
    calls = Calls(source)
    found = {each for rule in rules for each in rule.check(source, calls)}
    kept = keep(sorted(found), noqas, Selections(), lambda code: code.startswith(PREFIX))
    kept_text = keep(text, {}, Selections(), lambda _code: False)
    findings = sorted([*source.in_file([*kept.findings, *unreadable]), *kept_text.findings])
    return LintReport(source.path, len(cells), findings, kept.silenced, kept.ignored + kept_text.ignored)


def _cells(path: Path) -> list[Any]:
    """The cells of a notebook; none of a script."""
    if path.suffix != ".ipynb":
        return []
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception:  # noqa: BLE001 - nbformat raises what the JSON happens to break; reading the code says it better
        return []
    language = language_of(notebook)
    if language.lower() != "python":
        raise ConfigError(f"'{path}' is written in {language}; only Python can be looked at.")
    return list(notebook.cells)
