"""A call that waits for the user, with all that it would do: nothing is cut, and nothing invisible stays so. Pure."""

from __future__ import annotations

import html
import json
from pathlib import PurePath
from typing import Any

from neuroworkflow_agent.diffs import part_diff
from neuroworkflow_agent.events import FileChange
from neuroworkflow_agent.render.markdown import highlight, sanitize
from neuroworkflow_agent.render.parts import Rendered, ToolCard, question, tool_card
from neuroworkflow_agent.text import show_invisible

_MAIN = {"run_code": ("code", "python"), "Bash": ("command", "bash"), "Write": ("content", "diff")}
_TOLD_BY_DIFF = ("old_string", "new_string", "content", "replace_all", "old", "new", "source")
_TOLD_BY_CELLS = ("cell", "last", "after", "index", "hash")
"""What the heading and the diff of a change say of a cell."""
_TITLES = {"run_code": "Run code", "Bash": "Run a shell command"}
_WISHES = {
    "run_code": "run code",
    "Bash": "run a shell command",
    "Write": "write a file",
    "Edit": "change a file",
    "Agent": "start another agent",
    "cell_insert": "add a cell to the notebook",
    "cell_edit": "change a cell of the notebook",
    "cell_update": "write a cell of the notebook anew",
    "cell_move": "move a cell of the notebook",
    "cell_delete": "delete a cell of the notebook",
    "cell_execute": "run cells of the notebook",
    "verify_notebook": "run the notebook anew in a fresh kernel",
}
_MAX_TITLE_CHARS = 200


def approval(
    name: str, tool_input: dict[str, Any], reason: str, change: FileChange | None = None
) -> Rendered:
    """A call that waits for the user, with its real input."""
    if name == "AskUserQuestion":
        return question(tool_input)
    card, head = approval_card(name, tool_input, change=change), approval_head(name, reason)
    return Rendered(
        sanitize(f"<p><strong>{html.escape(head)}</strong></p>{card.html}"), f"{head}\n{card.text}"
    )


def approval_head(name: str, reason: str) -> str:
    """What is asked, in a sentence, and why."""
    wish = _WISHES.get(name, f"use {name}")
    return show_invisible(f"The agent asks to {wish}. {reason}".strip())


def approval_card(
    name: str,
    tool_input: dict[str, Any],
    root: PurePath | None = None,
    change: FileChange | None = None,
) -> ToolCard:
    """The card of such a call.

    Parameters
    ----------
    root
        The heading names paths below it from there; the input has them whole.
    change
        What it does to its file, shown in place of the input that says so.
    """
    rest = dict(tool_input)
    key, language = _MAIN.get(name, ("", ""))
    main = ""
    if change is not None:
        main, language = show_invisible(change.diff) or "(nothing changes)", "diff"
        # A move is told by first lines, which cells may share.
        is_told = name != "cell_move" and _has_heading(name, tool_input, root, change)
        left_out = (*_TOLD_BY_DIFF, *(_TOLD_BY_CELLS if is_told else ()))
        rest = {key: value for key, value in rest.items() if key not in left_out}
    elif name == "Edit" and all(isinstance(rest.get(part), str) for part in ("old_string", "new_string")):
        main, language = _changes(rest.pop("old_string"), rest.pop("new_string")), "diff"
    elif isinstance(rest.get(key), str):
        main = _whole(rest.pop(key)) if language == "diff" else show_invisible(rest.pop(key))
    about = "\n".join(_entry(str(key), value) for key, value in rest.items())
    # The lexer knows a line by its end.
    coloured = highlight(f"{main}\n", language) if main else ""
    listed = f'<pre class="highlight"><code>{html.escape(about)}</code></pre>' if about else ""
    shown = "\n".join(part for part in (about, main) if part)
    return ToolCard(
        _title(name, tool_input, root, change),
        sanitize(f'<div class="nwa-whole">{listed}{coloured}</div>'),
        "\n".join(f"    {line}" for line in shown.split("\n")),
        is_open=True,
        language=language if main else "",
    )


def _title(name: str, tool_input: dict[str, Any], root: PurePath | None, change: FileChange | None) -> str:
    """The heading of the card while it runs, if that is whole; else the tool alone."""
    if _has_heading(name, tool_input, root, change):
        return _heading(name, tool_input, root, change)
    return _TITLES.get(name, show_invisible(name))


def _has_heading(
    name: str, tool_input: dict[str, Any], root: PurePath | None, change: FileChange | None
) -> bool:
    """Whether the heading tells all of the place."""
    is_placed = name in ("Write", "Edit") or name.startswith("cell_")
    return is_placed and len(_heading(name, tool_input, root, change)) < _MAX_TITLE_CHARS


def _heading(name: str, tool_input: dict[str, Any], root: PurePath | None, change: FileChange | None) -> str:
    return show_invisible(tool_card(name, tool_input, root, change).title)


def _whole(content: str) -> str:
    """A file that comes; one whose last line has no end says so, as `diff` does."""
    changes = _changes("", content.removesuffix("\n"))
    return changes if content.endswith("\n") or not content else f"{changes}\n\\ No newline at end of file"


def _changes(old: str, new: str) -> str:
    """What goes and what comes, every line of both."""
    before, after = show_invisible(old), show_invisible(new)
    every = before.count("\n") + 1
    return part_diff(before, after, context_lines=every) or "\n".join(
        f" {line}" for line in before.split("\n")
    )


def _entry(key: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return show_invisible(f"{key}: {text}")
