"""Whether two descriptions mean the same thing: by their units, and by their words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from neuroworkflow_agent.nodes.dimensions import are_same, conversion, quantity
from neuroworkflow_agent.nodes.unit_words import is_unit_word
from neuroworkflow_agent.nodes.units import Unit, units_in

_MAX_CHARS = 2_000
_ALIKE = 0.7
"""Part of the shorter description's words that two have to share."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Whether two descriptions mean the same thing."""

    verdict: str
    """`same`, `different` or `unclear`."""
    reason: str


def compare(given: tuple[str, str], wanted: tuple[str, str]) -> Meaning:
    """Compare what two ports mean.

    Parameters
    ----------
    given, wanted
        Name and description of the output and of the input.
    """
    ours, theirs = units_in(*given), units_in(*wanted)
    if ours and theirs:
        shared = _shared(ours, theirs)
        if not shared:
            return _differ(ours, theirs)
        names = ", ".join(unit.text for unit in shared)
        if given[0] == wanted[0]:
            return Meaning("same", f"both are in {names}")
        return _compare_words(names, words(*given), words(*wanted))
    if words(*given) & words(*wanted) and not ours and not theirs:
        return Meaning("unclear", "neither description names a unit")
    silent = "the output's" if theirs else "the input's"
    return Meaning(
        "unclear",
        f"{silent} description names no unit"
        if ours or theirs
        else "the descriptions share no word and no unit",
    )


def _compare_words(units: str, ours: set[str], theirs: set[str]) -> Meaning:
    """One unit is shared and the names differ; the words tell whether it is the same quantity, such as a time and not an interval."""
    shared = ours & theirs
    if len(shared) >= _ALIKE * min(len(ours), len(theirs)) and shared:
        return Meaning("same", f"both are in {units}")
    overlap = f"share only {', '.join(map(repr, sorted(shared)))}" if shared else "share no word"
    return Meaning("unclear", f"both are in {units}, but their descriptions {overlap}")


def _shared(ours: Sequence[Unit], theirs: Sequence[Unit]) -> list[Unit]:
    """Those of ours that are among theirs; only where none is written alike, units are compared by what they measure."""
    written = {unit.expression for unit in theirs}
    return [unit for unit in ours if unit.expression in written] or [
        unit for unit in ours if any(are_same(unit.expression, other.expression) for other in theirs)
    ]


def _differ(ours: Sequence[Unit], theirs: Sequence[Unit]) -> Meaning:
    for mine in ours:
        for other in theirs:
            if found := conversion(mine.expression, other.expression):
                how = _in_words(*found)
                return Meaning("different", f"the output is in {mine.text}, the input in {other.text}: {how}")
    given, wanted = ours[0], theirs[0]
    return Meaning(
        "different", f"the output is {_named(given)}, the input {_named(wanted)}, which is another quantity"
    )


def _in_words(factor: float, summand: float) -> str:
    steps = [f"multiply by {factor:g}"] if f"{factor:g}" != "1" else []
    steps += [f"{'add' if summand > 0 else 'subtract'} {abs(summand):g}"] if summand else []
    return ", then ".join(steps)


def _named(unit: Unit) -> str:
    name = quantity(unit.expression)
    if name == "":
        return "a pure number"
    if name is None:
        return f"in {unit.text}"
    return f"{'an' if name[0] in 'aeio' else 'a'} {name} in {unit.text}"


_STOP = frozenset(
    re.findall(
        r"\w+",
        "a an and as at be by each every for from give given gives has have in input into is it its keyed list dict name "
        "names number of on one or output per that the their them this to value values was were which with data",
    )
)


def words(name: str, description: str) -> set[str]:
    """What a name and a description are about: their words without endings and without the small ones."""
    text = f"{name.replace('_', ' ')} {description[:_MAX_CHARS]}".lower()
    found = {word.removesuffix("s") for word in re.findall(r"[a-z]{3,}", text) if word not in _STOP}
    return {word for word in found if not is_unit_word(word)}
