"""The base of every node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neuroworkflow.core.port import InputPort, OutputPort
from neuroworkflow.core.schema import MethodDefinition, NodeDefinitionSchema


class Node:
    NODE_DEFINITION = NodeDefinitionSchema(type="base_node", description="Base of all nodes")

    def __init__(self, name: str, description: str = "") -> None:
        definition = self.NODE_DEFINITION
        self.name = name
        self.description = description or definition.description
        self._parameters = {key: each.default_value for key, each in definition.parameters.items()}
        self._input_ports = {key: InputPort(key, each) for key, each in definition.inputs.items()}
        self._output_ports = {key: OutputPort(key, each) for key, each in definition.outputs.items()}
        self._process_steps: list[dict[str, Any]] = []
        self._context: dict[str, Any] = {}

    def add_process_step(
        self,
        name: str,
        method: Callable[..., Any],
        description: str = "",
        inputs: list[str] | None = None,
        outputs: list[str] | None = None,
        method_key: str | None = None,
    ) -> None:
        declared = self.NODE_DEFINITION.methods.get(method_key or method.__name__, MethodDefinition())
        self._process_steps.append(
            {
                "name": name,
                "method": method,
                "inputs": inputs or declared.inputs,
                "outputs": outputs or declared.outputs,
            }
        )

    def configure(self, **parameters: Any) -> Node:
        for key, value in parameters.items():
            if key not in self._parameters:
                raise ValueError(f"Unknown parameter {key!r} of {self.name}")
            constraints = self.NODE_DEFINITION.parameters[key].constraints
            if "min" in constraints and value < constraints["min"]:
                raise ValueError(f"{key} = {value} is below {constraints['min']}")
            if "max" in constraints and value > constraints["max"]:
                raise ValueError(f"{key} = {value} is above {constraints['max']}")
            if "allowed_values" in constraints and value not in constraints["allowed_values"]:
                raise ValueError(f"{key} = {value} is none of {constraints['allowed_values']}")
            self._parameters[key] = value
        return self

    def get_input_port(self, name: str) -> InputPort:
        if name not in self._input_ports:
            raise ValueError(f"Input port {name!r} not found in {self.name}")
        return self._input_ports[name]

    def get_output_port(self, name: str) -> OutputPort:
        if name not in self._output_ports:
            raise ValueError(f"Output port {name!r} not found in {self.name}")
        return self._output_ports[name]

    def set_input(self, name: str, value: Any) -> None:
        self.get_input_port(name).value = value

    def get_output(self, name: str) -> Any:
        return self.get_output_port(name).value

    def connect_to(self, output: str, target: Node, into: str) -> None:
        source, port = self.get_output_port(output), target.get_input_port(into)
        if not port.is_compatible_with(source):
            raise TypeError(f"{self.name}.{output} does not fit {target.name}.{into}")
        source.connected_to.append(port)
        port.sources.append(source)

    def get_info(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.NODE_DEFINITION.type,
            "description": self.description,
            "parameters": self._parameters,
            "input_ports": {
                key: {"type": p.data_type.__name__, "optional": p.optional}
                for key, p in self._input_ports.items()
            },
            "output_ports": {key: {"type": p.data_type.__name__} for key, p in self._output_ports.items()},
        }

    def validate(self) -> bool:
        for name, port in self._input_ports.items():
            if not port.optional and port.value is None and port.connected_to is None:
                print(f"Required input port {name!r} of {self.name!r} has no value or connection")
                return False
        return True

    def process(self) -> bool:
        self._context.update((name, port.get_value()) for name, port in self._input_ports.items())
        for step in self._process_steps:
            try:
                returned = step["method"](**{name: self._context.get(name) for name in step["inputs"]}) or {}
                if not isinstance(returned, dict):
                    returned = {step["outputs"][0]: returned} if step["outputs"] else {}
            except Exception as error:  # noqa: BLE001 - as the library does
                print(f"Error in step {step['name']!r} of node {self.name!r}: {error}")
                return False
            self._context.update(returned)
            for name in step["outputs"]:
                if name not in returned:
                    print(f"Warning: step {step['name']!r} did not return {name!r}")
                elif name in self._output_ports:
                    self._output_ports[name].value = returned[name]
        return True
