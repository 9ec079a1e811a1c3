"""Mean firing rate of each neuron, from spike times."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class MeanFiringRateNode(Node):
    """Counts the spikes of each neuron in one window."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="mean_firing_rate",
        description="Mean firing rate of each neuron: its spikes in a window, divided by the window's length.",
        stage="analysis",
        tool="custom",
        model_source="https://neuronaldynamics.epfl.ch/online/Ch7.S2.html",
        parameters={
            "start_ms": ParameterDefinition(
                default_value=0.0,
                description="Start of the window in ms, included",
                constraints={"min": 0.0},
            ),
            "stop_ms": ParameterDefinition(
                default_value=1000.0,
                description="End of the window in ms, not included",
                constraints={"min": 0.1, "max": 1e7},
                optimizable=True,
                optimization_range=[100.0, 10000.0],
            ),
        },
        inputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT,
                description="Spike times in ms, a list keyed by neuron name",
            ),
        },
        outputs={
            "firing_rate_hz": PortDefinition(
                type=PortType.DICT,
                description="Mean firing rate in Hz, keyed by neuron name",
            ),
            "population_rate_hz": PortDefinition(
                type=PortType.FLOAT,
                description="Mean of the firing rates over all neurons, in Hz",
            ),
        },
        methods={
            "count": MethodDefinition(
                description="Count each neuron's spikes in the window",
                inputs=["spike_times_ms"],
                outputs=["spike_counts"],
            ),
            "divide": MethodDefinition(
                description="Divide the counts by the window's length",
                inputs=["spike_counts"],
                outputs=["firing_rate_hz", "population_rate_hz"],
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("count", self.count, method_key="count")
        self.add_process_step("divide", self.divide, method_key="divide")

    def count(self, spike_times_ms: dict[str, list[float]]) -> dict[str, Any]:
        start_ms, stop_ms = self._parameters["start_ms"], self._parameters["stop_ms"]
        if start_ms >= stop_ms:
            raise ValueError(f"start_ms must be below stop_ms, got {start_ms} and {stop_ms}.")
        counts = {
            name: sum(start_ms <= time < stop_ms for time in times) for name, times in spike_times_ms.items()
        }
        return {"spike_counts": counts}

    def divide(self, spike_counts: dict[str, int]) -> dict[str, Any]:
        window_s = (self._parameters["stop_ms"] - self._parameters["start_ms"]) / 1000.0
        rates = {name: spikes / window_s for name, spikes in spike_counts.items()}
        mean = sum(rates.values()) / len(rates) if rates else 0.0
        return {"firing_rate_hz": rates, "population_rate_hz": mean}
