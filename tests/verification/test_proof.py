"""Notebooks made bad on purpose: which cells `verify` finds. A small part of the proof in `benchmarks.verify_proof`."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks.verify_proof import prove, summary
from tests.tiers import SEED, THOROUGH

pytestmark = pytest.mark.kernel

SPIKES = [
    "import random, tempfile, time\nstarted = time.perf_counter()\nrandom.seed(3)",
    "tau_ms = 20.0\nthreshold = 1.0",
    "def spikes(drive):\n    v, found = 0.0, []\n    for t in range(500):\n        v = v + (drive - v) / tau_ms\n        if v > threshold:\n            v = 0.0\n            found.append(t)\n    return found",
    "trains = [spikes(1.1 + 0.2 * random.random()) for trial in range(4)]\nprint([len(train) for train in trains])",
    "intervals = [b - a for train in trains for a, b in zip(train, train[1:])]\nmean = sum(intervals) / len(intervals)\nmean",
    "print('trials by', {'spikes', 'rates', 'cv'}, 'in', object(), tempfile.mkdtemp())",
    "with open('rates.txt', 'w') as file:\n    print(1000 / mean, file=file)\nprint(open('rates.txt').read())",
    "print(f'took {time.perf_counter() - started:.3f} s')",
]  # fmt: skip


@pytest.mark.timeout(900)
def test_cells_that_show_something_else_are_found_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "notebook" / "spikes.ipynb"
    path.parent.mkdir()
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in SPIKES]), path)
    found = prove(path, "python3", SEED, 24 if THOROUGH else 1)
    print(summary(found))
    assert [(each.number, each.reasons) for each in found if each.is_wrong] == []
    assert {each.number for each in found if each.label == "unclear"} <= {len(SPIKES)}
