"""What the library `neuroworkflow` asks of a node, as data.

Source: the public repository oist/neuro-workflow. The package of that name on PyPI is another project,
so the right one is known by its module `neuroworkflow.core.node`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

LIBRARY = "neuroworkflow"
LIBRARY_MARK = "neuroworkflow.core.node"
"""A module that only the right library has."""

PythonType: TypeAlias = Literal["object", "int", "float", "str", "bool", "list", "dict"]

PORT_TYPES: dict[str, PythonType] = {
    "ANY": "object",
    "INT": "int",
    "FLOAT": "float",
    "STR": "str",
    "BOOL": "bool",
    "LIST": "list",
    "DICT": "dict",
    "OBJECT": "object",
    "FILE_PATH": "str",
    "CSV_FILE": "str",
    "JSON_FILE": "str",
    "PICKLE_FILE": "str",
    "NUMPY_FILE": "str",
    "HDF5_FILE": "str",
}
"""Members of `PortType` and the Python type each stands for."""
FILE_TYPES = frozenset(name for name in PORT_TYPES if name.endswith(("_FILE", "_PATH")))

STAGES = (
    "io",
    "neuron",
    "population",
    "synapse",
    "connectivity",
    "stimulus",
    "simulation",
    "analysis",
    "optimization",
)
"""Where in the modelling pipeline a node may stand; a new one may be proposed."""
CATEGORIES = ("io", "network", "simulation", "stimulus", "analysis", "optimization", "sandbox")
"""Folders of `nodes/`; new nodes are born in `sandbox`."""
CONTEXT_KEYS = frozenset({"results_path"})
"""What a workflow's context gives every node; a port of such a name hides it."""
ENFORCED_CONSTRAINTS = ("min", "max", "allowed_values")
"""The keys `configure` looks at; every other one is ignored without a word."""


@dataclass(frozen=True, slots=True)
class CallShape:
    """What one of the schema's classes takes."""

    keywords: tuple[str, ...]
    """In the order of its positions."""
    required: tuple[str, ...] = ()


LATER_ARGUMENTS = {"ParameterDefinition": ("unit", "secret", "measures"), "PortDefinition": ("fan_in",)}
"""What only newer versions of the library take."""
SHAPES: dict[str, CallShape] = {
    "NodeDefinitionSchema": CallShape(
        (
            "type",
            "description",
            "parameters",
            "inputs",
            "outputs",
            "methods",
            "stage",
            "tool",
            "model_source",
        ),
        ("type", "description"),
    ),
    "ParameterDefinition": CallShape(
        (
            "default_value",
            "description",
            "constraints",
            "optimizable",
            "optimization_range",
            "is_objective",
            "objective_range",
            "metadata_sources",
            "species_specific",
            "suggested_values",
        )
    ),
    "PortDefinition": CallShape(("type", "description", "optional", "fan_in")),
    "MethodDefinition": CallShape(("description", "inputs", "outputs")),
}
"""The schema's classes by name."""
LATER_LABELS = ("stage", "tool", "model_source")
"""Labels that the first public version of the library does not take."""
OBJECTIVE_FIELDS = frozenset({"is_objective", "objective_range"})
"""Of parameters only."""

IMPORTED_FROM = {
    "Node": "neuroworkflow.core.node",
    "NodeDefinitionSchema": "neuroworkflow.core.schema",
    "ParameterDefinition": "neuroworkflow.core.schema",
    "PortDefinition": "neuroworkflow.core.schema",
    "MethodDefinition": "neuroworkflow.core.schema",
    "PortType": "neuroworkflow.core.port",
}


def accepts(wanted: str, given: str) -> bool:
    """Whether an input of port type `wanted` takes an output of port type `given`.

    Notes
    -----
    The library's own rule: `object` on either side fits; a subclass fits (`bool` is one of `int`); an `int`
    fits a `float`; nothing else does.
    """
    python_wanted, python_given = PORT_TYPES[wanted], PORT_TYPES[given]
    return (
        "object" in (python_wanted, python_given)
        or python_wanted == python_given
        or (python_wanted, python_given) in {("int", "bool"), ("float", "int")}
    )
