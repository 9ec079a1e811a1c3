"""What a node says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any


class PortType(Enum):
    """Kinds of values."""

    ANY = auto()
    INT = auto()
    FLOAT = auto()
    STR = auto()
    BOOL = auto()
    LIST = auto()
    DICT = auto()
    OBJECT = auto()
    FILE_PATH = auto()
    CSV_FILE = auto()
    JSON_FILE = auto()
    PICKLE_FILE = auto()
    NUMPY_FILE = auto()
    HDF5_FILE = auto()

    def to_python_type(self) -> type:
        plain = {"INT": int, "FLOAT": float, "STR": str, "BOOL": bool, "LIST": list, "DICT": dict}
        if self.name in ("ANY", "OBJECT"):
            return object
        return plain.get(self.name, str)


@dataclass
class PortDefinition:
    type: Any = PortType.ANY
    description: str = ""
    optional: bool = False
    fan_in: bool = False


@dataclass
class ParameterDefinition:
    default_value: Any = None
    description: str = ""
    constraints: dict[str, Any] = field(default_factory=dict)
    optimizable: bool = False
    optimization_range: list[Any] | None = None
    is_objective: bool = False
    objective_range: list[Any] | None = None
    metadata_sources: list[str] = field(default_factory=list)
    species_specific: bool = False
    suggested_values: list[Any] = field(default_factory=list)


@dataclass
class MethodDefinition:
    description: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


@dataclass
class NodeDefinitionSchema:
    type: str
    description: str
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    methods: dict[str, Any] = field(default_factory=dict)
    stage: str = ""
    tool: str = ""
    model_source: str = ""
