"""A leaky integrate-and-fire neuron with noise, whose current and noise can be searched."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class NoisyLifNode(Node):
    """Simulates one neuron under a constant current and white noise."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="noisy_lif",
        description="Spike times of a leaky integrate-and-fire neuron under a constant current with white noise.",
        stage="neuron",
        tool="custom",
        model_source="https://neuronaldynamics.epfl.ch/online/Ch1.S3.html",
        parameters={
            "current_pa": ParameterDefinition(
                default_value=200.0,
                description="Injected current in pA; 150 pA just reach the threshold",
                constraints={"min": 0.0, "max": 1000.0},
                optimizable=True,
                optimization_range=[100.0, 400.0],
            ),
            "noise_mv": ParameterDefinition(
                default_value=1.0,
                description="Standard deviation of the membrane potential without a threshold, in mV",
                constraints={"min": 0.0, "max": 50.0},
                optimizable=True,
                optimization_range=[0.05, 5.0],
            ),
            "duration_ms": ParameterDefinition(
                default_value=4000.0,
                description="Simulated time in ms",
                constraints={"min": 1.0, "max": 1e6},
            ),
            "seed": ParameterDefinition(
                default_value=1, description="Seed of the noise, unitless", constraints={"min": 0}
            ),
        },
        outputs={
            "spike_times_ms": PortDefinition(
                type=PortType.DICT, description="Spike times in ms, a list keyed by neuron name"
            ),
        },
        methods={
            "simulate": MethodDefinition(
                description="Integrate the membrane equation exactly, in steps of 0.2 ms",
                inputs=[],
                outputs=["spike_times_ms"],
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("simulate", self.simulate, method_key="simulate")

    def simulate(self) -> dict[str, Any]:
        import numpy as np

        tau_ms, resistance_gohm, threshold_mv, refractory_ms, dt_ms = 20.0, 0.1, 15.0, 2.0, 0.2
        drive_mv = resistance_gohm * self._parameters["current_pa"]
        decay = float(np.exp(-dt_ms / tau_ms))
        kick_mv = self._parameters["noise_mv"] * float(np.sqrt(1 - decay**2))
        steps = round(self._parameters["duration_ms"] / dt_ms)
        noise = np.random.default_rng(self._parameters["seed"]).standard_normal(steps).tolist()
        spikes: list[float] = []
        v_mv, silent_until = 0.0, 0.0  # from rest
        for step in range(steps):
            t_ms = (step + 1) * dt_ms
            if t_ms < silent_until:
                continue
            v_mv = drive_mv + (v_mv - drive_mv) * decay + kick_mv * noise[step]
            if v_mv >= threshold_mv:
                spikes.append(round(t_ms, 1))
                v_mv, silent_until = 0.0, t_ms + refractory_ms
        return {"spike_times_ms": {"neuron": spikes}}
