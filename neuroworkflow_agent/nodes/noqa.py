"""Comments that silence a finding in their line: `# noqa: NW304 - weights are relative`.

The reason is part of it, since nobody can tell later whether a finding was looked at or in the way. A `noqa` without
codes, or with those of other tools, is none of ours.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from neuroworkflow_agent.nodes.edits import Edit
from neuroworkflow_agent.nodes.findings import RULES, UNREADABLE, Finding
from neuroworkflow_agent.nodes.selection import Selections
from neuroworkflow_agent.nodes.source import Source

_CODE = r"[A-Z]+[0-9]+"
_NOQA = re.compile(rf"#\s*noqa\s*:\s*(?P<codes>{_CODE}(?:[\s,]+{_CODE}\b)*)(?P<reason>[^#]*)", re.IGNORECASE)
_F_STRING = tuple(getattr(tokenize, name, -1) for name in ("FSTRING_START", "FSTRING_END"))
"""Kinds of tokens that Python has from 3.12 on."""


@dataclass(frozen=True, slots=True)
class Noqa:
    """One such comment."""

    first: int
    """The line it counts for, or where the text begins that ends there."""
    last: int
    codes: tuple[str, ...]
    """Ours alone."""
    has_reason: bool
    at: Finding
    """A finding at its place, whose message is what comes before one there."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of findings."""

    findings: list[Finding]
    silenced: int = 0
    """How many a `noqa` has taken."""
    ignored: int = 0
    """How many the project does not want."""
    unused: tuple[tuple[Noqa, str], ...] = ()
    """Comments and their codes that silence nothing."""


def noqas_in(source: Source) -> tuple[Noqa, ...]:
    """The comments of a file that silence findings of ours."""
    # Most files have none, and splitting one into tokens takes longer than parsing it.
    if "NW" not in source.text or not re.search("noqa", source.text, re.IGNORECASE):
        return ()
    return tuple(_noqas(source))


def _noqas(source: Source) -> Iterator[Noqa]:
    for comment, first in _comments(source.text):
        for match in _NOQA.finditer(comment.string):
            codes = tuple(code for code in re.findall(_CODE, match["codes"]) if code.startswith("NW"))
            if codes:
                line, column = comment.start
                before = source.lines[line - 1][: column + match.start()]
                at = ast.Pass(lineno=line, col_offset=len(before.encode()))
                has_reason = any(char.isalpha() for char in match["reason"])
                yield Noqa(first, line, codes, has_reason, source.find("NW016", at, ""))


def _comments(text: str) -> Iterator[tuple[tokenize.TokenInfo, int]]:
    """Comments, each with the first line of what ends in its line."""
    first: dict[int, int] = {}
    begun: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            start, end = token.start[0], token.end[0]
            if token.type == _F_STRING[0]:
                begun.append(start)
            elif token.type == _F_STRING[1]:
                start = begun.pop()
                first[end] = min(first.get(start, start), first.get(end, end))
            elif token.type == tokenize.STRING:
                first[end] = min(first.get(start, start), first.get(end, end))
            elif token.type == tokenize.COMMENT:
                yield token, first.get(start, start)
    except (tokenize.TokenError, SyntaxError):
        return  # Python itself reads the file otherwise; what was found until there counts


def keep(
    findings: Sequence[Finding],
    noqas: Mapping[str, Sequence[Noqa]],
    selections: Selections,
    is_judged: Callable[[str], bool],
) -> Kept:
    """Leave out what the project does not want, and what a comment silences.

    Parameters
    ----------
    noqas
        Those of every file that was looked into, by its path as findings name it.
    is_judged
        Whether findings of a code were looked for, so that a comment on one that is not there is of no use.

    Raises
    ------
    ConfigError
        If a project's selection cannot work.
    """
    for path in noqas:
        selections.of_file(path)
    wanted = [each for each in findings if selections.of_file(each.path).takes(each.code)]
    left: list[Finding] = []
    used: set[tuple[Noqa, str]] = set()
    for finding in wanted:
        here = [each for each in noqas.get(finding.path, ()) if _is_for(each, finding)]
        used.update((each, finding.code) for each in here)
        if not any(each.has_reason for each in here):
            left.append(finding)
    silenced = len(wanted) - len(left)
    comments = [
        (each, code) for path in noqas.values() for each in path for code in dict.fromkeys(each.codes)
    ]
    active = [(each, code) for each, code in comments if selections.of_file(each.at.path).takes(code)]
    unused = tuple(
        (each, code)
        for each, code in active
        if code not in RULES or (is_judged(code) and (each, code) not in used)
    )
    without_reason = [(each, code) for each, code in active if (each, code) in used and not each.has_reason]
    about = [*(_unused(*each) for each in unused), *(_without_reason(*each) for each in without_reason)]
    left += [each for each in about if selections.of_file(each.path).takes(each.code)]
    return Kept(sorted(set(left)), silenced, len(findings) - len(wanted), unused)


def _is_for(noqa: Noqa, finding: Finding) -> bool:
    return (
        noqa.first <= finding.line <= noqa.last
        and finding.code in noqa.codes
        and finding.code not in UNREADABLE
    )


def _unused(noqa: Noqa, code: str) -> Finding:
    why = f"Nothing in this line raises {code}." if code in RULES else f"There is no finding {code}."
    return _told(noqa, "NW016", why, "Remove it from the noqa.")


def _without_reason(noqa: Noqa, code: str) -> Finding:
    remedy = f"Write why it is right here: # noqa: {code} - the weights are relative."
    return _told(noqa, "NW017", f"The noqa for {code} has no reason, and silences nothing.", remedy)


def without_codes(source: Source, noqa: Noqa, codes: Collection[str]) -> Edit | None:
    """What takes codes out of a comment, and the whole of it if it has no others."""
    line, start = noqa.at.line, noqa.at.column - 1
    text = source.lines[line - 1]
    match = _NOQA.match(text, start)
    if match is None:
        return None
    if left := [code for code in re.findall(_CODE, match["codes"]) if code not in codes]:
        return Edit((line, match.start("codes")), (line, match.end("codes")), ", ".join(left))
    before = text[:start].rstrip()
    if not before and match.end() == len(text) and line < len(source.lines):
        return Edit((line, 0), (line + 1, 0), "")
    # What follows may be a comment of somebody else.
    is_last = match.end() == len(text)
    return Edit((line, len(before) if is_last else start), (line, match.end()), "")


def _told(noqa: Noqa, code: str, message: str, remedy: str) -> Finding:
    return replace(noqa.at, code=code, message=f"{noqa.at.message}{message}", remedy=remedy)
