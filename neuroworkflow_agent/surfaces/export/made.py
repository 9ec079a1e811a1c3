"""How a notebook's results were made, as far as its file says."""

from __future__ import annotations

import ast
import importlib.metadata
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.nodes.magics import without_magics
from neuroworkflow_agent.notebook_metadata import about
from neuroworkflow_agent.prompt_cells import METADATA_KEY, is_prompt


def facts_of(notebook: Any, path: Path) -> list[tuple[str, str]]:
    """Names and values: the file, the language, what ran, the agent's part, the packages.

    Parameters
    ----------
    path
        Its file.
    """
    language = about(notebook, "language_info")
    spoken = f"{language.get('name', '')} {language.get('version', '')}".strip()
    kernel = about(notebook, "kernelspec").get("display_name", "")
    is_python = str(language.get("name") or "python").lower() == "python"
    facts = [
        ("Notebook", path.name),
        ("Language", spoken),
        ("Kernel", str(kernel)),
        ("Cells", _ran(notebook.cells)),
        ("The agent", _turns(notebook.cells)),
        (
            "Packages, as installed where this page was made",
            ", ".join(_packages(notebook.cells)) if is_python else "",
        ),
        ("This page", f"made by neuroworkflow-agent {__version__} on {date.today().isoformat()}"),
    ]
    return [(name, value) for name, value in facts if value]


def _ran(cells: list[Any]) -> str:
    """Which code cells ran, and whether from the top."""
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]
    counts = [cell.execution_count for cell in code if cell.execution_count is not None]
    if not code:
        return ""
    number = f"{len(code)} with code, {len(counts)} of them run"
    if not counts:
        return number
    return f"{number}, {'from the top down' if counts == sorted(counts) else 'not in the order in which they stand'}"


def _turns(cells: list[Any]) -> str:
    """How much of the notebook is the agent's."""
    about = [cell.metadata.get(METADATA_KEY) for cell in cells]
    turns = {each.get("turn") for each in about if isinstance(each, dict) and each.get("turn")}
    asked = sum(cell.cell_type == "code" and is_prompt(cell) for cell in cells)
    number = len(turns) + asked
    return "" if not number else "was asked once" if number == 1 else f"was asked {number} times"


def _packages(cells: list[Any]) -> Iterator[str]:
    """Packages that the code imports, with their versions."""
    known = importlib.metadata.packages_distributions()
    names = {
        known[module][0]
        for cell in cells
        if cell.cell_type == "code"
        for module in _modules(cell.source)
        if module in known
    }
    for name in sorted(names, key=str.casefold):
        yield f"{name} {importlib.metadata.version(name)}"


def _modules(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(without_magics(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
