"""Statistics of inter-spike intervals."""

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


class IsiStatisticsNode(Node):
    """Statistics of inter-spike intervals."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="isi_statistics",
        description="Mean and coefficient of variation of the inter-spike intervals of each neuron.",
        stage="analysis",
        tool="SciPy",
        model_source="https://docs.scipy.org/doc/scipy/reference/stats.html",
        parameters={
            "min_spikes": ParameterDefinition(
                default_value=3, description="Fewest spikes of a neuron that counts", constraints={"min": 2}
            ),
        },
        inputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT, description="Spike times in ms, a list keyed by neuron name"
            ),
        },
        outputs={
            "mean_isi_ms": PortDefinition(
                type=PortType.DICT, description="Mean inter-spike interval in ms, keyed by neuron name"
            ),
            "isi_cv": PortDefinition(
                type=PortType.DICT,
                description="Coefficient of variation of the intervals, unitless, keyed by neuron name",
            ),
        },
        methods={
            "describe": MethodDefinition(
                description="Mean and CV of the intervals",
                inputs=["spike_times_ms"],
                outputs=["mean_isi_ms", "isi_cv"],
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("describe", self.describe, method_key="describe")

    def describe(self, spike_times_ms: dict[str, list[float]]) -> dict[str, Any]:
        result: dict[str, Any] = {"mean_isi_ms": {}, "isi_cv": {}}
        means, cvs = {}, {}
        for name, times in spike_times_ms.items():
            if len(times) < self._parameters["min_spikes"]:
                continue
            intervals = [later - earlier for earlier, later in pairwise(times)]
            mean = sum(intervals) / len(intervals)
            means[name] = mean
            cvs[name] = (sum((each - mean) ** 2 for each in intervals) / len(intervals)) ** 0.5 / mean
        result["mean_isi_ms"] = means
        result["isi_cv"] = cvs
        return result
