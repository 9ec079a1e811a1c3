"""How much of a proof runs: about a fiftieth in the suite, all of it in the thorough tier.

`scripts/test TIER` sets NEUROWORKFLOW_TEST_TIER. What the suite leaves out is chosen anew in each run, by a seed
that pytest's header prints and NEUROWORKFLOW_TEST_SEED sets.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

TIERS = ("quick", "suite", "thorough")
TIER = os.environ.get("NEUROWORKFLOW_TEST_TIER", "suite")
THOROUGH = TIER == "thorough"
# Set in the environment so that every worker of a run has the same.
SEED = int(os.environ.setdefault("NEUROWORKFLOW_TEST_SEED", str(random.SystemRandom().randrange(1_000_000))))
_PART = 50


def count(full: int, *, at_least: int = 20) -> int:
    """How many of `full` repetitions to run: all, or about a fiftieth but `at_least` so many."""
    return full if THOROUGH else min(full, max(at_least, full // _PART))


def sample(items: Sequence[T], *, at_least: int) -> list[T]:
    """All items, or about a fiftieth but `at_least` so many, chosen by `SEED`, in their order."""
    if THOROUGH:
        return list(items)
    chosen = random.Random(SEED).sample(range(len(items)), count(len(items), at_least=at_least))
    return [items[index] for index in sorted(chosen)]
