"""Pictures that a notebook's text shows: those it brings along, and files beside it."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

_IMAGE = re.compile(r"!\[([^\]\n]*)\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"\n]*\")?\s*\)")
_MAX_BYTES = 5_000_000

Place = Callable[[str, bytes, str], str]
"""What stands for a picture: of its media type, its bytes and what is said of it."""


def place_pictures(
    markdown: str, attachments: Mapping[str, Mapping[str, str]], folder: Path, place: Place
) -> str:
    """The text with something else in the place of each picture that can be had; addresses elsewhere stay.

    Parameters
    ----------
    attachments
        Base64 by media type, by name.
    folder
        The notebook's, below which files are looked for.
    place
        Gives what stands there instead.
    """

    def placed(found: re.Match[str]) -> str:
        had = _attached(found[2], attachments) or _beside(found[2], folder)
        return place(had[0], had[1], found[1]) if had else found[0]

    return _IMAGE.sub(placed, markdown)


def _attached(target: str, attachments: Mapping[str, Mapping[str, str]]) -> tuple[str, bytes] | None:
    kind, _, name = target.partition(":")
    bundle = attachments.get(unquote(name)) or attachments.get(name) if kind == "attachment" else None
    for media_type, data in (bundle or {}).items():
        try:
            return media_type, base64.b64decode("".join(data))
        except (binascii.Error, ValueError):
            continue
    return None


def _beside(target: str, folder: Path) -> tuple[str, bytes] | None:
    media_type = mimetypes.guess_type(target)[0] or ""
    if ":" in target or not media_type.startswith("image/"):
        return None
    try:
        file, root = (folder / unquote(target)).resolve(), folder.resolve()
        if file.is_relative_to(root) and file.is_file() and file.stat().st_size <= _MAX_BYTES:
            return media_type, file.read_bytes()
    except (OSError, ValueError, RuntimeError):  # no name of a file, or links in a circle
        return None
    return None
