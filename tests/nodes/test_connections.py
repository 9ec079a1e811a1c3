"""Whether ports fit: as the library decides by type, and as a person would by meaning."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given as tried_with
from hypothesis import settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.nodes import unit_words
from neuroworkflow_agent.nodes.catalogue import PortEntry
from neuroworkflow_agent.nodes.connections import Verdict, check_ports
from neuroworkflow_agent.nodes.contract import PORT_TYPES, accepts
from neuroworkflow_agent.nodes.dimensions import conversion, quantity
from neuroworkflow_agent.nodes.meanings import compare
from neuroworkflow_agent.nodes.units import is_physical, units_in
from tests import tiers

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
        (("g", "FLOAT", "Leak in mS"), ("g", "FLOAT", "Leak in mS/cm²"), "fits by type only", "a conductance in mS, the input a conductance density in mS/cm2"),
        (("c", "FLOAT", "Membrane in uF"), ("c", "FLOAT", "Membrane in uF/cm2"), "fits by type only", "a capacitance in uF, the input a capacitance density in uF/cm2"),
        (("n", "FLOAT", "Calcium in mol"), ("n", "FLOAT", "Calcium in mol/l"), "fits by type only", "an amount in mol, the input a concentration in mol/l"),
        (("i", "FLOAT", "Drive in nA"), ("i", "FLOAT", "Drive in uA/cm²"), "fits by type only", "a current in nA, the input a current density in uA/cm2"),
        (("d", "FLOAT", "Way in mm"), ("d", "FLOAT", "Calcium in mM"), "fits by type only", "a length in mm, the input a concentration in mM"),
        (("w", "FLOAT", "Turning in rad/s"), ("w", "FLOAT", "Turning in Hz"), "fits by type only", "an angular velocity in rad/s, the input a rate in Hz"),
        (("j", "FLOAT", "Drive in uA cm^-2"), ("j", "FLOAT", "Drive in pA/µm²"), "fits by type only", "multiply by 0.01"),
        (("t", "FLOAT", "Bath in °C"), ("t", "FLOAT", "Bath in K"), "fits by type only", "the input in K: add 273.15"),
        (("f", "FLOAT", "Share in %"), ("f", "FLOAT", "Share, a fraction"), "fits by type only", "multiply by 0.01"),
        (("f", "FLOAT", "Share in %"), ("f", "FLOAT", "Share in Hz"), "fits by type only", "a pure number, the input a rate in Hz"),
        (("r", "FLOAT", "Rate in spikes per second"), ("r", "FLOAT", "Rate in Hz"), "fits", "both are in spikes per second"),
        (("r", "FLOAT", "Rate in 1/ms"), ("r", "FLOAT", "Rate in kHz"), "fits", "both are in 1/ms"),
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
        ("Conductance density (mS/cm²), then µS mm^-2", ["mS/cm2", "µS mm^-2"]),
        ("10ms of noise at 5 Hz per neuron", ["ms", "Hz per neuron"]),
        ("with the keys rate_hz and delay_ms", ["hz", "ms"]),
        ("concentration in mol/l or mmol/L", ["mol/l", "mmol/L"]),
        # Other words, initials and names.
        ("Voltage in a neuron at an age in Mm", []),
        ("the second population, which lets us compute the degree", []),
        ("neurons in V1 and in S2, spikes per neuron, M/F", []),
        ("range [min, max] of the neuron(s)", []),
        ("a current in nA/patch", []),
    ],
)
def test_units_are_recognised(text: str, units: list[str]) -> None:
    assert [unit.text for unit in units_in("value", text)] == units


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("g_ns", ["nanosiemens"]),
        ("delay_ns", ["nanosiemens"]),
        ("duration_s", ["second"]),
        ("v_s", []),
        ("e_na", []),
        ("input_na", ["nanoampere"]),
        ("g_ms_per_cm2", ["millisiemens*centimeter**-2"]),
        ("spikes_per_s", ["second**-1"]),
        ("rate_min", []),
        ("ms", []),
        ("_", []),
    ],
)
def test_units_of_names_are_recognised(name: str, units: list[str]) -> None:
    assert [unit.expression for unit in units_in(name, "")] == units


def test_every_word_is_a_unit_that_pint_knows() -> None:
    for word in (*unit_words._WORDS, *unit_words._LONG_WORDS):
        assert quantity(unit_words.unit_word(word) or "dimensionless") is not None, word
    powers = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "m": -3, "c": -2, "-": 0, "k": 3, "M": 6, "G": 9}
    for symbol, name, prefixes in unit_words._SYMBOLS:
        for prefix in prefixes:
            unit = unit_words.unit_word(f"{prefix.removeprefix('-')}{symbol}")
            assert unit is not None
            assert conversion(unit, name) == pytest.approx((10.0 ** powers[prefix], 0.0)), unit


_PIECES = ("mS", "cm2", "ms", " in ", "/", " per ", "spikes", "1", "-1", "^", "**", "°C", "%", "_", "(", "µ", "Ω", "V1", "a", " ", "·", "\n")  # fmt: skip


@settings(max_examples=tiers.count(2_000, at_least=50), deadline=None)
@tried_with(
    texts=st.lists(st.lists(st.sampled_from(_PIECES) | st.characters(), max_size=12), min_size=2, max_size=2)
)
def test_any_text_has_units_that_can_be_compared(texts: list[list[str]]) -> None:
    given_text, wanted = map("".join, texts)
    found = units_in(given_text, wanted)
    assert all(conversion(unit.expression, unit.expression) for unit in found)
    assert compare(("a", given_text), ("b", wanted)).verdict in ("same", "different", "unclear")


def test_pint_is_loaded_only_for_units_that_differ() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from neuroworkflow_agent.nodes import check_paths\n"
        "from neuroworkflow_agent.nodes.meanings import compare\n"
        f"check_paths([Path({str(CORRECT)!r})])\n"
        "assert compare(('a', 'Delay in ms'), ('a', 'Delay in ms')).verdict == 'same'\n"
        "assert 'pint' not in sys.modules\n"
        "assert compare(('a', 'Delay in s'), ('a', 'Delay in ms')).reason.endswith('multiply by 1000')\n"
        "assert 'pint' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


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
