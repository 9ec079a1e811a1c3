"""The notebook's analysis as a workflow of two nodes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from DetectSpikesNode import DetectSpikesNode
from neuroworkflow.core.workflow import WorkflowBuilder
from SpikeTrainRateNode import SpikeTrainRateNode

detect = DetectSpikesNode("detect")
rate = SpikeTrainRateNode("rate")


def run(voltage_mv: list[float]) -> float:
    """The firing rate in Hz of a recording."""
    detect.set_input("voltage_mv", voltage_mv)
    builder = WorkflowBuilder("spike rate")
    builder.add_node(detect).add_node(rate)
    builder.connect("detect", "spike_times_ms", "rate", "spike_times_ms")
    builder.connect("detect", "duration_ms", "rate", "duration_ms")
    workflow = builder.build()
    if not (workflow.validate() and workflow.execute()):
        raise RuntimeError("The workflow failed; what it printed says where.")
    return rate.get_output("rate_hz")
