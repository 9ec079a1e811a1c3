"""Spike times in a membrane potential."""

from itertools import pairwise
from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class DetectSpikesNode(Node):
    """Finds where a membrane potential crosses a threshold upwards."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="detect_spikes",
        description="Spike times from upward threshold crossings of a regularly sampled membrane potential.",
        stage="analysis",
        tool="custom",
        model_source="https://neuronaldynamics.epfl.ch/online/Ch1.S2.html",
        parameters={
            "threshold_mv": ParameterDefinition(
                default_value=-20.0,
                description="Potential in mV at which a spike begins",
                constraints={"min": -100.0, "max": 100.0},
                optimizable=True,
                optimization_range=[-40.0, 0.0],
            ),
            "dt_ms": ParameterDefinition(
                default_value=0.1,
                description="Time between two samples in ms",
                constraints={"min": 0.001, "max": 10.0},
            ),
        },
        inputs={
            "voltage_mv": PortDefinition(
                type=PortType.LIST, description="Membrane potential in mV, one value a sample"
            ),
        },
        outputs={
            "spike_times_ms": PortDefinition(
                type=PortType.LIST, description="Spike times of one neuron in ms from the first sample"
            ),
            "duration_ms": PortDefinition(type=PortType.FLOAT, description="Duration of the recording in ms"),
        },
        methods={
            "detect": MethodDefinition(
                description="Find upward crossings of the threshold",
                inputs=["voltage_mv"],
                outputs=["spike_times_ms", "duration_ms"],
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("detect", self.detect, method_key="detect")

    def detect(self, voltage_mv: list[float]) -> dict[str, Any]:
        threshold_mv, dt_ms = self._parameters["threshold_mv"], self._parameters["dt_ms"]
        crossings = [
            sample
            for sample, (before, now) in enumerate(pairwise(voltage_mv), start=1)
            if before < threshold_mv <= now
        ]
        return {
            "spike_times_ms": [sample * dt_ms for sample in crossings],
            "duration_ms": len(voltage_mv) * dt_ms,
        }
