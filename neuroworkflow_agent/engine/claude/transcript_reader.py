"""A transcript as the events of its turns.

What Claude Code does not write down is left at its default: durations, costs, and outputs the model was not
shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude.blocks import read_block, result_parts
from neuroworkflow_agent.engine.claude.transcripts import find
from neuroworkflow_agent.engine.prompts import is_of_the_cli, read_message
from neuroworkflow_agent.events import (
    CellOutput,
    EndReason,
    Event,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.ids import SessionId, ToolUseId, TurnId, turn_id_of
from neuroworkflow_agent.outputs import OutputChange, stream
from neuroworkflow_agent.tools.content import NO_OUTPUT, NOTE
from neuroworkflow_agent.tools.registry import RUN_CODE

_INTERRUPTED = "[Request interrupted by user"


def read_transcript(session_id: str, config: AgentConfig, *, after: str | None = None) -> list[Event]:
    """The turns of a session, oldest first, each from its `TurnStart` to its `TurnEnd`.

    Parameters
    ----------
    after
        Only turns that began after the message with this id; none, if there is no such message.

    Raises
    ------
    SessionNotFoundError
        If there is none with this id.
    """
    import claude_agent_sdk as sdk

    stored = find(session_id, config)
    messages = sdk.get_session_messages(stored.session_id, directory=str(config.workspace))
    if after is not None:
        ids = [message.uuid for message in messages]
        messages = messages[ids.index(after) + 1 :] if after in ids else []
    reader = _Reader(stored.session_id)
    events = [event for message in messages for event in reader.read(message)]
    if after is not None:  # what the CLI still wrote of a turn that was stopped belongs to none of these
        events = list(itertools.dropwhile(lambda event: not isinstance(event, TurnStart), events))
    return [*events, *reader.end_turn("complete")]


class _Reader:
    """Messages of the transcript in, events out."""

    def __init__(self, session_id: SessionId) -> None:
        self._session_id = session_id
        self._turn: TurnId | None = None
        self._model: str | None = None
        self._last_message_id: str | None = None
        self._tools: dict[ToolUseId, str] = {}

    def read(self, message: Any) -> Iterator[Event]:
        content = message.message.get("content") or ""
        if message.type == "assistant":
            self._model = message.message.get("model") or self._model
            self._last_message_id = message.uuid
            yield from self._read_assistant(content)
            return
        blocks = content if isinstance(content, list) else []
        results = [block for block in blocks if block.get("type") == "tool_result"]
        if results:
            self._last_message_id = message.uuid
            for block in results:
                yield from self._read_result(block)
            return
        prompt, attached = read_message(content)
        if prompt.startswith(_INTERRUPTED):
            yield from self.end_turn("interrupted")
        elif is_of_the_cli(prompt):
            self._last_message_id = message.uuid
        elif prompt:
            yield from self.end_turn("complete")
            self._turn = turn_id_of(message.uuid)
            self._last_message_id = message.uuid
            yield TurnStart(self._turn, prompt, tuple(attached))

    def end_turn(self, end: EndReason) -> Iterator[Event]:
        if self._turn is not None:
            yield TurnEnd(
                self._turn,
                end,
                "",
                self._session_id,
                0.0,
                model=self._model,
                last_message_id=self._last_message_id,
            )
        self._turn = None

    def _read_assistant(self, content: Any) -> Iterator[Event]:
        for block in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            match read_block(block):
                case TextDelta(text):
                    yield TextDelta(text + "\n\n")
                case ToolUse() as use:
                    self._tools[use.tool_use_id] = use.name
                    yield use
                case ThinkingDelta() as thinking:
                    yield thinking
                case _:
                    pass

    def _read_result(self, block: dict[str, Any]) -> Iterator[Event]:
        result = read_block(block)
        if not isinstance(result, ToolResult):
            return
        if self._tools.get(result.tool_use_id) == RUN_CODE:
            for part in result_parts(block):
                if (change := _as_output(part)) is not None:
                    yield CellOutput(result.tool_use_id, change)
        yield result


def _as_output(part: dict[str, Any]) -> OutputChange | None:
    """What the user saw of a block that the model was shown."""
    match part:
        case {"type": "text", "text": str(text)}:
            head, _, rest = text.partition("\n")
            shown = rest if head.endswith(NOTE) else text
            return stream("stdout", shown) if shown.strip() not in ("", NO_OUTPUT) else None
        case {"type": "image", "source": {"data": str(data), "media_type": str(kind)}}:
            output = {"output_type": "display_data", "data": {kind: data}, "metadata": {}}
            return {"op": "append", "output": output, "display_id": None}
        case _:
            return None
