"""Notebooks in rooms of jupyter-collaboration, of both majors, beside somebody who types."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import nbformat
import pytest

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import Replace
from neuroworkflow_agent.notebooks.room import Room, RoomServer
from neuroworkflow_agent.notebooks.room_holder import RoomHolder
from neuroworkflow_agent.state.turn_cells import TurnCells
from neuroworkflow_agent.surfaces.mcp.remote import Remote
from tests import tiers
from tests.surfaces.mcp.at_random import Worker
from tests.surfaces.mcp.clients import Web
from tests.surfaces.mcp.server import TOKEN, Server
from tests.surfaces.mcp.truth import END, Cell, Truth

_EDITS = tiers.count(40, at_least=15)
pytestmark = [pytest.mark.server, pytest.mark.kernel]


@pytest.fixture(scope="module", params=[pytest.param("4", marks=pytest.mark.thorough), "5"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # A room is closed as soon as nobody is there, which cancels the save that it is about to make.
    hasty = ("--YDocExtension.document_cleanup_delay=0", "--YDocExtension.document_save_delay=30")
    served = Server(tmp_path_factory.mktemp("rooms"), *hasty, collaboration=request.param)
    yield served
    served.close()


@pytest.fixture
async def agent(server: Server) -> AsyncIterator[Remote]:
    """An MCP client."""
    remote = Remote(server.url, TOKEN)
    await remote.start()
    yield remote
    await remote.aclose()
    server.end_kernels()


def write(server: Server, name: str, *sources: str) -> None:
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), server.root / name)


def sources(server: Server, name: str) -> list[str]:
    return [cell.source for cell in nbformat.read(server.root / name, 4).cells]


def type_in(room: Room, index: int, text: str) -> None:
    """Type at the end of a cell."""
    with room.changing():
        source = room.document.ycells[index]["source"]
        source += text


def names(room: Room) -> set[str]:
    return {user["name"] for user in room.users()}


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.02)


class Listener:
    """A client that has subscribed to a resource, and what it is told."""

    def __init__(self, server: Server, uri: str) -> None:
        self.remote = Remote(server.url, TOKEN)
        self.told: list[str] = []
        self._uri = uri

    async def start(self) -> None:
        await self.remote.start()
        self._listening = asyncio.create_task(self._listen())
        await self.remote.ask("resources/subscribe", {"uri": self._uri})

    async def aclose(self) -> None:
        self._listening.cancel()
        await asyncio.wait([self._listening])
        await self.remote.aclose()

    async def _listen(self) -> None:
        async for message in self.remote.listen():
            if message.get("method") == "notifications/resources/updated":
                self.told.append(message["params"]["uri"])


async def call(agent: Remote, name: str, /, **arguments: Any) -> dict[str, Any]:
    return (await agent.call(name, arguments)).structured


async def test_typing_merges_and_everybody_sees_the_same(server: Server, agent: Remote) -> None:
    write(server, "typed.ipynb", "a = 'é😀'\nb = 2", "print('one', flush=True)\n'two'")
    (server.root / "alias.ipynb").symlink_to(server.root / "typed.ipynb")
    await call(agent, "notebook_get", path="alias.ipynb")
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), "typed.ipynb")
    try:
        await _works_beside(person, agent)
        await person.save()
    finally:
        await person.leave()
    saved = nbformat.read(server.root / "typed.ipynb", 4)
    assert [cell.source for cell in saved.cells] == [
        "print('one', flush=True)\n'two'",
        "a = 'é!😀'\nb = 33  # typed",
    ]
    assert [cell.id for cell in saved.cells] == ["cell-1", "cell-0"]
    assert [cell.execution_count for cell in saved.cells] == [1, None]


async def _works_beside(person: Room, agent: Remote) -> None:
    there: set[str] = set()
    while there != {"Person", "Agent (MCP)"}:
        users = await call(agent, "notebook_list_users", path="alias.ipynb")
        assert users["held_as"] == "room"
        there = {user["name"] for user in users["users"]}
        await asyncio.sleep(0.05)
    with person.changing():
        text = person.document.ycells[0]["source"]
        text += "  # typed"
    await call(agent, "cell_edit", path="typed.ipynb", cell_id="cell-0", old="b = 2", new="b = 33")
    await call(agent, "cell_edit", path="alias.ipynb", cell_id="cell-0", old="é", new="é!")
    with person.changing():
        person.document.ycells[1]["metadata"]["mine"] = "kept"
    await person.settle()
    await call(agent, "cell_move", path="typed.ipynb", cell_id="cell-1", index=0)
    ran = await call(agent, "cell_execute", path="typed.ipynb", cell_id="cell-1")
    assert ran["cells"][0]["outputs"] == "one\n'two'"
    await person.settle()
    moved = person.document.get()["cells"][0]
    assert moved["metadata"]["mine"] == "kept"
    assert [output["output_type"] for output in moved["outputs"]] == ["stream", "execute_result"]


async def test_outputs_stream_into_everybodys_cell(server: Server, agent: Remote) -> None:
    write(
        server,
        "stream.ipynb",
        "import time\nfor i in range(600):\n    print(i, flush=True)\n    time.sleep(0.05)",
    )
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), "stream.ipynb")
    try:
        begun = await call(agent, "cell_execute", path="stream.ipynb", index=0, wait_s=3)
        while not (shown := person.document.get()["cells"][0]["outputs"]):
            await asyncio.sleep(0.05)
        assert shown[0]["text"].startswith("0\n1\n")
        assert person.document.ycells[0]["execution_state"] == "running"
        assert await call(agent, "execution_stop", execution=begun["execution"]) == {"stopped": True}
        await person.settle()
        cell = person.document.get()["cells"][0]
        assert cell["outputs"][-1]["ename"] == "KeyboardInterrupt"
        assert person.document.ycells[0]["execution_state"] == "idle"
    finally:
        await person.leave()


async def test_a_room_that_nobody_asks_about_is_saved_and_left(server: Server) -> None:
    write(server, "idle.ipynb", "x = 1")
    holder = RoomHolder(RoomServer(server.url, TOKEN, "Agent"), "idle.ipynb", idle_s=0.1)
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), "idle.ipynb")
    try:
        type_in(person, 0, "  # typed")
        await person.settle()
        await holder.apply([Replace("cell-0", "1", "2")], ())
        await until(lambda: "Agent" in names(person))
        await until(lambda: "Agent" not in names(person))
        assert sources(server, "idle.ipynb") == ["x = 2  # typed"]
        type_in(person, 0, ", more")
        await person.settle()
    finally:
        await person.leave()
    await holder.aclose()
    assert sources(server, "idle.ipynb") == ["x = 2  # typed"]
    assert (await holder.read()).cells[0].source.startswith("x = 2  # typed")
    await holder.aclose()


async def test_a_save_is_one_also_while_somebody_types(server: Server) -> None:
    write(server, "saved.ipynb", "x = 0", "typed")
    room = await Room.join(RoomServer(server.url, TOKEN, "Agent"), "saved.ipynb")
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), "saved.ipynb")

    async def type_on() -> None:
        while True:
            type_in(person, 1, "!")
            await asyncio.sleep(0.05)

    typing = asyncio.create_task(type_on())
    try:
        for number in range(3):
            type_in(room, 0, f"\nx = {number}")
            await room.save()
            assert sources(server, "saved.ipynb")[0].endswith(f"\nx = {number}")
    finally:
        typing.cancel()
        await room.leave()
        await person.leave()


async def test_undo_takes_back_a_turns_text_and_not_what_is_typed_later(server: Server) -> None:
    write(server, "undone.ipynb", "a = 1\nb = 2", "theirs")
    holder = RoomHolder(RoomServer(server.url, TOKEN, "Agent"), "undone.ipynb")
    document = NotebookDocument(holder)
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), "undone.ipynb")
    try:
        turn = TurnCells(document)
        await document.edit(Replace("cell-0", "a = 1", "a = 100"), Replace("cell-1", "theirs", "ours"))
        await document.edit(Replace("cell-0", "b = 2", "b = 2\nc = 3"))
        turn.end()
        await person.settle()
        type_in(person, 0, "  # typed")
        with person.changing():
            person.document.ycells[0]["source"].insert(0, "# é😀\n")
        await person.settle()
        effects = await turn.effects()
        assert [(effect.key, effect.obstacle) for effect in effects] == [
            ("cell:cell-0", ""),
            ("cell:cell-1", ""),
        ]
        await turn.take_back([effect.key for effect in effects])
        await person.settle()
        shown = [cell["source"] for cell in person.document.get()["cells"]]
        assert shown == ["# é😀\na = 1\nb = 2  # typed", "theirs"]
    finally:
        await person.leave()
        await holder.aclose()


async def test_every_client_is_told_of_changes_and_who_leaves_disturbs_nobody(
    server: Server, agent: Remote
) -> None:
    write(server, "told.ipynb", "x = 1")
    uri = "notebook:///told.ipynb"
    staying, leaving = [Listener(server, uri), Listener(server, uri)]
    for each in (staying, leaving):
        await each.start()
    watching = [
        asyncio.create_task(call(client, "notebook_watch", path="told.ipynb", timeout_s=60))
        for client in (agent, staying.remote, leaving.remote)
    ]

    async def change_until(holds: Callable[[], bool]) -> None:
        while not holds():
            await call(agent, "cell_insert", path="told.ipynb", source="y = 2", index=-1)
            await asyncio.sleep(0.5)

    await change_until(lambda: bool(staying.told and leaving.told) and all(task.done() for task in watching))
    assert all(task.result()["changed"] for task in watching)
    begun = asyncio.create_task(call(leaving.remote, "notebook_watch", path="told.ipynb", timeout_s=60))
    others = asyncio.create_task(call(staying.remote, "notebook_watch", path="told.ipynb", timeout_s=60))
    await call(agent, "notebook_get", path="told.ipynb")
    begun.cancel()
    await leaving.aclose()
    staying.told.clear()
    await change_until(lambda: bool(staying.told) and others.done())
    assert others.result()["changed"]
    assert set(staying.told) == set(leaving.told) == {uri}
    await staying.aclose()


async def test_clients_at_random_beside_somebody_who_types_lose_nothing(
    server: Server, agent: Remote
) -> None:
    write(server, "random.ipynb", f"typed\n{END}")
    truth, words, chance = Truth(), ["typed"], random.Random(tiers.SEED)
    truth.typed["cell-0"] = Cell()
    clients = [Web(server.url) for _ in range(3)]
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), "random.ipynb")
    try:
        for client in clients:
            await client.start()
        workers = [
            Worker(client, truth, random.Random(chance.random()), "random.ipynb") for client in clients
        ]
        working = asyncio.gather(*(worker.work(_EDITS) for worker in workers))
        while not working.done():
            words.append(f"word{len(words)}")
            with person.changing():
                cell = next(cell for cell in person.document.ycells if cell["id"] == "cell-0")
                cell["source"].insert(str(cell["source"]).index("\n"), f" {words[-1]}")
            await asyncio.sleep(0.05)
        await working
        await person.save()
    finally:
        await person.leave()
        for client in clients:
            await client.aclose()
    notebook = nbformat.read(server.root / "random.ipynb", 4)
    truth.check(notebook)
    (typed,) = [cell.source for cell in notebook.cells if cell.id == "cell-0"]
    assert typed.split("\n")[0].split() == words


@pytest.mark.timeout(900)
async def test_a_cell_in_which_somebody_types_stays_theirs_while_it_is_moved(
    server: Server, agent: Remote
) -> None:
    write(server, "moved.ipynb", "first", "typed", "last", "print(3)")
    await call(agent, "cell_execute", path="moved.ipynb", cell_id="cell-3")
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), "moved.ipynb")
    words = ["typed"]

    async def type_on() -> None:
        editor = person.document.ycells[1]["source"]  # as an editor holds it, wherever the cell goes
        while True:
            words.append(f"word{len(words)}")
            with person.changing():
                editor += f" {words[-1]}"
            await asyncio.sleep(0.02)

    typing = asyncio.create_task(type_on())
    try:
        await until(lambda: len(words) > 5)
        for _ in range(tiers.count(500, at_least=5)):
            for index in (0, 2, -1, 1):
                await call(agent, "cell_move", path="moved.ipynb", cell_id="cell-1", index=index)
        typing.cancel()
        await person.settle()
        read = await call(
            agent, "cell_get", path="moved.ipynb", cell_id="cell-1"
        )  # not whole, as long as it is
        deletion = {"path": "moved.ipynb", "cell_id": "cell-1", "hash": read["cells"][0]["hash"]}
        deleting = asyncio.create_task(call(agent, "cell_delete", **deletion))
        await asyncio.sleep(0.5)
        words.append("more")
        type_in(person, 1, " more")
        with pytest.raises(ToolFailed, match="more"):
            await deleting
    finally:
        typing.cancel()
        shown = {cell["id"]: cell for cell in person.document.get()["cells"]}
        await person.leave()
    assert list(shown) == ["cell-0", "cell-1", "cell-2", "cell-3"]
    assert shown["cell-1"]["source"].split() == words
    assert [output["text"] for output in shown["cell-3"]["outputs"]] == ["3\n"]


async def test_an_edit_of_what_somebody_changed_is_refused_with_their_text(
    server: Server, agent: Remote
) -> None:
    write(server, "stale.ipynb", "x = 1")
    await call(agent, "cell_get", path="stale.ipynb", index=0)
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), "stale.ipynb")
    try:
        with person.changing():
            text = person.document.ycells[0]["source"]
            text += "0"
        await person.settle()
        with pytest.raises(Exception, match="The cell now says:\nx = 10"):
            await call(agent, "cell_update", path="stale.ipynb", cell_id="cell-0", source="x = 2")
    finally:
        await person.leave()
