"""Which cells are for the agent, and what of them the subkernel is given in their place. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from neuroworkflow_agent.kernels.languages import language_named
from neuroworkflow_agent.prompt_cells import Prompt, is_marked, magic_in

_NO_CODE = re.compile("[\0\ud800-\udfff]")
"""Characters that kernels cannot take, or send back: half a pair of surrogates leaves ipykernel silent."""


def prompt_in(code: str, metadata: Mapping[str, Any]) -> Prompt | None:
    """What a cell says to the agent; None for code.

    Parameters
    ----------
    code
        The cell's source.
    metadata
        Of the request.
    """
    if (found := magic_in(code)) is not None:
        return found
    return as_prompt(code) if is_marked(metadata) and code.strip() else None


def as_prompt(text: str) -> Prompt:
    """A text for the agent, without options."""
    return Prompt("chat", "--", text)


def as_comment(code: str, language: str) -> str:
    """The same text as a comment of a language: it takes a number and its place in the history, and does nothing."""
    spoken = language_named(language)
    mark = spoken.comment
    lines = [f"{mark} {line}".rstrip() for line in _NO_CODE.sub("\ufffd", code).splitlines()]
    return "\n".join([*(lines or [mark]), *([spoken.unheeded] if spoken.unheeded else [])])
