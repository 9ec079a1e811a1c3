"""Whether two pictures show the same, by their pixels. Pure."""

from __future__ import annotations

import base64
import io
import warnings
from typing import Any

from PIL import Image, ImageChops

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
_MAX_PIXELS = 40_000_000
_LEVELS = 40
"""Most that a pixel's channel may differ, of 255: less is how lines are smoothed."""
_PART = 5e-5
"""Part of all pixels that may differ by more."""
_EDGE_PX = 2
"""So much wider or higher may one be, whose frame was fitted around its texts."""


def alike(before: str, after: str) -> bool | None:
    """Whether two pictures, in base64, show the same; None if one cannot be read.

    Parameters
    ----------
    before, after
        PNG, JPEG, GIF or WebP; line ends in them do not count.
    """
    ours, theirs = "".join(before.split()), "".join(after.split())
    if ours == theirs:
        return True
    try:
        return _alike(_opened(ours), _opened(theirs))
    except _UNREADABLE:
        return None


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


def _alike(before: Image.Image, after: Image.Image) -> bool:
    if any(abs(a - b) > _EDGE_PX for a, b in zip(before.size, after.size, strict=True)):
        return False
    size = (min(before.width, after.width), min(before.height, after.height))
    box = (0, 0, *size)
    apart = ImageChops.difference(before.crop(box), after.crop(box))
    most = apart.getchannel(0)
    for channel in (1, 2):
        most = ImageChops.lighter(most, apart.getchannel(channel))
    different = sum(most.histogram()[_LEVELS + 1 :])
    return different <= max(1, int(_PART * size[0] * size[1]))
