"""Which names of a shell's namespace are the user's: not IPython's own, nor those that were there before the first cell.

The one place that says so: for what the model and people are told, and for what a turn's undo looks at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_OF_IPYTHON = re.compile(r"_+|_i+|_i?\d+|_[iod]h|In|Out|_exit_code|__\w+__")


def users_names(namespace: Mapping[Any, Any], hidden: Mapping[Any, Any]) -> dict[str, Any]:
    """The user's names with their values, in the order in which they were made.

    Parameters
    ----------
    namespace
        The shell's.
    hidden
        Names that were there before the user's first cell, with their values; one that is bound anew is the user's.
    """
    ours = dict(_plain_items(hidden))
    return {
        name: value
        for name, value in _plain_items(namespace)
        if not _OF_IPYTHON.fullmatch(name) and not (name in ours and ours[name] is value)
    }


def _plain_items(namespace: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values; a key of another type, which may compare by code of its own, is left out and never looked up."""
    items = dict.items(namespace) if isinstance(namespace, dict) else namespace.items()
    return ((name, value) for name, value in list(items) if type(name) is str)
