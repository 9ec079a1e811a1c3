"""Two runs compared: how they ended, answers, cells, files, cost. Pure, but for reading them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.diffs import unified_diff
from neuroworkflow_agent.runs.plain_files import read_plain
from neuroworkflow_agent.runs.record import RunRecord, read_files
from neuroworkflow_agent.runs.recorder import AFTER

_FACTS = ("end", "exit_code", "verdict", "duration_s", "cost_usd")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What of B is not as it is of A."""

    asked: dict[str, tuple[Any, Any]]
    """What was asked otherwise, by its name."""
    facts: dict[str, tuple[Any, Any]]
    """End, verdict, time, cost, tokens: all, alike or not."""
    answer: str
    """Lines of a diff; empty if the answers are the same."""
    cells: str
    """Of the notebooks afterwards: sources and what they put out as text."""
    files: dict[str, tuple[Any, Any]]
    """Content afterwards by path, where one has changed a file and the other has not so."""

    @property
    def has_same_effects(self) -> bool:
        """Whether cells, files and checks came out the same."""
        ends = [self.facts["end"], self.facts["verdict"]]
        return not (self.cells or self.files) and all(a == b for a, b in ends)

    def as_json(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "asked": self.asked, "facts": self.facts, "answer": self.answer, "cells": self.cells,
            "files": self.files, "same_effects": self.has_same_effects,
        }  # fmt: skip

    def as_text(self) -> str:
        """For a terminal."""
        lines = [f"asked otherwise: {name}: {_short(a)} → {_short(b)}" for name, (a, b) in self.asked.items()]
        lines += [
            f"{name}: {_short(a)}" if a == b else f"{name}: {_short(a)} → {_short(b)}"
            for name, (a, b) in self.facts.items()
        ]
        lines += [f"file {path}: {_short(a)} → {_short(b)}" for path, (a, b) in self.files.items()]
        for title, diff in (("answer", self.answer), ("cells", self.cells)):
            lines += [f"{title}:", diff.rstrip("\n")] if diff else [f"{title}: the same"]
        return "\n".join(lines)


def compare(one: RunRecord, other: RunRecord) -> Comparison:
    """How B differs from A."""
    # A notebook counts by its content, not by where it is.
    names = sorted((one.asked.keys() | other.asked.keys()) - {"settings", "notebook"})
    asked = {
        n: (one.asked.get(n), other.asked.get(n)) for n in names if one.asked.get(n) != other.asked.get(n)
    }
    facts: dict[str, tuple[Any, Any]] = {n: (one.told.get(n), other.told.get(n)) for n in _FACTS}
    for name in ("input_tokens", "output_tokens"):
        facts[name] = (_usage(one).get(name), _usage(other).get(name))
    answers = (str(one.told.get("answer") or ""), str(other.told.get("answer") or ""))
    return Comparison(
        asked,
        facts,
        unified_diff(*answers) if answers[0] != answers[1] else "",
        _cells_diff(_cells(one), _cells(other)),
        _files(one, other),
    )


def _usage(record: RunRecord) -> Mapping[str, Any]:
    return record.told.get("usage") or {}


def _files(one: RunRecord, other: RunRecord) -> dict[str, tuple[Any, Any]]:
    left, right = (
        {each["path"]: each["after"] for each in read_files(r.place)["changes"]} for r in (one, other)
    )
    # The notebooks are compared cell by cell.
    own = {r.told.get("own_file") for r in (one, other)}
    paths = sorted((left.keys() | right.keys()) - own)
    absent = "as it was"
    pairs = {path: (left.get(path, absent), right.get(path, absent)) for path in paths}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def _cells_diff(one: str, other: str) -> str:
    return unified_diff(one, other) if one != other else ""


def _cells(record: RunRecord) -> str:
    """The notebook afterwards as text: sources, and the text of outputs."""
    try:
        cells = json.loads(read_plain(record.place.path / AFTER))["cells"]
        return "\n".join(_cell(cell) for cell in cells) + "\n"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def _cell(cell: dict[str, Any]) -> str:
    lines = [f"[{cell['cell_type']}]", _text(cell["source"])]
    for output in cell.get("outputs", ()):
        data = output.get("data") or {}
        text = _text(output.get("text") or data.get("text/plain") or "")
        if output.get("ename"):
            text = f"{output['ename']}: {output.get('evalue')}"
        pictures = [kind for kind in data if kind.startswith("image/")]
        lines += [f"→ {line}" for line in [*text.splitlines(), *pictures]]
    return "\n".join(lines)


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def _short(value: Any) -> str:
    text = "none" if value in (None, "") else f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
