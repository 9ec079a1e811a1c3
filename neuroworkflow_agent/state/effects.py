"""What a turn changed, thing by thing, and whether that can be taken back, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["files", "cells", "variables"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Effect:
    """One file, cell or variable that a turn changed."""

    kind: Kind
    key: str
    """By which it is chosen; no two of a turn have the same."""
    name: str
    """What people call it."""
    verb: str
    """What taking it back does: `is restored`, `is deleted` …"""
    obstacle: str = ""
    """Why it cannot be taken back, or was not; empty if it can be, or was."""

    @property
    def can_be_undone(self) -> bool:
        """Whether it can be taken back, as things are."""
        return not self.obstacle

    def became(self, obstacle: str) -> Effect:
        """What came of taking it back."""
        return replace(self, obstacle=obstacle)


@dataclass(frozen=True, slots=True)
class Plan:
    """What taking a turn back would do."""

    turn_id: str
    prompt: str
    effects: tuple[Effect, ...]
    limits: tuple[str, ...]
    """What cannot be taken back, or was not looked at, in sentences."""
    is_partly_undone: bool = False
    """Whether something of it was taken back before."""

    @property
    def can_be_undone(self) -> tuple[Effect, ...]:
        """What can be taken back."""
        return tuple(each for each in self.effects if each.can_be_undone)

    @property
    def stays(self) -> tuple[Effect, ...]:
        """What cannot."""
        return tuple(each for each in self.effects if not each.can_be_undone)


def lines(effects: Sequence[Effect]) -> list[str]:
    """Effects as a person reads them."""
    return [
        f"{each.name} {each.verb}" if not each.obstacle else f"{each.name}: {each.obstacle}"
        for each in effects
    ]


def names_of(effects: Sequence[Effect]) -> set[str]:
    """Names of the variables that effects have taken back; one effect may have several."""
    done = [each for each in effects if each.kind == "variables" and each.can_be_undone]
    return {name for each in done for name in each.name.split(", ")}
