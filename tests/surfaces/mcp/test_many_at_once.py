"""Two people who type in JupyterLab and three MCP clients, all at random in one notebook: nothing is lost, doubled or misplaced.

Again and again the server is started anew, while people have closed their pages and clients go on, and the client that
speaks through a program is killed. (A page that stays open meanwhile brings its own history of the notebook along, which
jupyter-collaboration merges with another one if its store was cut off in the middle.)
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.async_api import async_playwright

from neuroworkflow_agent.notebooks.edits import Insert, Move, Place
from neuroworkflow_agent.notebooks.room import Room, RoomServer
from neuroworkflow_agent.notebooks.room_holder import RoomHolder
from neuroworkflow_agent.testing.lab import find_chromium
from neuroworkflow_agent.testing.ports import free_port
from tests import needs, tiers
from tests.surfaces.mcp.at_random import Worker
from tests.surfaces.mcp.clients import Program, Web
from tests.surfaces.mcp.server import TOKEN, Server
from tests.surfaces.mcp.truth import Cell, Truth
from tests.surfaces.mcp.typist import CELL, Typist, check_typed, lab_server, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.timeout(3600)]
NAME = "shared.ipynb"
EDITS = tiers.count(10_000)
_A_SERVER = 1_000
"""After how many edits the server is started anew; pages are opened again then, which get slower the longer they are open."""
_PAUSES_S = 2.5
PEOPLE = ("A", "B")


@asynccontextmanager
async def people() -> AsyncIterator[list[Typist]]:
    """Each with a browser of their own."""
    path = find_chromium() or needs.missing("Chromium", install="apt install chromium")
    async with async_playwright() as playwright, AsyncExitStack() as stack:
        found = []
        for name in PEOPLE:
            browser = await playwright.chromium.launch(
                executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            stack.push_async_callback(browser.close)
            found.append(Typist(browser, name))
        yield found


@asynccontextmanager
async def typing(persons: list[Typist]) -> AsyncIterator[None]:
    """While people type."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(person.type_until(stop)) for person in persons]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


class Clients:
    """Three MCP clients at work."""

    def __init__(self, server: Server, truth: Truth, chance: random.Random) -> None:
        self._server = server
        self._truth = truth
        self._chance = chance
        self.all: list[Web | Program] = [Web(server.url), Web(server.url), Program(server.url)]
        self.working: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for client in self.all:
            await client.start()
            self._set_to_work(client)

    async def replace_program(self) -> None:
        """Kill the one that is a program, and start another one."""
        program = self.all[2]
        assert isinstance(program, Program)
        await program.kill()
        await self.working.pop()
        self.all[2] = Program(self._server.url)
        await self.all[2].start()
        self._set_to_work(self.all[2])

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            for task in self.working:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)

    async def aclose(self) -> None:
        for task in self.working:
            task.cancel()
        await asyncio.gather(*self.working, return_exceptions=True)
        for client in self.all:
            await client.aclose()

    def _set_to_work(self, client: Web | Program) -> None:
        worker = Worker(client, self._truth, random.Random(self._chance.random()), NAME)
        self.working.append(asyncio.create_task(worker.work(EDITS)))


async def soon(holds: Callable[[], bool]) -> None:
    """Until it is so."""
    while not holds():
        await asyncio.sleep(0.1)


def sources(room: Room) -> list[str]:
    return [str(cell["source"]) for cell in room.document.ycells]


async def everybody_sees_the_same(persons: list[Typist], client: Web | Program) -> None:
    """Wait until what people have typed is everywhere."""
    last = [person.words[-1] for person in persons]
    while True:
        read = await client.call("cell_get", {"path": NAME, "cell_id": CELL})
        texts = [read["cells"][0]["source"], *[await person.text() for person in persons]]
        if all(word in text for word in last for text in texts):
            return
        await asyncio.sleep(0.1)


@pytest.mark.thorough
async def test_nothing_is_lost_doubled_or_misplaced(tmp_path: Path) -> None:
    port = free_port()
    server = await asyncio.to_thread(lab_server, tmp_path, port)
    write_notebook(server.root / NAME, *PEOPLE)
    truth = Truth()
    truth.typed[CELL] = Cell()
    clients = Clients(server, truth, random.Random(tiers.SEED))
    step = min(_A_SERVER, EDITS // 2)
    async with people() as persons:
        try:
            await clients.start()
            for enough in range(step, EDITS + 1, step):
                for person in persons:
                    await person.open(server, NAME)
                async with typing(persons):
                    await clients.until(lambda: truth.edits >= enough - step // 2)  # noqa: B023 - awaited here
                    await clients.replace_program()
                    await clients.until(lambda: truth.edits >= enough)  # noqa: B023
                    if enough + step > EDITS:
                        await asyncio.gather(*clients.working)
                await everybody_sees_the_same(persons, clients.all[0])
                shown = [await person.cells() for person in persons]
                if enough + step <= EDITS:
                    for person in persons:
                        await person.close()
                    await asyncio.to_thread(server.close)
                    server = await asyncio.to_thread(lab_server, tmp_path, port)
        finally:
            await clients.aclose()
            await asyncio.to_thread(server.close)
    notebook = nbformat.read(server.root / NAME, 4)
    saved = {cell.id: cell.source for cell in notebook.cells}
    assert shown == [list(saved.items())] * len(persons)
    check_typed(saved[CELL], persons)
    truth.check(notebook)
    print(
        f"\n{truth.edits} edits, {truth.refused} refused, {truth.unanswered} unanswered, "
        f"{[len(person.words) for person in persons]} words, {[person.clicks for person in persons]} clicks"
    )


@pytest.mark.thorough
async def test_the_cursor_of_somebody_who_pauses_stays_in_a_cell_that_is_moved(tmp_path: Path) -> None:
    server = await asyncio.to_thread(lab_server, tmp_path, free_port())
    write_notebook(server.root / NAME, "A")
    holder = RoomHolder(RoomServer(server.url, TOKEN, "Agent"), NAME)
    room = await Room.join(RoomServer(server.url, TOKEN, "Other"), NAME)
    async with people() as (person, _):
        try:
            await person.open(server, NAME)
            await holder.read()  # who comes later hears of a cursor within 15 s
            await person.type()
            await soon(lambda: room.cursors_in() == {CELL})
            clicks = person.clicks
            for _ in range(3):
                await holder.apply([Insert("x", Place(index=0))], ())
            while room.typed_in(_PAUSES_S):
                await asyncio.sleep(0.1)
            for index in (0, -1, 1):
                await holder.apply([Move(CELL, Place(index=index))], ())
                await person.type()
            assert person.clicks == clicks
            await soon(lambda: all(word in sources(room)[1] for word in person.words))
            check_typed(sources(room)[1], [person])
        finally:
            await room.leave()
            await holder.aclose()
            await asyncio.to_thread(server.close)


@pytest.mark.thorough
async def test_what_runs_in_a_page_shows_its_outputs_when_another_cell_moves_past_it(tmp_path: Path) -> None:
    server = await asyncio.to_thread(lab_server, tmp_path, free_port())
    write_notebook(server.root / NAME, "A")
    holder = RoomHolder(RoomServer(server.url, TOKEN, "Agent"), NAME)
    async with people() as (person, _):
        try:
            await person.open(server, NAME)
            code = "import time\nfor number in range(30):\n    print(number)\n    time.sleep(0.1)"
            cell = (await holder.apply([Insert(code, Place(index=-1))], ()))[0].cell
            await person.run(cell)
            while not (await holder.read()).cells[1].outputs:
                await asyncio.sleep(0.1)
            await person.type()
            assert list(holder.running) == [cell]
            await holder.apply([Move(CELL, Place(index=-1))], ())
            await person.type()
            ran, typed = (await holder.read()).cells
            while holder.running or not all(word in typed.source for word in person.words):
                await asyncio.sleep(0.1)
                ran, typed = (await holder.read()).cells
            assert "".join(output.text for output in ran.outputs).split() == [str(each) for each in range(30)]
            check_typed(typed.source, [person])
        finally:
            await holder.aclose()
            await asyncio.to_thread(server.close)
