"""Files put right: worked out in memory first, then saved as a whole, or shown as a diff.

A change counts only if the file still parses and has fewer findings of the kind that was to be put right, so that doing it
again changes nothing. A file that somebody changes meanwhile stays as it is.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroworkflow_agent.diffs import unified_diff
from neuroworkflow_agent.nodes.checker import check_source
from neuroworkflow_agent.nodes.edits import Edit, FileText
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.fixes import FIXABLE, all_edits
from neuroworkflow_agent.nodes.noqa import Noqa, keep, without_codes
from neuroworkflow_agent.nodes.selection import Selections
from neuroworkflow_agent.nodes.source import MAX_BYTES, Source, Unreadable, parse
from neuroworkflow_agent.replacing import Seen, Temporary, look, sweep

_MAX_ROUNDS = 20
"""One fix may uncover another; what takes more is not mechanical."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a file would become."""

    path: str
    """As findings name it."""
    before: FileText
    after: FileText
    count: int
    """Of findings that are put right."""
    seen: Seen
    """The file as it was read."""

    @property
    def diff(self) -> str:
        """For `patch -p0`."""
        return f"--- {self.path}\n+++ {self.path}\n{unified_diff(self.before.raw, self.after.raw)}\n"

    def save(self) -> str:
        """Put the new file in the old one's place, with its mode and owner.

        Returns
        -------
        str
            Why that was not done, and nothing was changed; empty if it was.
        """
        target = Path(os.path.realpath(self.path))
        try:
            if not os.access(target, os.W_OK):
                return f"'{self.path}' cannot be written, so it was not fixed. Make it writable."
            sweep(target)
            temporary = Temporary(target)
            try:
                temporary.write(self.after.data)
                if temporary.put(self.seen):
                    return ""
                # What somebody wrote into ours while it stood there, under a name that nobody has.
                temporary.rescue(target.with_name(f"{target.name}.{secrets.token_hex(4)}"))
            finally:
                temporary.discard()
        except OSError as error:
            return f"'{self.path}' was not fixed: {error.strerror or error}."
        return f"'{self.path}' was changed by somebody else meanwhile, so it was not fixed. Fix it again."


def fix_files(findings: Iterable[Finding]) -> Iterator[Fixed]:
    """What the files would become whose findings can be put right, one after another.

    Parameters
    ----------
    findings
        As `check_paths` tells them.

    Raises
    ------
    ConfigError
        If a project's selection of findings cannot work.
    """
    selections = Selections()
    for path in dict.fromkeys(finding.path for finding in findings if finding.code in FIXABLE):
        if (fixed := _fix_file(path, selections)) is not None:
            yield fixed


def _fix_file(path: str, selections: Selections) -> Fixed | None:
    file = Path(os.path.realpath(path))
    try:
        seen = look(file) if file.is_file() and file.stat().st_size <= MAX_BYTES else None
        data = file.read_bytes() if seen else b""
    except OSError:
        return None
    if seen is None or hashlib.sha256(data).hexdigest() != seen.digest:
        return None
    before = FileText.of(data)
    after, count = fix_text(before, path, selections) if before else (None, 0)
    return Fixed(path, before, after, count, seen) if before and after and count else None


def fix_text(text: FileText, path: str, selections: Selections) -> tuple[FileText, int]:
    """A file's text with everything put right that can be, and how many findings that were."""
    count = 0
    state = _look(text, path, selections)
    for _ in range(_MAX_ROUNDS):
        if state is None:
            break
        better = _together(state, path, selections) or _one_by_one(state, path, selections)
        if better is None:
            break
        state, done = better
        count += done
    return (state.text if state else text), count


@dataclass(frozen=True, slots=True)
class _State:
    """A text, what is wrong with it, and what would put that right."""

    text: FileText
    codes: Counter[str]
    fixes: list[tuple[str, list[Edit]]]


def _look(text: FileText, path: str, selections: Selections) -> _State | None:
    """None if it cannot be checked."""
    try:
        source = parse(text.text, path)
    except Unreadable:
        return None
    checked = check_source(source, Path(path), is_named=False)
    kept = keep(checked.findings, {path: checked.noqas}, selections, lambda code: code < "NW6")
    fixes = list(all_edits(source, kept.findings))
    if selections.of_file(path).takes("NW016"):
        fixes += _unused_comments(source, kept.unused)
    return _State(text, Counter(each.code for each in kept.findings), fixes)


def _unused_comments(source: Source, unused: Sequence[tuple[Noqa, str]]) -> Iterator[tuple[str, list[Edit]]]:
    for noqa in dict.fromkeys(each for each, _ in unused):
        edit = without_codes(source, noqa, {code for each, code in unused if each == noqa})
        if edit is not None:
            yield "NW016", [edit]


def _together(state: _State, path: str, selections: Selections) -> tuple[_State, int] | None:
    """All fixes that do not overlap at once."""
    chosen: list[tuple[str, list[Edit]]] = []
    taken: list[Edit] = []
    for code, edits in state.fixes:
        if not any(_overlaps(edit, taken) for edit in edits):
            chosen.append((code, edits))
            for edit in edits:
                insort(taken, edit)
    return _tried(state, chosen, path, selections) if chosen else None


def _one_by_one(state: _State, path: str, selections: Selections) -> tuple[_State, int] | None:
    """The first fix that works alone, where together they do not."""
    if len(state.fixes) < 2:
        return None
    tried = (_tried(state, [fix], path, selections) for fix in state.fixes)
    return next((each for each in tried if each is not None), None)


def _tried(
    state: _State, fixes: Sequence[tuple[str, list[Edit]]], path: str, selections: Selections
) -> tuple[_State, int] | None:
    """The text after some fixes; None if they put nothing right."""
    edits = dict.fromkeys(edit for _, each in fixes for edit in each)
    text = state.text.edited(list(edits))
    try:
        _ = text.data
    except ValueError:
        return None
    after = _look(text, path, selections)
    wanted = Counter(code for code, _ in fixes)
    if after is None or any(after.codes[code] >= state.codes[code] for code in wanted):
        return None
    return after, sum(state.codes[code] - after.codes[code] for code in wanted)


def _overlaps(edit: Edit, taken: Sequence[Edit]) -> bool:
    """Whether one of the taken edits, which are sorted and apart, changes the same place; the same one again does not."""
    at = bisect_left(taken, edit)
    return any(
        edit != other and edit.start < other.end and other.start < edit.end
        for other in taken[max(0, at - 1) : at + 1]
    )
