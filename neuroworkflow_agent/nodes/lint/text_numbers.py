"""Numbers in a notebook's text that none of its cells computes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.notebook_places import CodeCell, Places

_NUMBER = r"(?<![\w.,/-])[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?"
_TOLD = re.compile(rf"({_NUMBER})(\s?%)?(?![\w]*\.\d|[\d,]*\d)")
_ANY = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_NOT_TOLD = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$|<[^>\n]{0,500}>|\]\([^)\n]{0,500}\)|\[[\d,\s\u2013-]+\]"
    r"|https?://\S+|\b10\.\d{4,9}/\S+|\b(?:v|version|python|cuda|release|fig(?:ure)?|table|section|sec|eq(?:uation)?|chapter|appendix|step|part)s?\.?\s*\(?\d[\d.]*\)?"
    r"|^[ \t]*(?:#+[ \t]*)?\d+(?:\.\d+)*[.)]?[ \t]",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
"""What of Markdown is code, formula, address, reference or numbering."""
_SCALES = (1.0, 100.0, 1e3, 1e-3, 1e6, 1e-6, 1e9, 1e-9)
"""Percent, and the usual steps of units."""
_MAX_OUTPUT_CHARS = 2_000_000
_REMEDY = "Compute it in a cell, or say where it comes from; code between backticks is not looked at."


@dataclass(frozen=True, slots=True)
class Told:
    """A number in a text."""

    line: int
    """Of its cell, from 1."""
    column: int
    """From 1."""
    written: str
    value: float
    decimals: int


def check(cells: Sequence[Any], path: str, text: str) -> list[Finding]:
    """Each number with decimals, and each percentage, that neither outputs nor code have.

    Parameters
    ----------
    cells
        Of the notebook.
    path
        As findings name it.
    text
        The file's text.
    """
    known = sorted(_known(cells))
    if not any(cell.get("outputs") for cell in cells):
        return []  # not run, so nothing is known of what it computes
    findings: list[Finding] = []
    places: list[CodeCell] = []
    line = 1
    for index, cell in enumerate(cells):
        if cell.cell_type != "markdown":
            continue
        lines = tuple(cell.source.splitlines())
        places.append(CodeCell(index, cell.source, line, lines))
        for told in numbers_in(cell.source):
            if not _is_known(told, known):
                message = f"Text cell {len(places)}, line {told.line}: no cell computes {told.written}."
                findings.append(Finding(path, line + told.line - 1, told.column, "NW802", message, _REMEDY))
        line += max(1, len(lines))
    return Places(places).in_file(findings, text)


def numbers_in(markdown: str) -> Iterator[Told]:
    """The numbers of a text that look like results: those with decimals, and percentages."""
    plain = _NOT_TOLD.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), markdown)
    for number, line in enumerate(plain.splitlines(), start=1):
        for found in _TOLD.finditer(line):
            digits = found[1].replace(",", "").replace("\u2212", "-")
            if "." in digits or found[2]:
                decimals = len(re.split("[eE]", digits.partition(".")[2])[0])
                yield Told(number, found.start() + 1, found[0].strip(), float(digits), decimals)


def _known(cells: Sequence[Any]) -> Iterator[float]:
    for cell in cells:
        if cell.cell_type != "code":
            continue
        texts = [cell.source, *(text for output in cell.get("outputs", ()) for text in _texts(output))]
        for text in texts:
            for found in _ANY.finditer(text[:_MAX_OUTPUT_CHARS]):
                yield abs(float(found[0]))


def _texts(output: Any) -> Iterator[str]:
    if output.output_type == "stream":
        yield str(output.text)
    elif output.output_type in ("execute_result", "display_data"):
        data = output.data
        yield from (
            str(data[kind])
            for kind in ("text/plain", "text/html", "text/markdown", "text/latex")
            if kind in data
        )


def _is_known(told: Told, known: Sequence[float]) -> bool:
    """Whether one of the numbers is the told one, rounded as it is, and maybe in percent or another unit."""
    from bisect import bisect_left

    half = 0.5 * 10.0**-told.decimals * 1.0001
    value = abs(told.value)
    for scale in _SCALES:
        low, high = (value - half) / scale, (value + half) / scale
        at = bisect_left(known, low)
        if at < len(known) and known[at] <= high:
            return True
    return False
