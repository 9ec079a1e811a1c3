"""Workflows are read from scripts and notebooks, checked, and drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.nodes.drawing import workflow_as_mermaid, workflow_as_svg
from neuroworkflow_agent.nodes.findings import RULES
from neuroworkflow_agent.nodes.source import Unreadable
from neuroworkflow_agent.nodes.workflow_report import check_workflow

GOOD = """\
from neuroworkflow.core.workflow import WorkflowBuilder
from FiringRateNode import FiringRateNode
from PoissonPopulationNode import PoissonPopulationNode
from SaveReportNode import SaveReportNode

population = PoissonPopulationNode("population")
population.configure(rate_hz=12.0, n_neurons=5)
population.set_input("duration_ms", 1000.0)
rates = FiringRateNode("rates")

builder = WorkflowBuilder("rates of a population")
builder.add_node(population).add_node(rates).add_node(SaveReportNode("report"))
builder.connect("population", "spike_times_ms", "rates", "spike_times_ms")
builder.connect("rates", "firing_rate_hz", "report", "results")
workflow = builder.build()
"""


def write(folder: Path, *edits: tuple[str, str]) -> Path:
    text = GOOD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "workflow.py"
    path.write_text(text)
    return path


def test_workflow_is_read(correct_nodes: Path) -> None:
    report = check_workflow(write(correct_nodes))
    workflow = report.workflow
    assert report.findings == []
    assert workflow.name == "rates of a population"
    assert workflow.order == ["population", "rates", "report"]
    assert list(map(str, workflow.connections)) == [
        "population.spike_times_ms → rates.spike_times_ms",
        "rates.firing_rate_hz → report.results",
    ]
    assert report.summary == "3 nodes, 2 connections: 0 errors, 0 warnings"


def test_node_that_is_imported_under_another_name_is_known(correct_nodes: Path) -> None:
    path = write(
        correct_nodes,
        ("from FiringRateNode import FiringRateNode", "from FiringRateNode import FiringRateNode as Rates"),
        ('rates = FiringRateNode("rates")', 'rates = Rates("rates")'),
    )
    assert check_workflow(path).findings == []


@dataclass(frozen=True)
class Case:
    code: str
    edits: tuple[tuple[str, str], ...]
    line_of: str
    others: tuple[str, ...] = ()
    """Findings that follow from the same mistake."""


_CONNECT = 'builder.connect("rates", "firing_rate_hz", "report", "results")\n'
CASES = (
    Case("NW701", (("from SaveReportNode import SaveReportNode", "from elsewhere import StrangeNode"), ("SaveReportNode(", "StrangeNode(")), "StrangeNode("),
    Case("NW702", (('connect("rates",', 'connect("rate",'),), "connect", ("NW709",)),
    Case("NW703", (('"rates", "spike_times_ms")', '"rates", "spikes")'),), "spikes", ("NW706",)),
    Case("NW703", (('"rates", "firing_rate_hz"', '"rates", "rates"'),), '"rates", "rates"'),
    Case("NW704", (('"rates", "firing_rate_hz"', '"rates", "population_rate_hz"'),), "population_rate_hz"),
    Case(
        "NW705",
        (("workflow = ", 'builder.connect("report", "report_file", "rates", "neuron_names")\nworkflow = '),),
        '"rates", "firing',
        ("NW704",),
    ),
    Case("NW706", (('population.set_input("duration_ms", 1000.0)\n', ""),), "population = "),
    Case(
        "NW707",
        (("workflow = ", 'builder.connect("rates", "firing_rate_hz", "rates2", "spike_times_ms")\nworkflow = '),
         ("builder.add_node", 'builder.add_node(FiringRateNode("rates2"))\nbuilder.connect("population", "spike_times_ms", "rates2", "spike_times_ms")\nbuilder.add_node')),
        '"firing_rate_hz", "rates2"',
        ("NW711",),
    ),
    Case("NW708", ((_CONNECT, _CONNECT * 2),), "connect"),
    Case("NW709", (("import FiringRateNode", "import FiringRateNode\nfrom AlphaSynapseNode import AlphaSynapseNode"), ("builder.add_node", 'builder.add_node(AlphaSynapseNode("alone"))\nbuilder.add_node')), "alone"),
    Case("NW710", (('SaveReportNode("report")', 'SaveReportNode("rates")'), (_CONNECT, "")), "add_node", ("NW713",)),
    Case("NW711", (('"rates", "firing_rate_hz", "report", "results")', '"rates", "firing_rate_hz", "more", "spike_times_ms")'), ('SaveReportNode("report")', 'FiringRateNode("more")')), "connect"),
    Case("NW712", (("rate_hz=12.0", "rate_hz=900.0"),), "rate_hz"),
    Case("NW712", (("rate_hz=12.0", "rates_hz=9.0"),), "rates_hz"),
    Case("NW712", (("rate_hz=12.0", "rate_hz='9'"),), "rate_hz"),
    Case("NW713", (("builder = ", 'spare = FiringRateNode("spare")\nbuilder = '),), "spare"),
    Case("NW714", ((_CONNECT, "for port in open('ports').read().split():\n    builder.connect('rates', port, 'report', 'results')\n"),), "builder.connect"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_each_mistake_is_found(case: Case, correct_nodes: Path) -> None:
    path = write(correct_nodes, *case.edits)
    findings = check_workflow(path).findings
    assert {finding.code for finding in findings} - set(case.others) <= {case.code}, findings
    if case.code in {finding.code for finding in findings}:
        found = next(finding for finding in findings if finding.code == case.code)
        assert case.line_of in path.read_text().splitlines()[found.line - 1]
    else:
        pytest.fail(f"{case.code} was not found: {findings}")


def test_every_rule_of_workflows_has_a_case() -> None:
    assert {case.code for case in CASES} | {"NW715"} == {code for code in RULES if "NW700" < code < "NW800"}


def test_script_without_a_workflow_says_so(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("x = 1\n")
    assert [finding.code for finding in check_workflow(tmp_path / "plain.py").findings] == ["NW715"]


def test_notebook_is_read_with_its_magics_and_places(correct_nodes: Path) -> None:
    path = correct_nodes / "workflow.ipynb"
    cells = [
        new_markdown_cell("# Rates"),
        new_code_cell("%matplotlib inline\n!ls"),
        new_code_cell("%%chat\nwire these (and don't forget the report"),
        new_code_cell(GOOD.split("builder =")[0]),
        new_code_cell(
            "builder =" + GOOD.split("builder =")[1].replace('connect("rates",', 'connect("rate",')
        ),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    found = [finding for finding in check_workflow(path).findings if finding.code == "NW702"]
    assert [finding.message for finding in found] == [
        "Code cell 4, line 4: There is no node 'rate'; connect raises ValueError."
    ]


def _found(path: Path, code: str) -> list[tuple[str, str]]:
    """Words about the place of each finding of a code, and what stands at its line and column of the file."""
    try:
        findings = check_workflow(path).findings
    except Unreadable as unreadable:
        findings = [unreadable.finding]
    lines = path.read_text(encoding="utf-8").split("\n")
    return [
        (each.message.split(":")[0], lines[each.line - 1][each.column - 1 :])
        for each in findings
        if each.code == code
    ]


def test_finding_in_a_notebook_names_the_line_of_its_file(correct_nodes: Path) -> None:
    """Annotations stand beside lines of the JSON; people look for a line of a cell."""
    path = correct_nodes / "workflow.ipynb"
    made, built = GOOD.split("builder =")
    built = "builder =" + built
    wrong = 'note = "\\u00b5 \\"µ🧠"; builder.connect("rate", "firing_rate_hz", "report", "results")'
    cells = [
        new_markdown_cell("# Rates\n\ncells, source"),
        new_code_cell("\n\n%matplotlib inline\n" + made),
        new_code_cell("\n\nfiles = !ls \\\n  -l\n" + built + wrong),
    ]
    cells[0].metadata["source"] = ["cells"]
    line = ("\n\nfiles = !ls \\\n  -l\n" + built).count("\n") + 1
    notebook = new_notebook(cells=cells, metadata={"cells": [{"source": "no"}]})
    for indent, ascii_only, is_list in (
        (1, False, True),
        (None, False, True),
        (4, True, True),
        (1, True, False),
    ):
        plain = json.loads(nbformat.writes(notebook))
        if not is_list:
            plain["cells"][2]["source"] = "".join(plain["cells"][2]["source"])
        path.write_text(json.dumps(plain, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
        ((words, there),) = _found(path, "NW702")
        assert words == f"Code cell 2, line {line}"
        assert there.startswith('builder.connect(\\"rate\\"')
    cells[2] = new_code_cell("x = 1\nfor x in\n    pass")
    nbformat.write(new_notebook(cells=cells), path)
    ((words, there),) = _found(path, "NW004")
    assert (words, there) == ("Code cell 2, line 2", '\\n",')


def test_notebook_that_is_none_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    result = CliRunner().invoke(app, ["check-workflow", str(path)])
    assert result.exit_code == 1
    assert "NW001" in result.stderr
    for how, begins in (
        ("json", '{"name": "", "errors": 1,'),
        ("github", "::error file="),
        ("sarif", '{"$schema"'),
    ):
        result = CliRunner().invoke(app, ["check-workflow", str(path), "--format", how])
        assert (result.exit_code, result.stderr) == (1, "")
        assert result.stdout.startswith(begins)
        assert "NW001" in result.stdout


def test_nodes_elsewhere_are_named(tmp_path: Path, correct_nodes: Path) -> None:
    folder = tmp_path / "elsewhere" / "deep" / "down" / "here" / "now"
    folder.mkdir(parents=True)
    path = write(folder)
    assert {f.code for f in check_workflow(path).findings} == {"NW701"}
    assert check_workflow(path, (correct_nodes,)).findings == []


def test_command_prints_the_order_and_draws(correct_nodes: Path, tmp_path: Path) -> None:
    path, drawing = write(correct_nodes), tmp_path / "workflow.svg"
    result = CliRunner().invoke(app, ["check-workflow", str(path), "--json", "--svg", str(drawing)])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["nodes"] == ["population", "rates", "report"]
    assert drawing.read_text().startswith("<svg")
    mermaid = CliRunner().invoke(app, ["check-workflow", str(path), "--mermaid"]).stdout
    assert mermaid == (
        "flowchart LR\n"
        '    n0["<b>population</b><br/>PoissonPopulationNode"]\n'
        '    n1["<b>rates</b><br/>FiringRateNode"]\n'
        '    n2["<b>report</b><br/>SaveReportNode"]\n'
        '    n0 -- "spike_times_ms → spike_times_ms" --> n1\n'
        '    n1 -- "firing_rate_hz → results" --> n2\n'
    )


def test_drawing_holds_names_as_text_and_says_itself(correct_nodes: Path) -> None:
    path = write(correct_nodes, ('"rates of a population"', "'<script>\"&'"))
    svg = workflow_as_svg(check_workflow(path).workflow)
    root = ET.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}script") is None
    title = root.find(f"{space}title")
    assert title is not None
    assert title.text is not None
    assert title.text.startswith('Workflow <script>"&: population.spike_times_ms → rates.spike_times_ms; ')
    texts = [each.text for each in root.iter(f"{space}text")]
    assert {"population", "PoissonPopulationNode", "spike_times_ms", "report_file"} <= set(texts)
    width = float(root.attrib["width"])
    assert all(0 <= float(each.attrib["x"]) <= width for each in root.iter(f"{space}text"))


def test_names_with_control_characters_are_drawn_and_told_without(correct_nodes: Path) -> None:
    odd = "'rep\\x1b[31mort\\x00\\ud800'"
    path = write(
        correct_nodes,
        ('"rates of a population"', odd),
        ('"rates", "firing_rate_hz"', f'{odd}, "firing_rate_hz"'),
    )
    report = check_workflow(path)
    assert "NW702" in {finding.code for finding in report.findings}
    bundle = report._repr_mimebundle_()
    svg, text = bundle["image/svg+xml"], bundle["text/plain"]
    ET.fromstring(svg.encode())
    assert "\x1b" not in svg + text


def test_cycle_and_unknown_node_are_drawn_too(correct_nodes: Path) -> None:
    path = write(
        correct_nodes,
        (
            "workflow = ",
            'builder.connect("report", "report_file", "nowhere", "x")\nbuilder.connect("nowhere", "y", "rates", "neuron_names")\nworkflow = ',
        ),
    )
    workflow = check_workflow(path).workflow
    ET.fromstring(workflow_as_svg(workflow))
    assert "nowhere" in workflow_as_mermaid(workflow)
