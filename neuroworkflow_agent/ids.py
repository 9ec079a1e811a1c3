"""Identifiers with names of their own, so that one kind is never passed for another."""

from __future__ import annotations

import uuid
from typing import NewType

SessionId = NewType("SessionId", str)
"""Of a conversation; also what `claude --resume` takes."""
TurnId = NewType("TurnId", str)
"""Of one turn; ours."""
ToolUseId = NewType("ToolUseId", str)
"""Of one tool use; the model's."""


def new_turn_id() -> TurnId:
    return TurnId(f"turn_{uuid.uuid4().hex[:12]}")


def turn_id_of(message_id: str) -> TurnId:
    """Of a turn that begins with this message and was given none: the same whenever it is read."""
    return TurnId(f"turn_{uuid.uuid5(uuid.NAMESPACE_OID, message_id).hex[:12]}")


def new_session_id() -> SessionId:
    return SessionId(str(uuid.uuid4()))
