"""What parameters say to a search: the range it may try, and what it is to reach.

Source: the library's `NODE_SCHEMA.md`, "Optimization Metadata". A range is `[low, high]`, or in newer versions one for
each key of a parameter that is a dict; a parameter of a few values needs none, since `allowed_values` are what can be
tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from neuroworkflow_agent.nodes.contract import ENFORCED_CONSTRAINTS
from neuroworkflow_agent.nodes.definition import Definition, Parameter
from neuroworkflow_agent.nodes.expressions import UNKNOWN, is_number
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import NodeClass

_REMEDY = "Write two numbers, the smaller one first."


def check(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    for parameter in definition.parameters.values():
        yield from _check_flags(node, parameter)
        yield from _check_search(node, parameter)
        yield from _check_objective(node, parameter)


def _check_flags(node: NodeClass, parameter: Parameter) -> Iterator[Finding]:
    find, name = node.source.find, parameter.name
    for field, value in (("optimizable", parameter.optimizable), ("is_objective", parameter.is_objective)):
        if value is not UNKNOWN and not isinstance(value, bool):
            yield find(
                "NW224",
                parameter.at,
                f"{field} of {name!r} is {value!r:.60}, which counts as {bool(value)}.",
                "Write True or False.",
            )
    if parameter.optimizable is True and parameter.is_objective is True:
        yield find(
            "NW225",
            parameter.at,
            f"{name!r} is optimizable and an objective at once.",
            "Keep optimizable for what a search sets, is_objective for what it is to reach.",
        )


def _check_search(node: NodeClass, parameter: Parameter) -> Iterator[Finding]:
    """The range that a search may try."""
    find, name, given = node.source.find, parameter.name, parameter.optimization_range
    if given is UNKNOWN or isinstance(given, tuple):
        return  # Said where the definition is read.
    if given in (None, [], {}):
        if parameter.optimizable is True and not _has_choices(parameter):
            yield find(
                "NW206",
                parameter.at,
                f"{name!r} is optimizable and has no optimization_range.",
                "Write optimization_range=[low, high].",
            )
        return
    if parameter.optimizable is False:
        yield find(
            "NW221",
            parameter.at,
            f"{name!r} has an optimization_range and is not optimizable.",
            "Write optimizable=True, or remove the range.",
        )
    if isinstance(given, dict) and (parameter.default is UNKNOWN or isinstance(parameter.default, dict)):
        for key, each in given.items():
            if not _is_range(each):
                wrong = f"The optimization_range {each!r:.100} of {key!r:.60} in {name!r} is not [low, high]."
                yield find("NW208", parameter.at, wrong, _REMEDY)
    elif not _is_range(given):
        yield find(
            "NW208",
            parameter.at,
            f"The optimization_range {given!r:.100} of {name!r} is not [low, high].",
            "Remove it; a search tries the allowed values." if _has_choices(parameter) else _REMEDY,
        )
    elif _leaves_bounds(parameter, given):
        yield find(
            "NW207",
            parameter.at,
            f"The optimization_range {given!r} of {name!r} is outside its constraints.",
            "Keep it inside them; configure() refuses the rest.",
        )
    elif _begins_outside(parameter, given):
        yield find(
            "NW220",
            parameter.at,
            f"The default {parameter.default!r} of {name!r} is outside its optimization_range {given!r}.",
            "Widen the range or change the default, so that a search can begin at it.",
        )


def _check_objective(node: NodeClass, parameter: Parameter) -> Iterator[Finding]:
    """The range in which an objective's value is acceptable."""
    find, name, given = node.source.find, parameter.name, parameter.objective_range
    if given is UNKNOWN or isinstance(given, tuple):
        return
    if given is None or given == []:
        if parameter.is_objective is True:
            yield find(
                "NW210",
                parameter.at,
                f"{name!r} is an objective and has no objective_range.",
                "Write objective_range=[low, high].",
            )
        return
    if parameter.is_objective is False:
        yield find(
            "NW222",
            parameter.at,
            f"{name!r} has an objective_range and is not an objective.",
            "Write is_objective=True, or remove the range.",
        )
    if not _is_range(given):
        yield find(
            "NW223",
            parameter.at,
            f"The objective_range {given!r:.100} of {name!r} is not [low, high].",
            _REMEDY,
        )


def _has_choices(parameter: Parameter) -> bool:
    """Whether its values can be tried one by one, without a range; also where that cannot be told."""
    constraints = parameter.constraints
    return (
        constraints is UNKNOWN
        or isinstance(parameter.default, bool)
        or (isinstance(constraints, dict) and bool(constraints.get("allowed_values")))
    )


def _is_range(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(is_number(each) and abs(each) < math.inf for each in value)
        and value[0] < value[1]
    )


def _leaves_bounds(parameter: Parameter, given: list[float]) -> bool:
    """Whether `configure` would refuse some of the range; constraints that make no sense are told of elsewhere."""
    low, high, allowed = _bounds(parameter)
    if low > high:
        return False
    if allowed is not None:
        return not any(given[0] <= value <= given[1] for value in allowed)
    return given[0] < low or given[1] > high


def _begins_outside(parameter: Parameter, given: list[float]) -> bool:
    """Whether the default is a value that `configure` takes and a search does not try."""
    default = parameter.default
    if not is_number(default) or given[0] <= default <= given[1]:
        return False
    low, high, allowed = _bounds(parameter)
    return low <= default <= high and (allowed is None or default in allowed)


def _bounds(parameter: Parameter) -> tuple[float, float, list[float] | None]:
    """Its `min`, `max` and those of `allowed_values` that are numbers, None without such a list."""
    given: dict[Any, Any] = parameter.constraints if isinstance(parameter.constraints, dict) else {}
    low, high, allowed = (given.get(key) for key in ENFORCED_CONSTRAINTS)
    numbers = None
    if isinstance(allowed, list | tuple | set) and allowed:
        numbers = [each for each in allowed if is_number(each)]
    return (
        -math.inf if low is None or not is_number(low) else low,
        math.inf if high is None or not is_number(high) else high,
        numbers,
    )
