"""The SDK's messages in, our events out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    Message,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

from neuroworkflow_agent.engine.claude.blocks import read_block
from neuroworkflow_agent.events import (
    Compacted,
    EndReason,
    Event,
    Notice,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    Waiting,
)
from neuroworkflow_agent.tools.registry import short_name
from neuroworkflow_agent.wire import USED_UP

__all__ = ["Message", "MessageReader", "Outcome"]

_LIMITS = {
    "error_max_turns": "The turn reached max_turns.",
    "error_max_budget_usd": "The session reached max_budget_usd.",
}
_MOST_REFUSALS = 2
"""The first one may be a login that has run out, which the CLI renews by itself."""
_MOST_UNANSWERED = 5
"""Nine seconds of trying: a server that is only restarted is back by then."""
_INPUTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_AWAY_STATUS = frozenset({408, 409, 429}) | frozenset(range(500, 600))


_KINDS = {TextBlock: "text", ToolUseBlock: "tool_use", ToolResultBlock: "tool_result"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a result message says about its turn."""

    end: EndReason
    message: str
    input_tokens: int
    output_tokens: int
    session_cost_usd: float | None
    """Cost of the whole process so far, not of the turn."""
    context_window: int | None
    """How many tokens the model's context can hold, if Claude Code knows the model."""


class MessageReader:
    """Translates the messages of one turn; `outcome` is set by the last of them.

    Parameters
    ----------
    missing
        MCP servers that the user knows to be missing; added to.
    take
        Gives what is to be told of the user's messages that the model now gets, by their ids.
    """

    def __init__(self, missing: set[str], take: Callable[[Iterable[str]], Iterable[Event]]) -> None:
        self.outcome: Outcome | None = None
        self.model: str | None = None
        self.is_refused = False
        """Whether the endpoint does not take our key, and trying again cannot help, whatever the CLI thinks."""
        self._usage: dict[str, int] = {}
        """Of the last request."""
        self.last_message_id: str | None = None
        """The last message that was written down."""
        self.is_in_trouble = False
        """Whether the endpoint failed to answer at least once."""
        self.request_count = 0
        """How often the model was asked."""
        self._missing = missing
        self._take = take
        self._unanswered = 0
        self._streamed_text = False
        self._needs_break = False
        self._last_error = ""
        self._error_kind: str | None = None

    @property
    def context_tokens(self) -> int:
        """What the model's context holds now; 0 if unknown."""
        return sum(self._usage.values())

    @property
    def may_be_gone(self) -> bool:
        """Whether the endpoint has said nothing so often, not even an error, that it should be looked for."""
        has_given_up = self.outcome is not None and self.outcome.end == "cut_off"
        return self._unanswered >= (1 if has_given_up else _MOST_UNANSWERED)

    def read(self, message: Message) -> Iterator[Event]:
        """The events `message` stands for; none for most system messages."""
        if getattr(message, "parent_tool_use_id", None) is not None:
            return
        if isinstance(message, AssistantMessage | UserMessage) and message.uuid:
            self.last_message_id = message.uuid
        match message:
            case StreamEvent(event=event):
                yield from self._read_stream(event)
            case AssistantMessage():
                yield from self._read_assistant(message)
            case UserMessage(content=list() as blocks):
                # Texts among them are the CLI's, to the model: that it was interrupted, a skill's page.
                yield from (e for e in map(_read_sdk_block, blocks) if isinstance(e, ToolResult))
            case SystemMessage(subtype="init", data=data):
                yield from self._read_servers(data)
            case SystemMessage(subtype="status", data={"status": "requesting", **about}):
                self.request_count += 1
                yield from self._take(about.get("user_message_uuids") or ())
            case SystemMessage(subtype="status", data={"status": "compacting"}):
                yield Waiting("compact")
            case SystemMessage(subtype="status", data={"compact_result": "failed", **why}):
                yield Notice(
                    f"The session could not be summarized: {why.get('compact_error') or 'no reason given'}"
                )
            case SystemMessage(subtype="compact_boundary", data={"compact_metadata": dict(sizes)}):
                yield self._read_compaction(sizes)
            case SystemMessage(subtype="api_retry", data=data):
                self.is_in_trouble = True
                self._unanswered = data.get("attempt", 0) if data.get("error_status") is None else 0
                if data.get("error_status") == 401 and data.get("attempt", 0) >= _MOST_REFUSALS:
                    self.is_refused = True
                else:
                    yield Notice(_retry_text(data))
                    yield Waiting("retry", _tries(data), _delay_s(data))
            case ResultMessage():
                self.outcome = self._read_result(message)
            case _:
                pass

    def _read_compaction(self, sizes: dict[str, Any]) -> Event:
        before, after = (int(sizes.get(key) or 0) for key in ("pre_tokens", "post_tokens"))
        self._usage = {"output_tokens": after}  # until the next request tells
        return Compacted(sizes.get("trigger") == "manual", before, after)

    def _read_servers(self, data: dict[str, Any]) -> Iterator[Event]:
        """Say which of the user's MCP servers are not there."""
        for server in data.get("mcp_servers") or ():
            if server.get("status") in ("failed", "needs-auth") and server.get("name") not in self._missing:
                self._missing.add(server.get("name"))
                what = "did not start" if server["status"] == "failed" else "needs a login"
                yield Notice(
                    f"The MCP server {server.get('name')!r} {what}; its tools are missing. 'neuroworkflow-agent doctor' says more."
                )

    def _read_stream(self, event: dict[str, Any]) -> Iterator[Event]:
        kind = event.get("type")
        if kind == "message_start":
            self._unanswered = 0
            self.model = event.get("message", {}).get("model") or self.model
            self._streamed_text = False
            self._usage = _read_usage(event.get("message", {}))
        elif kind == "message_delta":
            self._usage |= _read_usage(event)  # some servers count the input only now
        elif kind == "content_block_start" and event.get("content_block", {}).get("type") == "text":
            if self._needs_break:
                yield TextDelta("\n\n")
            self._needs_break = False
        elif kind == "content_block_start" and event.get("content_block", {}).get("type") == "tool_use":
            yield Waiting("call", short_name(str(event["content_block"].get("name", ""))))
        elif kind == "content_block_delta":
            delta = event.get("delta", {})
            if delta.get("type") == "text_delta" and delta.get("text"):
                self._streamed_text = self._needs_break = True
                yield TextDelta(delta["text"])
            elif delta.get("type") == "thinking_delta" and delta.get("thinking"):
                yield ThinkingDelta(delta["thinking"])

    def _read_assistant(self, message: AssistantMessage) -> Iterator[Event]:
        if message.error is not None:
            self._error_kind = message.error
            self._last_error = "\n".join(b.text for b in message.content if isinstance(b, TextBlock))
            return
        for event in filter(None, map(_read_sdk_block, message.content)):
            if isinstance(event, ToolUse):
                self._needs_break = False
                yield event
            elif isinstance(event, TextDelta) and not self._streamed_text:
                self._needs_break = True
                yield event

    def _read_result(self, result: ResultMessage) -> Outcome:
        usage = result.usage or {}
        end, text = self._judge(result)
        self.is_in_trouble = self.is_in_trouble or end in ("cut_off", "error")
        return Outcome(
            end=end,
            message=text,
            input_tokens=sum(int(usage.get(key) or 0) for key in _INPUTS),
            output_tokens=int(usage.get("output_tokens") or 0),
            session_cost_usd=result.total_cost_usd,
            context_window=_read_window((result.model_usage or {}).get(self.model or "")),
        )

    def _judge(self, result: ResultMessage) -> tuple[EndReason, str]:
        if result.subtype in _LIMITS:
            return "limit", _LIMITS[result.subtype]
        if (result.terminal_reason or "").startswith("aborted"):
            return "interrupted", "Stopped."
        if not result.is_error and self._error_kind is None:
            return "complete", ""
        text = self._last_error or result.result or "; ".join(result.errors or []) or result.subtype
        if USED_UP in text:
            return "limit", _one_line(text)
        return _judge_failure(result.api_error_status, self._error_kind), _one_line(text)


def _judge_failure(status: int | None, kind: str | None) -> EndReason:
    """`cut_off` when trying again later may work, `error` when it will not."""
    if status is not None:
        return "cut_off" if status in _AWAY_STATUS else "error"
    refused = ("authentication_failed", "billing_error", "invalid_request", "model_not_found")
    return "error" if kind in refused else "cut_off"


def _read_sdk_block(block: Any) -> Event | None:
    """Its fields are those of the API's; only the type is told by the class."""
    kind = _KINDS.get(type(block))
    return read_block({"type": kind, **vars(block)}) if kind else None


def _read_usage(holder: dict[str, Any]) -> dict[str, int]:
    """Tokens by their kinds, as far as they are told."""
    usage = holder.get("usage") or {}
    return {key: int(usage[key]) for key in (*_INPUTS, "output_tokens") if usage.get(key)}


def _read_window(about: Mapping[str, Any] | None) -> int | None:
    """Of a model that Claude Code has in its list; others it takes for one of those."""
    if about is None or about.get("costBasis", "unknown") == "unknown":
        return None
    return int(about.get("contextWindow") or 0) or None


def _retry_text(data: dict[str, Any]) -> str:
    status = data.get("error_status")
    error = data.get("error")
    why = f"HTTP {status}" if status else "no connection" if error in (None, "unknown") else str(error)
    return f"The model did not answer ({why}); trying again ({_tries(data)})."


def _delay_s(data: dict[str, Any]) -> float | None:
    delay_ms = data.get("retry_delay_ms")
    return delay_ms / 1000 if isinstance(delay_ms, int | float) else None


def _tries(data: dict[str, Any]) -> str:
    return f"{data.get('attempt')} of {data.get('max_retries')}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
