"""Reading a notebook, and what it is about; no kernel, no file once it is read."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import nbformat

from neuroworkflow_agent.errors import NotebookError, why_no_notebook
from neuroworkflow_agent.text import clip, strip_control

Notebook: TypeAlias = Any
"""nbformat's `NotebookNode`, version 4."""

_SUPPORTED = 4
_KERNEL = "python3"


def parse_notebook(text: str, name: str, *, upgrade: bool = False) -> Notebook:
    """A valid version 4 notebook from the text of a file.

    Parameters
    ----------
    text
        Content of the file.
    name
        What to call it in errors.
    upgrade
        Convert older versions instead of refusing them, and give cells ids.

    Raises
    ------
    NotebookError
        With what would work.
    """
    version = _version(text, name)
    if version > _SUPPORTED:
        raise NotebookError(f"'{name}' is nbformat {version}, newer than this program knows (4).")
    if version < _SUPPORTED and not upgrade:
        raise NotebookError(f"'{name}' is nbformat {version}. Pass --upgrade to convert it to nbformat 4.")
    try:
        notebook = nbformat.reads(text, as_version=_SUPPORTED)
        if upgrade:
            notebook = nbformat.v4.upgrade(notebook, _SUPPORTED, notebook.nbformat_minor)
        _complete_kernelspec(notebook)
        nbformat.validate(notebook)
    except Exception as error:
        reason = f"{why_no_notebook(error)}{_place(error)}"
        raise NotebookError(f"'{name}' is not a valid notebook: {reason}") from error
    return notebook


def read_text(path: Path) -> str:
    """The text of a file, with errors in one sentence."""
    if path.is_dir():
        raise NotebookError(f"'{path}' is a directory; name a notebook in it.")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise NotebookError(f"'{path}' is not a regular file; name a notebook.")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotebookError(f"No notebook at '{path}'.") from None
    except UnicodeDecodeError:
        raise NotebookError(f"'{path}' is not a notebook: it is not UTF-8 text.") from None
    except OSError as error:
        raise NotebookError(f"'{path}' cannot be read: {error.strerror}.") from error


def kernel_name(notebook: Notebook) -> str:
    """The kernelspec the notebook names, or Python's."""
    return str(notebook.metadata.get("kernelspec", {}).get("name") or _KERNEL)


def summarise(notebook: Notebook, budget_chars: int, hide: Callable[[str], str] = str) -> str:
    """The cells with their ids as compact text for the model, later cells first to be kept in full.

    Parameters
    ----------
    budget_chars
        Most characters to return; a cut is stated.
    hide
        Takes known secrets out of a text; before it is cut, since half a secret is not known any more.
    """
    texts = [_cell_text(number, cell, hide) for number, cell in enumerate(notebook.cells, 1)]
    per_cell = max(200, budget_chars // max(1, len(texts)))
    kept: list[str] = []
    room = budget_chars
    for text in reversed(texts):
        shown = clip(text, max(per_cell, room // 4))
        if len(shown) > room:
            kept.append(f"[{len(texts) - len(kept)} earlier cells left out]")
            break
        kept.append(shown)
        room -= len(shown) + 2
    return "\n\n".join(reversed(kept))


def _version(text: str, name: str) -> int:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise NotebookError(
            f"'{name}' is not a notebook: it is not JSON ({error.msg}, line {error.lineno})."
        ) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        raise NotebookError(f"'{name}' is not a notebook: no program could read its JSON.") from None
    version = data.get("nbformat") if isinstance(data, dict) else None
    if not isinstance(version, int):
        raise NotebookError(f"'{name}' is JSON but not a notebook: it has no nbformat version.")
    return version


def _complete_kernelspec(notebook: Notebook) -> None:
    """Name a kernelspec that is there without a name, as programs leave it that know their language only."""
    spec = notebook.get("metadata", {}).get("kernelspec")
    if isinstance(spec, dict):
        spec.setdefault("name", _KERNEL)
        spec.setdefault("display_name", spec["name"])


def _place(error: Exception) -> str:
    """Where a validation failed, as far as it says so."""
    steps = [
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in getattr(error, "relative_path", ())
    ]
    return f", at {''.join(steps).lstrip('.')}" if steps else ""


def _cell_text(number: int, cell: Any, hide: Callable[[str], str]) -> str:
    head = f"[{number}] {cell.cell_type} {cell.get('id', '')}".rstrip()
    if cell.cell_type != "code":
        return f"{head}\n{hide(cell.source)}"
    count = cell.get("execution_count")
    outputs = "\n".join(filter(None, (_output_text(output, hide) for output in cell.outputs)))
    return f"{head}{f' In[{count}]' if count else ''}\n{hide(cell.source)}" + (
        f"\nOutput:\n{outputs}" if outputs else ""
    )


def _output_text(output: Any, hide: Callable[[str], str]) -> str:
    match output.output_type:
        case "stream":
            return clip(hide(strip_control(output.text)).rstrip(), 1500)
        case "error":
            return clip(
                hide(strip_control("\n".join(output.traceback)) or f"{output.ename}: {output.evalue}"), 3000
            )
        case _:
            images = [kind for kind in output.data if kind.startswith("image/")]
            return clip(hide(strip_control(str(output.data.get("text/plain", "")))), 1500) + (
                " (image)" if images else ""
            )
