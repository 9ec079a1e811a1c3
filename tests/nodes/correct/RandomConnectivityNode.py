"""Connects neurons at random."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class RandomConnectivityNode(Node):
    """Connects neurons at random."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="random_connectivity",
        description="Random directed connectivity with a fixed probability, as pairs of neuron indices.",
        stage="connectivity",
        tool="SciPy",
        model_source="https://docs.scipy.org/doc/scipy/reference/sparse.html",
        parameters={
            "probability": ParameterDefinition(
                default_value=0.1,
                description="Probability of a connection, unitless",
                constraints={"min": 0.0, "max": 1.0},
            ),
        },
        inputs={
            "n_neurons": PortDefinition(type=PortType.INT, description="Number of neurons"),
            "seed": PortDefinition(
                type=PortType.INT, description="Seed of the random numbers", optional=True
            ),
        },
        outputs={
            "pairs": PortDefinition(type=PortType.LIST, description="Pairs of indices, from and to"),
        },
        methods={
            "connect_all": MethodDefinition(
                description="Draw the pairs", inputs=["n_neurons", "seed"], outputs=["pairs"]
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("connect_all", self.connect_all, method_key="connect_all")

    def connect_all(self, n_neurons: int, seed: int | None) -> dict[str, Any]:
        import random

        source = random.Random(0 if seed is None else seed)
        chance = self._parameters["probability"]
        pairs = [
            [i, j] for i in range(n_neurons) for j in range(n_neurons) if i != j and source.random() < chance
        ]
        return {"pairs": pairs}
