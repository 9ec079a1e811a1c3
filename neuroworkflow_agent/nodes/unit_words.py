"""The words that are units in this field, and what each is called in pint.

They are listed, since a general reader of units takes `in` for inches, `a` for years and `at` for an atmosphere.
Symbols are told apart by their case, as in SI: `mM`, `mm` and no `Mm`; the spellings that people use beside it are listed.
"""

from __future__ import annotations

from typing import Final

_PREFIXES: Final = {"f": "femto", "p": "pico", "n": "nano", "u": "micro", "µ": "micro", "m": "milli", "c": "centi", "k": "kilo", "M": "mega", "G": "giga", "-": ""}  # fmt: skip
"""A hyphen stands for none."""
_SYMBOLS: Final = (
    ("s", "second", "-munµ"), ("Hz", "hertz", "-mkMG"), ("V", "volt", "-munµ"), ("A", "ampere", "-munµpf"), ("S", "siemens", "-munµpf"),
    ("F", "farad", "-munµpf"), ("Ω", "ohm", "-mkMG"), ("Ohm", "ohm", "-mkMG"), ("ohm", "ohm", "-kMG"), ("m", "meter", "-cmunµk"),
    ("M", "molar", "-munµp"), ("mol", "mole", "-munµpf"), ("L", "liter", "-munµ"), ("l", "liter", "-munµ"), ("g", "gram", "kmunµ"),
    ("C", "coulomb", "munµpf"), ("Pa", "pascal", "-k"), ("T", "tesla", "-m"), ("W", "watt", "mu"), ("J", "joule", "munpf"),
)  # fmt: skip
"""Symbol, name, and the prefixes it is written with; those without a hyphen are other words alone."""
_SPELLINGS: Final = {
    "sec": "second", "secs": "second", "msec": "millisecond", "usec": "microsecond", "min": "minute", "h": "hour", "hr": "hour",
    "hz": "hertz", "HZ": "hertz", "khz": "kilohertz", "mhz": "megahertz", "mv": "millivolt", "uv": "microvolt", "ua": "microampere",
    "na": "nanoampere", "ma": "milliampere", "pa": "picoampere", "pf": "picofarad", "nf": "nanofarad", "uf": "microfarad",
    "mohm": "megaohm", "Mohm": "megaohm", "micron": "micrometer", "microns": "micrometer", "umol": "micromole",
    "°C": "degree_Celsius", "degC": "degree_Celsius", "degc": "degree_Celsius", "K": "kelvin", "cd": "candela",
    "°": "degree", "deg": "degree", "rad": "radian", "%": "percent",
}  # fmt: skip
_LONG: Final = ("second", "hertz", "volt", "ampere", "siemens", "farad", "ohm", "meter", "molar", "mole", "liter", "gram", "coulomb", "pascal", "tesla")  # fmt: skip
_OTHER_LONG: Final = {
    "minute": "minute", "hour": "hour", "celsius": "degree_Celsius", "kelvin": "kelvin", "radian": "radian", "degree": "degree",
    "megohm": "megaohm", "amp": "ampere", "milliamp": "milliampere", "nanoamp": "nanoampere", "picoamp": "picoampere",
    "percent": "percent", "percentage": "percent", "unitless": "", "dimensionless": "", "normalized": "", "normalised": "",
    "fraction": "", "ratio": "", "probability": "",
}  # fmt: skip
PHRASES: Final = ("arbitrary units", "no unit", "a.u")
"""More words of what has no unit."""
COUNTS: Final = {word: "" for each in ("spike", "count", "neuron", "cell", "trial", "event", "synapse", "molecule", "sp") for word in (each, f"{each}s")}  # fmt: skip
"""What is counted: a part of a unit, as in spikes/s, and none alone."""
LENGTHS: Final = frozenset({"m", "cm", "mm", "um", "µm", "nm"})
"""What a bare digit is a power of; `V1` and `S2` are areas of the cortex."""
NEEDS_CONTEXT: Final = frozenset(
    {"s", "us", "V", "A", "S", "F", "m", "M", "L", "l", "T", "K", "h", "min", "na", "ma", "pa", "ml", "deg", "second", "minute", "hour", "degree", "degrees", "mole", "moles"}
)  # fmt: skip
"""Also a word, an initial or a number of something: a unit only after "in", in brackets, or after a number."""


def _symbols() -> dict[str, str]:
    return {
        f"{'' if prefix == '-' else prefix}{symbol}": f"{_PREFIXES[prefix]}{name}"
        for symbol, name, prefixes in _SYMBOLS
        for prefix in prefixes
    }


def _long_words() -> dict[str, str]:
    words = {f"{prefix}{name}": f"{prefix}{name}" for name in _LONG for prefix in _PREFIXES.values()}
    words |= {word.replace("meter", "metre").replace("liter", "litre"): name for word, name in words.items()}
    words |= _OTHER_LONG
    return words | {f"{word}s": name for word, name in words.items()}


_LONG_WORDS: Final = _long_words()
_WORDS: Final = _symbols() | _SPELLINGS

_NAME_WORDS: Final = {
    word.lower(): _WORDS[word]
    for word in ("ms", "us", "nS", "pS", "Hz", "kHz", "MHz", "mV", "uV", "nA", "pA", "uA", "mA", "pF", "nF", "uF", "ohm", "kohm", "Mohm", "Gohm", "cm", "mm", "um", "nm", "mol", "mmol", "umol", "sec", "msec", "deg", "rad")
}  # fmt: skip
NOT_SODIUM: Final = frozenset({"g", "gbar", "gmax", "e", "i", "m", "h", "n", "p", "v", "rev"})
"""After these parts of a name, `na` is sodium."""
_SIEMENS: Final = {"millisecond": "millisiemens", "microsecond": "microsiemens"}


def unit_word(word: str) -> str | None:
    """What pint calls a word of a text; None if it is no unit."""
    return _WORDS.get(word) or _LONG_WORDS.get(word.lower())


def unit_of_name_part(part: str) -> str | None:
    """The same for a part of a name, which has no capitals: `ns` is nS there."""
    return _NAME_WORDS.get(part) or _LONG_WORDS.get(part)


def over_an_area(unit: str) -> str:
    """What is meant by a unit in small letters over an area: `ms/cm2` is a conductance density."""
    return _SIEMENS.get(unit, unit)


def is_unit_word(word: str) -> bool:
    """Whether a word in small letters is a unit, or would be with capitals."""
    return word in _LOWER


_LOWER: Final = frozenset(word.lower() for word in (*_WORDS, *_LONG_WORDS))
