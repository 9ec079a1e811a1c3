"""Clients at random beside people who type, pause and run, in a room of memory alone: thousands of edits and runs in minutes."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import nbformat
import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.notebooks.room import RoomServer
from neuroworkflow_agent.notebooks.room_holder import RoomHolder
from neuroworkflow_agent.surfaces.mcp.service import Service
from neuroworkflow_agent.tools.registry import Answer, Call
from tests import tiers
from tests.surfaces.mcp.at_random import KINDS, Worker
from tests.surfaces.mcp.in_memory import Hub, VirtualLoop
from tests.surfaces.mcp.people import Person, Runner
from tests.surfaces.mcp.scripted_kernel import ScriptedKernel, ScriptedKernels
from tests.surfaces.mcp.truth import END, Cell, Truth
from tests.surfaces.mcp.typist import CELL, check_typed, write_notebook

_EDITS = tiers.count(20_000)
_NAME = "random.ipynb"
_KINDS = {**KINDS, "move": 10}
_CLIENTS = 3
_ARRIVES_S = 10.0
PEOPLE = ("A", "B")
_RAN, _PRINTS = "ran", "ran"
"""Id of the cell that somebody runs, and what its code prints."""


class InMemory:
    """A client that calls a service's tools without a transport."""

    is_gone = False

    def __init__(self, service: Service) -> None:
        self._tools = {tool.name: tool.handler for tool in service.tools}

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = await self._tools[name](Call(arguments, ToolUseId(""), self))
        assert isinstance(answer, Answer)
        return answer.structured


@pytest.mark.timeout(3600)
def test_nothing_is_lost_doubled_or_misplaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_at_random(tmp_path, monkeypatch))


async def _at_random(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_notebook(root / _NAME, *PEOPLE)
    chance, truth = random.Random(tiers.SEED), Truth()
    notebook = nbformat.read(root / _NAME, 4)
    notebook.cells.append(nbformat.v4.new_code_cell(f"print('{_PRINTS}')\n{END}", id=_RAN))
    hub = Hub(notebook, chance)
    hub.let_in(monkeypatch)
    truth.typed |= {CELL: Cell(), _RAN: Cell()}
    people = [Person(hub, name, CELL, chance) for name in PEOPLE]
    kernel = ScriptedKernel(chance)
    runner = Runner(hub, _RAN, kernel, chance)
    service = Service(AgentConfig(workspace=root), kernels=ScriptedKernels(kernel), hold=_hold)
    try:
        await _work_beside(people, runner, service, truth, chance)
        await asyncio.sleep(_ARRIVES_S)
        saved = hub.document.get(deduplicate=False)
        shown = [(cell["id"], cell["source"]) for cell in saved["cells"]]
        assert [page.cells for page in (*people, runner)] == [shown] * (len(people) + 1)
        check_typed(dict(shown)[CELL], people)
        truth.check(nbformat.from_dict(saved))
        (ran,) = [cell for cell in saved["cells"] if cell["id"] == _RAN]
        assert [output["text"] for output in ran["outputs"]] == [f"{_PRINTS}\n"]
        assert ran["execution_count"] == runner.numbers[-1]
    finally:
        await service.aclose()
        for page in (*people, runner):
            await page.aclose()
    runs, words = (
        sum(len(cell.runs) for cell in truth.cells.values()),
        sum(len(person.words) for person in people),
    )
    print(
        f"\n{truth.edits} edits, {runs} of them runs, {truth.refused} refused, {words} words, {len(runner.numbers)} runs in a page"
    )


async def _hold(_path: Path, name: str) -> Holder:
    return RoomHolder(RoomServer("http://in.memory", "", "Agent"), name)


async def _work_beside(
    people: list[Person], runner: Runner, service: Service, truth: Truth, chance: random.Random
) -> None:
    stop = asyncio.Event()
    workers = [
        Worker(InMemory(service), truth, random.Random(chance.random()), _NAME, _KINDS).work(_EDITS)
        for _ in range(_CLIENTS)
    ]
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.type_until(stop))
        group.create_task(runner.run_until(stop))
        await asyncio.gather(*workers)
        stop.set()
