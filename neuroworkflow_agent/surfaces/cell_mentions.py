"""`@cell 5`, `@cell ID` and `@selection` in a message: which cells are meant, and what the model is given of them.

A number is the one that a notebook shows beside a cell, `[5]`, and not the cell's place, which no one sees.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.notebooks.cells import address
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.outline import line_of
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.pictures import Picture
from neuroworkflow_agent.text import clip, one_line, redact
from neuroworkflow_agent.tools.content import MAX_CHARS, encode_outputs

_MENTION = re.compile(r"(?<![\w@.])@(?:cell[ \t]+\[?(~?[\w-]+)\]?|(selection)\b)")
_NEAR = 4
_NEAR_CHARS = 40
_MAX_CELLS = 20
_NO_SELECTION = (
    "@selection works in a panel that stands beside its notebook in JupyterLab or Notebook 7, once a cell was clicked. "
    "Name the cell instead, as in '@cell 5'."
)


async def attach_cells(
    prompt: str,
    document: NotebookDocument,
    *,
    selection: Mapping[str, Any] | None = None,
    secrets: Iterable[str] = (),
) -> list[Attachment]:
    """What the model is given of the cells that a message names: text, outputs and pictures, within one tool result's budget.

    Parameters
    ----------
    prompt
        The message as typed.
    document
        The notebook; looked at only if cells are named.
    selection
        `cells`, ids of what the user has selected in the page, and `text`, what of a single one; None where no page says.
    secrets
        Values to hide.

    Raises
    ------
    ConfigError
        If there is no such cell, with those that may be meant.
    NotebookError
        If the notebook cannot be read.
    """
    wanted = list(dict.fromkeys(found.groups() for found in _MENTION.finditer(prompt)))
    if not wanted:
        return []
    notebook = await document.snapshot()
    named: dict[str, tuple[str, str]] = {}
    for reference, is_selection in wanted:
        if is_selection:
            named |= _selected(selection)
        else:
            index = find_cell(notebook, reference)
            named[address(notebook.cells[index])] = (_label(reference), "")
    if len(named) > _MAX_CELLS:
        raise ConfigError(f"A message points at {_MAX_CELLS} cells at most; these are {len(named)}.")
    budget = MAX_CHARS // len(named)
    return [
        await _attachment(document, cell, label, chosen, budget, frozenset(secrets))
        for cell, (label, chosen) in named.items()
    ]


def find_cell(notebook: Notebook, reference: str) -> int:
    """Where the cell is that a person calls so: the number beside it, or its id.

    Raises
    ------
    ConfigError
        If there is none, or several, with what may be meant.
    """
    cells = notebook.cells
    numbered = [index for index, cell in enumerate(cells) if str(cell.get("execution_count")) == reference]
    found = numbered or [index for index, cell in enumerate(cells) if address(cell) == reference]
    if len(found) == 1:
        return found[0]
    if found:
        them = _listed(f"'@cell {address(cells[index])}' ({_first(cells[index])})" for index in found)
        raise ConfigError(f"Several cells have the number or name {reference!r}. Name one by its id: {them}.")
    if reference.isdecimal():
        raise ConfigError(_no_number(notebook, int(reference)))
    close = difflib.get_close_matches(reference, [address(cell) for cell in cells], _NEAR)
    near = [cell for cell in cells if address(cell) in close] or cells[:_NEAR]
    them = _listed(f"{address(cell)!r} ({_first(cell)})" for cell in near)
    raise ConfigError(f"The notebook has no cell {reference!r}. It has {them or 'no cells'}.")


async def completions(document: NotebookDocument, query: str, limit: int) -> list[dict[str, str]]:
    """Mentions that may be meant by what was typed behind the at sign, as a page lists them.

    Raises
    ------
    NotebookError
        If the notebook cannot be read.
    """
    kind, _, rest = query.partition(" ")
    if kind != "cell":
        return [each for each in _KINDS if each["value"].startswith(query)]
    cells = await document.cells()
    counts = [cell.get("execution_count") for _, cell in cells]
    found: list[dict[str, str]] = []
    for (line, _), count in zip(cells, counts, strict=True):
        name = str(count) if count and counts.count(count) == 1 else line.address
        if rest.strip().casefold() in f"{name} {line.address} {line.first_line}".casefold():
            about = line.first_line or f"empty, {line.cell_type}"
            found.append({"kind": "mention", "value": f"cell {name}", "detail": about})
    # A number that is typed is meant whole, before those that begin with it.
    found.sort(key=lambda each: each["value"] != f"cell {rest.strip()}")
    return found[:limit]


_KINDS = (
    {"kind": "mention", "value": "cell", "detail": "a cell, by its [number] or id"},
    {"kind": "mention", "value": "selection", "detail": "what is selected in the notebook"},
)


def _selected(selection: Mapping[str, Any] | None) -> dict[str, tuple[str, str]]:
    cells = [str(each) for each in (selection or {}).get("cells") or ()]
    if not cells:
        raise ConfigError(_NO_SELECTION)
    chosen = str((selection or {}).get("text") or "")
    return dict.fromkeys(cells, ("selection", chosen))


async def _attachment(
    document: NotebookDocument, cell: str, label: str, chosen: str, budget: int, secrets: frozenset[str]
) -> Attachment:
    ((line, content),) = await document.cells(cell, with_outputs=True)
    count = content.get("execution_count")
    about = [f"[{count}]" if count else "", line.cell_type, line.state, f"id {cell}"]
    head = f"The user points at a cell of {document.name}: {', '.join(filter(None, about))}, number {line.index + 1} from the top."
    # Before they are cut: half a secret is not known any more.
    chosen, source = redact(chosen, secrets), redact(content.source, secrets)
    if chosen:
        head += f" Of its text the user has selected:\n{clip(chosen, budget // 3)}\nThe whole cell:"
    outputs = content.get("outputs", ())
    text = f"{head}\n{clip(source, budget // 2)}" + ("\nOutputs:" if outputs else "")
    blocks = await encode_outputs(text, outputs, secrets=secrets, max_chars=budget)
    pictures = [Picture(block["data"], block["mimeType"]) for block in blocks if block["type"] == "image"]
    shown = "\n".join(block["text"] for block in blocks if block["type"] == "text")
    return Attachment(label, shown, tuple(pictures))


def _label(reference: str) -> str:
    return f"cell [{reference}]" if reference.isdecimal() else f"cell {reference}"


def _no_number(notebook: Notebook, wanted: int) -> str:
    counted = [cell for cell in notebook.cells if cell.get("execution_count")]
    near = sorted(counted, key=lambda cell: abs(cell.execution_count - wanted))[:_NEAR]
    near.sort(key=lambda cell: cell.execution_count)
    them = _listed(f"[{cell.execution_count}] ({_first(cell)})" for cell in near)
    there = f"Near it are {them}" if them else "No cell has a number yet, since none was run"
    return f"No cell has the number [{wanted}] beside it. {there}. A cell without one is named by its id: '@cell ID'."


def _first(cell: Any) -> str:
    """What a person knows a cell by."""
    return one_line(line_of(0, cell).first_line or f"empty, {cell.cell_type}", _NEAR_CHARS)


def _listed(each: Iterable[str]) -> str:
    *before, last = [*each] or [""]
    return f"{', '.join(before)} and {last}" if before else last
