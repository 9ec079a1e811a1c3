"""Random numbers that come out otherwise each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.lint.calls import Calls, NamedCall
from neuroworkflow_agent.nodes.source import Source


@dataclass(frozen=True, slots=True)
class _Library:
    """A generator that a whole program shares."""

    prefix: str
    seed: str
    """What seeds it."""
    no_draws: frozenset[str]
    """What its module has beside draws."""
    draws: frozenset[str] = frozenset()
    """All that draws; empty where everything else does."""

    def has(self, function: str) -> bool:
        """Whether a function draws from it."""
        if not function.startswith(self.prefix):
            return False
        name = function[len(self.prefix) :]
        if self.draws:
            return name in self.draws
        return "." not in name and name[:1].islower() and name not in self.no_draws


_LIBRARIES = (
    _Library("numpy.random.", "numpy.random.seed", frozenset({"seed", "default_rng", "get_state", "set_state", "bit_generator"})),
    _Library("random.", "random.seed", frozenset({"seed", "getstate", "setstate"})),
    _Library("torch.", "torch.manual_seed", frozenset(), frozenset({"bernoulli", "multinomial", "normal", "rand", "rand_like", "randint", "randn", "randn_like", "randperm"})),
    _Library("tensorflow.random.", "tensorflow.random.set_seed", frozenset({"set_seed", "set_global_generator"})),
)  # fmt: skip
_SEEDS_ALL = ("lightning.seed_everything", "pytorch_lightning.seed_everything", "transformers.set_seed")
_GENERATORS = ("numpy.random.default_rng", "numpy.random.RandomState", "random.Random")
_TAKE_RANDOM_STATE = frozenset(
    {"ExtraTreesClassifier", "ExtraTreesRegressor", "GaussianMixture", "GradientBoostingClassifier", "GradientBoostingRegressor", "IsolationForest", "KMeans", "MLPClassifier", "MLPRegressor", "MiniBatchKMeans", "NMF", "RandomForestClassifier", "RandomForestRegressor", "RandomizedSearchCV", "ShuffleSplit", "StratifiedShuffleSplit", "TSNE", "shuffle", "train_test_split"}
)  # fmt: skip


def check(source: Source, calls: Calls) -> Iterator[Finding]:
    """Each way in which a notebook draws without a seed, at its first place."""
    for library in _LIBRARIES:
        yield from _unseeded(source, calls, library)
    bare = [call for call in calls.all if call.function in _GENERATORS and call.is_bare]
    for call in bare:
        name = call.function.rpartition(".")[2]
        yield source.find(
            "NW803",
            call.node,
            f"{name}() has no seed.",
            f"Give it one, as in {name}(1), and say so in the text.",
        )
    yield from _without_state(source, calls)


def _unseeded(source: Source, calls: Calls, library: _Library) -> Iterator[Finding]:
    seeded = _line_of(calls, library.seed, *_SEEDS_ALL)
    drawn = [call for call in calls.all if library.has(call.function)]
    early = [call for call in drawn if call.node.lineno < seeded]
    if early:
        name = early[0].function.rpartition(".")[2]
        more = f", and {len(early) - 1} more calls draw so" if len(early) > 1 else ""
        message = f"{name} draws from a generator without a seed{more}."
        yield source.find("NW803", early[0].node, message, f"Call {library.seed} before, once.")


def _without_state(source: Source, calls: Calls) -> Iterator[Finding]:
    seeded = _line_of(calls, "numpy.random.seed", *_SEEDS_ALL)
    for call in calls.all:
        if call.node.lineno > seeded or call.has("random_state", "rng", "seed"):
            continue
        if _takes_state(call):
            name = call.function.rpartition(".")[2]
            message = f"{name} comes out otherwise each time: it is not given a random_state."
            yield source.find("NW803", call.node, message, "Pass random_state=1, or any other number.")


def _takes_state(call: NamedCall) -> bool:
    module, _, name = call.function.rpartition(".")
    if (
        call.function == ".sample"
    ):  # of a table of pandas'; random.sample and others are told by their modules
        return call.has("n", "frac") and not any(each.arg is None for each in call.node.keywords)
    return name == "rvs" or (module.startswith("sklearn.") and name in _TAKE_RANDOM_STATE)


def _line_of(calls: Calls, *functions: str) -> float:
    """The first line that calls one of these with something; infinite if none does."""
    lines = [call.node.lineno for call in calls.all if call.function in functions and not call.is_bare]
    return min(lines, default=float("inf"))
