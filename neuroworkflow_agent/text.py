"""Text for people and models: without terminal escapes and secrets, and not too long."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    # Titles, hyperlinks, the clipboard, and other strings for the terminal.
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
    r"|[\ud800-\udfff]"  # half a character, which no encoder takes
)
INVISIBLE = "\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
"""Characters that a name can hide or turn itself with, for a character class."""
MAX_SECRET_CHARS = 4_000
"""More than any secret has; a user's token is the longest."""
_FRESH_S = 0.05
_REDACTED = "[redacted]"
_MIN_BEGINNING = 8
"""Characters of a secret that tell it apart."""
_CUT = re.compile(r"""(['"]?\s*\[?…)""")
"""Where a text was cut, inside quotation marks or behind them."""
_SHORT_LINE_CHARS = 160
"""Up to here saying what is left out would take the room of the text itself."""
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that Python prints and fonts leave blank."""
_LINE_MOVE = re.compile(r"\x1b\[(\d{0,4})([AB])")
_MOVE = re.compile(r"(\r|\n|\x1b\[\d{0,4}[AB])")
_LONE = re.compile("[\ud800-\udfff]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def strip_control(text: str) -> str:
    """`text` without escape sequences, control characters and lone surrogates; line ends and tabs stay."""
    return _CONTROL.sub("", text)


def encodable(text: str) -> str:
    """`text` with a mark in the place of each half of a pair of surrogates, which a file may have and no message can."""
    return _LONE.sub("\ufffd", text)


def as_json_text(text: str) -> str:
    """JSON with an escape in the place of each of them, which says the same."""
    return _LONE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def for_terminal(text: str) -> str:
    """As `strip_control`; and no part of a line is written over another one."""
    return strip_control(text.replace("\r\n", "\n")).replace("\r", "\n")


def show_invisible(text: str) -> str:
    """`text` with a visible escape, as `\\u202e`, for each character that shows nothing or moves others.

    Line ends and tabs stay; spaces other than the common one are escaped, too.
    """
    if text.isprintable() and not _BLANK.search(text):
        return text
    return "".join(
        char if (char.isprintable() and not _BLANK.match(char)) or char in "\n\t" else _escaped(char)
        for char in text
    )


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def strip_all_but_colours(text: str) -> str:
    """As `strip_control`, but for the sequences that set colours and weights."""
    return _CONTROL.sub(lambda found: found.group() if _COLOUR.fullmatch(found.group()) else "", text)


def overwrite(text: str) -> str:
    """Text as a terminal would leave it where `\\r` sends it back to the start of a line, or a code to a line above."""
    text = text.replace("\r\n", "\n")
    if _LINE_MOVE.search(text):
        return _lines_overwritten(text)
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))


def _lines_overwritten(text: str) -> str:
    """Nested progress bars go up and down among their lines, and write each anew from its start."""
    lines, row, is_at_start = [""], 0, False
    for piece in _MOVE.split(text):
        if piece == "\r":
            is_at_start = True
        elif piece == "\n":
            row, is_at_start = row + 1, True
            lines += [""] * (row - len(lines) + 1)
        elif found := _LINE_MOVE.fullmatch(piece):
            by = int(found[1] or 1)
            row = max(0, row - by) if found[2] == "A" else min(len(lines) - 1, row + by)
        elif piece:
            lines[row] = piece if is_at_start else lines[row] + piece
            is_at_start = False
    return "\n".join(lines)


def clip(text: str, max_chars: int) -> str:
    """Head and tail of a long text, at most `max_chars` together, with the cut stated."""
    if len(text) <= max_chars:
        return text
    half = max(0, (max_chars - 60) // 2)
    cut = f"\n[… {len(text) - 2 * half:,} of {len(text):,} characters left out …]\n"
    return f"{text[:half]}{cut}{text[len(text) - half :]}"


def one_line(text: str, max_chars: int) -> str:
    """`text` on one line, without control characters, at most `max_chars` long.

    A short one ends with `…` where it is cut; a longer one has its tail, too, and says how much is left out.
    """
    line = " ".join(strip_control(text).split())
    if len(line) > max_chars and max_chars <= _SHORT_LINE_CHARS:
        return f"{line[: max(0, max_chars - 1)].rstrip()}…"
    return " ".join(clip(line, max_chars).split())


def fenced(text: str, language: str = "") -> str:
    """A Markdown code block of `text`, whose fence is longer than any in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def map_texts(
    value: Any, change: Callable[[str], str], keep: Callable[[str], bool] = lambda _key: False
) -> Any:
    """`value`, JSON-safe, with every text in it changed.

    Parameters
    ----------
    keep
        Says of which keys of objects the values stay as they are; the keys themselves always do.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {k: v if keep(str(k)) else map_texts(v, change, keep) for k, v in value.items()}
    return [map_texts(each, change, keep) for each in value] if isinstance(value, list | tuple) else value


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced by `[redacted]`, and with the beginning of one that `…` cuts short."""
    known = sorted(filter(None, secrets), key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, _REDACTED)
    if "…" not in text:
        return text
    pieces = _CUT.split(text)  # texts, and between them the marks of cuts
    return "".join(_without_beginning(piece, known) for piece in pieces[:-1]) + pieces[-1]


def _without_beginning(text: str, secrets: Iterable[str]) -> str:
    """`text` without the beginning of a secret that stands at its end."""
    for secret in secrets:
        if (start := text.rfind(secret[:_MIN_BEGINNING], -len(secret))) >= 0 and secret.startswith(
            text[start:]
        ):
            return f"{text[:start]}{_REDACTED}"
    return text


def end_without_secrets(text: str, hide: Callable[[str], str], max_chars: int, *, is_cut: bool) -> str:
    """The end of a text without secrets, nor the rest of one that was cut through.

    Parameters
    ----------
    text
        If its beginning is missing, with `MAX_SECRET_CHARS` more of it than are wanted.
    hide
        Takes known secrets out of a text; half of one it does not know.
    max_chars
        How many are wanted.
    is_cut
        Whether its beginning is missing.
    """
    hidden = hide(text)
    return (hidden[MAX_SECRET_CHARS:] if is_cut else hidden)[-max_chars:]


class Redaction:
    """`redact` for many small texts: the secrets are looked up again when 50 ms have passed.

    Parameters
    ----------
    secrets
        Looks them up.
    """

    def __init__(self, secrets: Callable[[], Iterable[str]]) -> None:
        self._look_up = secrets
        self._known: tuple[str, ...] = ()
        self._looked_at = -math.inf

    def __call__(self, text: str) -> str:
        """`text` without what is secret now."""
        now = time.monotonic()
        if now - self._looked_at > _FRESH_S:
            self._known = tuple(self._look_up())
            self._looked_at = now
        return redact(text, self._known)
