"""A prompt of the Agent Client Protocol → the user's words and what they point at."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from acp.schema import EmbeddedResourceContentBlock, ImageContentBlock, ResourceContentBlock, TextContentBlock

from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.pictures import UnreadablePictureError, encode_picture
from neuroworkflow_agent.text import clip, one_line

_MAX_LABEL_CHARS = 200
_MAX_TEXT_CHARS = 20_000
_DEFAULT = "Look at what is attached."


@dataclass(frozen=True, slots=True)
class Message:
    """What a client sent."""

    text: str
    attachments: tuple[Attachment, ...]


def read_message(blocks: Iterable[Any], workspace: Path, hide: Callable[[str], str]) -> Message:
    """Take a prompt apart.

    Parameters
    ----------
    workspace
        Files in it are named from there.
    hide
        Takes secrets out of a text.

    Raises
    ------
    ConfigError
        If there is nothing in it, or something that the agent cannot take.
    """
    words: list[str] = []
    pointed: list[Attachment] = []
    for block in blocks:
        match block:
            case TextContentBlock(text=text):
                words.append(text)
            case ImageContentBlock(data=data, uri=uri):
                pointed.append(_picture(data, _name(uri or "picture", workspace)))
            case ResourceContentBlock(uri=uri):
                name = _name(uri, workspace)
                pointed.append(Attachment(name, f"The user points at {name!r}; read it if it matters."))
            case EmbeddedResourceContentBlock(resource=resource) if hasattr(resource, "text"):
                name = _name(resource.uri, workspace)
                shown = clip(hide(resource.text), _MAX_TEXT_CHARS)
                pointed.append(Attachment(name, f"The user points at {name!r}:\n{shown}"))
            case _:
                kind = getattr(block, "type", type(block).__name__)
                raise ConfigError(f"A message takes text, pictures and files as text, not {kind!r}.")
    text = "".join(words).strip() or (_DEFAULT if pointed else "")
    if not text:
        raise ConfigError("The message is empty; say what the agent should do.")
    return Message(text, tuple(pointed))


def _picture(data: str, name: str) -> Attachment:
    try:
        picture = encode_picture(base64.b64decode(data, validate=True))
    except (binascii.Error, UnreadablePictureError) as error:
        raise ConfigError(f"The picture {name!r} cannot be read: {error}.") from None
    return Attachment(name, f"The user points at the picture {name!r}:", (picture,))


def _name(uri: str, workspace: Path) -> str:
    parts = urlsplit(uri)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
        return one_line(
            str(path.relative_to(workspace) if path.is_relative_to(workspace) else path), _MAX_LABEL_CHARS
        )
    return one_line(uri, _MAX_LABEL_CHARS)
