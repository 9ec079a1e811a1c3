"""How many cells that do not come out as they are kept `verify` finds, in notebooks of others made bad on purpose.

    python -m benchmarks.verify_proof FOLDER [--half work|unseen] [--kernel NAME] [--seed N] [--changes N] [--jobs N] [--json FILE]

Each notebook of the folder, which has its files beside it, is run by nbclient: that is what is kept. It is run again with
the same random numbers, and twice with others. Then cells are deleted, moved, edited and cut, with the outputs left as they
were, and the changed notebook is run by nbclient, too: twice, unless the runs before came out the same to the byte.
`verify_labels` says from these runs which cells are bad; `verify` has to tell them apart without having seen any of this.
Cells that depend on unseeded random numbers are counted by themselves: they do not come out the same, and `verify` is to
say so. Every run begins with the files as they were kept. The numbers of Python's and NumPy's global generators can be
made the same; those of the system cannot, and count as noise.

Notebooks are split in halves by name and seed: one to work on, one to report.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import copy
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from benchmarks.verify_changes import changes
from benchmarks.verify_labels import Shown, differing, label, shown
from neuroworkflow_agent.runs.statistics import wilson
from neuroworkflow_agent.verification.fresh_run import verify

_CELL_S = 60
_RUN_S = 120.0
"""A notebook that takes longer is left out."""
_MOST_FAILING = 0.2
"""So many of a notebook's cells may fail as it is: it wants packages or a network that are not there."""
_FEWEST_CELLS = 4
_PIN = """
def _pin():
    import os, random
    seed = int(os.environ["VERIFY_PROOF_SEED"])
    random.seed(seed)
    try:
        import numpy
    except ImportError:
        return
    numpy.random.seed(seed)
    numpy.random.bit_generator.randbits = random.Random(seed).getrandbits
_pin()
del _pin
"""
"""What a run's kernel does before its first cell."""


@dataclass(frozen=True)
class Judged:
    """A cell with its label, and what `verify` says of it."""

    notebook: str
    change: str
    cell: str
    number: int
    label: Literal["good", "bad", "unclear", "random"]
    differs_in: str
    is_found: bool
    reasons: tuple[str, ...] = ()
    source: str = ""
    before: Any = None
    fresh: Any = None

    @property
    def is_wrong(self) -> bool:
        """Whether `verify` says something else than the label."""
        return self.is_found != (self.label == "bad") and self.label in ("good", "bad")


class Bench:
    """One notebook, and the folder that its runs share.

    Parameters
    ----------
    path
        The notebook; its files are beside it.
    kernel
        Kernelspec.
    room
        An empty folder for the runs.
    """

    def __init__(self, path: Path, kernel: str, room: Path) -> None:
        self._files, self._kernel = path.parent, kernel
        self._folder, self._as_kept = room / "run", room / "kept"
        startup = room / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "pin.py").write_text(_PIN)
        self._environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._pinned = {**self._environ, "IPYTHONDIR": str(room / "ipython")}

    def keep(self, notebook: Any) -> Any:
        """The notebook as it is kept, and its files."""
        shutil.copytree(self._files, self._as_kept, ignore=shutil.ignore_patterns("*.ipynb"))
        kept = self.run(notebook, seed=1, order=0)
        shutil.rmtree(self._as_kept)
        shutil.copytree(self._folder, self._as_kept)
        return kept

    def run(self, notebook: Any, *, seed: int, order: int) -> Any:
        """A copy, run by nbclient to its end, whatever fails."""
        ran = copy.deepcopy(notebook)
        with self._in_folder():
            NotebookClient(
                ran, timeout=_CELL_S, kernel_name=self._kernel, allow_errors=True, record_timing=False,
                resources={"metadata": {"path": str(self._folder)}},
            ).execute(env={**self._pinned, "VERIFY_PROOF_SEED": str(seed), "PYTHONHASHSEED": str(order)})  # fmt: skip
        return ran

    def verdicts(self, notebook: Any) -> dict[int, Any]:
        """What `verify` says of each cell, by its number."""
        with self._in_folder():
            found = asyncio.run(
                verify(notebook, "it", cwd=self._folder, environ=self._environ, kernel=self._kernel, timeout_s=3 * _CELL_S)
            )  # fmt: skip
        return {each.number: each for each in found.cells}

    @contextlib.contextmanager
    def _in_folder(self) -> Iterator[None]:
        """The files as they were kept, always in the same place."""
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._as_kept, self._folder)
        yield


def prove(path: Path, kernel: str, seed: int, number: int) -> list[Judged]:
    """All cells that one notebook gives to judge.

    Raises
    ------
    ValueError
        If it is no notebook for this.
    """
    notebook = nbformat.v4.upgrade(nbformat.read(path, 4), 4)
    with tempfile.TemporaryDirectory(prefix="proof-") as room:
        bench = Bench(path, kernel, Path(room))
        started = time.monotonic()
        kept = bench.keep(notebook)
        _check(kept, time.monotonic() - started)
        before = [_by_id(kept), _by_id(bench.run(notebook, seed=1, order=1))]
        others = [_by_id(bench.run(notebook, seed=2, order=2)), _by_id(bench.run(notebook, seed=2, order=3))]
        is_quiet = all(one[0] == one[1] for one in (before, others))
        unseeded = {cell for cell in before[0] if _label(cell, before, others) != "good"}
        found = _judged(path.stem, "none", kept, before, before, bench.verdicts(kept), unseeded)
        for change, changed in changes(kept, random.Random(f"{seed} {path.stem}"), number):
            try:
                runs = [_by_id(bench.run(changed, seed=2, order=2))]
                if not is_quiet:
                    runs.append(_by_id(bench.run(changed, seed=2, order=3)))
            except (CellTimeoutError, DeadKernelError):
                continue
            found += _judged(path.stem, change, changed, before, runs, bench.verdicts(changed), unseeded)
    return found


def _check(kept: Any, took_s: float) -> None:
    cells = list(_code(kept))
    failed = sum(any(each.output_type == "error" for each in cell.outputs) for _, cell in cells)
    if len(cells) < _FEWEST_CELLS:
        raise ValueError("it has few cells")
    if took_s > _RUN_S:
        raise ValueError(f"it takes {took_s:.0f} s")
    if failed > _MOST_FAILING * len(cells):
        raise ValueError(f"{failed} of {len(cells)} cells fail")


def _judged(
    name: str,
    change: str,
    notebook: Any,
    before: Sequence[dict[str, Shown]],
    fresh: Sequence[dict[str, Shown]],
    verdicts: dict[int, Any],
    unseeded: set[str],
) -> list[Judged]:
    """The cells of one notebook beside their labels."""
    found = []
    for number, cell in _code(notebook):
        said, its = verdicts[number], _label(cell.id, before, fresh)
        is_random = cell.id in unseeded
        where = _differs(cell.id, before, fresh) if its == "bad" else ""
        judged = Judged(name, change, cell.id, number, "random" if is_random else its, where, said.is_bad)
        if judged.is_wrong or (is_random and not said.is_bad):
            judged = Judged(
                name, change, cell.id, number, judged.label, where, said.is_bad, said.reasons, cell.source,
                _short(before[0][cell.id]), _short(fresh[0][cell.id]),
            )  # fmt: skip
        found.append(judged)
    return found


def _label(cell: str, before: Sequence[dict[str, Shown]], fresh: Sequence[dict[str, Shown]]) -> Any:
    return label([each[cell] for each in before], [each[cell] for each in fresh])


def _differs(cell: str, before: Sequence[dict[str, Shown]], fresh: Sequence[dict[str, Shown]]) -> str:
    kinds = differing([each[cell] for each in before], [each[cell] for each in fresh])
    return next((kind for kind in kinds if kind == "error"), kinds[0] if kinds else "")


def _by_id(notebook: Any) -> dict[str, Shown]:
    return {cell.id: shown(cell.outputs) for _, cell in _code(notebook)}


def _code(notebook: Any) -> Iterator[tuple[int, Any]]:
    """Code cells with a text, with their numbers."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code" and cell.source.strip():
            yield number, cell


def _short(of: Shown) -> list[tuple[str, str]]:
    return [(kind, "".join(words)[:300_000]) for kind, words in of]


def summary(found: Sequence[Judged]) -> str:
    """The figures, with 95 % intervals."""
    lines = [
        f"{len({each.notebook for each in found})} notebooks, {sum(each.label in ('good', 'bad') for each in found)} labelled cells"
        f" ({len({(each.notebook, each.cell) for each in found})} different ones)"
    ]

    def part(what: str, of: Sequence[Judged]) -> str:
        hits = sum(each.is_found for each in of)
        rate = wilson(hits, len(of))
        return f"  {what}: {hits} of {len(of)} ({100 * rate.value:.1f} %, {100 * rate.low:.1f} to {100 * rate.high:.1f} %)"

    bad, good = ([each for each in found if each.label == which] for which in ("bad", "good"))
    lines += [part("bad cells found", bad), part("good cells called bad", good)]
    for title, key in (("change", "change"), ("what differs", "differs_in")):
        for value in sorted({getattr(each, key) for each in bad}):
            lines.append(
                part(f"  found, {title} {value}", [each for each in bad if getattr(each, key) == value])
            )
    lines.append(
        part("cells of unseeded random numbers found", [each for each in found if each.label == "random"])
    )
    lines.append(f"  unclear, not counted: {sum(each.label == 'unclear' for each in found)}")
    return "\n".join(lines)


def halves(paths: Sequence[Path], seed: int) -> dict[str, list[Path]]:
    """Notebooks in two halves, by names and seed."""
    mixed = sorted(paths, key=lambda path: path.stem)
    random.Random(seed).shuffle(mixed)
    middle = len(mixed) // 2
    return {"work": mixed[:middle], "unseen": mixed[middle:]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=("work", "unseen"), help="all notebooks by default")
    parser.add_argument("--kernel", default="python3")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changes", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    both = halves(list(given.folder.rglob("*.ipynb")), given.seed)
    paths = both[given.half] if given.half else both["work"] + both["unseen"]
    total: list[Judged] = []
    with ProcessPoolExecutor(given.jobs) as pool:
        running = {pool.submit(prove, path, given.kernel, given.seed, given.changes): path for path in paths}
        for done in as_completed(running):
            name = running[done].stem
            try:
                found = done.result()
            except Exception as error:  # noqa: BLE001 - what does not run at all is no part of the proof
                print(
                    f"{name}: left out, {type(error).__name__}: {str(error)[:100]}",
                    file=sys.stderr,
                    flush=True,
                )
                continue
            total += found
            wrong = sum(each.is_wrong for each in found)
            print(f"{name}: {len(found)} cells, {wrong} wrong", flush=True)
            if given.json:
                given.json.write_text(json.dumps([asdict(each) for each in total], indent=1))
    print(summary(total))


if __name__ == "__main__":
    main()
