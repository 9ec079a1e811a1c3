"""Which names code has changed, as the model and as people read it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neuroworkflow_agent.kernels.base import NameChanges
from neuroworkflow_agent.text import one_line

_MAX_NAMES = 20
_MAX_NAME_CHARS = 40
_SHOWN = 2


def sentence(changes: NameChanges | None) -> str:
    """What a piece of code did to names, for the model; empty if nothing."""
    if changes is None:
        return ""
    kinds = (
        ("new", changes.new),
        ("rebound", changes.rebound),
        ("deleted", changes.deleted),
        ("changed in place", changes.in_place),
        ("not looked into", changes.not_looked_at if changes.changed else ()),
    )
    told = [f"{what} {_listed(names)}" for what, names in kinds if names]
    return f"Names: {'; '.join(told)}. " if told else ""


def summary(pieces: Iterable[NameChanges]) -> str:
    """What a turn's code changed, for its closing line, as `changed: df, rates (+2)`; empty if nothing."""
    names = dict.fromkeys(_shown(name) for changes in pieces for name in changes.changed)
    if not names:
        return ""
    first, more = list(names)[:_SHOWN], len(names) - _SHOWN
    return f"changed: {', '.join(first)}{f' (+{more})' if more > 0 else ''}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(map(_shown, names[:_MAX_NAMES])) + (f" and {more} more" if more > 0 else "")


def _shown(name: str) -> str:
    """A name; code may put any text into a namespace."""
    return one_line(name if name.isidentifier() else repr(name), _MAX_NAME_CHARS)
