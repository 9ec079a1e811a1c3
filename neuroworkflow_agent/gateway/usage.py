"""What a message used, as the Messages API says it. Pure.

Source: the Messages API's `usage` object and, of betas, its `iterations`: compactions, an advisor's answers and
attempts of a model that declined stand there alone, and are charged beside what the top level says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from neuroworkflow_agent.gateway.asked import Asked

_MAX_NAME_CHARS = 100
_MOST_ITERATIONS = 1_000
_COUNTS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
}
_NAMES = {"service_tier": "tier", "speed": "speed", "inference_geo": "geo"}
_FIVE_MINUTES = "ephemeral_5m_input_tokens"
_TTLS = {_FIVE_MINUTES, "ephemeral_1h_input_tokens"}
_ITERATIONS = {"message", "fallback_message", "compaction", "advisor_message"}
_ELSEWHERE = {"cache_creation", "server_tool_use", "iterations", "fallback_credit", "type", "model"}
"""What is read on its own, or changes no price. Keys that end in `_details` say again what others say."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one message, of one model."""

    model: str = ""
    input_tokens: int = 0
    """Of the prompt, without what came from or went into the cache."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    """For five minutes and for an hour."""
    cache_write_1h_tokens: int = 0
    """Those of them that are for an hour."""
    requests: tuple[tuple[str, int], ...] = ()
    """Of tools that the API runs itself, as it calls them: `web_search_requests` …"""
    other_tokens: int = 0
    """Counted by the API under names that are not known here."""
    speed: str = ""
    tier: str = ""
    geo: str = ""
    beside: tuple[Usage, ...] = ()
    """What the API counts apart from all this: compactions, an advisor, a model that declined."""
    unclear: tuple[str, ...] = ()
    """What had to be estimated, or is not known here; one word each."""

    @property
    def prompt_tokens(self) -> int:
        """Of the whole prompt."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def tokens(self) -> int:
        """All of them, also what is counted apart."""
        own = self.prompt_tokens + self.output_tokens + self.other_tokens
        return own + sum(part.tokens for part in self.beside)

    def whole(self) -> Usage:
        """The same in the usual counts alone: what is counted apart is added, tokens of unknown kinds to the answer's."""
        parts = (self, *self.beside)
        sums = {
            name: sum(getattr(part, name) for part in parts)
            for name in (*_COUNTS.values(), "cache_write_1h_tokens")
        }
        sums["output_tokens"] += sum(part.other_tokens for part in parts)
        return replace(self, beside=(), other_tokens=0, **sums)


def usage_of(message: dict[str, Any], asked: Asked | None = None) -> Usage:
    """What a message of the API says it used."""
    model = message.get("model")
    named = Usage(model=model[:_MAX_NAME_CHARS] if isinstance(model, str) else "")
    used = message.get("usage")
    return merged(named, used, asked) if isinstance(used, dict) else named


def merged(known: Usage, used: dict[str, Any], asked: Asked | None = None) -> Usage:
    """`known`, with what `used` says anew; the API's counts go on from message_start."""
    asked = asked or Asked()
    fields: dict[str, Any] = {
        ours: count(used.get(theirs)) or getattr(known, ours) for theirs, ours in _COUNTS.items()
    }
    for theirs, ours in _NAMES.items():
        said = used.get(theirs)
        fields[ours] = said[:_MAX_NAME_CHARS] if isinstance(said, str) else getattr(known, ours)
    fields["speed"] = fields["speed"] or asked.speed
    fields["geo"] = fields["geo"] or asked.geo
    said = used.get("cache_creation")
    ttls = {str(name): count(value) for name, value in said.items()} if isinstance(said, dict) else {}
    fields["cache_write_tokens"] = max(fields["cache_write_tokens"], sum(ttls.values()))
    fields["cache_write_1h_tokens"], unclear = _for_an_hour(known, fields["cache_write_tokens"], ttls, asked)
    tools = used.get("server_tool_use")
    if isinstance(tools, dict):
        fields["requests"] = tuple(
            (str(name)[:_MAX_NAME_CHARS], number) for name, value in tools.items() if (number := count(value))
        )
    others = {name: value for name, value in _others(used) if value}
    fields["other_tokens"] = sum(others.values()) or known.other_tokens
    iterations = used.get("iterations")
    if isinstance(iterations, list):
        parts = iterations[:_MOST_ITERATIONS]
        fields["beside"] = tuple(_beside(replace(known, **fields), parts, asked))
        unclear |= {"iterations"} if len(iterations) > len(parts) else set()
    return replace(known, **fields, unclear=tuple(sorted({*known.unclear, *unclear, *others})))


def count(value: object) -> int:
    """A count of the API; 0 for what is none."""
    return value if type(value) is int and 0 < value < 2**40 else 0


def _for_an_hour(known: Usage, written: int, ttls: dict[str, int], asked: Asked) -> tuple[int, set[str]]:
    """How much of what was written to the cache is for an hour, and what of it is not clear."""
    if not ttls:
        # Events after the first say only the sum.
        more = written - known.cache_write_tokens if asked.may_cache_for_an_hour else 0
        return min(written, known.cache_write_1h_tokens + max(0, more)), {"cache_ttl"} if more > 0 else set()
    unknown = {name[:_MAX_NAME_CHARS] for name, value in ttls.items() if value and name not in _TTLS}
    # What is not said to be for five minutes costs more.
    return max(0, written - ttls.get(_FIVE_MINUTES, 0)), unknown


def _others(used: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Counts under names that are not known here."""
    for name, value in used.items():
        if not (name in _COUNTS or name in _NAMES or name in _ELSEWHERE or name.endswith("_details")):
            yield name[:_MAX_NAME_CHARS], count(value)


def _beside(top: Usage, iterations: list[Any], asked: Asked) -> Iterator[Usage]:
    """What is in none of the counts of the top level."""
    for entry in iterations:
        if not isinstance(entry, dict):
            continue
        kind, model = entry.get("type"), entry.get("model")
        name = model[:_MAX_NAME_CHARS] if isinstance(model, str) else top.model
        flat = {name: value for name, value in entry.items() if name != "iterations"}
        part = merged(Usage(name, speed=top.speed, tier=top.tier, geo=top.geo), flat, asked)
        is_top = kind in ("message", "fallback_message") and name == top.model
        # Of a model that declines before it has written anything, nothing is charged.
        is_free = kind == "message" and not part.output_tokens
        if not is_top and not is_free:
            is_known = isinstance(kind, str) and kind in _ITERATIONS
            yield part if is_known else replace(part, unclear=(*part.unclear, "iterations"))
