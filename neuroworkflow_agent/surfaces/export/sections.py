"""What of a notebook a style shows: its cells as parts of a page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from neuroworkflow_agent.prompt_cells import METADATA_KEY, is_prompt

Style: TypeAlias = Literal["paper", "report", "code"]
"""`paper`: text, figures and tables; `report`: code and prompts folded, all outputs; `code`: code open."""
STYLES: tuple[Style, ...] = get_args(Style)


@dataclass(frozen=True, slots=True)
class Words:
    """Text of the notebook's, Markdown."""

    markdown: str
    attachments: Mapping[str, Mapping[str, str]]
    """Pictures that it brings along, base64 by media type, by name."""


@dataclass(frozen=True, slots=True)
class Code:
    """The source of a code cell."""

    source: str
    is_folded: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """An output."""

    output: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the agent was asked; always folded."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the model wrote, Markdown; never without saying so."""

    markdown: str
    is_folded: bool = False


Part: TypeAlias = Words | Code | Shown | Asked | Said


def parts_of(cells: Sequence[Any], style: Style) -> list[Part]:
    """The parts of a page.

    Parameters
    ----------
    cells
        Of a notebook, format 4.
    style
        Which of them.
    """
    return [_in_style(part, style) for cell in cells for part in _parts(cell) if _is_wanted(part, style)]


def _in_style(part: Part, style: Style) -> Part:
    """Code is open and the agent's words are folded in `code`; elsewhere it is the other way round."""
    if isinstance(part, Code | Said):
        return replace(part, is_folded=isinstance(part, Said) == (style == "code"))
    return part


def _is_wanted(part: Part, style: Style) -> bool:
    if style == "paper":
        return isinstance(part, Words) or (isinstance(part, Shown) and _is_figure(part.output))
    if isinstance(part, Shown):
        return style == "code" or part.output.get("name") != "stderr"
    return True


def _parts(cell: Any) -> Iterator[Part]:
    tags = {str(tag).replace("_", "-") for tag in cell.metadata.get("tags", ())}
    about = cell.metadata.get(METADATA_KEY)
    role = about.get("role") if isinstance(about, dict) else None
    if "remove-cell" in tags or cell.cell_type == "raw":
        return
    if cell.cell_type == "markdown":
        if role == "prompt":
            yield Asked(_unquoted(cell.source))
        elif role == "answer":
            yield Said(cell.source)
        else:
            yield Words(cell.source, cell.get("attachments", {}))
    elif is_prompt(cell):
        yield Asked(cell.source.strip())
        yield from _answered(cell.outputs)
    else:
        if cell.source.strip() and not tags & {"remove-input"}:
            yield Code(cell.source)
        if not tags & {"remove-output", "remove-outputs"}:
            yield from (Shown(output) for output in cell.outputs)


def _answered(outputs: Sequence[Any]) -> Iterator[Part]:
    """What the model said in a cell, and what its code has shown; what the cell says of its work is left out."""
    said: list[str] = []
    for output in outputs:
        markup = str(output.get("data", {}).get("text/html", ""))
        if not markup.startswith('<div class="nwa '):
            if said:
                yield Said("\n\n".join(said))
                said = []
            yield Shown(output)
        elif _is_answer(markup):
            said.append(str(output["data"].get("text/plain", "")))
    if said:
        yield Said("\n\n".join(said))


def _is_answer(markup: str) -> bool:
    """Whether a display of ours is what the model wrote, rather than a call, a note or how the turn ended."""
    shown = markup.rpartition("</style>")[2]
    return "nwa-" not in shown.replace("nwa-python", "") and "<details" not in shown


def _is_figure(output: Mapping[str, Any]) -> bool:
    """Whether an output is a picture, a table or a formula."""
    data = output.get("data", {})
    is_picture = any(str(kind).startswith("image/") for kind in data)
    is_text = any(kind in data for kind in ("text/latex", "text/markdown"))
    return is_picture or is_text or "<table" in str(data.get("text/html", ""))


def _unquoted(markdown: str) -> str:
    lines = [line[1:].strip() for line in markdown.splitlines() if line.startswith(">")]
    return "\n".join(lines) or markdown
