"""Outputs of a cell that are kept, beside those of a new run: what differs. Pure.

The two streams count as one text each, since how they mix is chance; what is displayed counts in its order. Of one display
the form that says most is compared: a picture by its pixels, tables by their texts.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from neuroworkflow_agent.outputs import Output
from neuroworkflow_agent.text import one_line
from neuroworkflow_agent.verification import alike_pictures, alike_texts
from neuroworkflow_agent.verification.alike_texts import Likeness

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_LIVE = ("application/vnd.jupyter.widget-view+json", "application/javascript")
"""Forms that say nothing by themselves."""
_HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,2000}>")
_MADE_UP_ID = re.compile(r"#?\b[mpC][0-9a-f]{8,12}\b|<dc:date>[^<]*</dc:date>")
"""Ids and the date in an SVG of matplotlib's."""
_CHARS = 100


def differences(
    before: Sequence[Output], after: Sequence[Output], how: Likeness | None = None
) -> tuple[str, ...]:
    """What differs between two runs of a cell, a short sentence each; nothing if they say the same.

    Parameters
    ----------
    before
        Outputs as they are kept.
    after
        Outputs of the new run.
    how
        How alike they have to be; by default, as alike as `Likeness()` says.
    """
    how = how or Likeness()
    found = [
        f"{name}: {_texts_apart(ours, theirs)}"
        for name in ("stdout", "stderr")
        if not alike_texts.alike(ours := _stream(before, name), theirs := _stream(after, name), how)
    ]
    found += _errors(before, after, how)
    shown, new = _displayed(before), _displayed(after)
    if len(shown) != len(new):
        found.append(f"{_displays(len(shown))} before, {_displays(len(new))} now")
    else:
        for number, (ours_shown, theirs_shown) in enumerate(zip(shown, new, strict=True), 1):
            if what := _apart(ours_shown["data"], theirs_shown["data"], how):
                found.append(f"{'display' if len(shown) == 1 else f'display {number}'}: {what}")
    return tuple(found)


def picture_of(output: Output) -> str:
    """The picture among the forms of an output, in base64; empty if it has none."""
    data = output.get("data", {})
    return joined(next((data[kind] for kind in _PICTURES if kind in data), ""))


def error_of(outputs: Iterable[Output]) -> Output | None:
    """The error among outputs, if one ended the cell."""
    return next((each for each in outputs if each["output_type"] == "error"), None)


def _stream(outputs: Iterable[Output], name: str) -> str:
    return "".join(
        joined(each["text"]) for each in outputs if each["output_type"] == "stream" and each["name"] == name
    )


def _displayed(outputs: Iterable[Output]) -> list[Output]:
    kinds = ("display_data", "execute_result")
    return [each for each in outputs if each["output_type"] in kinds and set(each["data"]) - set(_LIVE)]


def _displays(number: int) -> str:
    return "1 display" if number == 1 else f"{number or 'no'} displays"


def _errors(before: Iterable[Output], after: Iterable[Output], how: Likeness) -> list[str]:
    ours, theirs = error_of(before), error_of(after)
    if ours is None and theirs is None:
        return []
    said, says = _error(ours), _error(theirs)
    same_name = ours is not None and theirs is not None and ours["ename"] == theirs["ename"]
    return [] if same_name and alike_texts.alike(said, says, how) else [f"error: {said} before, {says} now"]


def _error(output: Output | None) -> str:
    return one_line(f"{output['ename']}: {output['evalue']}", _CHARS) if output is not None else "none"


def _apart(before: dict[str, Any], after: dict[str, Any], how: Likeness) -> str:
    """How two mime bundles differ; empty if they say the same."""
    for kind in _PICTURES:
        if kind in before and kind in after:
            return alike_pictures.apart(joined(before[kind]), joined(after[kind]))
    for kind in ("text/html", "image/svg+xml", "text/markdown", "text/latex", "text/plain"):
        if kind in before and kind in after:
            ours, theirs = _plain(kind, before[kind]), _plain(kind, after[kind])
            if not alike_texts.alike(ours, theirs, how):
                return _in_plain_text(before, after) or _texts_apart(ours, theirs)
            if ours.strip():
                return ""
    both = [kind for kind in before if kind in after and kind not in _LIVE and kind.endswith("json")]
    for kind in both:
        if not alike_texts.alike(_json(before[kind]), _json(after[kind]), how):
            return f"other data of the kind {kind}"
    return "" if both or set(before) & set(after) else "another kind of output"


def _in_plain_text(before: dict[str, Any], after: dict[str, Any]) -> str:
    """How the plain texts differ, which have a table's rows as lines; empty if they do not."""
    ours, theirs = (joined(each.get("text/plain", "")) for each in (before, after))
    return _texts_apart(ours, theirs) if ours and theirs and ours.split() != theirs.split() else ""


def _plain(kind: str, value: Any) -> str:
    text = joined(value)
    if kind == "text/html":
        return html.unescape(_TAG.sub(" ", _HIDDEN.sub(" ", text)))
    return _MADE_UP_ID.sub("<id>", text) if kind == "image/svg+xml" else text


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=0)


def _texts_apart(before: str, after: str) -> str:
    """Where two texts begin to differ."""
    ours, theirs = before.strip().split("\n"), after.strip().split("\n")
    for a, b in zip(ours, theirs, strict=False):
        if a.split() != b.split():
            return f"{one_line(a, _CHARS)!r} before, {one_line(b, _CHARS)!r} now"
    if len(ours) == len(theirs):
        return "other blanks"
    return f"{len(ours)} lines before, {len(theirs)} now"


def joined(value: Any) -> str:
    """A text of a mime bundle, which nbformat may keep as lines."""
    return "".join(str(part) for part in value) if isinstance(value, list) else str(value)
