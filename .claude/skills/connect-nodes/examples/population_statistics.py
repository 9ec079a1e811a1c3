"""A workflow of two nodes: draw spike trains, describe their intervals."""

from InterSpikeIntervalsNode import InterSpikeIntervalsNode
from neuroworkflow.core.workflow import WorkflowBuilder
from PoissonSpikesNode import PoissonSpikesNode

population = PoissonSpikesNode("population")
population.configure(rate_hz=20.0, n_neurons=10, seed=7)
intervals = InterSpikeIntervalsNode("intervals")

builder = WorkflowBuilder("population statistics")
builder.add_node(population)
builder.add_node(intervals)
builder.connect("population", "spike_times_ms", "intervals", "spike_times_ms")
workflow = builder.build()

if __name__ == "__main__":
    if not (workflow.validate() and workflow.execute()):
        raise SystemExit("The workflow failed; what it printed says where.")
    for name, cv in intervals.get_output("interval_cv").items():
        print(f"{name}: {intervals.get_output('mean_interval_ms')[name]:.1f} ms, CV {cv:.2f}")
