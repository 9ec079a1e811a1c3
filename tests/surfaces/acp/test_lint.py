"""What the linter of the Agent Client Protocol says of the agent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests import needs

pytestmark = [pytest.mark.kernel, pytest.mark.claude]
_AGENT = Path(__file__).with_name("linted.py")
_PARTS = (
    "initialization",
    "authentication",
    "session_lifecycle",
    "streaming",
    "tool_calls",
    "session_modes",
    "config_options",
    "cancel",
    "stress",
    "schema_validation",
)
"""All but those for which it watches for 5 s what this agent never asks: files and terminals of the client."""


@pytest.mark.thorough
def test_acplint_finds_nothing(tmp_path: Path, scripted_model: ScriptedModel) -> None:
    acplint = needs.program("acplint", install="pip install acplint==0.1.0")
    (tmp_path / "a.txt").write_text("what is there\n")
    reading = Reply.tool("Read", file_path=str(tmp_path / "a.txt"))
    scripted_model.extend(Reply.text("hello"), reading, *[Reply.text("hello")] * 50)
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            acplint,
            *("--agent", sys.executable, "--agent-args", str(_AGENT), "--cwd", str(tmp_path)),
            *("--output", "json", "--output-file", str(report), "--categories", *_PARTS),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    results = json.loads(report.read_text())["results"]
    assert [each for each in results if each["status"] != "PASS"] == [], done.stderr
    assert len(results) >= 45
    assert any(each["name"] == "tool_call_schema_valid" for each in results)
