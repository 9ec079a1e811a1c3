"""Ports of a node that was made."""

from __future__ import annotations

from typing import Any

from neuroworkflow.core.schema import PortDefinition, PortType


class _Port:
    def __init__(self, name: str, definition: PortDefinition) -> None:
        self.name = name
        self.port_type: PortType = definition.type
        self.data_type = definition.type.to_python_type()
        self.description = definition.description
        self.value: Any = None

    def is_compatible_with(self, other: _Port) -> bool:
        """Whether a value of `other` may come in here."""
        if object in (self.data_type, other.data_type):
            return True
        return issubclass(other.data_type, self.data_type) or (self.data_type, other.data_type) == (
            float,
            int,
        )


class InputPort(_Port):
    def __init__(self, name: str, definition: PortDefinition) -> None:
        super().__init__(name, definition)
        self.optional = definition.optional
        self.fan_in = definition.fan_in
        self.sources: list[OutputPort] = []

    @property
    def connected_to(self) -> OutputPort | None:
        return self.sources[-1] if self.sources else None

    def get_value(self) -> Any:
        if self.fan_in and self.sources:
            return [source.value for source in self.sources]
        return self.connected_to.value if self.connected_to else self.value


class OutputPort(_Port):
    def __init__(self, name: str, definition: PortDefinition) -> None:
        super().__init__(name, definition)
        self.connected_to: list[InputPort] = []
