"""Fits the current and the noise of a neuron to a firing rate of 20 Hz."""

from pathlib import Path

from neuroworkflow.core.workflow import WorkflowBuilder
from NoisyLifNode import NoisyLifNode
from parameter_ranges import configure, declared_objectives, declared_ranges
from parameter_search import Values, execute, open_study, run
from parameter_uncertainty import confirm, figures, report
from RateAndCvNode import RateAndCvNode

neuron = NoisyLifNode("neuron")
measured = RateAndCvNode("measured")
workflow = (
    WorkflowBuilder("fit_rate")
    .add_node(neuron)
    .add_node(measured)
    .connect("neuron", "spike_times_ms", "measured", "spike_times_ms")
    .build()
)


def evaluate(values: Values, seed: int) -> dict[str, float]:
    """Rate in Hz and CV (unitless) with these values."""
    configure(values, neuron, measured)
    neuron.configure(seed=seed)
    execute(workflow)
    return {name: measured.get_output(name) for name in ("firing_rate_hz", "isi_cv")}


if __name__ == "__main__":
    ranges = declared_ranges(neuron, measured)
    study = open_study("rate", {"firing_rate_hz": 20.0}, storage="sqlite:///results/fit_rate.db")
    run(study, evaluate, ranges, n_trials=60, seed=1)
    confirmed = confirm(study, evaluate, candidates=3)
    print(report(study, confirmed, ranges, declared_objectives(measured)))
    for name, figure in figures(study).items():
        figure.savefig(Path("results") / f"{name}.png", bbox_inches="tight")
