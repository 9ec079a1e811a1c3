"""Cells as they are run where nobody is to ask a model: without `%chat` and the package's other magics. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PACKAGE = "neuroworkflow_agent"
_CELL_MAGIC = re.compile(r"\s*%%a?chat\b")
_LINE = re.compile(
    rf"^([ \t]*)((?:\w[\w, \t]*=[ \t]*)?%(?:a?chat|lint)\b|%(?:re)?load_ext[ \t]+{_PACKAGE}\b).*$",
    re.MULTILINE,
)
_IMPORT = re.compile(
    rf"^[ \t]*(?:from[ \t]+{_PACKAGE}\b[^\n]*\bimport\b|import[ \t]+[^\n]*\b{_PACKAGE}\b)(.*)$", re.MULTILINE
)
_AS = re.compile(r"(\w+)(?:\s+as\s+(\w+))?")
_PUBLIC = ("achat", "chat", "ChatPanel", "Session", "neuroworkflow_agent")
_REST = re.compile(r"\s*(?:#[^\n]*|pass\b[^\n]*|\n)*\s*")


def agent_names(sources: Iterable[str]) -> frozenset[str]:
    """Names by which the cells of a notebook may call the agent: those that they import from its package."""
    found: set[str] = set()
    for source in sources:
        for match in _IMPORT.finditer(source):
            found.update(_PUBLIC)
            found.update(alias or name for name, alias in _AS.findall(match[1]))
            if "import" in match[0] and f"{_PACKAGE} as" in match[0]:
                found.add(match[0].rpartition(" as ")[2].strip())
    return frozenset(found)


def without_asking(source: str, names: frozenset[str], *, is_prompt: bool = False) -> tuple[str, bool]:
    """The source of a cell without what asks a model, and whether anything was left out; empty if nothing is left.

    Parameters
    ----------
    names
        As `agent_names` gives them. A cell that uses one of them is left out as a whole.
    is_prompt
        Whether it is a prompt of a chat kernel.
    """
    if _CELL_MAGIC.match(source) or is_prompt:
        return "", True
    kept = _LINE.sub(lambda match: f"{match[1]}pass  # {match[2].strip()}: not asked", source)
    beside = _IMPORT.sub("", _LINE.sub("", source))
    if names and re.search(rf"\b(?:{'|'.join(map(re.escape, names))})\b", beside):
        return "", True
    if kept == source:
        return source, False
    return ("" if _REST.fullmatch(kept) else kept), True
