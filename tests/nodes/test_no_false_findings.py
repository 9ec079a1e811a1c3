"""What the checker has to leave alone: code that runs, in the ways in which people write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from neuroworkflow_agent.nodes.checker import check_paths
from neuroworkflow_agent.nodes.rules.definition import _SNAKE_CASE, _snake

CORRECT = Path(__file__).parent / "correct"
_RATE, _ISI, _REPORT = "FiringRateNode", "IsiStatisticsNode", "SaveReportNode"


@dataclass(frozen=True)
class Case:
    """A correct node, written otherwise."""

    name: str
    node: str
    edits: tuple[tuple[str, str], ...]

    @property
    def source(self) -> str:
        text = (CORRECT / f"{self.node}.py").read_text(encoding="utf-8")
        for old, new in self.edits:
            assert old in text, (self.name, old)
            text = text.replace(old, new, 1)
        return text


def _reads_names(how: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """The input `neuron_names` is no argument of the method, which looks it up itself."""
    return (
        ('inputs=["spike_times_ms", "neuron_names"]', 'inputs=["spike_times_ms"]'),
        ("self, spike_times_ms: dict[str, list[float]], neuron_names: list[str] | None", "self, spike_times_ms: dict[str, list[float]]"),
        ("        names = list(spike_times_ms)", f"        neuron_names = None\n{how}\n        names = list(spike_times_ms)"),
        *more,
    )  # fmt: skip


_AFTER_IMPORTS = "\n\nclass"
_STEP_CALL = '        self.add_process_step("describe", self.describe, method_key="describe")\n'
_ISI_OUTPUTS = 'outputs=["mean_isi_ms", "isi_cv"]'
_RATE_RETURN = (
    'return {"firing_rate_hz": rates, "population_rate_hz": float(mean if middle is None else middle)}'
)

CASES = (
    Case("a length that the method asks for", _RATE, (('constraints={"allowed_values": ["mean", "median"]}', 'constraints={"min_length": 4}'),)),
    Case("a unit in an argument of its own", _RATE, (('"window_ms": Par', '"window_length": Par'), ('_parameters["window_ms"]', '_parameters["window_length"]'), ('from 0, in ms",', 'from 0", unit="ms",'))),
    Case("arguments that newer libraries have", _RATE, (("default_value=1000.0,", 'default_value=1000.0, unit="ms", secret=False,'),)),
    Case("a port's value", _RATE, _reads_names('        neuron_names = self._input_ports["neuron_names"].value')),
    Case("a port, if it is there", _RATE, _reads_names('        neuron_names = self._input_ports["neuron_names"].value if "neuron_names" in self._input_ports else None')),
    Case("a port by get", _RATE, _reads_names('        neuron_names = self._input_ports.get("neuron_names").value')),
    Case("a port by its method", _RATE, _reads_names('        neuron_names = self.get_input_port("neuron_names").get_value()')),
    Case("a port by its method and a keyword", _RATE, _reads_names('        neuron_names = self.get_input_port(name="neuron_names").value')),
    Case("a port by getattr", _RATE, _reads_names('        neuron_names = getattr(self, "_input_ports")["neuron_names"].value')),
    Case("the context", _RATE, _reads_names('        neuron_names = self._context.get("neuron_names")')),
    Case("ports in a loop over a list", _RATE, _reads_names('        for each in ["neuron_names"]:\n            neuron_names = self._input_ports[each].value')),
    Case("ports in a loop over a variable", _RATE, _reads_names('        wanted = ("neuron_names",)\n        for each in wanted:\n            if each in self._input_ports:\n                neuron_names = self.get_input_port(each).value')),
    Case("ports in a loop over pairs", _RATE, _reads_names('        for _, each in (("a", "neuron_names"),):\n            neuron_names = self._input_ports[each].value')),
    Case("ports in a comprehension", _RATE, _reads_names('        (neuron_names,) = [self._input_ports[each].value for each in ("neuron_names",)]')),
    Case("ports named by a constant of the module", _RATE, _reads_names('        neuron_names = self._input_ports[NAMES].value', (_AFTER_IMPORTS, '\nNAMES = "neuron_names"\n\n\nclass'))),
    Case("ports named by a constant of the class", _RATE, _reads_names('        for each in self.OPTIONAL:\n            neuron_names = self._input_ports[each].value', ("    def __init__", '    OPTIONAL = ["neuron_names"]\n\n    def __init__'))),
    Case("all ports", _RATE, _reads_names('        for _, port in self._input_ports.items():\n            neuron_names = port.value')),
    Case("ports by a computed name", _RATE, _reads_names('        neuron_names = self._input_ports["neuron_" + "names"].value')),
    Case("a function that is given the node", _RATE, _reads_names("        neuron_names = chosen_names(self)", (_AFTER_IMPORTS, '\n\ndef chosen_names(node):\n    return node._input_ports["neuron_names"].value\n\n\nclass'))),
    Case("another name for the node", _RATE, _reads_names("        node = self\n        neuron_names = node._input_ports['neuron_names'].value")),
    Case("a port's method handed on", _RATE, _reads_names("        (neuron_names,) = [port.value for port in map(self.get_input_port, ['neuron_names'])]")),
    Case("a step that names its inputs", _RATE, (
        ('inputs=["spike_times_ms", "neuron_names"]', "inputs=[]"),
        ('self.add_process_step("choose", self.choose, method_key="choose")', 'self.add_process_step("choose", self.choose, inputs=INPUTS, method_key="choose")'),
        (_AFTER_IMPORTS, '\nINPUTS = ["spike_times_ms", "neuron_names"]\n\n\nclass'),
        ("self, spike_times_ms: dict[str, list[float]], neuron_names: list[str] | None", "self, **given: Any"),
        ("names = list(spike_times_ms) if neuron_names is None else neuron_names", 'spike_times_ms, names = given["spike_times_ms"], given["neuron_names"] or []'),
    )),
    Case("an output that is set on its port", _ISI, (
        ('        result["isi_cv"] = cvs\n', '        self._output_ports["isi_cv"].set_value(cvs)\n'),
        ('{"mean_isi_ms": {}, "isi_cv": {}}', '{"mean_isi_ms": {}}'),
        (_ISI_OUTPUTS, 'outputs=["mean_isi_ms"]'),
    )),
    Case("an output that another method declares", _RATE, (
        ('return {"chosen": {name', 'return {"population_rate_hz": 0.0, "chosen": {name'),
    )),
    Case("an output that a step declares", _ISI, (
        (_STEP_CALL, '        self.add_process_step("describe", self.describe, outputs=["mean_isi_ms", "isi_cv"], method_key="describe")\n'),
        (_ISI_OUTPUTS, 'outputs=["mean_isi_ms"]'),
    )),
    Case("an output whose name is no identifier", _RATE, (
        ('"population_rate_hz": PortDefinition', '"population rate": PortDefinition'),
        ('outputs=["firing_rate_hz", "population_rate_hz"]', 'outputs=["firing_rate_hz", "population rate"]'),
        ('rates, "population_rate_hz": float', 'rates, "population rate": float'),
    )),
    Case("one output that is returned without a dict", _RATE, (
        ('return {"chosen": {name: spike_times_ms[name] for name in names}}', "return [spike_times_ms[name] for name in names]"),
        ("for name, times in chosen.items()", "for name, times in enumerate(chosen)"),
    )),
    Case("a value for the next step in the context", _RATE, (
        ('return {"chosen": {name', 'self._context["weights"] = {}\n        return {"chosen": {name'),
        ('inputs=["chosen"],', 'inputs=["chosen", "weights"],'),
        ("chosen: dict[str, list[float]]", "chosen: dict[str, list[float]], weights: Any"),
    )),
    Case("a value that another method takes from the call", _RATE, (
        (_RATE_RETURN, 'print(self.describe(ordered)["spread_hz"])\n        ' + _RATE_RETURN),
        ("    def count(", '    def describe(self, ordered: list[float] = []) -> dict[str, Any]:\n        return {"spread_hz": ordered}\n\n    def count('),
        ('            "count": MethodDefinition(', '            "describe": MethodDefinition(description="Spread of the rates", inputs=[], outputs=[]),\n            "count": MethodDefinition('),
        ('        self.add_process_step("count"', '        self.add_process_step("describe", self.describe, method_key="describe")\n        self.add_process_step("count"'),
    )),
    Case("a number or a function", _ISI, (
        ('description="Fewest spikes of a neuron that counts", constraints={"min": 2}', 'description="Fewest spikes that count, as an integer or a lambda of the neuron"'),
    )),
    Case("a dict whose description speaks of quantities", _RATE, (
        ('"neuron_names": PortDefinition(\n                type=PortType.LIST, description="Names of the neurons to look at"',
         '"neuron_names": PortDefinition(\n                type=PortType.DICT, description="Dict with the keys delay, duration and mean firing rate"'),
        ("neuron_names: list[str] | None", "neuron_names: Any"),
    )),
    Case("an object whose description speaks of quantities", _RATE, (
        ('"neuron_names": PortDefinition(\n                type=PortType.LIST, description="Names of the neurons to look at"',
         '"neuron_names": PortDefinition(\n                type=PortType.OBJECT, description="Connectome with weights, tract lengths and conduction speed"'),
        ("neuron_names: list[str] | None", "neuron_names: Any"),
    )),
    Case("a whole number that counts", _ISI, (
        ('"min_spikes": Par', '"log_interval": Par'),
        ('self._parameters["min_spikes"]', 'self._parameters["log_interval"]'),
        ("Fewest spikes of a neuron that counts", "Write a line every this many iterations"),
    )),
    Case("a fan-in port", _RATE, (
        ('description="Names of the neurons to look at", optional=True', 'description="Names of the neurons to look at", optional=True, fan_in=True'),
        ("type=PortType.LIST", "type=PortType.OBJECT"),
        ("list(spike_times_ms) if neuron_names is None else neuron_names", "sorted(neuron_names)"),
    )),
    Case("an input without which the method refuses", _RATE, (
        ('description="Names of the neurons to look at", optional=True', 'description="Names of the neurons to look at"'),
        ("names = list(spike_times_ms) if neuron_names is None else neuron_names", "problems = []\n        if neuron_names is None:\n            problems.append('no names')\n        names = sorted(neuron_names)\n        if problems:\n            raise ValueError(str(problems))"),
    )),
    Case("an input that its own port makes up for", _RATE, (
        ('description="Names of the neurons to look at", optional=True', 'description="Names of the neurons to look at"'),
        ("list(spike_times_ms) if neuron_names is None else neuron_names", 'neuron_names if neuron_names is not None else self._input_ports["neuron_names"].value'),
    )),
    Case("options at import", _RATE, (
        (_AFTER_IMPORTS, '\nimport logging\nimport platform\n\nimport numpy as np\nimport pandas as pd\n\npd.set_option("future.infer_string", False)\nnp.set_printoptions(precision=3)\nlogging.basicConfig(level="INFO")\nSYSTEM = platform.system()\nNAMES = {}\nfor each in ("a", "b"):\n    NAMES[each] = each.upper()\n\n\nclass'),
    )),
    Case("names that only some systems have", _RATE, (
        (_AFTER_IMPORTS, '\ntry:\n    import nest\nexcept ImportError:\n    nest = None\n\nHERE = __file__\n\n\ndef _shape(rates: "np.ndarray") -> "Rates":\n    global _CACHE\n    _CACHE = rates\n    return nest, _CACHE\n\n\nclass'),
    )),
    Case("names from a star import", _RATE, (
        (_AFTER_IMPORTS, "\nfrom numpy import *\n\n\nclass"),
        ("sorted(rates.values())", "sort(list(rates.values()))"),
    )),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_correct_code_raises_nothing(case: Case, tmp_path: Path) -> None:
    path = tmp_path / f"{case.node}.py"
    path.write_text(case.source, encoding="utf-8")
    assert [f"{each.code} {each.text}" for each in check_paths([path]).findings] == []


def _found(tmp_path: Path, node: str, *edits: tuple[str, str]) -> list[tuple[str, str]]:
    path = tmp_path / f"{node}.py"
    path.write_text(Case("", node, edits).source, encoding="utf-8")
    return [(each.code, each.text) for each in check_paths([path]).findings]


def test_input_that_only_its_name_is_asked_for_is_unused(tmp_path: Path) -> None:
    edits = _reads_names(
        '        print(self._input_ports.keys(), len(self._input_ports), "neuron_names" in self._input_ports)'
    )
    assert [code for code, _ in _found(tmp_path, _RATE, *edits)] == ["NW309"]


def test_names_that_a_loop_follows_leave_the_others_unused(tmp_path: Path) -> None:
    edits = _reads_names(
        '        for each in ("spike_times_ms",):\n            neuron_names = self._input_ports[each].value'
    )
    assert [code for code, _ in _found(tmp_path, _RATE, *edits)] == ["NW309"]


def test_keys_that_go_nowhere_are_one_finding(tmp_path: Path) -> None:
    seven = ", ".join(f'"part_{number}": 1' for number in range(7))
    (found,) = _found(tmp_path, _RATE, ('return {"chosen": {name', f'return {{{seven}, "chosen": {{name'))
    assert found == (
        "NW408",
        "choose returns 'part_0', 'part_1', 'part_2', 'part_3', 'part_4' and 2 more, which are not outputs and no later "
        "step's input. Declare outputs of these names, or do not return them.",
    )


def test_summary_that_is_returned_itself_is_one_finding(tmp_path: Path) -> None:
    found = _found(
        tmp_path,
        _ISI,
        (
            "        return result\n",
            '        summary = {"mean": means, "cv": cvs, "n": 1}\n        return summary\n',
        ),
    )
    assert [code for code, _ in found] == ["NW407", "NW407"]


def test_default_that_no_bound_compares_with_says_so(tmp_path: Path) -> None:
    (found,) = _found(tmp_path, _ISI, ("default_value=3", "default_value='3'"))
    assert found == (
        "NW205",
        "The default '3' of 'min_spikes' is a str, which cannot be compared with its bounds [2, ∞]. "
        "Give a number, or drop min and max; configure() raises TypeError for it.",
    )


@pytest.mark.parametrize(
    "name", ["4d_nifti", "4D", "42", "", "_x", "Größe", "FiringRate", "a--b", "1 2 three", "é"]
)
def test_type_that_is_proposed_is_one(name: str) -> None:
    assert _SNAKE_CASE.fullmatch(_snake(name)), _snake(name)


def test_type_that_begins_with_a_digit_keeps_its_words(tmp_path: Path) -> None:
    (found,) = _found(tmp_path, _RATE, ('type="firing_rate"', 'type="4d_firing_rate"'))
    assert found == ("NW111", "The type '4d_firing_rate' is not snake_case. Write type='firing_rate_4d'.")


def test_node_of_another_library_of_the_name_is_not_judged(tmp_path: Path) -> None:
    library = tmp_path / "neuroworkflow"
    (library / "core").mkdir(parents=True)
    (library / "nodes").mkdir()
    (library / "core" / "node.py").write_text(
        "class Node:\n    def execute(self):\n        raise NotImplementedError\n"
    )
    path = library / "nodes" / "FiringRateNode.py"
    path.write_text((CORRECT / "FiringRateNode.py").read_text().replace("PortType.LIST", "PortType.STRING"))
    assert [each.code for each in check_paths([path]).findings] == ["NW014"]
    (library / "core" / "node.py").write_text("class Node:\n    def add_process_step(self): ...\n")
    assert "NW301" in {each.code for each in check_paths([path]).findings}


def test_base_class_of_a_library_is_no_node(tmp_path: Path) -> None:
    path = tmp_path / "node.py"
    path.write_text(
        "from abc import ABC\n\nfrom neuroworkflow.core.schema import NodeDefinitionSchema\n\n\n"
        "class Node(ABC):\n    NODE_DEFINITION: NodeDefinitionSchema = None\n"
    )
    assert check_paths([tmp_path]).findings == []


def test_label_that_an_older_library_does_not_take_is_not_missing(tmp_path: Path) -> None:
    core = tmp_path / "neuroworkflow" / "core"
    core.mkdir(parents=True)
    (core / "node.py").write_text("class Node:\n    def add_process_step(self): ...\n")
    (core / "schema.py").write_text("class NodeDefinitionSchema:\n    type: str\n    description: str\n")
    text = (CORRECT / "FiringRateNode.py").read_text()
    for line in text.splitlines(keepends=True):
        if line.strip().startswith(("stage=", "tool=", "model_source=")):
            text = text.replace(line, "")
    path = tmp_path / "FiringRateNode.py"
    path.write_text(text)
    assert check_paths([path]).findings == []
    (core / "schema.py").write_text(
        "class NodeDefinitionSchema:\n    type: str\n    stage: str = ''\n    tool: str = ''\n    model_source: str = ''\n"
    )
    assert [each.code for each in check_paths([path]).findings] == ["NW113", "NW115", "NW116"]


_SETTINGS = '''"""How a search over a workflow is done."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.schema import NodeDefinitionSchema, ParameterDefinition


class SearchSettingsNode(Node):
    """Holds settings, and takes no part in the run."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="search_settings",
        description="How a search over the workflow's parameters is done.",
        stage="optimization",
        tool="custom",
        model_source="https://optuna.org",
        parameters={
            "begin": ParameterDefinition(
                default_value={"v_th": -50.0, "c_m": 250.0},
                description="Values to begin with, in mV and pF",
                optimizable=True,
                optimization_range={"v_th": [-60.0, -45.0], "c_m": [200.0, 300.0]},
            ),
            "rate_hz": ParameterDefinition(
                default_value=10.0, description="Rate in Hz. A list makes it vary over time.", measures="rate"
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)

    def settings(self) -> dict[str, Any]:
        return dict(self._parameters)
'''


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("", "", []),
        (
            '"c_m": [200.0, 300.0]}',
            '"c_m": [300.0, 200.0]}',
            ["NW208 The optimization_range [300.0, 200.0] of 'c_m' in 'begin' is not [low, high]."],
        ),
        (
            'default_value={"v_th": -50.0, "c_m": 250.0}',
            "default_value=None",
            [
                "NW208 The optimization_range {'v_th': [-60.0, -45.0], 'c_m': [200.0, 300.0]} of 'begin' is not [low, high]."
            ],
        ),
        (
            "[-60.0, -45.0]",
            "[-60.0, top]",
            ["NW015", "NW107 optimization_range of 'begin' is not a list literal."],
        ),
        (
            "        parameters={",
            '        methods={"run": MethodDefinition(description="Search")},\n        parameters={',
            ["NW401", "NW011", "NW412 SearchSettingsNode has no _define_process_steps, so it does nothing."],
        ),
    ],
    ids=["as it is", "a reversed range", "ranges of no dict", "a name", "a method"],
)
def test_node_that_only_holds_settings(old: str, new: str, found: list[str], tmp_path: Path) -> None:
    """With what the newest libraries have: a range for each key, and fields of their own."""
    path = tmp_path / "SearchSettingsNode.py"
    assert old in _SETTINGS
    path.write_text(_SETTINGS.replace(old, new) if old else _SETTINGS, encoding="utf-8")
    told = [f"{each.code} {each.message}" for each in check_paths([path]).findings]
    assert len(told) == len(found), told
    assert all(any(each.startswith(one) for each in told) for one in found), told


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (None, ["ParameterDefinition has no argument 'colour'."]),
        ("    unit: str = ''\n", ["ParameterDefinition has no argument 'colour'."]),
        ("    colour: str = ''\n", ["ParameterDefinition has no argument 'unit'."]),
        ("    colour: str = ''\n    unit: str = ''\n", []),
    ],
)
def test_arguments_are_those_of_the_library_around(
    schema: str | None, found: list[str], tmp_path: Path
) -> None:
    if schema is not None:
        core = tmp_path / "neuroworkflow" / "core"
        core.mkdir(parents=True)
        (core / "node.py").write_text("class Node:\n    def add_process_step(self):\n        pass\n")
        labels = "".join(f"    {label}: str\n" for label in ("stage", "tool", "model_source"))
        (core / "schema.py").write_text(
            f"class ParameterDefinition:\n{schema}class NodeDefinitionSchema:\n{labels}"
        )
    path = tmp_path / "FiringRateNode.py"
    edit = ("default_value=1000.0,", 'default_value=1000.0, unit="ms", colour="red",')
    path.write_text(Case("", _RATE, (edit,)).source, encoding="utf-8")
    assert [each.message for each in check_paths([path]).findings if each.code == "NW108"] == found
