"""Sets up a leaky integrate-and-fire neuron model."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class IafNeuronNode(Node):
    """Sets up a leaky integrate-and-fire neuron model."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="iaf_neuron",
        description="Leaky integrate-and-fire neuron model copied in NEST under a name of its own.",
        stage="neuron",
        tool="NEST",
        model_source="https://nest-simulator.readthedocs.io/en/stable/models/iaf_psc_alpha.html",
        parameters={
            "threshold_mv": ParameterDefinition(
                default_value=-55.0,
                description="Spike threshold in mV",
                constraints={"min": -80.0, "max": 0.0},
            ),
            "reset_kernel": ParameterDefinition(
                default_value=False,
                description="Whether NEST is emptied first",
                constraints={"allowed_values": [True, False]},
            ),
        },
        inputs={},
        outputs={
            "model_name": PortDefinition(type=PortType.STR, description="Name of the model in NEST"),
        },
        methods={
            "set_up": MethodDefinition(description="Copy the model", inputs=[], outputs=["model_name"]),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("set_up", self.set_up, method_key="set_up")

    def set_up(self) -> dict[str, Any]:
        import nest

        if self._parameters["reset_kernel"]:
            nest.ResetKernel()
        name = f"iaf_{self.name}"
        nest.CopyModel("iaf_psc_alpha", name, {"V_th": self._parameters["threshold_mv"]})
        return {"model_name": name}
