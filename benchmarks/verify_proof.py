"""How many cells that do not come out as they are kept `verify` finds, in notebooks of others made bad on purpose.

    python -m benchmarks.verify_proof FOLDER [--kernel NAME] [--seed N] [--mutants N] [--json FILE]

Each notebook of the folder is run twice by nbclient. What both runs put out, addresses aside, is taken for its true
outputs; cells that put out something else each time are left out of the count, and listed. Then cells are deleted, moved
and edited, with the outputs left as they were, and the notebook is run once more by nbclient: a cell whose outputs are now
others, byte for byte, is *bad*; all others are *good*. `verify` has to tell them apart without having seen any of this.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from neuroworkflow_agent.verification.fresh_run import verify

_ADDRESS = re.compile(r"0x[0-9a-f]{6,16}|ipykernel_\d+/\d+")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
_OPERATOR = re.compile(r" ([-+*/<>]) ")
_CELL_S = 60


@dataclass
class Count:
    """What was found so far."""

    bad: int = 0
    found: int = 0
    good: int = 0
    alarms: int = 0
    unsteady: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    notes: list[dict[str, Any]] = field(default_factory=list)
    """Cells that were missed, and false alarms."""

    def add(self, other: Count) -> None:
        self.bad += other.bad
        self.found += other.found
        self.good += other.good
        self.alarms += other.alarms
        self.unsteady += other.unsteady
        self.kinds += other.kinds
        self.notes += other.notes

    def __str__(self) -> str:
        def part(of: int, all_of: int) -> str:
            return f"{of} of {all_of} ({100 * of / max(1, all_of):.1f} %)"

        return (
            f"{self.bad + self.good} labelled cells; found {part(self.found, self.bad)}, false alarms {part(self.alarms, self.good)}; "
            f"{self.unsteady} unsteady ones left out; {dict(self.kinds)}"
        )


def mutants(notebook: Any, chance: random.Random, number: int) -> Iterator[tuple[str, Any]]:
    """Copies of a notebook, each with one cell deleted, moved or edited, and all outputs as they were."""
    kinds = ["delete", "move", "edit"]
    chance.shuffle(kinds)
    made = 0
    for attempt in range(number * 4):
        if made == number:
            return
        kind = kinds[attempt % len(kinds)]
        changed = copy.deepcopy(notebook)
        code = [
            index
            for index, cell in enumerate(changed.cells)
            if cell.cell_type == "code" and cell.source.strip()
        ]
        if len(code) < 3 or not _change(changed, kind, code, chance):
            continue
        made += 1
        yield kind, changed


def _change(notebook: Any, kind: str, code: list[int], chance: random.Random) -> bool:
    """Make one change; False if there is nothing to be changed so."""
    at = chance.choice(code[:-1])
    if kind == "delete":
        del notebook.cells[at]
    elif kind == "move":
        cell = notebook.cells.pop(at)
        notebook.cells.insert(chance.choice([each for each in code if each > at]), cell)
    else:
        cell = notebook.cells[chance.choice(code)]
        places = [*_NUMBER.finditer(cell.source), *_OPERATOR.finditer(cell.source)]
        if not places or cell.source.lstrip().startswith(("%%", "!")):
            return False
        place = chance.choice(places)
        group = 1 if place.re is _OPERATOR else 0
        new = _other(place[group])
        cell.source = cell.source[: place.start(group)] + new + cell.source[place.end(group) :]
    return True


def _other(text: str) -> str:
    if text in "+-*/<>":
        return {"+": "-", "-": "+", "*": "+", "/": "*", "<": ">", ">": "<"}[text]
    return f"{float(text) * 1.5:g}" if "." in text else str(int(text) + 1)


def executed(notebook: Any, folder: Path, kernel: str) -> Any:
    """A copy, run by nbclient to its end, whatever fails."""
    ran = copy.deepcopy(notebook)
    client = NotebookClient(
        ran, timeout=_CELL_S, kernel_name=kernel, allow_errors=True, resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )  # fmt: skip
    client.execute()
    return ran


def raw(cell: Any) -> str:
    """What a cell put out, byte for byte but for addresses; its two streams each as one."""
    streams: dict[str, str] = {}
    others: list[Any] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            streams[output.name] = streams.get(output.name, "") + output.text
        elif output.output_type == "error":
            others.append([output.ename, output.evalue])
        else:
            others.append({kind: value for kind, value in output.data.items() if "widget" not in kind})
    return _ADDRESS.sub("0x", json.dumps([streams, others], sort_keys=True))


def code_cells(notebook: Any) -> Iterator[tuple[int, Any]]:
    """Code cells with a text, with their numbers."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code" and cell.source.strip():
            yield number, cell


def judged(kept: Any, true: Any, steady: set[str], verdicts: Iterable[Any], kind: str) -> Count:
    """Verdicts beside the truth."""
    count = Count()
    said = {each.number: each for each in verdicts}
    truth = dict(code_cells(true))
    for number, cell in code_cells(kept):
        verdict = said[number]
        if cell.id not in steady:
            count.unsteady += 1
            continue
        is_bad = raw(cell) != raw(truth[number])
        count.kinds[f"{kind} {'bad' if is_bad else 'good'}"] += 1
        if is_bad:
            count.bad, count.found = count.bad + 1, count.found + verdict.is_bad
        else:
            count.good, count.alarms = count.good + 1, count.alarms + verdict.is_bad
        if is_bad != verdict.is_bad:
            count.notes.append(
                {"wrong": "missed" if is_bad else "alarm", "kind": kind, "cell": number, "reasons": verdict.reasons, "source": cell.source[:400],
                 "kept": raw(cell)[:1500], "true": raw(truth[number])[:1500]}
            )  # fmt: skip
    return count


async def prove(notebook: Any, folder: Path, *, kernel: str, chance: random.Random, number: int) -> Count:
    """All that one notebook gives to count."""
    loop = asyncio.get_running_loop()

    def run(given: Any) -> Any:
        return loop.run_in_executor(None, executed, given, folder, kernel)

    kept, again = await run(notebook), await run(notebook)
    steady = {
        a.id for (_, a), (_, b) in zip(code_cells(kept), code_cells(again), strict=True) if raw(a) == raw(b)
    }

    async def verdicts(given: Any) -> Any:
        found = await verify(
            given, "it", cwd=folder, environ=os.environ, kernel=kernel, timeout_s=3 * _CELL_S
        )
        return found.cells

    count = judged(kept, kept, steady, await verdicts(kept), "untouched")
    for kind, changed in mutants(kept, chance, number):
        try:
            true = await run(changed)
        except (CellTimeoutError, DeadKernelError):
            continue
        count.add(judged(changed, true, steady, await verdicts(changed), kind))
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kernel", default="python3")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutants", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    total = Count()
    for path in sorted(given.folder.rglob("*.ipynb")):
        started = time.monotonic()
        chance = random.Random(f"{given.seed} {path.name}")
        try:
            notebook = nbformat.v4.upgrade(nbformat.read(path, 4), 4)
            one = asyncio.run(
                prove(notebook, path.parent, kernel=given.kernel, chance=chance, number=given.mutants)
            )
        except Exception as error:  # noqa: BLE001 - a notebook that does not run at all is no part of the proof
            print(f"{path.name}: left out, {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)
            continue
        for note in one.notes:
            note["notebook"] = path.name
        total.add(one)
        print(f"{path.name}: {time.monotonic() - started:.0f} s; {one}", flush=True)
        if given.json:
            given.json.write_text(json.dumps(total.__dict__, indent=1))
    print(total)


if __name__ == "__main__":
    main()
