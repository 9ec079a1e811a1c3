"""Parameters of a notebook, as papermill has them: a cell tagged `parameters`, and one with other values after it.

Source: papermill, "Parameterize" and "Execute", https://papermill.readthedocs.io/en/latest/usage-parameterize.html.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Mapping
from typing import Any

from nbformat.v4 import new_code_cell

from neuroworkflow_agent.errors import NotebookError
from neuroworkflow_agent.notebooks.cells import has_ids
from neuroworkflow_agent.notebooks.reading import Notebook

_TAG, _INJECTED = "parameters", "injected-parameters"


def inject_parameters(notebook: Notebook, parameters: Mapping[str, Any]) -> None:
    """Put a cell that sets the parameters into a notebook, in place of an earlier one.

    It stands after the cell tagged `parameters`, else before all others.

    Raises
    ------
    NotebookError
        If a name is none of Python's, a value cannot be written down, or the notebook is not Python's.
    """
    if not parameters:
        return
    language = str(notebook.metadata.get("kernelspec", {}).get("language") or "python").lower()
    if language != "python":
        raise NotebookError(f"Parameters are written as Python, and this notebook is for {language!r}.")
    source = "\n".join(
        ["# Parameters", *(f"{_name(name)} = {_literal(value)}" for name, value in parameters.items())]
    )
    cell = new_code_cell(source, metadata={"tags": [_INJECTED]})
    if not has_ids(notebook):
        cell.pop("id", None)
    cells = [each for each in notebook.cells if _INJECTED not in _tags(each)]
    places = [index for index, each in enumerate(cells) if _TAG in _tags(each)]
    cells.insert(places[0] + 1 if places else 0, cell)
    notebook.cells = cells


def _tags(cell: Any) -> list[Any]:
    tags = cell.metadata.get("tags")
    return list(tags) if isinstance(tags, list) else []


def _name(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise NotebookError(
            f"{name!r} cannot be a parameter: it is not a name of Python's. Give one such as rate_hz."
        )
    return name


def _literal(value: Any) -> str:
    """A value as Python writes it."""
    match value:
        case bool() | int() | str() | None:
            return repr(value)
        case float():
            return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
        case list() | tuple():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{_literal(k)}: {_literal(v)}' for k, v in value.items())}}}"
    raise NotebookError(f"{value!r} cannot be a parameter. Give numbers, texts, lists or mappings.")
