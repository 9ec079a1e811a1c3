"""All requests, and their halves: one to work on, one that nobody looks at before a model is measured on it."""

from __future__ import annotations

import random
from typing import Literal, TypeAlias

from benchmarks.tasks.failures import FAILURES
from benchmarks.tasks.files import FILES
from benchmarks.tasks.look import LOOK
from benchmarks.tasks.measures import MEASURES
from benchmarks.tasks.plots import PLOTS
from benchmarks.tasks.requests import KINDS, Task
from benchmarks.tasks.simulations import SIMULATIONS

Half: TypeAlias = Literal["work", "unseen"]

TASKS: tuple[Task, ...] = (*LOOK, *MEASURES, *PLOTS, *SIMULATIONS, *FILES, *FAILURES)
BY_NAME = {task.name: task for task in TASKS}
_SEED = 20261126


def half(which: Half) -> tuple[Task, ...]:
    """Half of the requests of each kind, drawn once by a fixed seed."""
    rng = random.Random(_SEED)
    chosen: set[str] = set()
    for kind in KINDS:
        names = [task.name for task in TASKS if task.kind == kind]
        chosen.update(rng.sample(names, len(names) // 2))
    return tuple(task for task in TASKS if (task.name in chosen) == (which == "work"))
