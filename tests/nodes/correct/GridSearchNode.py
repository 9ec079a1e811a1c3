"""Finds the best of some values."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class GridSearchNode(Node):
    """Finds the best of some values."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="grid_search",
        description="Chooses, from tried values, the one whose firing rate is nearest to a target.",
        stage="optimization",
        tool="custom",
        model_source="https://doi.org/10.1038/s41592-019-0686-2",
        parameters={
            "target_rate_hz": ParameterDefinition(
                default_value=10.0,
                description="Firing rate to reach, in Hz",
                constraints={"min": 0.0, "max": 200.0},
                optimizable=True,
                optimization_range=[1.0, 50.0],
            ),
            "rate_error": ParameterDefinition(
                default_value=0.0,
                description="Distance from the target rate in Hz, to be made small",
                constraints={"min": 0.0},
                is_objective=True,
                objective_range=[0.0, 100.0],
            ),
        },
        inputs={
            "tried": PortDefinition(
                type=PortType.LIST, description="Pairs of a value and the firing rate in Hz it gave"
            ),
        },
        outputs={
            "best": PortDefinition(
                type=PortType.FLOAT,
                description="The value whose firing rate is nearest to the target, unitless",
            ),
        },
        methods={
            "choose": MethodDefinition(description="Choose the nearest", inputs=["tried"], outputs=["best"]),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("choose", self.choose, method_key="choose")

    def choose(self, tried: list[list[float]]) -> dict[str, Any]:
        target = self._parameters["target_rate_hz"]
        return {"best": min(tried, key=lambda pair: abs(pair[1] - target))[0]}
