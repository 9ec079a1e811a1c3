"""Which cells of a notebook do not show what a fresh run gives: labels, made without a thought to how `verify` compares. Pure.

The labeller has no list of what differs each time. It is shown several runs and takes for noise what differs between runs
whose random numbers were the same: a clock, an address, the order of a set. Of what is left every character counts, and of
a picture every pixel, if people could see that it is another one. A cell is

- *bad* if something that all runs of the notebook as it was agree on is something else that all fresh runs agree on,
- *good* if there is no such thing,
- *unclear* if runs of one and the same notebook differ even in how many words they put out, or if something that all runs
  agreed on has become noise, and none has it any more.

It knows what JupyterLab puts on the screen of each output: the richest form of it.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

from PIL import Image, ImageChops

Label: TypeAlias = Literal["good", "bad", "unclear"]
Shown: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""What a cell put out, a part each: its kind, and its words."""

_SHOWN_FIRST = (
    "text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "image/gif", "application/json", "text/plain",
)  # fmt: skip
"""Forms in the order in which JupyterLab prefers them."""
_SEEN_LEVELS = 8
_WORD = re.compile(r"[\w.]+|\s+|.", re.DOTALL)


def shown(outputs: Iterable[Any]) -> Shown:
    """What is on the screen of a cell, each of the two streams in one part."""
    streams: dict[str, str] = {}
    parts: list[tuple[str, tuple[str, ...]]] = []
    for each in outputs:
        if each.output_type == "stream":
            streams[each.name] = streams.get(each.name, "") + each.text
        elif each.output_type == "error":
            parts.append(("error", _words(f"{each.ename}: {each.evalue}")))
        elif kind := next((kind for kind in _SHOWN_FIRST if kind in each.data), None):
            text = str(each.data[kind])
            whole = kind.startswith("image/") and kind != "image/svg+xml"
            parts.append((kind, (text,) if whole else _words(text)))
    return (*((name, _words(text)) for name, text in sorted(streams.items())), *parts)


def label(before: Sequence[Shown], fresh: Sequence[Shown]) -> Label:
    """Whether what is kept of a cell is what a fresh run gives.

    Parameters
    ----------
    before
        The cell in several runs of the notebook as it was when it was kept, with the same random numbers.
    fresh
        The cell in several fresh runs of the notebook as it is.
    """
    if not (_agree_in_shape(before) and _agree_in_shape(fresh)):
        return "unclear"
    if differing(before, fresh):
        return "bad"
    return "unclear" if any(_has_become_noise(*each) for each in _word_by_word(before, fresh)) else "good"


def differing(before: Sequence[Shown], fresh: Sequence[Shown]) -> tuple[str, ...]:
    """Kinds of the parts that differ; `shape` if there are other parts, or more or fewer words."""
    if _shape(before[0]) != _shape(fresh[0]):
        kinds = {kind for kind, _ in before[0]} ^ {kind for kind, _ in fresh[0]}
        return tuple(sorted(kinds)) or ("shape",)
    found = [
        kind
        for kind, were, are in _word_by_word(before, fresh)
        if len(were) == 1 == len(are) and were != are and _is_seen(kind, *were, *are)
    ]
    return tuple(dict.fromkeys(found))


def _word_by_word(
    before: Sequence[Shown], fresh: Sequence[Shown]
) -> Iterator[tuple[str, set[str], set[str]]]:
    """The kind of each word, and what it is in the runs of either; of outputs that have one shape."""
    if _shape(before[0]) != _shape(fresh[0]):
        return
    for index, (kind, words) in enumerate(before[0]):
        for place in range(len(words)):
            yield kind, {each[index][1][place] for each in before}, {each[index][1][place] for each in fresh}


def _has_become_noise(_kind: str, were: set[str], are: set[str]) -> bool:
    return len(were) == 1 and len(are) > 1 and not were <= are


def _is_seen(kind: str, before: str, fresh: str) -> bool:
    """Whether people could see that two words, or pictures, are not the same: any letter, and a pixel by more than 8 of 255 levels."""
    if not kind.startswith("image/") or kind == "image/svg+xml":
        return True
    ours, theirs = (
        Image.open(io.BytesIO(base64.b64decode(each))).convert("RGBA") for each in (before, fresh)
    )
    if ours.size != theirs.size:
        return True
    counts = ImageChops.difference(ours, theirs).histogram()
    return any(sum(counts[at + _SEEN_LEVELS + 1 : at + 256]) for at in range(0, len(counts), 256))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text))


def _shape(of: Shown) -> list[tuple[str, int]]:
    return [(kind, len(words)) for kind, words in of]


def _agree_in_shape(runs: Sequence[Shown]) -> bool:
    return all(_shape(each) == _shape(runs[0]) for each in runs)
