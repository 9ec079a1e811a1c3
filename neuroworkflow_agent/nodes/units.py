"""Units and physical quantities in names and descriptions.

A description such as "mean firing rate per nucleus in Hz" says what a number means; two ports fit in
meaning when their units do. Only the words in `unit_words` are units; what is not recognised is not a unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from neuroworkflow_agent.nodes.unit_words import (
    COUNTS,
    LENGTHS,
    NEEDS_CONTEXT,
    NOT_SODIUM,
    PHRASES,
    over_an_area,
    unit_of_name_part,
    unit_word,
)

_POWERS: Final = str.maketrans("¹²³⁻μ", "123-µ")
_TERM: Final = r"(?:°C|°|%|[A-Za-zµΩ]+)(?:(?:\^|\*\*)?-?[1-9])?(?![A-Za-z0-9µΩ])"
_JOINT: Final = r"(?:\s?/\s?|\s?[·⋅*]\s?|\sper\s|\s(?=[A-Za-zµΩ]+(?:\^|\*\*)?-[1-9]))"
_START = re.compile(
    rf"{'|'.join(map(re.escape, PHRASES))}|(?<!\w)[A-Za-z]\w*_\w+|(?<![A-Za-zµΩ_])(?:1\s?/|[A-Za-zµΩ°%]+)"
)
"""A word, or what else a unit may begin with."""
_CANDIDATE = re.compile(rf"(?:1\s?/\s?)?{_TERM}(?:{_JOINT}{_TERM})*")
"""What may be a unit: terms, and what joins them."""
_PIECE = re.compile(rf"(?P<joint>{_JOINT}|1\s?/\s?|)(?P<term>{_TERM})")
_PARTS = re.compile(r"(?P<word>[^\d^*-]+)(?P<mark>\^|\*\*)?(?P<power>-?\d)?")
_CONTEXT = re.compile(r"(?:\bin|\bper|[\[/0-9]|(?:^|\s)\()\s?$")
_OF_BOUNDS = re.compile(r"\s?[,/\u2013-]\s?max")
"""What follows `min` where it is no minute."""
_MAX_CHARS = 2_000

_QUANTITY = re.compile(
    r"(?<![a-z])(?:"
    r"durations?|delays?|latenc(?:y|ies)|intervals?|isis?|periods?|time[ _]constants?|tau|refractory|dt|"
    r"(?:spike|event|onset|offset|start|stop|end|simulation|sampling|bin|window|rise|decay|stimulus)[ _]times?|time[ _](?:steps?|windows?|bins?|axis|points?|resolution)|"
    r"times?[ _](?:series|of)|bin[ _](?:size|width)|window[ _](?:size|length)|"
    r"(?:firing|spike|spiking|discharge|sampling|poisson|input|stimulus|background|mean|event|population)[ _]rates?|rates?[ _](?:per|of|in)|frequenc(?:y|ies)|freqs?|"
    r"voltages?|(?:membrane|resting|reversal|reset|threshold|synaptic)[ _](?:potentials?|voltages?)|v_(?:m|th|reset|rest)|e_(?:l|rev)|"
    r"(?:input|injected|synaptic|bias|dc|background|stimulus|holding)[ _]currents?|currents?[ _](?:injection|amplitude|clamp)|"
    r"conductances?|capacitances?|resistances?|distances?|tract[ _]lengths?|diameters?|radius|radii|concentrations?|temperatures?|velocit(?:y|ies)|conduction[ _]speeds?"
    r")(?![a-z])",
    re.IGNORECASE,
)
_NO_QUANTITY = re.compile(
    r"\b(?:number|count|indices|index|ids?|names?|labels?|type|kind|method|mode|path|file|colou?rs?|list of names)\b(?: of)?|^n_|_(?:ids?|names?|labels?|index|indices|count|file|path|mode|type)$|^num_|success rate|learning[ _]rate|error rate|whether",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as it was written."""

    text: str
    expression: str
    """The same for pint, such as `millisiemens*centimeter**-2`."""


@dataclass(frozen=True, slots=True)
class _Term:
    """One factor of a unit."""

    word: str
    unit: str
    """As pint calls it; empty for a number."""
    power: int


def units_in(name: str, description: str) -> list[Unit]:
    """The units that a name's last parts and a description give, in order, each once."""
    found: dict[str, Unit] = {}
    for unit in (*_in_name(name), *_in_text(description[:_MAX_CHARS].translate(_POWERS))):
        found.setdefault(unit.expression, unit)
    return list(found.values())


def _in_name(name: str) -> Iterator[Unit]:
    parts = name.lower().replace("_per_", "/").split("_")
    for before, part in zip(("", *parts), parts, strict=False):
        if not before and "/" not in part:
            continue  # the first part says what it is, and no unit
        # `tau_s` and `duration_s` are in seconds, `v_s` and `s_max` are not.
        is_seconds = part == "s" and part is parts[-1] and len(before) > 1
        if not (len(part) > 1 or is_seconds) or (part == "na" and before in NOT_SODIUM):
            continue
        terms = [_name_term(each, 1 if at == 0 else -1) for at, each in enumerate(part.split("/"))]
        known = [term for term in terms if term is not None]
        if len(known) == len(terms):
            yield from _made(part, known)


def _name_term(text: str, sign: int) -> _Term | None:
    word, power = (text[:-1], int(text[-1])) if text[-1:] in ("2", "3") else (text, 1)
    unit = "second" if word == "s" else COUNTS.get(word, unit_of_name_part(word))
    if unit is None or (power != 1 and word not in LENGTHS):
        return None
    return _Term(word, unit, sign * power)


def _in_text(text: str) -> Iterator[Unit]:
    at = 0
    while start := _START.search(text, at):
        word, at = start.group(), start.end()
        if word in PHRASES:
            yield Unit(word, "dimensionless")
        elif "_" in word:
            yield from _in_name(word)
        elif (word[0] == "1" or unit_word(word) is not None or word.lower() in COUNTS) and (
            candidate := _CANDIDATE.match(text, start.start())
        ):
            terms, length = _read(candidate.group())
            end = start.start() + length
            if terms and _is_meant(terms, text[: start.start()], text[end:]):
                yield from _made(text[start.start() : end], terms)
            # What follows a word that is no unit may be one.
            at = max(at, end)


def _read(candidate: str) -> tuple[list[_Term], int]:
    """The terms of the unit that a candidate begins with, and how many characters they take; none if it is no unit."""
    terms: list[_Term] = []
    length = 0
    for piece in _PIECE.finditer(candidate):
        joint = piece["joint"].strip()
        is_below = joint in ("/", "per") or joint.startswith("1")
        term = _term(piece["term"], -1 if is_below else 1, is_first=not terms and not joint)
        if term is None:
            # Over something unknown it is another unit; after "per" stands what there are many of.
            return ([], 0) if joint == "/" else (terms, length)
        terms.append(term)
        length = piece.end()
    return terms, length


def _term(text: str, sign: int, *, is_first: bool) -> _Term | None:
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return None
    word, power = parts["word"], int(parts["power"] or 1)
    is_a_name = is_first and parts["power"] and power > 0 and not parts["mark"] and word not in LENGTHS
    unit = unit_word(word)
    if unit is None:
        unit = COUNTS.get(word.lower())
    return None if unit is None or is_a_name else _Term(word, unit, sign * power)


def _is_meant(terms: Sequence[_Term], before: str, after: str) -> bool:
    """Whether what may be a unit stands where one does."""
    first = terms[0]
    if len(terms) == 1 and first.word == "min" and _OF_BOUNDS.match(after):
        return False
    is_per_second = terms[-1].unit == "second" and terms[-1].power < 0
    needs_context = all(term.word in NEEDS_CONTEXT for term in terms) and not is_per_second
    return not needs_context or bool(_CONTEXT.search(before[-6:]))


def _made(text: str, terms: Sequence[_Term]) -> Iterator[Unit]:
    if all(term.word.lower() in COUNTS for term in terms):
        return
    is_dense = any(term.word in LENGTHS and term.power == -2 for term in terms)
    factors = [
        (over_an_area(term.unit) if is_dense else term.unit) + (f"**{term.power}" if term.power != 1 else "")
        for term in terms
        if term.unit
    ]
    yield Unit(text, "*".join(factors) or "dimensionless")


def is_physical(name: str, description: str) -> bool:
    """Whether a number of this name and description is a physical quantity, which needs a unit."""
    if _NO_QUANTITY.search(name) or _NO_QUANTITY.match(description[:_MAX_CHARS]):
        return False
    return bool(_QUANTITY.search(name) or _QUANTITY.search(description[:_MAX_CHARS]))
