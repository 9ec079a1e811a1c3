"""The requests as suites for `neuroworkflow-agent eval`: a notebook for each, and one file with the tasks and their checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks.tasks.requests import Task

GRADER = "_grader"
"""Its name in the kernel."""
_ROOT = Path(__file__).parents[2]
_SPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


def prepare_of(task: Task) -> str:
    """Code that a kernel runs before the cells of a request: figures are watched, and the files it is about are made."""
    return f"""\
%matplotlib inline
import sys
sys.path.append({str(_ROOT)!r})
from benchmarks.tasks.judge import Grader as {GRADER}
sys.path.remove({str(_ROOT)!r})
{GRADER} = {GRADER}({task.name!r}, globals())
del sys
{task.setup}"""


def write_suite(tasks: Sequence[Task], directory: Path) -> Path:
    """Write a suite of these requests into a directory; gives the suite's file."""
    directory.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        notebook = new_notebook(
            cells=[new_code_cell(cell) for cell in task.cells], metadata={"kernelspec": _SPEC}
        )
        nbformat.write(notebook, directory / _notebook(task))
    suite = directory / "suite.yaml"
    told = {"tasks": [_as_yaml(task) for task in tasks]}
    suite.write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return suite


def _as_yaml(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "kind": task.kind,
        "notebook": _notebook(task),
        "prompt": task.prompt,
        "prepare": prepare_of(task),
        "allow_errors": True,  # some requests are about a cell that fails
        "checks": [
            {"name": "does what was asked", "expr": f"{GRADER}.passes"},
            {"name": "states nothing false", "truthful": f"{GRADER}.is_truthful"},
        ],
    }


def _notebook(task: Task) -> str:
    return f"{task.name}.ipynb"
