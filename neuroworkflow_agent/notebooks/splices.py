"""Where a text was changed, and how the change is taken back when somebody has changed the text elsewhere since. Pure."""

from __future__ import annotations

from difflib import SequenceMatcher

_AROUND = 8
"""Characters by which a part of a text is known again."""
_MOST = 1_000_000
"""Characters times characters that are compared."""


def difference(old: str, new: str) -> tuple[str, str, str]:
    """The one place where two texts differ: what stands before it, what is removed there, what is put in."""
    start, shortest = 0, min(len(old), len(new))
    while start < shortest and old[start] == new[start]:
        start += 1
    end = 0
    while end < shortest - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return old[:start], old[start : len(old) - end], new[start : len(new) - end]


def taken_back(before: str, after: str, now: str) -> str | None:
    """A text without one change of it, and with all that somebody has changed before or behind that since.

    Parameters
    ----------
    before, after
        The text without the change, and as the change left it.
    now
        The text with both changes.

    Returns
    -------
    str or None
        None if the two changes touch the same part.
    """
    if before == after:
        return now
    head, removed, put_in = difference(before, after)
    first, last = len(head), len(head) + len(put_in)
    moved = _moved_by(after, now, first, last)
    return None if moved is None else now[: first + moved] + removed + now[last + moved :]


def _moved_by(after: str, now: str, first: int, last: int) -> int | None:
    """How far a part of a text has moved by changes elsewhere; None if it was changed, or that cannot be told."""
    head, cut, put_in = difference(after, now)
    start, end = len(head), len(head) + len(cut)
    enough = min(_AROUND, len(after))  # less may be alike by chance
    if last <= start and start >= enough:
        return 0
    if end <= first and len(after) - end >= enough:
        return len(now) - len(after)
    if len(cut) * len(put_in) > _MOST:
        return None
    # Changed in several places: found again where also what stands around it is as it was.
    wanted_first, wanted_last = max(0, first - _AROUND), min(len(after), last + _AROUND)
    matcher = SequenceMatcher(None, cut, put_in, autojunk=False)
    for at, there, size in matcher.get_matching_blocks():
        if start + at <= wanted_first and wanted_last <= start + at + size:
            return there - at
    return None
