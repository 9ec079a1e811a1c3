"""`neuroworkflow-agent mcp` on standard input and output, as its clients meet it: no server, only files."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.scratch import sweep
from tests.surfaces.mcp.client import Client, started
from tests.surfaces.mcp.server import older_mcp

PICTURE = "from IPython.display import Image\nimport base64\nImage(base64.b64decode('{}'))"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


DISGUISED = """
import numpy
asked = []
class ndarray:
    shape = property(asked.append)
ndarray.__module__ = "numpy"
disguised = ndarray()
"""
"""A value whose class says that it is numpy's, and notices who asks it for a shape."""


def path_of(mcp: int) -> str | None:
    """Where a server finds this version of `mcp`."""
    return older_mcp() if mcp == 1 else None


@pytest.mark.kernel
@pytest.mark.parametrize("mcp", [pytest.param(1, marks=pytest.mark.thorough), 2])
async def test_a_client_creates_edits_and_runs_a_notebook(tmp_path: Path, mcp: int) -> None:
    async with started(tmp_path, path=path_of(mcp)) as client:
        assert await client.call("notebook_create", path="new/a.ipynb", cells=[{"source": "x = 6"}]) == {
            "path": "new/a.ipynb",
            "cells": 1,
        }
        assert "left alone" in await client.refused("notebook_create", path="new/a.ipynb")
        added = await client.call("cell_insert", path="new/a.ipynb", source="x * 7", index=-1)
        ran = await client.call("notebook_run_all", path="new/a.ipynb")
        assert [(cell["id"] == added["id"], cell["outputs"]) for cell in ran["cells"]] == [
            (False, ""),
            (True, "42"),
        ]
        shown = await client.ask("run_code", {"path": "new/a.ipynb", "code": PICTURE.format(PNG)})
        assert shown[0] is False
        assert "(image)" in shown[2]
        await client.call("run_code", path="new/a.ipynb", code=DISGUISED)
        listed = (await client.call("kernel_variables", path="new/a.ipynb"))["variables"]
        assert {"name": "x", "type": "int", "value": "6"} in listed
        assert {"name": "disguised", "type": "numpy.ndarray"} in listed
        ran = await client.call("run_code", path="new/a.ipynb", code="print(asked)")
        assert ran["outputs"].endswith("\n[]\n")
        assert "StdinNotImplementedError" in await client.refused(
            "run_code", path="new/a.ipynb", code="input()"
        )
        assert "interrupted after timeout_s=0.5" in await client.refused(
            "run_code", path="new/a.ipynb", code="while True: pass", timeout_s=0.5
        )
        await _goes_on_and_is_stopped(client)
        assert (await client.call("kernel_status", path="new/a.ipynb"))["state"] == "idle"
    notebook = nbformat.read(tmp_path / "new" / "a.ipynb", 4)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert notebook.cells[1].outputs[0].data["text/plain"] == "42"


async def _goes_on_and_is_stopped(client: Client) -> None:
    code = "import time\nfor i in range(10**6):\n    print(i, flush=True)\n    time.sleep(0.1)"
    begun = await client.call("run_code", path="new/a.ipynb", code=code, wait_s=1.5)
    assert begun["status"] == "running"
    polled = await client.call("execution_get", execution=begun["execution"], wait_s=0)
    assert polled["outputs"].startswith("0\n1\n")
    assert client.progress[-1].isdigit()
    assert await client.call("execution_stop", execution=begun["execution"]) == {"stopped": True}
    assert "was stopped" in await client.refused("execution_get", execution=begun["execution"])


@pytest.mark.parametrize("mcp", [1, 2])
async def test_reading_alone_is_all_that_read_only_offers(tmp_path: Path, mcp: int) -> None:
    async with started(tmp_path, "--read-only", path=path_of(mcp)) as client:
        assert await client.names() == [
            "notebook_list",
            "notebook_get",
            "notebook_search",
            "cell_get",
            "notebook_watch",
            "notebook_list_users",
            "room_list",
            "kernel_status",
            "kernel_variables",
            "check_node",
            "list_nodes",
        ]
        _, _, said = await client.ask("cell_insert", {"path": "a.ipynb", "source": "x", "index": 0})
        assert "There is no tool 'cell_insert' here." in said


async def test_paths_lead_to_one_notebook_below_the_root_alone(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.ipynb"
    root.mkdir()
    for place in (outside, root / "a.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), place)
    (root / "out.ipynb").symlink_to(outside)
    (root / "alias.ipynb").symlink_to(root / "a.ipynb")
    (root / "pipe.ipynb").mkdir()
    async with started(root) as client:
        for path in ("../outside.ipynb", str(outside), "out.ipynb", "a/../../outside.ipynb"):
            assert "leads out of the server's root folder" in await client.refused("notebook_get", path=path)
        for path in ("pipe.ipynb", "none.ipynb", "a.txt", "a\0.ipynb", "x" * 5000):
            await client.refused("notebook_get", path=path)
        assert "leads out" in await client.refused("notebook_create", path="../new.ipynb")
        direct = await client.call("notebook_get", path="a.ipynb")
        assert await client.call("notebook_get", path="alias.ipynb") == direct
        assert (await client.call("notebook_list"))["notebooks"] == [{"path": "a.ipynb"}]


async def test_each_watcher_hears_of_a_change(tmp_path: Path) -> None:
    async with started(tmp_path) as client:
        await client.call("notebook_create", path="a.ipynb", cells=[{"source": "1"}])
        watching = [
            asyncio.create_task(client.call("notebook_watch", path="a.ipynb", timeout_s=60)) for _ in range(3)
        ]
        while not all(task.done() for task in watching):
            await client.call("cell_insert", path="a.ipynb", source="2", index=0)
            await asyncio.wait(watching, timeout=1)
        assert all(task.result()["changed"] for task in watching)
        assert not any(task.result()["timed_out"] for task in watching)


def test_commands_are_the_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, arguments)
        return done.exit_code, done.output

    cells = json.dumps([{"source": "x = 1"}])
    assert run("notebook", "create", "a.ipynb", "--cells", cells) == (0, "Created a.ipynb with 1 cells.\n")
    code, said = run("notebook", "get", "a.ipynb", "--json")
    (cell,) = json.loads(said)["cells"]
    assert (code, cell["first_line"], cell["state"]) == (0, "x = 1", "not run")
    edited = run("cell", "edit", "a.ipynb", "--cell-id", cell["id"], "--old", "1", "--new", "2")
    assert edited[0] == 0
    code, said = run(
        "cell", "update", "a.ipynb", "--cell-id", cell["id"], "--source", "", "--hash", cell["hash"]
    )
    assert (code, "The cell now says:\nx = 2" in said) == (1, True)


@pytest.mark.kernel
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.thorough)]
)
def test_a_server_that_is_ended_ends_its_kernels(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "a.ipynb")
    command = [sys.executable, "-m", "neuroworkflow_agent", "mcp"]
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    run = {"path": "a.ipynb", "code": "open('began', 'w').close()\nwhile True: pass", "wait_s": 0}
    messages: list[dict[str, object]] = [
        {"id": 1, "method": "initialize", "params": about},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "run_code", "arguments": run}},
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()
        assert [json.loads(process.stdout.readline())["id"] for _ in range(2)] == [1, 2]
        while not (tmp_path / "began").exists():
            time.sleep(0.05)
        (kernel,) = psutil.Process(process.pid).children()
        process.send_signal(number)
        assert process.wait(timeout=30) == (-number if number == signal.SIGKILL else 128 + number)
        # One that was killed can end nothing: its kernel notices that it is alone.
        _gone, left = psutil.wait_procs([kernel], timeout=30)
        assert [each for each in left if each.status() != psutil.STATUS_ZOMBIE] == []
    assert bool(list(temporary.rglob("kernel.json"))) == (number == signal.SIGKILL)
    sweep()  # as the next start of a kernel does
    assert list(temporary.rglob("*.json")) == []
