"""Units and physical quantities in names and descriptions.

A description such as "mean firing rate per nucleus in Hz" says what a number means; two ports fit in
meaning when their units do. Only the units of this field are known; what is not recognised is not a unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TABLE: Final = {
    "time": {"s": 1.0, "sec": 1.0, "second": 1.0, "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "us": 1e-6, "µs": 1e-6, "microsecond": 1e-6, "min": 60.0, "minute": 60.0, "hour": 3600.0},
    "rate": {"hz": 1.0, "hertz": 1.0, "khz": 1e3, "mhz": 1e6, "spikes/s": 1.0, "1/s": 1.0, "1/ms": 1e3, "s^-1": 1.0, "ms^-1": 1e3, "sp/s": 1.0, "spikes per second": 1.0},
    "voltage": {"v": 1.0, "volt": 1.0, "mv": 1e-3, "millivolt": 1e-3, "uv": 1e-6, "µv": 1e-6, "microvolt": 1e-6},
    "current": {"a": 1.0, "ampere": 1.0, "ma": 1e-3, "ua": 1e-6, "µa": 1e-6, "na": 1e-9, "nanoampere": 1e-9, "pa": 1e-12, "picoampere": 1e-12},
    "conductance": {"siemens": 1.0, "ms/cm2": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "nanosiemens": 1e-9, "ps": 1e-12},
    "capacitance": {"f": 1.0, "farad": 1.0, "uf": 1e-6, "µf": 1e-6, "nf": 1e-9, "pf": 1e-12, "picofarad": 1e-12, "uf/cm2": 1e-6, "µf/cm2": 1e-6},
    "resistance": {"ohm": 1.0, "kohm": 1e3, "mohm": 1e6, "megaohm": 1e6, "gohm": 1e9, "Ω": 1.0, "kω": 1e3, "mω": 1e6, "gω": 1e9, "ω": 1.0},
    "length": {"m": 1.0, "metre": 1.0, "meter": 1.0, "cm": 1e-2, "mm": 1e-3, "millimetre": 1e-3, "millimeter": 1e-3, "um": 1e-6, "µm": 1e-6, "micrometre": 1e-6, "micrometer": 1e-6, "micron": 1e-6, "nm": 1e-9},
    "area": {"cm2": 1e-4, "mm2": 1e-6, "um2": 1e-12, "µm2": 1e-12},
    "volume": {"mm3": 1e-9, "um3": 1e-18, "µm3": 1e-18},
    "speed": {"m/s": 1.0, "mm/ms": 1.0, "um/ms": 1e-3},
    "concentration": {"mm": 1e-3, "mol": 1.0, "mmol": 1e-3, "molar": 1.0, "mmol/l": 1e-3, "mol/l": 1.0, "nmol": 1e-9, "µmol": 1e-6},
    "temperature": {"°c": 1.0, "degc": 1.0, "celsius": 1.0, "kelvin": 1.0},
    "angle": {"rad": 1.0, "radian": 1.0, "deg": 0.017453292519943295, "degree": 0.017453292519943295, "°": 0.017453292519943295},
    "none": {"unitless": 1.0, "dimensionless": 1.0, "normalized": 1.0, "normalised": 1.0, "fraction": 1.0, "ratio": 1.0, "probability": 1.0, "percent": 0.01, "%": 0.01, "percentage": 0.01, "a.u": 1.0, "arbitrary units": 1.0, "no unit": 1.0},
}  # fmt: skip
_CASE_MATTERS: Final = {
    "S": ("conductance", 1.0), "mS": ("conductance", 1e-3), "uS": ("conductance", 1e-6), "µS": ("conductance", 1e-6),
    "nS": ("conductance", 1e-9), "pS": ("conductance", 1e-12), "M": ("concentration", 1.0), "mM": ("concentration", 1e-3),
    "uM": ("concentration", 1e-6), "µM": ("concentration", 1e-6), "nM": ("concentration", 1e-9), "K": ("temperature", 1.0),
    "us": ("time", 1e-6), "µs": ("time", 1e-6), "mm": ("length", 1e-3), "ms": ("time", 1e-3),
    "MOhm": ("resistance", 1e6), "MΩ": ("resistance", 1e6), "mHz": ("rate", 1e-3), "MHz": ("rate", 1e6),
}  # fmt: skip
"""Units that another letter case would make another unit."""
_NEEDS_CONTEXT: Final = frozenset(
    {"a", "m", "f", "v", "s", "min", "deg", "M", "K", "S", "ps", "na", "ma", "pa"}
)
"""Short enough to be a word or an initial: a unit only after "in", in brackets, or after a number."""
_BY_NAME: Final = {
    unit: (dimension, factor) for dimension, units in _TABLE.items() for unit, factor in units.items()
}
_POWER = str.maketrans({"²": "2", "³": "3", "μ": "µ"})
_TOKEN = re.compile(r"spikes per second|arbitrary units|no unit|a\.u\.?|%|°C?|[A-Za-zµΩ][A-Za-zµΩ]{0,14}(?:\^?-?[0-9])?(?:/[A-Za-zµ]{1,6}\^?[0-9]?)?|1/m?s")  # fmt: skip
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
    dimension: str
    """`time`, `rate`, `voltage` …; `none` for pure numbers."""
    factor: float
    """To the dimension's SI unit."""


def units_in(name: str, description: str) -> list[Unit]:
    """The units that a name's last parts and a description give, in order, each once."""
    found: dict[tuple[str, float], Unit] = {}
    for part in name.split("_")[1:]:
        if unit := _unit(part, in_context=len(part) > 1):
            found.setdefault((unit.dimension, unit.factor), unit)
    text = description[:_MAX_CHARS].translate(_POWER)
    for match in _TOKEN.finditer(text):
        before = text[: match.start()].rstrip()
        in_context = bool(re.search(r"(?:\bin|\bper|[\[(/0-9])$", before[-4:]))
        if unit := _unit(match.group().rstrip("."), in_context=in_context):
            found.setdefault((unit.dimension, unit.factor), unit)
    return list(found.values())


def _unit(text: str, *, in_context: bool) -> Unit | None:
    known = _CASE_MATTERS.get(text)
    key = text.lower().replace("^", "")
    if known is None:
        known = _BY_NAME.get(key) or _BY_NAME.get(key.removesuffix("s"))
    if known is None or (not in_context and (text in _NEEDS_CONTEXT or key in _NEEDS_CONTEXT)):
        return None
    return Unit(text, *known)


def is_physical(name: str, description: str) -> bool:
    """Whether a number of this name and description is a physical quantity, which needs a unit."""
    if _NO_QUANTITY.search(name) or _NO_QUANTITY.match(description[:_MAX_CHARS]):
        return False
    return bool(_QUANTITY.search(name) or _QUANTITY.search(description[:_MAX_CHARS]))


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
        shared = {(u.dimension, u.factor) for u in ours} & {(u.dimension, u.factor) for u in theirs}
        if not shared:
            return _differ(ours, theirs)
        names = ", ".join(u.text for u in ours if (u.dimension, u.factor) in shared)
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


def _differ(ours: list[Unit], theirs: list[Unit]) -> Meaning:
    for mine in ours:
        for other in theirs:
            if mine.dimension == other.dimension:
                factor = mine.factor / other.factor
                return Meaning(
                    "different",
                    f"the output is in {mine.text}, the input in {other.text}: multiply by {factor:g}",
                )
    given, wanted = ours[0], theirs[0]
    return Meaning(
        "different", f"the output is {_named(given)}, the input {_named(wanted)}, which is another quantity"
    )


def _named(unit: Unit) -> str:
    return "a pure number" if unit.dimension == "none" else f"a {unit.dimension} in {unit.text}"


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
    return {word for word in found if word not in _BY_NAME}
