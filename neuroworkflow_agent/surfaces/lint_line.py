"""`%lint [NOTEBOOK]`: what makes the results of a notebook doubtful, shown in a cell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.render.parts import Rendered, listing

_USAGE = (
    "Which notebook is not known here. Write '%lint NOTEBOOK.ipynb'; it is looked at as it was saved last."
)


def lint_line(line: str, environ: Mapping[str, str]) -> Rendered:
    """Look at the notebook that a line names, or at the one that it stands in, as it was saved last.

    Parameters
    ----------
    line
        What stands behind `%lint`.
    environ
        Names the notebook of the kernel, in `JPY_SESSION_NAME`.

    Raises
    ------
    ConfigError
        If there is no such file, or it cannot be looked at.
    """
    from neuroworkflow_agent.nodes.lint.report import lint_notebook
    from neuroworkflow_agent.nodes.source import Unreadable

    named = line.strip() or environ.get("JPY_SESSION_NAME", "")
    if not named:
        raise ConfigError(_USAGE)
    path = Path(named).expanduser()
    if not path.is_file():
        raise ConfigError(f"There is no file '{path}'. Name a notebook that is there.")
    try:
        report = lint_notebook(path)
    except Unreadable as unreadable:
        raise ConfigError(unreadable.finding.text) from None
    found = [f"{each.severity} {each.code} {each.text}" for each in report.findings]
    return listing(f"{path.name}, as it was saved last: {report.summary}", found)
