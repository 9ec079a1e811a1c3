"""Runs NEST."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class NestSimulationNode(Node):
    """Runs NEST."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="nest_simulation",
        description="Runs the NEST kernel for some time and gives back the recorded events.",
        stage="simulation",
        tool="NEST",
        model_source="https://nest-simulator.readthedocs.io",
        parameters={
            "duration_ms": ParameterDefinition(
                default_value=1000.0,
                description="Duration of the simulation in ms",
                constraints={"min": 0.1, "max": 1000000.0},
            ),
        },
        inputs={
            "recorder": PortDefinition(
                type=PortType.OBJECT, description="NEST collection of one spike recorder"
            ),
        },
        outputs={
            "events": PortDefinition(
                type=PortType.DICT, description="Recorded events: senders, and times in ms"
            ),
        },
        methods={
            "simulate": MethodDefinition(
                description="Run and read the recorder", inputs=["recorder"], outputs=["events"]
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("simulate", self.simulate, method_key="simulate")

    def simulate(self, recorder: Any) -> dict[str, Any]:
        import nest

        nest.Simulate(self._parameters["duration_ms"])
        return {"events": dict(recorder.get("events"))}
