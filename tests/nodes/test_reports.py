"""Findings as text, JSON, annotations and SARIF, through the command line as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sarif_pydantic import Sarif
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.nodes.catalogue import as_text, list_nodes
from neuroworkflow_agent.nodes.findings import RULES
from tests.nodes.faults import CORRECT, FAULTS


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A node that reads a parameter it has not, named as a person in its folder would."""
    monkeypatch.chdir(tmp_path)
    next(fault for fault in FAULTS if fault.code == "NW215").write(tmp_path)
    return "FiringRateNode.py"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_text_is_one_line_a_finding_and_a_summary_beside(wrong: str) -> None:
    code, out, err = run("check-node", wrong)
    assert code == 1
    assert out == (
        "FiringRateNode.py:83:71: error NW215 The parameter 'window' is read and not declared. "
        "Declare it in parameters. Declared are 'window_ms', 'statistic'.\n"
    )
    assert err == "1 file, 1 node: 1 error, 0 warnings\n"


def test_json_has_every_field(wrong: str) -> None:
    code, out, err = run("check-node", "--json", wrong)
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "files": 1,
        "nodes": 1,
        "errors": 1,
        "silenced": 0,
        "ignored": 0,
        "fixed": 0,
        "findings": [
            {
                "path": "FiringRateNode.py",
                "line": 83,
                "column": 71,
                "code": "NW215",
                "severity": "error",
                "title": RULES["NW215"].title,
                "message": "The parameter 'window' is read and not declared.",
                "remedy": "Declare it in parameters. Declared are 'window_ms', 'statistic'.",
            }
        ],
    }


def test_annotations_are_escaped(wrong: str) -> None:
    Path("a,b:c%.py").write_text("x = (\n")
    code, out, _ = run("check-node", "--format", "github", wrong, "a,b:c%.py")
    assert code == 1
    first, second = out.splitlines()
    assert first.startswith(
        "::error file=FiringRateNode.py,line=83,col=71,title=NW215 A parameter is read and not declared"
    )
    assert second.startswith("::error file=a%2Cb%3Ac%25.py,line=1,col=5,title=NW004 ")


def test_sarif_is_valid_and_names_every_rule(wrong: str) -> None:
    _, out, _ = run("check-node", "--format", "sarif", wrong)
    log = Sarif.model_validate_json(out)
    (result,) = log.runs[0].results or []
    assert result.rule_id == "NW215"
    rules = log.runs[0].tool.driver.rules or []
    assert [rule.id for rule in rules] == sorted(RULES)
    assert rules[json.loads(out)["runs"][0]["results"][0]["ruleIndex"]].id == "NW215"


def test_every_rule_says_what_comes_of_it() -> None:
    assert all(rule.why.endswith(".") and len(rule.why) > 10 for rule in RULES.values())
    certain = [rule.why for rule in RULES.values() if rule.severity == "error" and rule.code > "NW100"]
    assert not [why for why in certain if why.startswith(("It runs", "It may run"))]
    advice = [rule.why for rule in RULES.values() if rule.severity == "info"]
    assert not [why for why in advice if "Error" in why or "raises" in why]


def test_correct_files_exit_with_zero() -> None:
    code, out, err = run("check-node", str(Path(__file__).parent / "correct"))
    assert (code, out, err) == (0, "", "12 files, 12 nodes: 0 errors, 0 warnings\n")


def test_warnings_alone_exit_with_zero(tmp_path: Path) -> None:
    path = next(fault for fault in FAULTS if fault.code == "NW204").write(tmp_path)
    assert run("check-node", str(path))[0] == 0


def test_information_is_printed_as_any_other_finding(tmp_path: Path) -> None:
    path = next(fault for fault in FAULTS if fault.code == "NW114").write(tmp_path)
    code, out, err = run("check-node", str(path))
    assert code == 0
    assert ": info NW114 The stage 'decoding' is a new one." in out
    assert err == "1 file, 1 node: 0 errors, 0 warnings\n"


def test_nodes_are_listed_as_table_text_json_and_mermaid() -> None:
    folder = str(Path(__file__).parent / "correct")
    rows = json.loads(run("list-nodes", folder, "--json")[1])
    assert [row["type"] for row in rows] == sorted(row["type"] for row in rows)
    rate = next(row for row in rows if row["type"] == "firing_rate")
    assert (rate["class_name"], rate["stage"], rate["tool"]) == ("FiringRateNode", "analysis", "custom")
    assert rate["inputs"][0] == {
        "name": "spike_times_ms",
        "type": "DICT",
        "description": "Spike times in ms, a list keyed by neuron name",
        "optional": False,
        "fan_in": False,
    }
    assert rate["parameters"][1]["constraints"] == {"allowed_values": ["mean", "median"]}
    assert rate["parameters"][0]["optimizable"] is True
    assert rate["parameters"][0]["optimization_range"] == [100.0, 2000.0]
    text = run("list-nodes", folder, "--format", "text")[1]
    assert "out population_rate_hz FLOAT: Firing rate of the population in Hz" in text
    assert "in  neuron_names LIST (optional): " in text
    mermaid = run("list-nodes", folder, "--format", "mermaid")[1]
    assert mermaid.startswith("flowchart LR\n")
    assert "spike_times_ms → spike_times_ms" in mermaid
    table = run("list-nodes", folder)[1]
    assert "firing_rate" in table
    assert "PortDefinition" not in table


def test_list_says_so_where_there_is_none(tmp_path: Path) -> None:
    assert run("list-nodes", str(tmp_path))[1].strip() == "No nodes here."
    assert run("list-nodes", str(tmp_path), "--json")[1].strip() == "[]"


def test_list_of_nodes_says_what_a_search_may_try_and_what_it_is_to_reach(tmp_path: Path) -> None:
    chosen = (
        (CORRECT / "FiringRateNode.py")
        .read_text()
        .replace('default_value="mean"', 'optimizable=True, default_value="mean"')
    )
    (tmp_path / "FiringRateNode.py").write_text(chosen)
    lines = as_text(list_nodes([CORRECT / "GridSearchNode.py", tmp_path])).splitlines()
    assert [line for line in lines if "optimizable" in line or "objective" in line] == [
        "  set window_ms = 1000.0 (optimizable in [100.0, 2000.0]): Length of the window from 0, in ms",
        "  set statistic = 'mean' (optimizable among ['mean', 'median']): How rates are put together over neurons",
        "  set target_rate_hz = 10.0 (optimizable in [1.0, 50.0]): Firing rate to reach, in Hz",
        "  set rate_error = 0.0 (objective in [0.0, 100.0]): Distance from the target rate in Hz, to be made small",
    ]
