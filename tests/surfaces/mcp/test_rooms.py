"""Notebooks in rooms of jupyter-collaboration, of both majors, beside somebody who types."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import nbformat
import pytest

from neuroworkflow_agent.notebooks.room import Room, RoomServer
from neuroworkflow_agent.surfaces.mcp.remote import Remote
from tests.surfaces.mcp.server import TOKEN, Server

pytestmark = [pytest.mark.server, pytest.mark.kernel]


@pytest.fixture(scope="module", params=[pytest.param("4", marks=pytest.mark.thorough), "5"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Server(tmp_path_factory.mktemp("rooms"), collaboration=request.param)
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
