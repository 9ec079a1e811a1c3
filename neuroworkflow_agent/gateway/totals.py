"""What was used, what is reserved and what is written down, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from neuroworkflow_agent.gateway.usage import Usage

MICRO = 1_000_000
_MOST = 2**53
"""Beyond what anything costs; within what every database counts."""


@dataclass(frozen=True, slots=True)
class Used:
    """What was, or may be, used up in a day."""

    tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: Used) -> Used:
        return Used(self.tokens + other.tokens, self.cost_usd + other.cost_usd)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account, or everybody together, stands on one day."""

    used: Used = field(default_factory=Used)
    reserved: Used = field(default_factory=Used)
    """What requests that run now may still use."""
    running: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one account and of everybody, today."""

    account: Used
    hub: Used


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a request for a reservation."""

    is_granted: bool
    account: Standing
    """As it was before."""
    hub: Standing
    amount: Used
    """What was asked for."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One account's use of one model on one day."""

    day: date
    account: str
    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What one request used."""

    id: str
    """Its own, so that it counts once however often it is written."""
    day: date
    """On which it was admitted: what it used counts where it was reserved."""
    account: str
    usage: Usage
    cost_usd: float
    is_whole: bool = True
    """Whether its answer came to an end; others say nothing about how long answers are."""

    @property
    def cost_microusd(self) -> int:
        """What it cost, as databases count it; a price without bounds makes no entry that none takes."""
        return round(self.cost_usd * MICRO) if self.cost_usd < _MOST / MICRO else _MOST

    @property
    def answer_tokens(self) -> int | None:
        """How long its answer was, if it came to an end."""
        return min(self.usage.output_tokens, _MOST) if self.is_whole else None

    def count(self, name: str) -> int:
        """One of its counts of tokens."""
        return min(int(getattr(self.usage, name)), _MOST)


def today() -> date:
    """The day that counts, UTC."""
    return datetime.now(UTC).date()


def storable(name: str, max_chars: int) -> str:
    """A name as every database takes it: some refuse NUL, and what is not a whole character."""
    return "".join(char if char.isprintable() else "?" for char in name)[:max_chars]
