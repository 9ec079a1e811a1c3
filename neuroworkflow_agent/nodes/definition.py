"""What a node's definition says, as values."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.nodes.findings import Finding


@dataclass(frozen=True, slots=True)
class Parameter:
    """One entry of `parameters`."""

    name: str
    at: ast.AST
    default: Any = None
    """UNKNOWN if it is not a literal."""
    has_default: bool = False
    description: str | None = None
    """None if there is none; empty if it cannot be read."""
    constraints: Any = None
    """A dict, UNKNOWN, or None without one."""
    optimizable: Any = False
    optimization_range: Any = None
    is_objective: Any = False
    objective_range: Any = None
    unit: Any = None
    """What newer libraries have for it; UNKNOWN if it is not a literal."""


@dataclass(frozen=True, slots=True)
class Port:
    """One entry of `inputs` or `outputs`."""

    name: str
    at: ast.AST
    type: str | None = "ANY"
    """A member of `PortType`; None if it cannot be told."""
    type_at: ast.AST | None = None
    description: str | None = None
    optional: bool = False
    fan_in: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """One entry of `methods`."""

    name: str
    at: ast.AST
    description: str | None = None
    inputs: tuple[str, ...] | None = ()
    """None if they cannot be read."""
    outputs: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """One that not every version of the library takes."""

    name: str
    is_later: bool
    """Whether some version is known to."""
    finding: Finding
    """What to say where none around does."""


@dataclass(frozen=True, slots=True)
class Label:
    """A text of the definition itself and where it stands."""

    text: str | None
    """None if it is not a constant."""
    at: ast.AST


@dataclass(slots=True)
class Definition:
    """What a `NODE_DEFINITION` says."""

    at: ast.AST
    labels: dict[str, Label] = field(default_factory=dict)
    """`type`, `description`, `stage`, `tool`, `model_source`, where given."""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    inputs: dict[str, Port] = field(default_factory=dict)
    outputs: dict[str, Port] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    """Parts that could not be read, so that nothing is said to be missing from them."""

    def text(self, label: str) -> str | None:
        """A label's text; None if it is missing or cannot be read."""
        found = self.labels.get(label)
        return found.text if found else None
