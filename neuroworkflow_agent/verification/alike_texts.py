"""Whether two texts that code put out say the same, but for what differs each time. Pure.

What differs each time is told by its shape, by words beside it, or by the clock: addresses, ids, temporary files, progress
bars; durations and memory in use, in lines that speak of them; the present date and time. Numbers may differ a little.
Where a shape is not enough to tell, two texts differ: a result that changed must not pass for one that always does.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from neuroworkflow_agent.text import overwrite, strip_control

_ALWAYS = (
    (re.compile(r"\b0x[0-9a-fA-F]{6,16}\b"), "<address>"),
    (re.compile(r"\b1[2-4]\d{13}\b"), "<address>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\bdisplay_id=[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"(?:/var/folders/\S{1,200}?|/tmp)/ipykernel_\d+/\d+\.py"), "<cell>"),
    (re.compile(r"<ipython-input-\d+-[0-9a-f]+>"), "<cell>"),
    (re.compile(r"/tmp/tmp[\w.-]+"), "<temporary>"),  # noqa: S108 - likewise
    (re.compile(r"\b(pid|process)([ =:#]+)\d+", re.IGNORECASE), r"\1\2<id>"),
    (re.compile(r"\b(?:Cell )?In\s?\[\d+\]"), "In[]"),
)
_BAR = re.compile(r"(?<!\d)\d{1,3}%\|[^|]{0,300}\||\bit/s\b|\bs/it\b|\?it/s|━{4,}|\[[=>#.\- ]{8,}\]")
"""A line of tqdm's, rich's or Keras's."""
_TRANSIENT = re.compile(r"building the font cache|(?:Pending)?DeprecationWarning|FutureWarning")
_TIMED = re.compile(
    r"wall[ -]?time|cpu times?\b|\bper loop\b|\belapsed|\btook\b|execution time|computation time"
    r"|\b(?:finished|done|completed|executed|computed) in\b|\bseconds? (?:to|for)\b|\bspeed-?up\b|slowest run|best of \d|mean ± std",
    re.IGNORECASE,
)
_LOOPS = re.compile(r"\bper loop\b|slowest run|best of \d", re.IGNORECASE)
_MAYBE_TIMED = re.compile(r"\bdurations?\b|\brun ?time", re.IGNORECASE)
"""A setting or a result as often as a time that was measured, which has more decimals."""
_MEASURED = re.compile(r"peak memory|\bmemory (?:in use|used)|\brss\b|increment:", re.IGNORECASE)
_DURATION = re.compile(
    r"\b(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?\s?(?:ns|[µμu]s|ms|s|sec(?:ond)?s?|min(?:ute)?s?|h|hours?|d|days?)\b\s?){1,4}(?<!\s)"
)
_SET = re.compile(r"\{([^{}:]{1,2000})\}")
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?(?![\w.]*\w)|[-+]?\b(?:nan|inf)\b"
)
_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?:e[+-]?\d+)?(?![\w.]*\w)|(?<![\w.])\d+e[+-]?\d+\b", re.IGNORECASE)
_MANY_DECIMALS = re.compile(r"(?<![\w.])\d+\.\d{3,}(?:e[+-]?\d+)?\b", re.IGNORECASE)
_MOMENT = re.compile(
    r"\b(?P<date>\d{4}[-/]\d{2}[-/]\d{2})(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?))?(?:Z|[+-]\d{2}:?\d{2})?"
    r"|\bdatetime(?:\.datetime)?\((?P<call>\d{4}, \d{1,2}, \d{1,2})[^)]*\)"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,? +(?P<words>[A-Z][a-z]{2} +\d{1,2}|\d{1,2} +[A-Z][a-z]{2})(?=[ ,][\d: ,]*(?:[A-Z]{3,4} )?(?P<year>\d{4})\b)[ ,][\d: ,]*(?:[A-Z]{3,4} )?\d{4}\b"
    r"|\b(?P<clock>\d{1,2}:\d{2}:\d{2})(?:\.\d+)?\b"
)
"""A date, with or without a time, or a time of the day."""
_WHOLE = re.compile(r"[-+]?\d{1,30}")
_NEAR_S = 36 * 3600.0
"""So far from now, in any time zone, a date may be the present one."""
_EPOCH_S = 1e9
"""A number of seconds since 1970 that could be a time at which a notebook was run."""
_CLOCK_NEAR_S = 15 * 60.0
_TINY = 1e-14
_MAX_CHARS = 2_000_000


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two texts have to be."""

    relative: float = 1e-6
    """Most that two numbers may differ, as a part of the larger one; whole numbers not at all."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the second text was put out."""


def alike(before: str, after: str, how: Likeness) -> bool:
    """Whether the text that is kept and the one of a new run say the same."""
    if before == after:
        return True
    if len(before) > _MAX_CHARS or len(after) > _MAX_CHARS:
        return False
    ours, theirs = _lines(before), _lines(after)
    if ours == theirs:
        return True
    if len(ours) == len(theirs):
        pairs = [_without_present(a, b, how.now) for a, b in zip(ours, theirs, strict=True)]
        ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    return _alike_but_for_numbers("\n".join(ours), "\n".join(theirs), how)


def comparable(line: str) -> str:
    """A line without what differs each time, its numbers rounded, to be told apart from others."""
    return _NUMBER.sub(_rounded, _plain(line))


def _rounded(number: re.Match[str]) -> str:
    return number[0] if _WHOLE.fullmatch(number[0]) else f"{float(number[0]):.6g}"


def _lines(text: str) -> list[str]:
    """The lines that count, as they are compared."""
    lines = overwrite(strip_control(text)).split("\n")
    plain = [_plain(line) for line in lines if not (_BAR.search(line) or _TRANSIENT.search(line))]
    return [line for line in plain if line]


def _plain(line: str) -> str:
    for pattern, instead in _ALWAYS:
        line = pattern.sub(instead, line)
    if _TIMED.search(line):
        line = _without_times(line)
    elif _MAYBE_TIMED.search(line):
        line = _MANY_DECIMALS.sub("<duration>", line)
    if _MEASURED.search(line):
        line = _NUMBER.sub("<number>", line)
    line = _SET.sub(lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", line)
    return " ".join(line.split())


def _without_times(line: str) -> str:
    """A line that speaks of time without it; how many neurons it took that time for stays."""
    if _LOOPS.search(line):
        return _NUMBER.sub("<number>", _DURATION.sub("<duration>", line))
    for pattern in (_DURATION, _DECIMAL):
        line = pattern.sub("<duration>", line)
    return line if "<duration>" in line else _NUMBER.sub("<duration>", line)


def _without_present(before: str, after: str, now: datetime) -> tuple[str, str]:
    """A line of each text without the dates and times that are the present one in the new text; every other is a result."""
    ours, theirs = list(_MOMENT.finditer(before)), list(_MOMENT.finditer(after))
    if len(ours) != len(theirs) or not theirs:
        return before, after
    present = [number for number, each in enumerate(theirs) if _is_present(each, now)]
    return _with_now(before, [ours[each] for each in present]), _with_now(
        after, [theirs[each] for each in present]
    )


def _with_now(line: str, moments: list[re.Match[str]]) -> str:
    for each in reversed(moments):
        line = f"{line[: each.start()]}<now>{line[each.end() :]}"
    return line


def _is_present(found: re.Match[str], now: datetime) -> bool:
    given = {name: text for name, text in found.groupdict().items() if text}
    try:
        if "clock" in given:
            return any(_is_near_on_clock(given["clock"], each) for each in (now, now.astimezone()))
        if "words" in given:
            words = sorted(given["words"].split(), key=str.isdigit)
            when = datetime.strptime(f"{' '.join(words)} {given['year']}", "%b %d %Y").replace(tzinfo=UTC)
        else:
            day = [int(part) for part in re.split("[-/]|, ", given.get("date") or given["call"])]
            when = datetime(day[0], day[1], day[2], 12, tzinfo=UTC)
    except (ValueError, OverflowError):
        return False
    return abs((when - now).total_seconds()) < _NEAR_S


def _is_near_on_clock(clock: str, now: datetime) -> bool:
    hour, minute, second = (int(part) for part in clock.split(":"))
    apart = abs(hour * 3600 + minute * 60 + second - (now.hour * 3600 + now.minute * 60 + now.second))
    return min(apart, 86_400 - apart) < _CLOCK_NEAR_S


def _alike_but_for_numbers(before: str, after: str, how: Likeness) -> bool:
    ours, theirs = _NUMBER.findall(before), _NUMBER.findall(after)
    if len(ours) != len(theirs):
        return False
    if _frame(before) != _frame(after):
        return False
    return all(_near(a, b, how) for a, b in zip(ours, theirs, strict=True))


def _frame(text: str) -> str:
    """A text without its numbers, and without the blanks that their widths bring along."""
    return "".join(_NUMBER.sub("#", text).split())


def _near(before: str, after: str, how: Likeness) -> bool:
    if before == after:
        return True
    try:
        a, b = float(before), float(after)
    except (ValueError, OverflowError):
        return False
    if abs(b - how.now.timestamp()) < _NEAR_S and _EPOCH_S < a < b + _NEAR_S:
        return True
    if _WHOLE.fullmatch(before) and _WHOLE.fullmatch(after):
        return int(before) == int(after)
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=how.relative, abs_tol=_TINY)
