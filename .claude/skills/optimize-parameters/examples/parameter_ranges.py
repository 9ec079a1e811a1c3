"""What nodes declare of a search: the ranges of optimizable parameters, and the objectives."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna


@dataclass(frozen=True)
class Range:
    """What a search may try for one parameter."""

    default: Any
    low: float = math.nan
    high: float = math.nan
    choices: tuple[Any, ...] = ()
    is_integer: bool = False
    log: bool = False
    """Whether factors count rather than differences."""

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        if self.choices:
            return trial.suggest_categorical(name, self.choices)
        if self.is_integer:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def holds_default(self) -> bool:
        return self.default in self.choices if self.choices else self.low <= self.default <= self.high


def declared_ranges(*nodes: Any) -> dict[str, Range]:
    """What nodes declare as optimizable, by `node.parameter`.

    Choices come from `allowed_values`, or are True and False. A parameter is an integer if its default and range
    are; it is searched on a logarithmic scale if its range is positive and spans a factor of 100 or more. Change
    either with `dataclasses.replace`.

    Raises
    ------
    ValueError
        If an optimizable parameter has neither a range nor choices.
    """
    found = {}
    for node in nodes:
        for name, given in node.NODE_DEFINITION.parameters.items():
            if getattr(given, "optimizable", False) is True:
                found[f"{node.name}.{name}"] = _range(f"{node.name}.{name}", given)
    return found


def _range(name: str, given: Any) -> Range:
    limits, default = given.optimization_range, given.default_value
    choices = [False, True] if isinstance(default, bool) else given.constraints.get("allowed_values") or []
    if isinstance(limits, dict):
        raise ValueError(
            f"{name} has a range for each of {', '.join(limits)}. Search them as parameters of their own."
        )
    if choices and limits:
        choices = [each for each in choices if limits[0] <= each <= limits[1]]
    if choices:
        return Range(default, choices=tuple(choices))
    if not limits or len(limits) != 2 or not -math.inf < limits[0] < limits[1] < math.inf:
        raise ValueError(
            f"{name} is optimizable, and its optimization_range is {limits!r}. Give it [low, high]."
        )
    low, high = limits
    is_integer = all(type(each) is int for each in (default, low, high))
    return Range(default, low, high, is_integer=is_integer, log=low > 0 and high / low >= 100)


def declared_objectives(*nodes: Any) -> dict[str, tuple[float, float] | None]:
    """What nodes declare as objectives, by name: the acceptable values, None if they are not given."""
    return {
        name: tuple(given.objective_range) if given.objective_range else None
        for node in nodes
        for name, given in node.NODE_DEFINITION.parameters.items()
        if getattr(given, "is_objective", False) is True
    }


def configure(values: Mapping[str, Any], *nodes: Any) -> None:
    """Set each node to its part of the values."""
    for node in nodes:
        own = {
            key.removeprefix(f"{node.name}."): each
            for key, each in values.items()
            if key.startswith(f"{node.name}.")
        }
        node.configure(**own)
