"""Writes the equations of an alpha synapse."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class AlphaSynapseNode(Node):
    """Writes the equations of an alpha synapse."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="alpha_synapse",
        description="Equations of an alpha-shaped synaptic conductance for a Brian2 neuron group.",
        stage="synapse",
        tool="Brian2",
        model_source="https://brian2.readthedocs.io/en/stable/user/models.html",
        parameters={
            "tau_ms": ParameterDefinition(
                default_value=5.0,
                description="Time constant of the conductance in ms",
                constraints={"min": 0.1, "max": 500.0},
            ),
        },
        inputs={},
        outputs={
            "equations": PortDefinition(
                type=PortType.STR, description="Equations of the synapse as Brian2 reads them"
            ),
        },
        methods={
            "write": MethodDefinition(description="Write the equations", inputs=[], outputs=["equations"]),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("write", self.write, method_key="write")

    def write(self) -> dict[str, Any]:
        tau_ms = self._parameters["tau_ms"]
        return {
            "equations": f"dg/dt = (x - g) / ({tau_ms}*ms) : siemens\ndx/dt = -x / ({tau_ms}*ms) : siemens"
        }
