"""A request of a neuroscientist's day as a value: what ran before, what is asked, what is right and what would be false.

Each request brings reference code, which computes what is right from the request's own data, and has one of five
forms. What passes and what counts as a stated falsehood follows from the form; `judge` has the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["value", "state", "picture", "words", "missing"]
Kind: TypeAlias = Literal["look", "measure", "plot", "simulate", "files", "failed"]
KINDS: tuple[Kind, ...] = ("look", "measure", "plot", "simulate", "files", "failed")


@dataclass(frozen=True, slots=True)
class Task:
    """One request."""

    name: str
    kind: Kind
    form: Form
    """`value`: tell it. `state`: define names. `picture`: draw it. `words`: explain. `missing`: a file that is not there."""
    prompt: str
    cells: tuple[str, ...] = ()
    """Cells of the user's that ran before."""
    reference: str = ""
    """Code that does it; of the form `value` it defines `truth`, a value or a tuple, all of which is to be told."""
    names: tuple[str, ...] = ()
    """Names that must be as the reference has them (`state`)."""
    tolerance: float = 1e-3
    """Relative tolerance of numbers, besides rounding."""
    check: str = ""
    """A further condition: an expression over the kernel's names, and `figures`, the pictures drawn."""
    words: tuple[str, ...] = ()
    """Patterns which a right explanation all contains (`words`)."""
    answer: str = ""
    """A right explanation, to prove the patterns with."""
    setup: str = ""
    """Code that makes the files the request is about; not told to the model."""


def value(name: str, kind: Kind, prompt: str, cells: str, reference: str, **more: object) -> Task:
    """A question with one right answer."""
    return Task(name, kind, "value", prompt, _cells(cells), reference, **more)  # type: ignore[arg-type]


def state(name: str, kind: Kind, prompt: str, cells: str, reference: str, names: str, **more: object) -> Task:
    """Something to be defined."""
    return Task(name, kind, "state", prompt, _cells(cells), reference, tuple(names.split()), **more)  # type: ignore[arg-type]


def picture(
    name: str, kind: Kind, prompt: str, cells: str, reference: str, check: str, **more: object
) -> Task:
    """Something to be drawn."""
    return Task(name, kind, "picture", prompt, _cells(cells), reference, check=check, **more)  # type: ignore[arg-type]


def words(name: str, kind: Kind, prompt: str, cells: str, patterns: tuple[str, ...], answer: str) -> Task:
    """Something to be explained."""
    return Task(name, kind, "words", prompt, _cells(cells), words=patterns, answer=answer)


def missing(name: str, kind: Kind, prompt: str, cells: str = "", setup: str = "") -> Task:
    """A request about a file that does not exist."""
    return Task(name, kind, "missing", prompt, _cells(cells), answer="The file does not exist.", setup=setup)


def _cells(text: str) -> tuple[str, ...]:
    return tuple(cell.strip("\n") for cell in text.split("\n---\n") if cell.strip())
