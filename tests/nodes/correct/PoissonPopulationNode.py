"""Draws a population that fires at random."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class PoissonPopulationNode(Node):
    """Draws a population that fires at random."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="poisson_population",
        description="Spike trains of independent Poisson neurons of one rate.",
        stage="population",
        tool="custom",
        model_source="https://doi.org/10.1007/978-1-4419-5675-0",
        parameters={
            "rate_hz": ParameterDefinition(
                default_value=8.0,
                description="Firing rate of each neuron in Hz",
                constraints={"min": 0.0, "max": 500.0},
            ),
            "n_neurons": ParameterDefinition(
                default_value=10, description="Number of neurons", constraints={"min": 1}
            ),
            "seed": ParameterDefinition(
                default_value=1, description="Seed of the random numbers", constraints={"min": 0}
            ),
        },
        inputs={
            "duration_ms": PortDefinition(
                type=PortType.FLOAT, description="Duration of the spike trains in ms"
            ),
        },
        outputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT, description="Spike times in ms, a list keyed by neuron name"
            ),
        },
        methods={
            "draw": MethodDefinition(
                description="Draw the spike times", inputs=["duration_ms"], outputs=["spike_times_ms"]
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("draw", self.draw, method_key="draw")

    def draw(self, duration_ms: float) -> dict[str, Any]:
        import random

        source = random.Random(self._parameters["seed"])
        rate_per_ms = self._parameters["rate_hz"] / 1000.0
        trains: dict[str, list[float]] = {}
        for number in range(self._parameters["n_neurons"]):
            time, train = 0.0, []
            while rate_per_ms and (time := time + source.expovariate(rate_per_ms)) < duration_ms:
                train.append(time)
            trains[f"n{number}"] = train
        return {"spike_times_ms": trains}
