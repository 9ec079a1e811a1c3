"""Whether two pictures show the same, by their pixels, and where they do not. Pure."""

from __future__ import annotations

import base64
import io
import warnings
from typing import Any

from PIL import Image, ImageChops, ImageFilter

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
_MAX_PIXELS = 40_000_000
_LIMITS = ((40, 5e-6), (16, 1e-4), (8, 0.01))
"""Of all pixels no larger part may differ by more levels, of 255: a point that moved, a pale line, an area. Less is how lines are smoothed."""
_EDGE_PX = 2
"""So much wider or higher may one be, whose frame was fitted around its texts."""


def apart(before: str, after: str) -> str:
    """How two pictures, in base64, differ; empty if they show the same.

    Parameters
    ----------
    before, after
        PNG, JPEG, GIF or WebP; line ends in them do not count.
    """
    ours, theirs = "".join(before.split()), "".join(after.split())
    if ours == theirs:
        return ""
    try:
        return _apart(_opened(ours), _opened(theirs))
    except _UNREADABLE:
        return "a picture that cannot be read"


def where(before: str, after: str) -> bytes | None:
    """A PNG with the pixels in red that differ, on a pale second picture; None if the two have no pixels in common.

    What `apart` takes for the same is not marked.
    """
    try:
        ours, theirs = (_opened("".join(each.split())) for each in (before, after))
    except _UNREADABLE:
        return None
    if not _fit(ours, theirs):
        return None
    ours, theirs = _cut_alike(ours, theirs)
    apart = _levels(ours, theirs)
    level, _ = _too_many(apart) or (_LIMITS[0][0], 0)
    mask = apart.point([0] * (level + 1) + [255] * (255 - level))
    drawn = Image.blend(theirs, Image.new("RGB", theirs.size, "white"), 0.75)
    # A single pixel would not be seen.
    drawn.paste((220, 0, 0), mask=mask.filter(ImageFilter.MaxFilter(3)))
    made = io.BytesIO()
    drawn.save(made, "PNG")
    return made.getvalue()


def as_png(encoded: str) -> bytes | None:
    """A picture anew as PNG, with nothing in it but its pixels; None if it cannot be read."""
    try:
        made = io.BytesIO()
        _opened("".join(encoded.split())).save(made, "PNG")
        return made.getvalue()
    except _UNREADABLE:
        return None


def _opened(encoded: str) -> Image.Image:
    """The picture on white."""
    raw = io.BytesIO(base64.b64decode(encoded, validate=True))
    with warnings.catch_warnings(action="ignore"), Image.open(raw, formats=_FORMATS) as image:
        if image.width * image.height > _MAX_PIXELS:
            raise ValueError("too large")
        drawn: Any = image.convert("RGBA")
    ground = Image.new("RGBA", drawn.size, "white")
    return Image.alpha_composite(ground, drawn).convert("RGB")


def _apart(before: Image.Image, after: Image.Image) -> str:
    if not _fit(before, after):
        return f"a picture of {after.width} x {after.height} pixels, not {before.width} x {before.height}"
    before, after = _cut_alike(before, after)
    found = _too_many(_levels(before, after))
    if found is None:
        return ""
    return (
        f"another picture, {max(100 * found[1] / (before.width * before.height), 0.01):.2g} % of its pixels"
    )


def _too_many(levels: Image.Image) -> tuple[int, int] | None:
    """The limit that is passed and how many pixels pass it; None if the pictures show the same."""
    counts = levels.histogram()
    for level, part in _LIMITS:
        if (different := sum(counts[level + 1 :])) > max(1, int(part * levels.width * levels.height)):
            return level, different
    return None


def _fit(before: Image.Image, after: Image.Image) -> bool:
    return all(abs(a - b) <= _EDGE_PX for a, b in zip(before.size, after.size, strict=True))


def _cut_alike(before: Image.Image, after: Image.Image) -> tuple[Image.Image, Image.Image]:
    """What both have."""
    box = (0, 0, min(before.width, after.width), min(before.height, after.height))
    return before.crop(box), after.crop(box)


def _levels(before: Image.Image, after: Image.Image) -> Image.Image:
    """How much each pixel differs, in the channel in which it does most."""
    red, green, blue = ImageChops.difference(before, after).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)
