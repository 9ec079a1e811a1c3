"""What undoing a turn would do, and what came of it, for people. Pure."""

from __future__ import annotations

import html
from collections.abc import Sequence

from neuroworkflow_agent.events import TurnUndone
from neuroworkflow_agent.render.markdown import sanitize
from neuroworkflow_agent.render.parts import Rendered
from neuroworkflow_agent.text import clip, one_line, show_invisible, strip_control

_MAX_LINES = 60
_MAX_LINE_CHARS = 2_000
_PROMPT_CHARS = 120

Group = tuple[str, Sequence[str]]
"""A heading and lines below it."""


def preview(prompt: str, groups: Sequence[Group], *, forgets: bool) -> Rendered:
    """What would be done, before the user is asked.

    Parameters
    ----------
    prompt
        The user's message of the turn.
    groups
        What would be done and what stays; empty ones are left out.
    forgets
        Whether the agent forgets the turn.
    """
    title = f"Undo the turn “{one_line(prompt, _PROMPT_CHARS)}”"
    memory = "The agent forgets this turn." if forgets else "The agent remembers the turn, and is told."
    return _listing(title, [*groups, ("The session", [memory])])


def result(undone: TurnUndone) -> Rendered:
    """What came of it."""
    title = "The turn was undone." if undone.is_whole else "A part of the turn was undone."
    return _listing(title, groups_of(undone))


def groups_of(undone: TurnUndone) -> list[Group]:
    """What was taken back, and what was not or may not have been."""
    return [("Taken back", undone.restored), ("Not taken back, or not looked at", undone.left)]


def _listing(title: str, groups: Sequence[Group]) -> Rendered:
    shown = [(heading, _bounded(lines)) for heading, lines in groups if lines]
    text = "\n".join([title, *(f"  {heading}:\n{_indented(lines)}" for heading, lines in shown)])
    markup = "".join(
        f"<p>{html.escape(heading)}</p><ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>"
        for heading, lines in shown
    )
    return Rendered(
        sanitize(f"<p><strong>{html.escape(strip_control(title))}</strong></p>{markup}"), strip_control(text)
    )


def _bounded(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _MAX_LINES
    kept = [show_invisible(clip(strip_control(line), _MAX_LINE_CHARS)) for line in lines[:_MAX_LINES]]
    return [*kept, f"… and {more} more"] if more > 0 else kept


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)
