"""A workflow is read in whatever way its script is written, and nothing is missing from what only running it would tell."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from neuroworkflow_agent.nodes.findings import RULES
from neuroworkflow_agent.nodes.source import Unreadable
from neuroworkflow_agent.nodes.workflow_report import check_workflow
from tests import tiers

IMPORTS = """\
from neuroworkflow import WorkflowBuilder
from FiringRateNode import FiringRateNode
from PoissonPopulationNode import PoissonPopulationNode
from SaveReportNode import SaveReportNode

"""
NODES = """\
population = PoissonPopulationNode("population")
population.set_input("duration_ms", 1000.0)
rates = FiringRateNode("rates")
report = SaveReportNode("report")
wf = WorkflowBuilder("rates")
"""
CONNECTIONS = """\
wf.connect("population", "spike_times_ms", "rates", "spike_times_ms")
wf.connect("rates", "firing_rate_hz", "report", "results")
"""
WIRED = [
    "population.spike_times_ms → rates.spike_times_ms",
    "rates.firing_rate_hz → report.results",
]


def check(folder: Path, text: str, name: str = "workflow.py") -> list[tuple[str, int]]:
    """Codes and lines of what is found."""
    path = folder / name
    path.write_text(IMPORTS + text)
    return [(each.code, each.line - IMPORTS.count("\n")) for each in check_workflow(path).findings]


STYLES = {
    "a loop over a list": NODES + "for node in [population, rates, report]:\n    wf.add_node(node)\n" + CONNECTIONS,
    "a loop over a tuple": NODES + "for node in (population, rates, report):\n    wf.add_node(node)\n" + CONNECTIONS,
    "a loop over a variable": NODES + "nodes = [population, rates]\nnodes.append(report)\nfor node in nodes:\n    wf.add_node(node)\n" + CONNECTIONS,
    "a loop over a dict": NODES + "nodes = {'p': population, 'r': rates, 's': report}\nfor node in nodes.values():\n    wf.add_node(node)\n" + CONNECTIONS,
    "a loop with names": NODES + "nodes = dict(p=population, r=rates, s=report)\nfor key, node in nodes.items():\n    wf.add_node(nodes[key])\n" + CONNECTIONS,
    "a comprehension": NODES + "[wf.add_node(node) for node in [population, rates] + [report]]\n" + CONNECTIONS,
    "a filtered comprehension": NODES + "for node in [each for each in (population, rates, report) if each.name != 'spare']:\n    wf.add_node(node)\n" + CONNECTIONS,
    "connections in a table": NODES + "for node in (population, rates, report):\n    wf.add_node(node)\nfor ends in [('population', 'spike_times_ms', 'rates', 'spike_times_ms'), ('rates', 'firing_rate_hz', 'report', 'results')]:\n    wf.connect(*ends)\n",
    "connections by keywords from a dict": NODES + "for node in (population, rates, report):\n    wf.add_node(node)\nfor each in [dict(from_node='population', from_port='spike_times_ms', to_node='rates', to_port='spike_times_ms'), dict(from_node='rates', from_port='firing_rate_hz', to_node='report', to_port='results')]:\n    wf.connect(**each)\n",
    "a chain of nodes": NODES + "chain = [population, rates, report]\nports = [('spike_times_ms', 'spike_times_ms'), ('firing_rate_hz', 'results')]\nfor node in chain:\n    wf.add_node(node)\nfor (before, after), (out, into) in zip(zip(chain, chain[1:]), ports):\n    wf.connect(before.name, out, after.name, into)\n",
    "functions": "def make():\n    population = PoissonPopulationNode('population')\n    population.set_input('duration_ms', 1.0)\n    return population, FiringRateNode('rates')\n\n\ndef wire(wf, nodes, report='report'):\n    for node in nodes:\n        wf.add_node(node)\n    wf.connect('population', 'spike_times_ms', 'rates', 'spike_times_ms')\n    wf.connect('rates', 'firing_rate_hz', report, 'results')\n    return wf.build()\n\n\ndef main():\n    population, rates = make()\n    workflow = wire(WorkflowBuilder('rates'), [population, rates, SaveReportNode('report')])\n    if not workflow.execute():\n        return 1\n    return 0\n\n\nif __name__ == '__main__':\n    main()\n",
    "a function that nobody calls": "def build():\n" + "".join(f"    {line}\n" for line in (NODES + "for node in (population, rates, report):\n    wf.add_node(node)\n" + CONNECTIONS).splitlines()) + "    return wf.build()\n",
    "a class": "class Experiment:\n    def __init__(self, title):\n        self.wf = WorkflowBuilder(title)\n        self.nodes = [PoissonPopulationNode('population'), FiringRateNode('rates'), SaveReportNode('report')]\n        self.nodes[0].set_input('duration_ms', 1.0)\n\n    def build(self):\n        for node in self.nodes:\n            self.wf.add_node(node)\n        self.wf.connect('population', 'spike_times_ms', 'rates', 'spike_times_ms')\n        self.wf.connect('rates', 'firing_rate_hz', 'report', 'results')\n\n\nExperiment('rates').build()\n",
    "names made in a loop": "wf = WorkflowBuilder('rates')\n" + "population = PoissonPopulationNode('popu' + 'lation')\npopulation.set_input('duration_ms', 1.0)\nfor number, node in enumerate([population, FiringRateNode('{}'.format('rates')), SaveReportNode(f\"re{'port'}\")]):\n    wf.add_node(node)\n" + CONNECTIONS,
    "an optional library": NODES + "try:\n    import nest\nexcept ImportError:\n    nest = None\nfor node in (population, rates, report):\n    wf.add_node(node)\n" + CONNECTIONS,
    "a condition that is known": NODES + "kind = 'full'\nif kind == 'full':\n    wf.add_node(report)\nfor node in (population, rates):\n    if node.name not in wf.nodes:\n        wf.add_node(node)\n" + CONNECTIONS,
    "methods that connect": NODES + "wf.add_node(population).add_node(rates).add_node(report)\nwf.connect_safe('population', 'spike_times_ms', 'rates', 'spike_times_ms')\nwf.connect_strict('rates', 'firing_rate_hz', 'report', 'results')\n",
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_workflow_is_read_in_every_style(style: str, correct_nodes: Path) -> None:
    path = correct_nodes / "workflow.py"
    path.write_text(IMPORTS + STYLES[style])
    report = check_workflow(path)
    assert [each.text for each in report.findings] == []
    (workflow,) = report.script.workflows
    assert (workflow.order, sorted(map(str, workflow.connections))) == (
        ["population", "rates", "report"],
        WIRED,
    )
    assert workflow.open == set()


ADDED = "for node in (population, rates, report):\n    wf.add_node(node)\n"
LEFT_ALONE = {
    "nodes that only running tells": NODES + "for node in load_nodes():\n    wf.add_node(node)\nwf.connect('other', 'x', 'rates', 'spike_times_ms')\ndef load_nodes(): ...\n",
    "nodes that a condition adds": NODES + ADDED + CONNECTIONS + "import sys\nif len(sys.argv) > 1:\n    wf.add_node(FiringRateNode('more'))\n    wf.connect('population', 'spike_times_ms', 'more', 'spike_times_ms')\n",
    "one of two nodes": NODES + "import sys\nfirst = rates if len(sys.argv) > 1 else FiringRateNode('rates')\nwf.add_node(population)\nwf.add_node(report)\nwf.add_node(first)\n" + CONNECTIONS,
    "one of two sources": NODES + ADDED + "import sys\nif len(sys.argv) > 1:\n    wf.connect('rates', 'firing_rate_hz', 'report', 'results')\nelse:\n    wf.connect('population', 'spike_times_ms', 'report', 'results')\nwf.connect('population', 'spike_times_ms', 'rates', 'spike_times_ms')\n",
    "a builder that another module is given": NODES + "from elsewhere import add_the_rest\nwf.add_node(rates)\nadd_the_rest(wf)\n",
    "a node that another module is given": NODES + "from elsewhere import prepare\nwf.add_node(rates)\nwf.add_node(report)\nprepare(rates)\nwf.connect('rates', 'firing_rate_hz', 'report', 'results')\n".replace("wf.add_node(rates)", "wf.add_node(rates).add_node(population)") + "prepare(population)\n",
    "an input that is set on its port": "rates = FiringRateNode('rates')\nwf = WorkflowBuilder('one').add_node(rates).build()\nrates.get_input_port('spike_times_ms').set_value({})\n",
    "an input that is assigned": "rates = FiringRateNode('rates')\nwf = WorkflowBuilder('one').add_node(rates).build()\nrates._input_ports['spike_times_ms'].value = {}\n",
    "inputs of the nodes of a workflow": "wf = WorkflowBuilder('one').add_node(FiringRateNode('rates')).build()\nwf.nodes['rates'].set_input('spike_times_ms', {})\n",
    "inputs set in a loop": "wf = WorkflowBuilder('one').add_node(FiringRateNode('rates')).build()\nfor node in wf.nodes.values():\n    node.get_input_port('spike_times_ms').value = {}\n",
    "a graph of networkx": NODES + ADDED + CONNECTIONS + "import networkx as nx\nG = nx.DiGraph()\nfor name in wf.build().nodes:\n    G.add_node(name)\nG.add_node(rates.name)\nG.connect('a', 'b', 'c')\n",
    "a node that is used alone": NODES + ADDED + CONNECTIONS + "spare = FiringRateNode('spare')\nprint(spare.choose({}, None))\n",
    "two workflows": NODES + ADDED + CONNECTIONS + "other = WorkflowBuilder('other')\nalone = FiringRateNode('rates')\nalone.set_input('spike_times_ms', {})\nother.add_node(alone)\n",
    "a workflow in a loop": "rates = FiringRateNode('rates')\nrates.set_input('spike_times_ms', {})\nfor statistic in ('mean', 'median'):\n    rates.configure(statistic=statistic)\n    WorkflowBuilder(f'{statistic}_rates').add_node(rates).build().execute()\n",
    "settings from elsewhere": NODES + ADDED + CONNECTIONS + "import json\nrates.configure(**json.load(open('settings.json')))\n",
    "settings from a dict": NODES + ADDED + CONNECTIONS + "settings = dict(window_ms=500.0)\nrates.configure(statistic='median', **settings)\n",
    "a builder that is given": "def add(wf, names):\n    wf.add_node(FiringRateNode('rates'))\n    wf.connect('somewhere', 'x', 'rates', 'spike_times_ms')\n    for name in names:\n        wf.connect(name, 'x', 'rates', 'spike_times_ms')\n",
    "a node that another module takes": NODES + ADDED + CONNECTIONS + "def spare():\n    return FiringRateNode('spare')\n",
    "a builder that another module takes": "def begin():\n    wf = WorkflowBuilder('begun')\n    wf.add_node(FiringRateNode('rates')).add_node(SaveReportNode('report'))\n    return wf\n",
    "a name that is asked for": NODES + ADDED + CONNECTIONS + "try:\n    display_all\nexcept NameError:\n    display_all = print\n",
    "a list that changes": NODES + "nodes = [population, rates]\nnodes.sort(key=lambda node: node.name)\nfor node in nodes:\n    wf.add_node(node)\nwf.add_node(report)\nnodes.pop()\n" + CONNECTIONS,
    "a class of nodes of another library": NODES + ADDED + CONNECTIONS + "import ast\ntree = ast.parse('1')\nfrom anytree import AnyNode\nroot = AnyNode('root')\n",
}  # fmt: skip
_ADVICE = {"NW714"}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_nothing_is_missing_from_what_is_open(name: str, correct_nodes: Path) -> None:
    found = check(correct_nodes, LEFT_ALONE[name])
    assert {code for code, _ in found} <= _ADVICE, found


STILL_FOUND = {
    "a name in a loop's connection": ("NW702", NODES + ADDED + "for source in ('population', 'populations'):\n    wf.connect(source, 'spike_times_ms', 'rates', 'spike_times_ms')\nwf.connect('rates', 'firing_rate_hz', 'report', 'results')\n", 9),
    "a port where the nodes are open": ("NW703", NODES + ADDED + CONNECTIONS + "from elsewhere import more\nwf.add_node(more())\nwf.connect('rates', 'rate', 'report', 'results')\n", 12),
    "an input where another workflow has it": ("NW706", NODES + ADDED + CONNECTIONS + "other = WorkflowBuilder('other')\nother.add_node(FiringRateNode('rates'))\n", 11),
    "a node that a loop leaves out": ("NW713", NODES + "spare = FiringRateNode('spare')\n" + ADDED + CONNECTIONS, 6),
    "a setting in a loop": ("NW712", NODES + ADDED + CONNECTIONS + "for statistic in ['mean', 'mode']:\n    rates.configure(statistic=statistic)\n", 11),
    "a setting from a dict": ("NW712", NODES + ADDED + CONNECTIONS + "settings = {'windows_ms': 500.0}\nrates.configure(**settings)\n", 11),
    "a second node of a name in a loop": ("NW710", NODES + ADDED + CONNECTIONS + "for number in range(2):\n    wf.add_node(SaveReportNode('report'))\n", 11),
    "a name that is not defined": ("NW015", NODES + ADDED + CONNECTIONS + "print(workflow)\n", 10),
}  # fmt: skip


@pytest.mark.parametrize("name", STILL_FOUND)
def test_what_is_certain_is_still_found(name: str, correct_nodes: Path) -> None:
    code, text, line = STILL_FOUND[name]
    found = [each for each in check(correct_nodes, text) if each[0] not in _ADVICE]
    assert {each for each, _ in found} - {"NW707", "NW713", "NW706"} - {code} == set(), found
    assert (code, line) in found


def test_workflow_without_nodes_is_said_to_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "workflow.py"
    path.write_text(
        "from neuroworkflow import WorkflowBuilder\n\nworkflow = WorkflowBuilder('empty').build()\n"
    )
    (found,) = check_workflow(path).findings
    assert (found.code, found.message) == ("NW715", "The workflow that is built here has no nodes.")


def test_several_workflows_are_counted_and_the_largest_is_drawn(correct_nodes: Path) -> None:
    path = correct_nodes / "workflow.py"
    path.write_text(IMPORTS + LEFT_ALONE["two workflows"])
    report = check_workflow(path)
    assert report.summary == "2 workflows, 4 nodes, 2 connections: 0 errors, 0 warnings"
    assert report.workflow.name == "rates"


def test_parts_of_a_definition_that_cannot_be_read_lack_nothing(correct_nodes: Path) -> None:
    node = correct_nodes / "FiringRateNode.py"
    text = node.read_text()
    node.write_text(
        text.replace("parameters={", "parameters=COMMON | {").replace(
            'outputs={\n            "fir', 'outputs=COMMON | {\n            "fir', 1
        )
    )
    script = (
        NODES
        + ADDED
        + CONNECTIONS
        + "wf.connect('rates', 'spectrum', 'report', 'results')\nrates.configure(bins=3)\n"
    )
    assert {code for code, _ in check(correct_nodes, script)} <= {"NW707"}


def test_nearest_tree_of_nodes_counts(tmp_path: Path, correct_nodes: Path) -> None:
    """A script beside `src` means the library there, whatever lies further up."""
    project = tmp_path / "one" / "project"
    library = project / "src" / "neuroworkflow" / "nodes" / "analysis"
    library.mkdir(parents=True)
    shutil.copytree(correct_nodes, tmp_path / "one" / "nodes", dirs_exist_ok=True)
    far = tmp_path / "one" / "nodes" / "FiringRateNode.py"
    far.write_text(far.read_text().replace('"firing_rate_hz"', '"rate_hz"'))
    for node in correct_nodes.glob("*.py"):
        shutil.copy(node, library)
    (project / "examples").mkdir()
    assert check(project / "examples", NODES + ADDED + CONNECTIONS) == []
    # At one level the import tells which of the two is meant.
    (project / "nodes").mkdir()
    shutil.copy(far, project / "nodes")
    text = (NODES + ADDED + CONNECTIONS).replace("wf = ", "import neuroworkflow.nodes\nwf = ")
    assert check(project / "examples", text) == []
    assert "NW703" in {code for code, _ in check(project / "examples", NODES + ADDED + CONNECTIONS)}


@pytest.mark.parametrize(
    ("schema", "remedy"),
    [
        (None, "newer versions of the library take"),
        ("    fan_in: bool = False\n", "declare the port with fan_in=True and take a list."),
        ("", "this one does not"),
    ],
)
def test_several_sources_are_put_right_as_the_library_allows(
    schema: str | None, remedy: str, correct_nodes: Path
) -> None:
    if schema is not None:
        core = correct_nodes.parent / "neuroworkflow" / "core"
        core.mkdir(parents=True)
        (core / "node.py").write_text("class Node:\n    def add_process_step(self):\n        pass\n")
        (core / "schema.py").write_text(
            f"class PortDefinition:\n{schema}    optional: bool = False\nclass NodeDefinitionSchema:\n    pass\n"
        )
    second = 'wf.add_node(PoissonPopulationNode("more"))\nwf.connect("more", "spike_times_ms", "rates", "spike_times_ms")\n'
    (correct_nodes / "workflow.py").write_text(IMPORTS + NODES + ADDED + CONNECTIONS + second)
    (found,) = [
        each for each in check_workflow(correct_nodes / "workflow.py").findings if each.code == "NW707"
    ]
    assert remedy in found.remedy


def test_class_of_the_same_name_in_another_module_is_another_node(
    tmp_path: Path, correct_nodes: Path
) -> None:
    """What a script imports from a module that is not here is not judged by a class of that name that is."""
    nodes = tmp_path / "src" / "neuroworkflow" / "nodes"
    for name in ("analysis", "sandbox"):
        (nodes / name).mkdir(parents=True)
    (tmp_path / "examples").mkdir()
    for node in correct_nodes.glob("*.py"):
        shutil.copy(node, nodes / "analysis")
    text = (
        NODES
        + ADDED
        + CONNECTIONS.replace("'firing_rate_hz'", "'rate_hz'").replace('"firing_rate_hz"', '"rate_hz"')
    )
    path = tmp_path / "examples" / "workflow.py"

    def found(module: str, *folders: Path) -> list[str]:
        imports = (
            IMPORTS.replace("from FiringRateNode", f"from {module}")
            .replace("from P", "from neuroworkflow.nodes.analysis.P")
            .replace("from S", "from neuroworkflow.nodes.analysis.S")
        )
        path.write_text(imports + text)
        return [f"{each.code} {each.message}" for each in check_workflow(path, folders).findings]

    unknown = (
        "NW701 The file of FiringRateNode, imported from {}, was not found, so its ports are not checked."
    )
    wrong = ["NW703 FiringRateNode has no output 'rate_hz'; connect raises ValueError."]
    for module in (
        "neuroworkflow.nodes.sandbox.FiringRateNode",
        "neuroworkflow.nodes.sandbox",
        "upload_nodes.FiringRateNode",
    ):
        assert found(module) == [unknown.format(module)]
        assert found(module, nodes) == [unknown.format(module)]
        assert (
            found(module, nodes / "analysis" / "FiringRateNode.py") == wrong
        )  # whoever names the file means it
    for module in (
        "neuroworkflow.nodes.analysis.FiringRateNode",
        "neuroworkflow.nodes.analysis",
        "neuroworkflow.nodes",
        "nodes.analysis",
        "analysis.FiringRateNode",
    ):
        assert found(module) == wrong
    # In a hub's container the same modules lie in another place.
    (tmp_path / "codes" / "projects").mkdir(parents=True)
    nodes.rename(tmp_path / "codes" / "nodes")
    path = tmp_path / "codes" / "projects" / "workflow.py"
    assert found("neuroworkflow.nodes.analysis.FiringRateNode") == wrong
    sandbox = "neuroworkflow.nodes.sandbox.FiringRateNode"
    assert found(sandbox) == [unknown.format(sandbox)]


def test_cells_behind_a_magic_that_runs_them_are_read(correct_nodes: Path) -> None:
    path = correct_nodes / "workflow.ipynb"
    cells = [
        IMPORTS + "%matplotlib inline",
        "%%time\n" + NODES,
        "%%capture shown\n" + ADDED,
        CONNECTIONS + "shown.show()",
    ]
    nbformat.write(new_notebook(cells=[new_code_cell(each) for each in cells]), path)
    report = check_workflow(path)
    assert report.findings == []
    assert report.workflow.order == ["population", "rates", "report"]


@pytest.mark.parametrize("text", ["%run setup.py\nprint(from_setup)", "%pylab inline\nprint(zeros(3))", "%store -r kept\nprint(kept)", "%%bash --out listing\nls", "from numpy import *\nprint(zeros(3))", "print(Out, In, _, __, get_ipython, display)", "exec('x = 1')\nprint(x)"])  # fmt: skip
def test_names_that_a_notebook_gets_elsewhere_are_defined(text: str, correct_nodes: Path) -> None:
    path = correct_nodes / "workflow.ipynb"
    cells = [IMPORTS + NODES, ADDED + CONNECTIONS, text, "print(listing)" if "listing" in text else "pass"]
    nbformat.write(new_notebook(cells=[new_code_cell(each) for each in cells]), path)
    assert check_workflow(path).findings == []


HOSTILE = {
    "endless recursion": "def f(n):\n    return f(n)\n\n\nf(WorkflowBuilder('x'))\n",
    "mutual recursion": "def f(n):\n    return g(n)\n\n\ndef g(n):\n    return f(n), f(n)\n\n\nf(1)\nWorkflowBuilder('x')\n",
    "nested loops": "numbers = range(1000)\nfor a in numbers:\n    for b in numbers:\n        for c in numbers:\n            WorkflowBuilder('x')\n",
    "nested comprehensions": "x = [a for a in range(999) for b in range(999) for c in range(999)]\nWorkflowBuilder('x')\n",
    "functions that double": "".join(f"def f{n}():\n    f{n + 1}()\n    f{n + 1}()\n\n\n" for n in range(30)) + "def f30(): ...\n\n\nf0()\nWorkflowBuilder('x')\n",
    "a text that doubles": "x = 'ab'\n" + "x = x + x\n" * 60 + "WorkflowBuilder(x)\n",
    "a list that doubles": "x = ['ab']\n" + "x = x + x\n" * 60 + "for each in x:\n    WorkflowBuilder(each)\n",
    "a list in itself": "x = []\nx.append(x)\nfor each in x:\n    print(each)\nWorkflowBuilder('x').add_node(x)\nunknown = x\n",
    "a list that grows while it is gone through": "x = [1]\nfor each in x:\n    x.append(each)\nWorkflowBuilder('x')\n",
    "a long chain": "WorkflowBuilder('x')" + ".add_node(FiringRateNode('a'))" * 90 + "\n",
    "a large range": "for n in range(10**12):\n    WorkflowBuilder('x')\n",
    "deep formats": "x = '{0:>999999999}'.format('a')\ny = '%999999999d' % 3\nWorkflowBuilder(x)\n",
}  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_script_ends(name: str, correct_nodes: Path) -> None:
    found = check(correct_nodes, HOSTILE[name])
    assert {code for code, _ in found} <= {"NW710", "NW714", "NW715", "NW706"}, found


_PIECES = ["(", ")", "[", "]", "{", "}", "*", "**", "=", ":", ",", ".", "\n", "    ", "if x:", "for a in b:", "lambda: ", "yield ", "await ", "None", "self", "wf", "nodes", "population", "'rates'", "f'{wf}'", "add_node(", "connect(", "[0]", "[1:]", "not ", " in ", " if wf else ", "global wf\n", "del wf\n", "return wf\n", "def f(a, *b, c=1, **d):\n    ", "class C:\n    ", "with wf as x:\n    ", "try:\n    ", "while True:\n    ", "x := ", "+ ", "% "]  # fmt: skip


def _mutated(chance: random.Random, sources: list[str]) -> str:
    text = chance.choice(sources)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice([0, 1, 3, 10, 40]))
        new = chance.choice([*_PIECES, text[at:end] * 2, chance.choice(sources)[at:end]])
        text = text[:at] + new + text[end:]
    return text


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
def test_mutated_scripts_never_crash_it(correct_nodes: Path) -> None:
    """Pieces of every style, cut, exchanged and mixed with others."""
    chance = random.Random(tiers.SEED)
    sources = [IMPORTS + text for text in (*STYLES.values(), *LEFT_ALONE.values(), *HOSTILE.values())]
    path = correct_nodes / "workflow.py"
    read = 0
    for _ in range(tiers.count(10_000)):
        text = _mutated(chance, sources)
        path.write_text(text)
        try:
            report = check_workflow(path)
        except Unreadable:
            continue
        read += 1
        assert all(each.code in RULES and each.line >= 1 for each in report.findings), text
        json.dumps([each.as_dict() for each in report.findings])
    assert read


_IN_CELLS = [
    "%time ",
    "!ls \\\n",
    "%%capture shown\n",
    "\n\n",
    "\f",
    "\r",
    "\u2028",
    "µ🧠",
    '"',
    "\\",
    ">>> ",
    "\n  x = 1",
]


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
def test_mutated_notebooks_never_crash_it(correct_nodes: Path) -> None:
    """The same in cells, with what notebooks have besides; each finding lies in the file."""
    chance = random.Random(tiers.SEED)
    sources = [IMPORTS + text for text in (*STYLES.values(), *LEFT_ALONE.values())]
    path = correct_nodes / "workflow.ipynb"
    for _ in range(tiers.count(10_000)):
        text = _mutated(chance, sources)
        for _ in range(chance.randint(0, 3)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(_IN_CELLS) + text[at:]
        cells = [new_code_cell(each) for each in text.split("wf = ")]
        written = json.loads(nbformat.writes(new_notebook(cells=cells)))
        notebook = json.dumps(written, indent=chance.choice([None, 1, 4]), ensure_ascii=chance.random() < 0.5)
        path.write_text(notebook, encoding="utf-8", newline="")
        try:
            found = check_workflow(path).findings
        except Unreadable as unreadable:
            found = [unreadable.finding]
        lines = notebook.split("\n")
        assert all(each.column <= len(lines[each.line - 1]) + 1 for each in found), text
