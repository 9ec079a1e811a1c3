"""What a comment at the head of code says is going to be computed, told word by word while it is written. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from neuroworkflow_agent.models.local.claims import is_supported

_WORD = re.compile(r"#[^\S\n]*(\S+)(?=\s)")
_END = re.compile(r"#[^\S\n]*\n")
_STOPS = ".:"
_CUT = "…"
UNTOLD = "I am writing code for this.\n\n"
"""What is told instead of a comment that is missing, or that nothing of can be told: whole code may take half a minute. So, too,
before a comment that takes long to come."""
_MIN_WORDS = 3
"""A sentence that is cut before it has as many is not begun."""


@dataclass
class PlanReader:
    """Makes a sentence of the comment in the first line of growing code.

    A word is told once it is whole. The sentence is cut before a number, a name or a date that nothing supports.
    """

    evidence: str
    """What the user wrote: numbers and names from there may be told."""
    is_done: bool = False
    """Whether nothing more is told."""
    instead: str = UNTOLD
    """What is told where nothing can be told of a comment."""
    _line: str = ""
    """What of the line is not yet read as words."""
    _sentence: str = ""
    _stops: str = ""
    """Full stops and colons behind the last word; part of the sentence only if another word follows."""
    _told: str = ""

    def feed(self, delta: str) -> str:
        """Take more code; returns what may be told now."""
        self._line += delta
        if self._line and not (self.is_done or self._line.startswith("#")):
            self._end("")
        while not self.is_done and (word := _WORD.match(self._line)) is not None:
            self._line = f"#{self._line[word.end() :]}"
            self._add(word.group(1))
        if not self.is_done and _END.match(self._line) is not None:
            self._end(".")
        return self._news()

    def finish(self) -> str:
        """The code is over; returns what is missing of the sentence."""
        if not self.is_done and self._told:
            self._end(f" {_CUT}")
        return self._news()

    def hurry(self) -> str:
        """Nothing has come for long; returns what may be told meanwhile."""
        if self.is_done or self._told:
            return ""
        told, self.instead = self.instead, ""
        return told

    def _add(self, word: str) -> None:
        bare = word.rstrip(_STOPS)
        if not self._sentence:
            sentence = f"{bare[:1].upper()}{bare[1:]}"
        else:
            sentence = f"{self._sentence}{self._stops} {bare}" if bare else self._sentence
        if is_supported(sentence, self.evidence):
            self._sentence, self._stops = sentence, word[len(bare) :]
        else:
            self._end(f" {_CUT}")

    def _end(self, mark: str) -> None:
        """End the sentence with a mark, unless it has one or is not worth to be begun."""
        self.is_done = True
        if not self._sentence or (mark != "." and len(self._sentence.split()) < _MIN_WORDS):
            self._sentence = self.instead
        else:
            self._sentence += f"{'' if self._sentence.endswith('?') else mark}\n\n"

    def _news(self) -> str:
        if not self.is_done and len(self._sentence.split()) < _MIN_WORDS:
            return ""
        news, self._told = self._sentence.removeprefix(self._told), self._sentence
        return news
