"""Firing rate of one spike train."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class SpikeTrainRateNode(Node):
    """Counts the spikes of one neuron over a recording."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="spike_train_rate",
        description="Mean firing rate of one neuron: its spikes after a settling time, divided by what remains of the recording.",
        stage="analysis",
        tool="custom",
        model_source="https://neuronaldynamics.epfl.ch/online/Ch7.S2.html",
        parameters={
            "settle_ms": ParameterDefinition(
                default_value=0.0,
                description="Time in ms at the beginning that is left out",
                constraints={"min": 0.0},
            ),
        },
        inputs={
            "spike_times_ms": PortDefinition(
                type=PortType.LIST, description="Spike times of one neuron in ms from the recording's start"
            ),
            "duration_ms": PortDefinition(type=PortType.FLOAT, description="Duration of the recording in ms"),
        },
        outputs={
            "rate_hz": PortDefinition(
                type=PortType.FLOAT, description="Mean firing rate of the neuron in Hz"
            ),
        },
        methods={
            "count": MethodDefinition(
                description="Count spikes and divide",
                inputs=["spike_times_ms", "duration_ms"],
                outputs=["rate_hz"],
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("count", self.count, method_key="count")

    def count(self, spike_times_ms: list[float], duration_ms: float) -> dict[str, Any]:
        settle_ms = self._parameters["settle_ms"]
        if settle_ms >= duration_ms:
            raise ValueError(f"settle_ms must be below the recording's {duration_ms} ms, got {settle_ms}.")
        spikes = sum(time >= settle_ms for time in spike_times_ms)
        return {"rate_hz": 1000.0 * spikes / (duration_ms - settle_ms)}
