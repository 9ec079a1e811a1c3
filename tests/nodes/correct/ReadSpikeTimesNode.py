"""Reads spike times from a file."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class ReadSpikeTimesNode(Node):
    """Reads spike times from a file."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="read_spike_times",
        description="Spike times of each neuron, read from a JSON file of lists.",
        stage="io",
        tool="custom",
        model_source="https://docs.python.org/3/library/json.html",
        parameters={
            "limit": ParameterDefinition(
                default_value=1000, description="Most spikes to read of one neuron", constraints={"min": 1}
            ),
        },
        inputs={
            "source_file": PortDefinition(
                type=PortType.JSON_FILE, description="JSON file with a list of times keyed by neuron name"
            ),
        },
        outputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT, description="Spike times in ms, a list keyed by neuron name"
            ),
        },
        methods={
            "read": MethodDefinition(
                description="Read the file", inputs=["source_file"], outputs=["spike_times_ms"]
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("read", self.read, method_key="read")

    def read(self, source_file: str) -> dict[str, Any]:
        import json
        from pathlib import Path

        times = json.loads(Path(source_file).read_text())
        limit = self._parameters["limit"]
        return {"spike_times_ms": {name: each[:limit] for name, each in times.items()}}
