"""Statistics of inter-spike intervals."""

import statistics
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


class InterSpikeIntervalsNode(Node):
    """Describes how regularly neurons fire."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="inter_spike_intervals",
        description="Mean and coefficient of variation of the inter-spike intervals of each neuron.",
        stage="analysis",
        tool="custom",
        model_source="https://neuronaldynamics.epfl.ch/online/Ch7.S3.html",
        parameters={
            "min_spikes": ParameterDefinition(
                default_value=3,
                description="Neurons with fewer spikes are left out",
                constraints={"min": 3},
            ),
        },
        inputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT,
                description="Spike times in ms, a sorted list keyed by neuron name",
            ),
        },
        outputs={
            "mean_interval_ms": PortDefinition(
                type=PortType.DICT, description="Mean inter-spike interval in ms, keyed by neuron name"
            ),
            "interval_cv": PortDefinition(
                type=PortType.DICT,
                description="Coefficient of variation of the intervals, unitless, keyed by neuron name; 1 for a Poisson process",
            ),
        },
        methods={
            "describe": MethodDefinition(
                description="Mean and CV of the intervals of each neuron",
                inputs=["spike_times_ms"],
                outputs=["mean_interval_ms", "interval_cv"],
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("describe", self.describe, method_key="describe")

    def describe(self, spike_times_ms: dict[str, list[float]]) -> dict[str, Any]:
        intervals_ms = {
            name: [later - earlier for earlier, later in pairwise(times)]
            for name, times in spike_times_ms.items()
            if len(times) >= self._parameters["min_spikes"]
        }
        means = {name: statistics.fmean(each) for name, each in intervals_ms.items()}
        cvs = {name: statistics.pstdev(each) / means[name] for name, each in intervals_ms.items()}
        return {"mean_interval_ms": means, "interval_cv": cvs}
