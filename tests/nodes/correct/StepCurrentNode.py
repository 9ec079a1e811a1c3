"""A current step."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class StepCurrentNode(Node):
    """A current step."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="step_current",
        description="Amplitude over time of a rectangular current step for a NEURON IClamp.",
        stage="stimulus",
        tool="NEURON",
        model_source="https://nrn.readthedocs.io/en/latest/",
        parameters={
            "amplitude_na": ParameterDefinition(
                default_value=0.5,
                description="Amplitude of the step in nA",
                constraints={"min": -10.0, "max": 10.0},
            ),
            "onset_ms": ParameterDefinition(
                default_value=100.0, description="Onset of the step in ms", constraints={"min": 0.0}
            ),
            "dt_ms": ParameterDefinition(
                default_value=1.0, description="Time step of the samples in ms", constraints={"min": 0.01}
            ),
        },
        inputs={
            "duration_ms": PortDefinition(
                type=PortType.FLOAT, description="Duration of the whole stimulus in ms"
            ),
        },
        outputs={
            "current_na": PortDefinition(
                type=PortType.LIST, description="Input current in nA, one value a time step"
            ),
        },
        methods={
            "sample": MethodDefinition(
                description="Sample the step", inputs=["duration_ms"], outputs=["current_na"]
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("sample", self.sample, method_key="sample")

    def sample(self, duration_ms: float) -> dict[str, Any]:
        dt_ms, onset_ms = self._parameters["dt_ms"], self._parameters["onset_ms"]
        steps = int(duration_ms / dt_ms)
        return {
            "current_na": [
                self._parameters["amplitude_na"] if step * dt_ms >= onset_ms else 0.0 for step in range(steps)
            ]
        }
