"""`%chat` where something else runs it: other magics, files, `run_cell`; in a real kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.surfaces.conftest import SharedKernel


@pytest.fixture
def scripted_model(shared_kernel: SharedKernel) -> ScriptedModel:
    return shared_kernel.model


@pytest.fixture
def workspace(shared_kernel: SharedKernel) -> Path:
    return shared_kernel.workspace


@pytest.mark.parametrize(
    "source",
    [
        "%%time\n%chat go",
        "%time %chat go",
        "%%timeit -n1 -r1\n%chat go",
        "%timeit -n1 -r1 %chat go",
        "%prun -q %chat go",
        "%%prun -q\n%chat go",
        "%%capture captured\n%chat go\n",
        "%%capture captured\n%%chat\ngo\n",
        "get_ipython().run_cell('%chat go').raise_error()",
        "import asyncio\nawait asyncio.sleep(0)\nget_ipython().run_cell('%%chat\\ngo').raise_error()",
        "%%time\n%%capture captured\n%chat go",
    ],
)
def test_chat_works_under_another_magic(
    source: str, kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(
        Reply.code("import asyncio\nawait asyncio.sleep(0.01)\nz = 3"), Reply.text("It is done.")
    )
    ran = kernel.run(source)
    assert (ran.status, kernel.run("z").text) == ("ok", "3"), ran.text
    shown = kernel.run("captured.show()").text if "captured" in source else ran.text
    assert "It is done." in shown


@pytest.mark.parametrize("name", ["asks.ipy", "asks.ipynb"])
@pytest.mark.parametrize("source", ["%run {}", "%run {}\nimport asyncio\nawait asyncio.sleep(0)"])
def test_chat_works_in_a_file_that_is_run(
    name: str, source: str, kernel: RealKernel, scripted_model: ScriptedModel, workspace: Path
) -> None:
    cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": "%chat go"}  # fmt: skip
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (workspace / name).write_text("%chat go\n" if name.endswith("ipy") else json.dumps(notebook))
    scripted_model.extend(Reply.code("z = 3"), Reply.text("It is done."))
    ran = kernel.run(source.format(name))
    assert (ran.status, "It is done." in ran.text) == ("ok", True), ran.text
    assert kernel.run("z").text == "3"


def test_chat_works_in_a_callback_of_the_kernels_loop(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("z = 3"), Reply.text("It is done."))
    kernel.run("import asyncio")
    source = "asyncio.get_event_loop().call_later(0.1, get_ipython().run_cell, '%chat go')\nawait asyncio.sleep(0.2)\nz"
    assert kernel.run(source).outputs[-1]["data"]["text/plain"] == "3"


def test_body_of_another_cell_magic_is_left_alone(kernel: RealKernel, workspace: Path) -> None:
    kernel.run("%%writefile notes.txt\n%chat is a magic\n%%chat too\n")
    assert (workspace / "notes.txt").read_text() == "%chat is a magic\n%%chat too\n"


def test_a_cell_of_its_own_does_not_block_the_kernel(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.text("one two three " * 20, delay_s=0.02))
    kernel.run(
        "import asyncio\nbeats = []\nasync def beat():\n    while True:\n        await asyncio.sleep(0.02); beats.append(1)\ntask = asyncio.ensure_future(beat())"
    )
    kernel.run("before = len(beats)\n%chat talk\nafter = len(beats); task.cancel()")
    assert int(kernel.run("after - before").text) > 10
