"""Spike trains of Poisson neurons."""

import random
from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class PoissonSpikesNode(Node):
    """Draws spike trains without memory."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="poisson_spikes",
        description="Spike trains of independent Poisson neurons that all fire at one rate.",
        stage="population",
        tool="custom",
        model_source="https://neuronaldynamics.epfl.ch/online/Ch7.S3.html",
        parameters={
            "rate_hz": ParameterDefinition(
                default_value=8.0,
                description="Firing rate of each neuron in Hz",
                constraints={"min": 0.1, "max": 500.0},
                optimizable=True,
                optimization_range=[1.0, 100.0],
            ),
            "duration_ms": ParameterDefinition(
                default_value=10000.0,
                description="Duration of the spike trains in ms",
                constraints={"min": 1.0},
            ),
            "n_neurons": ParameterDefinition(
                default_value=5, description="Number of neurons", constraints={"min": 1}
            ),
            "seed": ParameterDefinition(
                default_value=1, description="Seed of the random numbers", constraints={"min": 0}
            ),
        },
        outputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT,
                description="Spike times in ms from the start, a sorted list keyed by neuron name",
            ),
        },
        methods={
            "draw": MethodDefinition(
                description="Draw exponential intervals", inputs=[], outputs=["spike_times_ms"]
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("draw", self.draw, method_key="draw")

    def draw(self) -> dict[str, Any]:
        source = random.Random(self._parameters["seed"])
        rate_per_ms = self._parameters["rate_hz"] / 1000.0
        trains: dict[str, list[float]] = {}
        for number in range(self._parameters["n_neurons"]):
            time_ms, train = source.expovariate(rate_per_ms), []
            while time_ms < self._parameters["duration_ms"]:
                train.append(time_ms)
                time_ms += source.expovariate(rate_per_ms)
            trains[f"neuron_{number}"] = train
        return {"spike_times_ms": trains}
