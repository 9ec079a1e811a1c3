"""The lines that the documentation has for MCP clients, tried: by Claude Code itself, and as far as they are only settings by ours."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from neuroworkflow_agent.engine.claude.launcher import find_cli
from tests.surfaces.mcp.client import started
from tests.surfaces.mcp.server import TOKEN, Server
from tests.surfaces.mcp.test_http import HELLO, MESSAGES

pytestmark = [pytest.mark.server, pytest.mark.claude, pytest.mark.thorough]
PAGE = (Path(__file__).parents[3] / "docs" / "mcp.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for _, text in found]


def settings() -> list[dict[str, Any]]:
    """What the documentation writes into files of clients, a server each."""
    files = [json.loads(text) for text in blocks("json")]
    return [server for each in files for server in (each.get("mcpServers") or each["servers"]).values()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Server(tmp_path_factory.mktemp("served"))
    yield served
    served.close()


def filled(text: str, server: Server, root: Path) -> str:
    """A setting with what a user puts in."""
    for name, value in (
        ("http://localhost:8888", server.url),
        ("$JUPYTER_TOKEN", TOKEN),
        ("${env:JUPYTER_TOKEN}", TOKEN),
        ("${input:jupyter}", TOKEN),
        ("/home/me/notebooks", str(root)),
        ("${workspaceFolder}", str(root)),
        ("~/notebooks", str(root)),
        ("/home/me/venv/bin", str(BIN)),
        ("…", TOKEN),
    ):
        text = text.replace(name, value)
    return text


@pytest.mark.parametrize("number", range(len(settings())))
async def test_each_setting_leads_to_the_tools(
    number: int, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = json.loads(filled(json.dumps(settings()[number], ensure_ascii=False), server, tmp_path))
    if url := setting.get("url"):
        said = httpx.post(url, json=HELLO, headers={**MESSAGES, **setting["headers"]}, timeout=60)
        assert "serverInfo" in said.text
        return
    assert Path(setting["command"]).name == "neuroworkflow-agent"
    assert setting["args"].pop(0) == "mcp"
    for name, value in setting.get("env", {}).items():
        monkeypatch.setenv(name, value)
    async with started(tmp_path, *setting["args"]) as client:
        assert "cell_execute" in await client.names()


def test_claude_code_connects_by_the_lines_for_it(server: Server, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "MCP_TIMEOUT": "80000",
    }

    program = find_cli(None)
    assert program is not None

    def claude(*arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=90,
        )
        return done.stdout + done.stderr

    lines = [
        line for text in blocks("bash") for line in text.splitlines() if line.startswith("claude mcp add")
    ]
    assert len(lines) == 2
    for number, line in enumerate(lines):
        _, *arguments = shlex.split(filled(line, server, tmp_path))
        claude(*[f"notebooks{number}" if each == "notebooks" else each for each in arguments])
    listed = claude("mcp", "list")
    assert len(re.findall(r"^notebooks\d: .* Connected$", listed, re.MULTILINE)) == 2, listed
