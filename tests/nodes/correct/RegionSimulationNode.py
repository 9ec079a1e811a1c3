"""Simulates brain regions."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class RegionSimulationNode(Node):
    """Simulates brain regions."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="region_simulation",
        description="Simulates a whole-brain model in TVB and returns its raw monitor.",
        stage="simulation",
        tool="TVB",
        model_source="https://docs.thevirtualbrain.org",
        parameters={
            "duration_ms": ParameterDefinition(
                default_value=1000.0, description="Duration of the simulation in ms", constraints={"min": 1.0}
            ),
        },
        inputs={
            "simulator": PortDefinition(type=PortType.OBJECT, description="Configured TVB simulator"),
        },
        outputs={
            "bold": PortDefinition(
                type=PortType.OBJECT,
                description="Raw monitor of TVB, an array of time points and regions, unitless",
            ),
        },
        methods={
            "simulate": MethodDefinition(
                description="Run the simulator", inputs=["simulator"], outputs=["bold"]
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("simulate", self.simulate, method_key="simulate")

    def simulate(self, simulator: Any) -> dict[str, Any]:
        ((_times, data),) = simulator.run(simulation_length=self._parameters["duration_ms"])
        return {"bold": data}
