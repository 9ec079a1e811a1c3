"""Messages of the Jupyter protocol as the relay needs them: split, signed, made. Pure.

`jupyter_client.session` does the same, and takes half a second to import, which every start of the kernel would wait for.

Source: Jupyter messaging, "The wire protocol".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

Frames: TypeAlias = list[bytes]
"""One message as ZeroMQ has it."""
DELIMITER = b"<IDS|MSG>"
VERSION = "5.4"
_PARTS = 4
"""Header, parent's header, metadata, content."""
SILENT: dict[str, Any] = {
    "code": "",
    "silent": True,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}
"""A request to run code that takes no number and shows nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, taken apart as far as its header."""

    idents: Frames
    """Who sent it, as the ZeroMQ sockets on its way have noted; the topic of what was published."""
    signature: bytes
    parts: Frames
    """Header, parent's header, metadata and content as JSON, then buffers."""
    header: dict[str, Any]

    @property
    def frames(self) -> Frames:
        """It as ZeroMQ has it."""
        return [*self.idents, DELIMITER, self.signature, *self.parts]

    @property
    def kind(self) -> str:
        """Its type."""
        return str(self.header.get("msg_type", ""))

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.header.get("msg_id", ""))

    @property
    def parent(self) -> dict[str, Any]:
        """Header of the message that it belongs to; empty for none."""
        return _as_dict(self.parts[1])

    @property
    def metadata(self) -> dict[str, Any]:
        """What is said beside its content."""
        return _as_dict(self.parts[2])

    @property
    def content(self) -> dict[str, Any]:
        """What it says."""
        return _as_dict(self.parts[3])


def split(frames: Frames) -> Message | None:
    """Take a message apart; None if it is none."""
    try:
        at = frames.index(DELIMITER)
        header = json.loads(frames[at + 2])
    except (ValueError, IndexError, RecursionError):
        return None
    parts = frames[at + 2 :]
    if len(parts) < _PARTS or not isinstance(header, dict):
        return None
    return Message(frames[:at], frames[at + 1], parts, header)


class Signer:
    """Signs messages with a connection's key, and makes new ones of one wire session.

    Parameters
    ----------
    key
        Of the connection; empty for no signatures.
    scheme
        Such as `hmac-sha256`, which it is by default.
    """

    def __init__(self, key: bytes, scheme: str | None = None) -> None:
        self._key = key
        self._digest = (scheme or "").partition("-")[2] or "sha256"
        self.session = uuid.uuid4().hex
        """Of the messages that are made here."""

    def is_genuine(self, message: Message) -> bool:
        """Whether somebody with the key has sent it."""
        return not self._key or hmac.compare_digest(self._sign(message.parts), message.signature)

    def changed(self, message: Message, content: dict[str, Any]) -> Frames:
        """The same message with other content."""
        parts = [*message.parts[:3], _as_json(content), *message.parts[_PARTS:]]
        return self._framed(message.idents, parts)

    def make(self, kind: str, content: dict[str, Any], **more: Any) -> Frames:
        """A new message, as ZeroMQ has it; the arguments are those of `new`."""
        return self.new(kind, content, **more).frames

    def new(
        self,
        kind: str,
        content: dict[str, Any],
        *,
        idents: Sequence[bytes] = (),
        parent: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Message:
        """A new message."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self.session,
            "username": "kernel",
            "date": datetime.now(UTC).isoformat(),
            "version": VERSION,
        }
        parts = [_as_json(part) for part in (header, parent or {}, metadata or {}, content)]
        return Message(list(idents), self._sign(parts), parts, header)

    def _framed(self, idents: Sequence[bytes], parts: Frames) -> Frames:
        return [*idents, DELIMITER, self._sign(parts), *parts]

    def _sign(self, parts: Frames) -> bytes:
        if not self._key:
            return b""
        signature = hmac.new(self._key, digestmod=getattr(hashlib, self._digest))
        for part in parts[:_PARTS]:
            signature.update(part)
        return signature.hexdigest().encode()


def _as_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, default=str).encode()  # in ASCII: a text may hold half a pair of surrogates


def _as_dict(part: bytes) -> dict[str, Any]:
    try:
        found = json.loads(part)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
