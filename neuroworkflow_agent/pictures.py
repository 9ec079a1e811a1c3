"""Pictures as the Messages API takes them: of a known kind, not too large, named for what they are."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

MAX_IMAGE_SIDE_PX = 1568
MAX_IMAGE_BYTES = 5 * 1024 * 1024
"""Of the base64 text, as the API counts."""
MEDIA_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_MAX_PIXELS = 400_000_000


class UnreadablePictureError(ValueError):
    """The bytes are no picture, half a picture, or too large a one to look at."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture ready to be sent."""

    data: str
    """Base64."""
    media_type: str
    """One of `MEDIA_TYPES`."""


def encode_picture(raw: bytes) -> Picture:
    """A picture within the API's limits: as it is, or else scaled, or else as a JPEG.

    Parameters
    ----------
    raw
        The bytes of a picture file of any kind that Pillow reads.

    Raises
    ------
    UnreadablePictureError
        If it cannot be read or has too many pixels.
    """
    from PIL import Image

    try:
        image: Image.Image = Image.open(io.BytesIO(raw))
        if image.width * image.height > _MAX_PIXELS:
            raise UnreadablePictureError(f"{image.width} x {image.height} px is too large to look at")
        image.load()
        kind = f"image/{(image.format or '').lower()}"
        fits = max(image.size) <= MAX_IMAGE_SIDE_PX and len(raw) * 4 / 3 <= MAX_IMAGE_BYTES
        if fits and kind in MEDIA_TYPES:
            return Picture(base64.b64encode(raw).decode("ascii"), kind)
        return _scaled(image)
    except UnreadablePictureError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadablePictureError(str(error)) from error


def _scaled(image: Any) -> Picture:
    image.thumbnail((MAX_IMAGE_SIDE_PX, MAX_IMAGE_SIDE_PX))
    png = _saved(image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB"), "PNG")
    if len(png) <= MAX_IMAGE_BYTES:
        return Picture(png, "image/png")
    return Picture(_saved(image.convert("RGB"), "JPEG"), "image/jpeg")


def _saved(image: Any, kind: str) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
