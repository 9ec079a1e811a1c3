"""Findings that a comment silences, or that a project does not want."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.nodes.answers import answer
from neuroworkflow_agent.nodes.checker import check_paths
from neuroworkflow_agent.nodes.workflow_report import check_workflow
from tests.nodes.faults import FAULTS

CORRECT = Path(__file__).parent / "correct"
_UNBOUNDED = next(fault for fault in FAULTS if fault.code == "NW203")
_KEY = '"min_spikes": ParameterDefinition('


def _node(folder: Path, comment: str) -> Path:
    """A node with one NW203, and a comment in its line."""
    path = folder / "IsiStatisticsNode.py"
    lines = _UNBOUNDED.source.splitlines()
    at = next(index for index, line in enumerate(lines) if _KEY in line)
    path.write_text("\n".join([*lines[:at], f"{lines[at]}  {comment}", *lines[at + 1 :], ""]))
    return path


def _codes(path: Path) -> list[str]:
    return [finding.code for finding in check_paths([path]).findings]


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# noqa: NW203 - any number will do", []),
        ("# noqa: NW203 (any number will do)", []),
        ("#NOQA:NW203 any", []),
        ("# type: ignore  # noqa: E501, NW203 - any number will do", []),
        ("# noqa: NW203, E501 any number", []),
        # Without a reason it is as if it were not there.
        ("# noqa: NW203", ["NW017", "NW203"]),
        ("# noqa: NW203 - ", ["NW017", "NW203"]),
        ("# noqa: NW203  # pylint: disable=all", ["NW017", "NW203"]),
        # Not ours.
        ("# noqa", ["NW203"]),
        ("# noqa: E501 - long", ["NW203"]),
        ("# NW203 is fine here", ["NW203"]),
        # Of no use.
        ("# noqa: NW304 - unitless", ["NW016", "NW203"]),
        ("# noqa: NW203, NW304 - any number", ["NW016"]),
        ("# noqa: NW999 - whatever", ["NW016", "NW203"]),
        # What this check does not look for.
        ("# noqa: NW605, NW706 - only on real data", ["NW203"]),
    ],
)
def test_comment_silences_its_line(comment: str, codes: list[str], tmp_path: Path) -> None:
    assert sorted(_codes(_node(tmp_path, comment))) == codes


def test_comment_says_where_it_is_and_what_is_wrong(tmp_path: Path) -> None:
    path = _node(tmp_path, "# µ # noqa: NW304 - unitless")
    found = next(each for each in check_paths([path]).findings if each.code == "NW016")
    line = path.read_text().splitlines()[found.line - 1]
    assert line[found.column - 1 :].startswith("# noqa: NW304")
    assert found.text == "Nothing in this line raises NW304. Remove it from the noqa."


def test_comment_counts_for_a_text_that_ends_in_its_line_and_in_no_text(tmp_path: Path) -> None:
    text = (CORRECT / "FiringRateNode.py").read_text()
    long = 'stage="""deco\nding""",  # noqa: NW114 - a new one'
    path = tmp_path / "FiringRateNode.py"
    path.write_text(text.replace('stage="analysis",', long))
    assert _codes(path) == []
    path.write_text(text.replace('"""', '"""# noqa: NW304 - no comment\n', 1))
    assert _codes(path) == []


def test_what_is_silenced_is_counted(tmp_path: Path) -> None:
    path = _node(tmp_path, "# noqa: NW203 - any number will do")
    assert check_paths([path]).summary == "1 file, 1 node: 0 errors, 0 warnings, 1 silenced"
    given = answer("look_at_file", {"folder": str(tmp_path), "path": str(path)}, {})
    assert given["text"] == "1 file, 1 node: 0 errors, 0 warnings, 1 silenced"


_FLOW = """\
import numpy as np  # noqa: NW709 - not here
%matplotlib inline
from neuroworkflow.core.workflow import WorkflowBuilder
builder = WorkflowBuilder('w')
"""


def test_comment_in_a_cell_of_a_notebook(tmp_path: Path) -> None:
    (tmp_path / "FiringRateNode.py").write_text((CORRECT / "FiringRateNode.py").read_text())
    add = "builder.add_node(FiringRateNode('rates'))"
    cells = [_FLOW, f"from FiringRateNode import FiringRateNode\n{add}  # noqa: NW706 - set by the reader"]
    path = tmp_path / "flow.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    report = check_workflow(path)
    assert [(each.code, each.message) for each in report.findings] == [
        ("NW016", "Code cell 1, line 1: Nothing in this line raises NW709.")
    ]
    assert report.summary == "1 node, 0 connections: 0 errors, 0 warnings, 1 silenced"


def _project(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ("", ["NW203"]),
        ('ignore = ["NW203"]', []),
        ('ignore = ["NW2"]', []),
        ('select = ["NW1", "NW3"]', []),
        ('select = ["NW203"]\nignore = ["NW2"]', ["NW203"]),
        ('select = ["NW2"]\nignore = ["NW203"]', []),
        ("select = []", []),
    ],
)
def test_project_selects_and_ignores(settings: str, codes: list[str], tmp_path: Path) -> None:
    _project(tmp_path, f"[tool.neuroworkflow-agent]\n{settings}\n")
    report = check_paths([_UNBOUNDED.write(tmp_path)])
    assert [finding.code for finding in report.findings] == codes
    assert report.ignored == 1 - len(codes)


def test_nearest_project_that_says_anything_counts(tmp_path: Path) -> None:
    inner = tmp_path / "inner" / "deep"
    inner.mkdir(parents=True)
    _project(tmp_path, '[tool.neuroworkflow-agent]\nignore = ["NW203"]\n')
    _project(tmp_path / "inner", "[tool.ruff]\nline-length = 1\n")
    path = _UNBOUNDED.write(inner)
    assert _codes(path) == []
    _project(inner, "[tool.neuroworkflow-agent]\n")
    assert _codes(path) == ["NW203"]
    assert check_paths([tmp_path]).ignored == 0


def test_comment_on_what_a_project_does_not_want_is_not_told(tmp_path: Path) -> None:
    _project(tmp_path, '[tool.neuroworkflow-agent]\nignore = ["NW304"]\n')
    assert _codes(_node(tmp_path, "# noqa: NW304 - unitless")) == ["NW203"]
    _project(tmp_path, '[tool.neuroworkflow-agent]\nignore = ["NW01"]\n')
    assert _codes(_node(tmp_path, "# noqa: NW304, NW203")) == ["NW203"]


def test_file_that_cannot_be_checked_is_told_whatever_is_ignored(tmp_path: Path) -> None:
    _project(tmp_path, '[tool.neuroworkflow-agent]\nignore = ["NW"]\n')
    (tmp_path / "BrokenNode.py").write_text("x = (  # noqa: NW004 - meant so\n")
    assert _codes(tmp_path / "BrokenNode.py") == ["NW004"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool", "is not TOML: "),
        ("x = 'é'".encode("latin-1"), "is not TOML: "),
        ("[tool]\nneuroworkflow-agent = 1", "must be a table, got 1."),
        ('[tool.neuroworkflow-agent]\nslect = ["NW2"]', "has no setting 'slect'. There are select and ignore."),
        ('[tool.neuroworkflow-agent]\nignore = "NW2"', "must be a list of codes such as ['NW304', 'NW2'], got 'NW2'."),
        ("[tool.neuroworkflow-agent]\nignore = [203]", "must be a list of codes"),
        ('[tool.neuroworkflow-agent]\nignore = ["NW999"]', "names 'NW999', and no finding begins so."),
        ('[tool.neuroworkflow-agent]\nselect = ["E501"]', "names 'E501', and no finding begins so."),
        ('[tool.neuroworkflow-agent]\nselect = [""]', "names '', and no finding begins so."),
        ("a = " + "[" * 5000, "is not TOML: "),
        ("#" * 1_000_001, "is larger than 1,000,000 bytes"),
    ],
)  # fmt: skip
def test_selection_that_cannot_work_is_said(text: str | bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    path = tmp_path / "FiringRateNode.py"
    path.write_text((CORRECT / "FiringRateNode.py").read_text())
    with pytest.raises(ConfigError) as raised:
        check_paths([path])
    with pytest.raises(ConfigError):
        answer("look_at_file", {"folder": str(tmp_path), "path": str(path)}, {})
    assert told in str(raised.value)
    assert f"'{tmp_path / 'pyproject.toml'}'" in str(raised.value)
    result = CliRunner().invoke(app, ["check-node", str(path)])
    assert result.exit_code != 0
    assert isinstance(result.exception, ConfigError)
