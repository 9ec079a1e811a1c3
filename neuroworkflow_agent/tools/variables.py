"""The tool that tells what the user's variables are, without running code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.kernels.variables.namespace import MAX_CONTEXT_CHARS, Namespace, fitted
from neuroworkflow_agent.kernels.variables.summary import Summary
from neuroworkflow_agent.text import clip, one_line, redact, show_invisible
from neuroworkflow_agent.tools.registry import Block, Call, Tool

INSPECT_VARIABLES = "inspect_variables"
"""Name of the tool."""
_MAX_FULL_CHARS = 20_000
_MAX_NAMES = 50
_TIME_S = 0.05
_DESCRIPTION = """\
Say what variables of the user's namespace are: type, shape, type of elements, columns, units, memory. No code runs, \
nothing is computed, and it works while a cell runs. Without names: all of them, most recently used first."""
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "names": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Variables; all of the user's by default.",
        },
        "detail": {
            "type": "string",
            "enum": ["brief", "full"],
            "description": "'full' adds first rows or elements, all columns, docstrings; it needs names.",
        },
    },
}


def inspect_variables(namespace: Namespace, secrets: Callable[[], Iterable[str]] = frozenset) -> Tool:
    """The tool for one namespace.

    Parameters
    ----------
    namespace
        The user's variables.
    secrets
        Values to keep from the model, as they are when asked for.
    """

    async def answer(call: Call) -> list[Block]:
        names, detail = call.arguments.get("names"), call.arguments.get("detail") or "brief"
        text = _named(namespace, names, detail) if names else _all(namespace)
        return [{"type": "text", "text": redact(text, secrets())}]

    return Tool(INSPECT_VARIABLES, _DESCRIPTION, _SCHEMA, answer, reads_only=True)


def _all(namespace: Namespace) -> str:
    lines = [variable.line for variable in namespace.variables(time_s=_TIME_S)]
    return fitted(lines, MAX_CONTEXT_CHARS) if lines else "The user has made no variables yet."


def _named(namespace: Namespace, names: Any, detail: Any) -> str:
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ToolFailed(f"names must be a list of names, got {names!r:.100}.")
    if len(names) > _MAX_NAMES:
        raise ToolFailed(f"names takes {_MAX_NAMES} names at most, got {len(names)}. Ask for fewer at once.")
    texts = [_text(name, namespace.describe(name), detail) for name in names]
    return clip("\n".join(texts), _MAX_FULL_CHARS if detail == "full" else MAX_CONTEXT_CHARS)


def _text(name: str, summary: Summary | None, detail: Any) -> str:
    shown = one_line(show_invisible(name), 80)
    if summary is None:
        return f"{shown}: there is no such variable."
    more = summary.more if detail == "full" else ()
    return "\n    ".join([f"{shown}: {summary.line}", *more])
