"""Whether ports fit: as the library decides by type, and as a person would by meaning."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.nodes.catalogue import PortEntry
from neuroworkflow_agent.nodes.connections import Verdict, check_ports
from neuroworkflow_agent.nodes.contract import PORT_TYPES, accepts
from neuroworkflow_agent.nodes.units import compare, is_physical, units_in

CORRECT = Path(__file__).parent / "correct"
_PYTHON = {"object": object, "int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict}


def test_types_fit_as_their_python_types_do() -> None:
    for wanted, given in product(PORT_TYPES, repeat=2):
        a, b = _PYTHON[PORT_TYPES[wanted]], _PYTHON[PORT_TYPES[given]]
        assert accepts(wanted, given) == (object in (a, b) or issubclass(b, a) or (a, b) == (float, int))


@pytest.mark.parametrize(
    ("wanted", "given", "fits"),
    [
        ("INT", "FLOAT", False),
        ("INT", "BOOL", True),
        ("FLOAT", "BOOL", False),
        ("FLOAT", "INT", True),
        ("STR", "CSV_FILE", True),
        ("LIST", "DICT", False),
        ("DICT", "OBJECT", True),
    ],
)
def test_types_that_people_mistake(wanted: str, given: str, fits: bool) -> None:
    assert accepts(wanted, given) is fits


_SPIKES = "Spike times in ms, a list keyed by neuron name"


@pytest.mark.parametrize(
    ("given", "wanted", "verdict", "why"),
    [
        (("times", "DICT", _SPIKES), ("spikes", "DICT", _SPIKES), "fits", "both are in ms"),
        (("times", "DICT", _SPIKES), ("spikes", "DICT", "Spike times in s, by neuron"), "fits by type only", "multiply by 0.001"),
        (("v", "LIST", "Membrane potential in mV"), ("rate", "LIST", "Firing rate in Hz"), "fits by type only", "a voltage in mV, the input a rate in Hz"),
        (("times", "DICT", _SPIKES), ("spikes", "LIST", _SPIKES), "does not fit", "LIST does not take DICT"),
        (("a", "FLOAT", "Weight"), ("b", "FLOAT", "Weight of a synapse"), "fits by type", "neither description names a unit"),
        (("a", "FLOAT", "Weight in nS"), ("b", "FLOAT", "Weight of a synapse"), "fits by type", "the input's description names no unit"),
        (("i", "DICT", "Mean inter-spike interval in ms, keyed by neuron name"), ("t", "DICT", _SPIKES), "fits by type", "share only 'neuron', 'spike'"),
        (("n", "INT", "Delay in ms"), ("d", "FLOAT", "Delay in ms"), "fits", "INT into FLOAT"),
        (("f", "CSV_FILE", "Table"), ("g", "JSON_FILE", "Table"), "fits by type only", "CSV_FILE and JSON_FILE"),
        (("rate_hz", "FLOAT", "Firing rate"), ("mean_rate_hz", "FLOAT", "Firing rate"), "fits", "both are in"),
        (("a", "?", "Anything"), ("b", "DICT", "Anything"), "fits by type", "cannot be read"),
    ],
)  # fmt: skip
def test_fit(given: tuple[str, str, str], wanted: tuple[str, str, str], verdict: Verdict, why: str) -> None:
    fit = check_ports(PortEntry(*given), PortEntry(*wanted))
    assert fit.verdict == verdict
    assert why in fit.reason


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Membrane potential in mV", ["mV"]),
        ("Delay (s)", ["s"]),
        ("A spike list", []),
        ("conductance in mS, delay in ms", ["mS", "ms"]),
        ("Area in mm²", ["mm2"]),
        ("rate in spikes per second", ["spikes per second"]),
        ("temperature in °C", ["°C"]),
        ("current in μA", ["µA"]),
        ("10 s long", ["s"]),
        ("weights, unitless", ["unitless"]),
        ("Resistance in MΩ", ["MΩ"]),
        ("the m gate of a channel", []),
    ],
)
def test_units_are_recognised(text: str, units: list[str]) -> None:
    assert [unit.text for unit in units_in("value", text)] == units


@pytest.mark.parametrize(
    ("name", "description", "physical"),
    [
        ("spike_times", "When neurons fired", True),
        ("duration", "Length of the run", True),
        ("n_bins", "Number of time bins", False),
        ("results", "Mean firing rates of populations", True),
        ("learning_rate", "Learning rate of the optimizer", False),
        ("current_state", "Current state of the model", False),
        ("rate_file", "File with firing rates", False),
        ("input_current", "Current into the soma", True),
        ("title", "Title of the report", False),
    ],
)
def test_physical_quantities_are_recognised(name: str, description: str, physical: bool) -> None:
    assert is_physical(name, description) is physical


def test_long_description_is_no_burden() -> None:
    assert compare(("a", "x " * 1_000_000), ("b", "in ms " * 1_000_000)).verdict == "unclear"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check-connection", *arguments, "--nodes", str(CORRECT)])
    return result.exit_code, result.stdout, str(result.exception or "")


def test_command_takes_class_names_and_types() -> None:
    code, out, _ = run("PoissonPopulationNode.spike_times_ms", "firing_rate.spike_times_ms")
    assert (code, out) == (0, "fits: DICT, and both are in ms\n")


def test_command_says_what_does_not_fit() -> None:
    code, out, _ = run("FiringRateNode.firing_rate_hz", "IsiStatisticsNode.spike_times_ms", "--json")
    assert code == 1
    assert json.loads(out)["verdict"] == "fits by type only"


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("FiringRateNode.rates", "has no output 'rates'. Its outputs: firing_rate_hz, population_rate_hz."),
        ("RateNode.rates", "There is no node 'RateNode' here. Nodes: AlphaSynapseNode, "),
        ("rates", "is not NODE.PORT"),
    ],
)
def test_command_names_what_there_is(output: str, told: str) -> None:
    code, _, error = run(output, "IsiStatisticsNode.spike_times_ms")
    assert code != 0
    assert told in error
