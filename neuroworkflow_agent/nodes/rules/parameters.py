"""Parameters: what they say of themselves, and who reads them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from neuroworkflow_agent.nodes.contract import ENFORCED_CONSTRAINTS
from neuroworkflow_agent.nodes.definition import Definition, Parameter
from neuroworkflow_agent.nodes.expressions import UNKNOWN
from neuroworkflow_agent.nodes.expressions import is_number as _is_number
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import NodeClass
from neuroworkflow_agent.nodes.rules.quantities import parameter_lacks_unit

_BOUNDS_IN_WORDS = re.compile(
    r"\b(?:between|at least|at most|positive|non-?negative|must be|minimum|maximum|up to|range)\b|[<>≤≥]|\[\s*-?[0-9.]+\s*,\s*-?[0-9.]+\s*\]",
    re.IGNORECASE,
)

_LENGTHS = ("min_length", "max_length")
_OTHER_KINDS = re.compile(
    r"\b(?:lambdas?|callables?|functions? of|an? (?:list|array|dict))\b|\bor (?:an? )?(?:\w+ )?(?:lists?|arrays?|dicts?|strings?|tuples?|functions?|None)\b",
    re.IGNORECASE,
)
"""Words of a parameter that may be something else than its default's number, which no bounds compare with."""


def check(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    for parameter in definition.parameters.values():
        yield from _check_words(node, parameter)
        yield from _check_constraints(node, parameter)
    if "parameters" not in definition.hidden:
        yield from _check_reads(node, definition)


def _is_measured(node: NodeClass, name: str) -> bool:
    """Whether a method that knows the parameter asks for a length."""
    return any(
        any(called == "len" for called, _ in body.calls)
        and (
            any(read == name for read, _ in body.parameter_reads)
            or any(each.value == name for each in body.every(ast.Constant))
            or name in body.arguments
        )
        for body in node.bodies.values()
    )


def _check_words(node: NodeClass, parameter: Parameter) -> Iterator[Finding]:
    find, name = node.source.find, parameter.name
    if parameter.description is None:
        yield find(
            "NW201",
            parameter.at,
            f"The parameter {name!r} has no description.",
            "Say what it means and its unit.",
        )
    elif parameter_lacks_unit(parameter):
        yield find(
            "NW304",
            parameter.at,
            f"{name!r} looks like a physical quantity and has no unit.",
            "Name it in the description, such as 'in ms', or write 'unitless'.",
        )
    if not parameter.has_default:
        yield find(
            "NW202",
            parameter.at,
            f"The parameter {name!r} has no default.",
            "Write default_value=…, a value that works.",
        )


def _check_constraints(node: NodeClass, parameter: Parameter) -> Iterator[Finding]:
    find, name, default, given = node.source.find, parameter.name, parameter.default, parameter.constraints
    if given is UNKNOWN:
        return
    constraints = given if isinstance(given, dict) else {}
    for key in constraints:
        if key not in ENFORCED_CONSTRAINTS and not (key in _LENGTHS and _is_measured(node, name)):
            known = ", ".join(ENFORCED_CONSTRAINTS)
            yield find(
                "NW209",
                parameter.at,
                f"configure() does not enforce the constraint {key!r} of {name!r}.",
                f"Only {known} count there; check anything else in the method.",
            )
    low, high, allowed = (constraints.get(key) for key in ENFORCED_CONSTRAINTS)
    if why := _impossible(constraints):
        yield find(
            "NW211", parameter.at, f"The constraints of {name!r} cannot be met: {why}.", "Correct them."
        )
        return
    bounded = {"min", "max", "allowed_values"} & constraints.keys()
    if _is_number(default) and not bounded and not _OTHER_KINDS.search(parameter.description or ""):
        stated = parameter.optimization_range or _BOUNDS_IN_WORDS.search(parameter.description or "")
        why = ", though bounds are stated beside it" if stated else ""
        yield find(
            "NW203",
            parameter.at,
            f"The number {name!r} has no constraints{why}.",
            "Write constraints={'min': …, 'max': …}, or one of them.",
        )
    if default is UNKNOWN or default is None:
        return
    if allowed is not None and default not in allowed:
        yield find(
            "NW204",
            parameter.at,
            f"The default {default!r:.100} of {name!r} is not among its allowed_values.",
            f"Allowed are {allowed!r:.200}.",
        )
    if (low is not None or high is not None) and not _within(default, low, high):
        bounds, kind = _bounds(low, high), type(default).__name__
        yield find(
            "NW205",
            parameter.at,
            f"The default {default!r:.100} of {name!r} is outside {bounds}."
            if isinstance(default, int | float)
            else f"The default {default!r:.100} of {name!r} is a {kind}, which cannot be compared with its bounds {bounds}.",
            "Change the default or the bounds; configure() would refuse it."
            if isinstance(default, int | float)
            else "Give a number, or drop min and max; configure() raises TypeError for it.",
        )


def _check_reads(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    find = node.source.find
    read: set[str] = set()
    openly = node.inherits
    for body in node.bodies.values():
        openly = openly or body.reads_parameters_openly
        for name, at in body.parameter_reads:
            read.add(name)
            if name not in definition.parameters and not node.inherits:
                declared = ", ".join(map(repr, definition.parameters)) or "none"
                is_certain = name not in _looked_up_otherwise(node)
                yield find(
                    "NW215" if is_certain else "NW216",
                    at,
                    f"The parameter {name!r} is read and not declared.",
                    f"Declare it in parameters. Declared are {declared}.",
                )
    if openly:
        return
    for name, parameter in definition.parameters.items():
        if name not in read and not parameter.is_objective:
            remedy = f"Read it as self._parameters[{name!r}], or remove it."
            yield find("NW214", parameter.at, f"No method reads the parameter {name!r}.", remedy)


def _looked_up_otherwise(node: NodeClass) -> set[str]:
    """Parameters that are asked for with `get` or `in`, or set, so that reading one need not fail."""
    found: set[str] = set()
    for body in node.bodies.values():
        read = {id(each.slice) for each in body.every(ast.Subscript) if isinstance(each.ctx, ast.Load)}
        found.update(name for name, at in body.parameter_reads if id(at) not in read)
    return found


def _within(value: Any, low: Any, high: Any) -> bool:
    """As `configure` compares; what cannot be compared does not fit."""
    try:
        return not ((low is not None and value < low) or (high is not None and value > high))
    except TypeError:
        return False


def _bounds(low: Any, high: Any) -> str:
    return f"[{'-∞' if low is None else low}, {'∞' if high is None else high}]"


def _impossible(constraints: dict[Any, Any]) -> str:
    """Why no value can meet them; empty if one can."""
    low, high, allowed = (constraints.get(key) for key in ENFORCED_CONSTRAINTS)
    for key, bound in (("min", low), ("max", high)):
        if bound is not None and not _is_number(bound):
            return f"{key} is {bound!r:.60}, which is not a number"
    if low is not None and high is not None and low > high:
        return f"min {low!r} is above max {high!r}"
    if allowed is not None and (not isinstance(allowed, list | tuple | set) or not allowed):
        return f"allowed_values is {allowed!r:.60}, which lists nothing"
    return ""
