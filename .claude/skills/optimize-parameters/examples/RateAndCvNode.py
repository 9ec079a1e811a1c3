"""Rate and regularity of one neuron: what a search is to reach."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class RateAndCvNode(Node):
    """Measures what is compared with a recording."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="rate_and_cv",
        description="Firing rate and coefficient of variation of the intervals of one neuron.",
        stage="analysis",
        tool="custom",
        model_source="https://doi.org/10.7551/mitpress/9780262041997.001.0001",
        parameters={
            "duration_ms": ParameterDefinition(
                default_value=4000.0,
                description="Length of the recording from 0, in ms",
                constraints={"min": 1.0, "max": 1e6},
            ),
            "firing_rate_hz": ParameterDefinition(
                default_value=20.0,
                description="Firing rate to reach, in Hz",
                constraints={"min": 0.0},
                is_objective=True,
                objective_range=[18.0, 22.0],
            ),
            "isi_cv": ParameterDefinition(
                default_value=0.5,
                description="Coefficient of variation of the intervals to reach, unitless",
                constraints={"min": 0.0},
                is_objective=True,
                objective_range=[0.4, 0.6],
            ),
        },
        inputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT, description="Spike times in ms, a list keyed by neuron name"
            ),
        },
        outputs={
            "firing_rate_hz": PortDefinition(type=PortType.FLOAT, description="Firing rate in Hz"),
            "isi_cv": PortDefinition(
                type=PortType.FLOAT,
                description="Coefficient of variation of the intervals, unitless; nan with fewer than three spikes",
            ),
        },
        methods={
            "measure": MethodDefinition(
                description="Count spikes and compare intervals",
                inputs=["spike_times_ms"],
                outputs=["firing_rate_hz", "isi_cv"],
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("measure", self.measure, method_key="measure")

    def measure(self, spike_times_ms: dict[str, list[float]]) -> dict[str, Any]:
        import numpy as np

        (spikes,) = spike_times_ms.values()
        intervals = np.diff(spikes)
        cv = float(intervals.std() / intervals.mean()) if intervals.size >= 2 else float("nan")
        return {"firing_rate_hz": len(spikes) / self._parameters["duration_ms"] * 1000.0, "isi_cv": cv}
