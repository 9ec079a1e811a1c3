"""What may be shown of what a small model writes: nothing that it made up. Pure.

A number, a name or a date in prose has to stand in what the user wrote or in what code printed; a sentence with
another one is left out. A printed number has to be computed: one that stands in the code itself was invented there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DATE = re.compile(
    r"\b(?:January|February|March|April|June|July|August|September|October|November|December"
    r"|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b"
)
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z]\w+")
"""A capital in the middle of a sentence."""
_KNOWN_NAMES = frozenset(
    ["Python", "Jupyter", "NumPy", "Numpy", "Matplotlib", "Pandas", "English", "I'm", "Here"]
)
_END = re.compile(r"(?<=[.!?])\s+|\n+")
LEFT_OUT = "(I left out what I was going to say: it held a number or a name that no code has shown.)"


def numbers(text: str) -> list[float]:
    """The numbers in a text."""
    return [float(match.group().replace("\u2212", "-").replace(",", "")) for match in _NUMBER.finditer(text)]


def is_supported(sentence: str, evidence: str) -> bool:
    """Whether each number, name and date of `sentence` stands in `evidence`; a number may be rounded there."""
    there = numbers(evidence)
    if not all(any(_is_rounded(said, found) for found in there) for said in numbers(sentence)):
        return False
    words = {*_DATE.findall(sentence), *_NAME.findall(sentence)} - _KNOWN_NAMES
    return all(word.casefold() in evidence.casefold() for word in words)


def _is_rounded(said: float, found: float) -> bool:
    decimals = len(f"{said:.10f}".rstrip("0").partition(".")[2])
    return abs(said - found) <= 1e-9 * abs(found) or round(found, decimals) == said != 0


@dataclass
class ProseGate:
    """Lets prose through sentence by sentence, as it streams in, and leaves out what nothing supports."""

    evidence: str
    """What the user wrote and what code printed."""
    is_open: bool = True
    """Whether everything so far was let through."""
    _held: str = field(default="")

    def feed(self, delta: str) -> str:
        """Take more text; returns what may be shown now."""
        self._held += delta
        shown = ""
        while (end := _END.search(self._held)) is not None:
            shown += self._pass(self._held[: end.end()])
            self._held = self._held[end.end() :]
        return shown

    def finish(self) -> str:
        """The text is over; returns the rest of what may be shown."""
        rest, self._held = self._held, ""
        return self._pass(rest)

    def _pass(self, sentence: str) -> str:
        if is_supported(sentence, self.evidence):
            return sentence
        self.is_open = False
        return ""


def is_invented(code: str, printed: str, asked: str) -> bool:
    """Whether all that code printed in numbers stands in the code itself, and not in the request.

    Parameters
    ----------
    code
        What ran.
    printed
        What it printed.
    asked
        The user's own words and cells: numbers from there are not invented.
    """
    said = set(numbers(printed))
    return bool(said) and said <= _literals(code) - set(numbers(asked))


def _literals(code: str) -> set[float]:
    found: set[float] = set()
    for node in _nodes(code):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                found.update(numbers(node.value))
            elif isinstance(node.value, int | float):
                found.add(float(node.value))
    return found


def is_repetition(code: str, cells: str) -> bool:
    """Whether code does nothing but what the user's cells did already."""
    there = {line.strip() for line in cells.splitlines()}
    lines = [line.strip() for line in code.splitlines() if line.strip() and not line.strip().startswith("#")]
    return bool(cells) and all(line in there or line.startswith(("import ", "from ")) for line in lines)


def overwritten(code: str, names: Iterable[str]) -> str:
    """A name of the user's that code gives a value of its own making; empty if there is none."""
    mine = set(names)
    for node in getattr(_parsed(code), "body", []):
        if not isinstance(node, ast.Assign):
            continue
        targets = {
            part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)
        }
        used = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
        if (taken := sorted(targets & mine)) and not used & mine:
            return taken[0]
    return ""


def _nodes(code: str) -> Iterable[ast.AST]:
    tree = _parsed(code)
    return ast.walk(tree) if tree is not None else ()


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except SyntaxError:
        return None
