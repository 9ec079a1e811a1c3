"""What the model is told of cells that ran in a subkernel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from neuroworkflow_agent.surfaces.chat_kernel.seen import Seen
from neuroworkflow_agent.surfaces.chat_kernel.wire import Message


def message(kind: str, content: dict[str, Any], message_id: str = "m") -> Message:
    """As the relay reads one."""
    parts = [b"", b"", b"", str(content).encode()]
    return cast(Message, SimpleNamespace(kind=kind, content=content, id=message_id, parts=parts))


@pytest.mark.parametrize("offset", range(10))
def test_secret_is_kept_back_where_output_is_cut(offset: int) -> None:
    secret = "s3cret-key"
    seen = Seen()
    seen.note_request(message("execute_request", {"code": "print(key)"}))
    seen.note_output({"msg_id": "m"}, message("execute_input", {"execution_count": 7}))
    seen.note_output(
        {"msg_id": "m"}, message("stream", {"text": f"{secret} " * 1000 + "y" * offset + " the end"})
    )
    told = seen.take(1000, lambda text: text.replace(secret, "[redacted]"))
    assert told.startswith("In [7]:\nprint(key)\nOutput:\n")
    assert told.endswith(" the end")
    assert not any(secret[at : at + 4] in told for at in range(len(secret) - 3))
    assert seen.take(1000, str) == ""
