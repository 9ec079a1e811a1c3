"""Firing rates of neurons."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class FiringRateNode(Node):
    """Counts spikes in a window."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="firing_rate",
        description="Mean firing rate of each neuron from its spike times, counted in one window.",
        stage="analysis",
        tool="custom",
        model_source="https://doi.org/10.7551/mitpress/9780262041997.001.0001",
        parameters={
            "window_ms": ParameterDefinition(
                default_value=1000.0,
                description="Length of the window from 0, in ms",
                constraints={"min": 1.0, "max": 1e7},
                optimizable=True,
                optimization_range=[100.0, 2000.0],
            ),
            "statistic": ParameterDefinition(
                default_value="mean",
                description="How rates are put together over neurons",
                constraints={"allowed_values": ["mean", "median"]},
            ),
        },
        inputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT, description="Spike times in ms, a list keyed by neuron name"
            ),
            "neuron_names": PortDefinition(
                type=PortType.LIST, description="Names of the neurons to look at", optional=True
            ),
        },
        outputs={
            "firing_rate_hz": PortDefinition(
                type=PortType.DICT, description="Firing rate in Hz, keyed by neuron name"
            ),
            "population_rate_hz": PortDefinition(
                type=PortType.FLOAT, description="Firing rate of the population in Hz"
            ),
        },
        methods={
            "choose": MethodDefinition(
                description="Keep the neurons that were asked for",
                inputs=["spike_times_ms", "neuron_names"],
                outputs=["chosen"],
            ),
            "count": MethodDefinition(
                description="Count spikes per neuron and second",
                inputs=["chosen"],
                outputs=["firing_rate_hz", "population_rate_hz"],
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("choose", self.choose, method_key="choose")
        self.add_process_step("count", self.count, method_key="count")

    def choose(
        self, spike_times_ms: dict[str, list[float]], neuron_names: list[str] | None
    ) -> dict[str, Any]:
        names = list(spike_times_ms) if neuron_names is None else neuron_names
        return {"chosen": {name: spike_times_ms[name] for name in names}}

    def count(self, chosen: dict[str, list[float]]) -> dict[str, Any]:
        window_ms = self._parameters["window_ms"]
        rates = {
            name: 1000.0 * sum(0 <= time < window_ms for time in times) / window_ms
            for name, times in chosen.items()
        }
        ordered = sorted(rates.values())
        middle = ordered[len(ordered) // 2] if self._parameters["statistic"] == "median" else None
        mean = sum(ordered) / max(1, len(ordered))
        return {"firing_rate_hz": rates, "population_rate_hz": float(mean if middle is None else middle)}
