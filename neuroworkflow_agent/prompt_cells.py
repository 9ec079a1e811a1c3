"""Which code cells are prompts of a chat kernel: by their metadata, or by how they begin. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

METADATA_KEY = "neuroworkflow_agent"
"""Under which cells, outputs and requests say what they are to us."""
_MAGIC = re.compile(r"\s*%%?chat(?!\S)[^\S\r\n]*(?P<line>[^\r\n]*)(?P<below>.*)", re.DOTALL)
_LINE = re.compile(r"\s*%(?P<magic>lint|context|subkernel)(?!\S)(?P<line>[^\r\n]*)\s*")
"""Other magics that are ours, if they are all that stands in a cell."""
_HELP = re.compile(
    r"\s*(?:\?\??\s*%%?(chat|lint|context|subkernel)|%%?(chat|lint|context|subkernel)\?\??)\s*"
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A cell that is for us."""

    magic: str
    """Its first word without percent signs: `chat`."""
    line: str
    """What follows it on its line."""
    cell: str | None = None
    """The lines below; None where there are none."""


def magic_in(source: str) -> Prompt | None:
    """The magic of ours that a cell is; `%chat?` and its like ask for its help."""
    if found := _MAGIC.fullmatch(source):
        below = found["below"].lstrip("\r\n")
        return Prompt("chat", found["line"].strip(), below if below.strip() else None)
    if found := _LINE.fullmatch(source):
        return Prompt(found["magic"], found["line"].strip())
    if found := _HELP.fullmatch(source):
        return Prompt(found[1] or found[2], "--help")
    return None


def is_marked(metadata: Mapping[str, Any]) -> bool:
    """Whether a cell's metadata, or those of a request to run it, say that its text is for the agent."""
    about = metadata.get(METADATA_KEY)
    return isinstance(about, dict) and about.get("prompt") is True


def is_prompt(cell: Any) -> bool:
    """Whether a code cell is for the agent as a whole."""
    return is_marked(cell.metadata) or _MAGIC.match(cell.source) is not None


def with_magic(source: str, metadata: Mapping[str, Any]) -> str:
    """The source of a cell as a chat kernel is given it by who cannot send the metadata along."""
    is_text = is_marked(metadata) and source.strip() and magic_in(source) is None
    return f"%%chat --\n{source}" if is_text else source
