"""Outputs that are kept and those of a new run as HTML, side by side, with what differs marked. Pure.

What cells put out is made harmless, and pictures are drawn anew from their pixels.
"""

from __future__ import annotations

import base64
import difflib
import html
import itertools
from collections.abc import Iterable, Iterator, Sequence

from neuroworkflow_agent.outputs import Output
from neuroworkflow_agent.render.outputs import ShownPicture, render_output
from neuroworkflow_agent.text import clip, overwrite, show_invisible, strip_control
from neuroworkflow_agent.verification.alike_pictures import as_png, where
from neuroworkflow_agent.verification.alike_texts import comparable
from neuroworkflow_agent.verification.comparing import joined, picture_of

_MAX_OUTPUTS = 50
"""Of one cell; there may be thousands."""
_MAX_MATCHED_LINES = 300
"""Lines of longer texts are not matched where their numbers differ, which takes time."""
_MAX_CHARS = 200_000
_FOLDED_FROM = 9
"""So many lines that are alike are folded,"""
_BESIDE = 3
"""but for those next to one that is not."""


def side_by_side(before: Sequence[Output], after: Sequence[Output]) -> str:
    """Both, in two columns, and beneath them where pictures differ."""
    ours, theirs = _joined_streams(before), _joined_streams(after)
    paired = [each["output_type"] for each in ours] == [each["output_type"] for each in theirs]
    pairs = list(zip(ours, theirs, strict=True))[:_MAX_OUTPUTS] if paired else []
    if not pairs:
        return _columns(_side(ours), _side(theirs))
    more = "<p>… and more.</p>" if len(ours) > len(pairs) else ""
    return "".join(_pair(a, b) for a, b in pairs) + more


def _pair(before: Output, after: Output) -> str:
    if before["output_type"] == "stream" and before["name"] == after["name"]:
        return _columns(*_texts(before["text"], after["text"]))
    ours, theirs = picture_of(before), picture_of(after)
    drawn = where(ours, theirs) if ours and theirs else None
    beneath = (
        f"<h3>Where they differ</h3><img alt='Where they differ' src='{_uri(drawn)}'>"
        if drawn is not None
        else ""
    )
    return _columns(_output(before), _output(after)) + beneath


def _columns(before: str, after: str) -> str:
    return (
        f'<div class="sides"><div><h3>As it is kept</h3>{before or "<p>Nothing.</p>"}</div>'
        f"<div><h3>In a fresh kernel</h3>{after or '<p>Nothing.</p>'}</div></div>"
    )


def _texts(before: str, after: str) -> tuple[str, str]:
    """Two texts with the lines that differ marked."""
    ours, theirs = (
        strip_control(overwrite(clip(each, _MAX_CHARS))).strip("\n").split("\n") for each in (before, after)
    )
    left: list[str] = []
    right: list[str] = []
    for same, a, b in _stretches(ours, theirs):
        mark = _alike if same else _marked
        left += mark(ours[a])
        right += mark(theirs[b])
    return _pre("\n".join(left)), _pre("\n".join(right))


def _stretches(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[bool, slice, slice]]:
    """Whether they are alike, for lines of both that go together."""
    left, right = ([comparable(each) for each in lines] for lines in (ours, theirs))
    if len(ours) == len(theirs):
        pairs = itertools.groupby(range(len(ours)), lambda at: left[at] == right[at])
        for same, group in pairs:
            places = list(group)
            yield same, slice(places[0], places[-1] + 1), slice(places[0], places[-1] + 1)
    elif max(len(ours), len(theirs)) > _MAX_MATCHED_LINES:
        yield False, slice(None), slice(None)
    else:
        for kind, a, b, c, d in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
            yield kind == "equal", slice(a, b), slice(c, d)


def _alike(lines: Sequence[str]) -> list[str]:
    shown = [html.escape(show_invisible(each)) for each in lines]
    if len(shown) < _FOLDED_FROM:
        return shown
    between = len(shown) - 2 * _BESIDE
    return [*shown[:_BESIDE], f"<i>… {between} lines that are the same …</i>", *shown[-_BESIDE:]]


def _marked(lines: Sequence[str]) -> list[str]:
    return [f"<mark>{html.escape(show_invisible(each)) or ' '}</mark>" for each in lines]


def _pre(inner: str) -> str:
    return f"<pre>{inner}</pre>" if inner else ""


def _joined_streams(outputs: Iterable[Output]) -> list[Output]:
    """Each stream in one output, where it first appears: how the two mix is chance."""
    found: list[Output] = []
    streams: dict[str, Output] = {}
    for each in outputs:
        if each["output_type"] != "stream":
            found.append(each)
        elif (known := streams.get(each["name"])) is not None:
            known["text"] += joined(each["text"])
        else:
            streams[each["name"]] = stream = {**each, "text": joined(each["text"])}
            found.append(stream)
    return found


def _side(outputs: Sequence[Output]) -> str:
    shown = "".join(_output(each) for each in itertools.islice(outputs, _MAX_OUTPUTS))
    return shown + ("<p>… and more.</p>" if len(outputs) > _MAX_OUTPUTS else "")


def _output(output: Output) -> str:
    shown = render_output(output)
    if shown.picture is None:
        return shown.html
    return shown.html.replace(f'data-picture="{shown.picture.key}"', f'src="{_source(shown.picture)}"')


def _source(picture: ShownPicture) -> str:
    """A picture as a data URI; an SVG, which may hold more than a drawing, as nothing."""
    drawn = as_png(base64.b64encode(picture.data).decode("ascii"))
    return _uri(drawn) if drawn else "data:,"


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
