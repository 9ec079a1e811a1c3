"""Three MCP clients and somebody who types, all at random in one notebook: nothing is lost, doubled or misplaced.

In the middle the server is started anew, and the client that speaks through a program is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from neuroworkflow_agent.errors import ConfigError, ToolFailed
from neuroworkflow_agent.notebooks.room import Room, RoomServer
from neuroworkflow_agent.surfaces.mcp.remote import Remote
from neuroworkflow_agent.testing.ports import free_port
from tests import tiers
from tests.surfaces.mcp.server import TOKEN, Server

pytestmark = [pytest.mark.server, pytest.mark.kernel, pytest.mark.timeout(3600 if tiers.THOROUGH else 300)]
NAME = "shared.ipynb"
END = "#END"
_MAY_SAY = ("is running", "any more", "was changed", "room")
"""What a client may be told, of what another one does or of a server that stops."""
EDITS = tiers.count(10_000)


class Program:
    """A client that speaks to `neuroworkflow-agent mcp --server` on its standard input and output."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "neuroworkflow_agent", "mcp", "--server", self._url,
            env={**os.environ, "JUPYTER_TOKEN": TOKEN},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        about = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "p", "version": "0"},
        }
        await self._ask("initialize", about)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = await self._ask("tools/call", {"name": name, "arguments": arguments})
        if result.get("isError"):
            raise ToolFailed(result["content"][0]["text"])
        structured: dict[str, Any] = result["structuredContent"]
        return structured

    async def kill(self) -> None:
        self.process.kill()
        await self.aclose()

    async def aclose(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()
        await self._reading

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        self._write({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return await answer

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            if (answer := self._answers.pop(message.get("id"), None)) is not None:
                if "result" in message:
                    answer.set_result(message["result"])
                else:
                    answer.set_exception(ConfigError(message["error"]["message"]))
        for answer in self._answers.values():
            answer.set_exception(ConfigError("The program has ended."))


class Web:
    """A client over HTTP."""

    def __init__(self, url: str) -> None:
        self._remote = Remote(url, TOKEN)
        self.start, self.aclose = self._remote.start, self._remote.aclose

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return (await self._remote.call(name, arguments)).structured


class Truth:
    """What has to be in the notebook, by what clients were told, and what may be, where they were told nothing."""

    def __init__(self) -> None:
        self.cells: dict[str, list[str]] = {}
        self.deleted: set[str] = set()
        self.perhaps: set[str] = set()
        self.ran: set[str] = set()
        self.edits = 0
        self._number = 0

    def token(self) -> str:
        self._number += 1
        return f"t{self._number:06d}t"


async def work(client: Web | Program, truth: Truth, chance: random.Random) -> None:
    """Edit at random until there were enough edits by all; go on where the server or the client went away."""
    while truth.edits < EDITS:
        token = truth.token()
        try:
            await one(client, truth, chance, token)
            truth.edits += 1
        except ToolFailed as failure:
            if not any(word in str(failure) for word in _MAY_SAY):
                raise
        except (ConfigError, ConnectionError):
            truth.perhaps.add(token)
            if isinstance(client, Program) and client.process.returncode is not None:
                return
            await asyncio.sleep(0.2)


async def one(client: Web | Program, truth: Truth, chance: random.Random, token: str) -> None:
    known = [cell for cell in truth.cells if cell not in truth.deleted]
    kind = chance.choices(("insert", "edit", "move", "run", "delete"), (4, 10, 3, 1, 1))[0]
    if kind == "insert" or len(known) < 3:
        source = f"print('{token}')\n{END}"
        made = await client.call(
            "cell_insert", {"path": NAME, "source": source, "index": chance.choice((0, -1))}
        )
        truth.cells[made["id"]] = [token]
        return
    cell = chance.choice(known)
    here = {"path": NAME, "cell_id": cell}
    match kind:
        case "edit":
            await client.call("cell_edit", {**here, "old": END, "new": f"# {token}\n{END}"})
            truth.cells[cell].append(token)
        case "move":
            await client.call("cell_move", {**here, "index": chance.choice((0, -1))})
        case "run":
            ran = await client.call("cell_execute", here)
            assert ran["cells"][0]["outputs"] == truth.cells[cell][0]
            truth.ran.add(cell)
        case "delete":
            read = await client.call("cell_get", here)
            truth.deleted.add(cell)
            try:
                await client.call("cell_delete", {**here, "hash": read["cells"][0]["hash"]})
            except ToolFailed:
                truth.deleted.discard(cell)
                raise


async def type_on(person: Room, words: list[str], number: int) -> None:
    """Type a word at the end of the first cell that a person has to themself."""
    word = f"w{number:05d}w"
    with person.changing():
        cell = next(cell for cell in person.document.ycells if cell["id"] == "typed")
        cell["source"].insert(len(cell["source"]), f" {word}")
    await person.settle()
    words.append(word)


@contextlib.asynccontextmanager
async def typing(server: Server, words: list[str]) -> AsyncIterator[None]:
    """While somebody types."""
    person = await Room.join(RoomServer(server.url, TOKEN, "Person"), NAME)

    stop = asyncio.Event()

    async def go_on() -> None:
        while not stop.is_set():
            await type_on(person, words, len(words))
            await asyncio.sleep(0.05)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        stop.set()
        await task
        await person.leave()


@pytest.mark.thorough
async def test_nothing_is_lost_doubled_or_misplaced(tmp_path: Path) -> None:
    port = free_port()
    server = await asyncio.to_thread(Server, tmp_path, collaboration="5", port=port)
    cell = nbformat.v4.new_markdown_cell("typed:", id="typed")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), server.root / NAME)
    truth, words = Truth(), list[str]()
    chance = random.Random(tiers.SEED)
    clients: list[Web | Program] = [Web(server.url), Web(server.url), Program(server.url)]
    for client in clients:
        await client.start()
    working = [asyncio.create_task(work(client, truth, random.Random(chance.random()))) for client in clients]
    try:
        async with typing(server, words):
            await until(lambda: truth.edits > EDITS // 3, working)
            program = clients[2]
            assert isinstance(program, Program)
            await program.kill()
            clients[2] = Program(server.url)
            await clients[2].start()
            working[2] = asyncio.create_task(work(clients[2], truth, random.Random(chance.random())))
            await until(lambda: truth.edits > EDITS // 2, working)
        await asyncio.to_thread(server.close)
        server = await asyncio.to_thread(Server, tmp_path, collaboration="5", port=port)
        async with typing(server, words):
            await asyncio.gather(*working)
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        for client in clients:
            await client.aclose()
        await asyncio.to_thread(server.close)
    check(nbformat.read(server.root / NAME, 4), truth, words)


async def until(holds: Any, working: list[asyncio.Task[None]]) -> None:
    while not holds():
        for task in working:
            if task.done():
                task.result()
        await asyncio.sleep(0.1)


def tokens_of(cell: Any) -> list[str]:
    return re.findall(r"t\d{6}t", cell.source)


def check(notebook: Any, truth: Truth, words: list[str]) -> None:
    cells = {cell.id: cell for cell in notebook.cells}
    assert len(cells) == len(notebook.cells)
    assert cells["typed"].source.split()[1:] == words
    kept = {cell: tokens for cell, tokens in truth.cells.items() if cell not in truth.deleted}
    for cell, tokens in kept.items():
        found = set(tokens_of(cells[cell]))
        # In any order: two clients may hear of their edits in another order than these were made.
        assert found - truth.perhaps == set(tokens) - truth.perhaps
    every = Counter(token for cell in notebook.cells for token in tokens_of(cell))
    assert [token for token, times in every.items() if times > 1] == []
    unknown = [cell.source for cell in notebook.cells if cell.id not in kept and cell.id != "typed"]
    assert [
        source for source in unknown if not any(token in source for token in truth.perhaps)
    ] == [] or truth.perhaps
    for cell in truth.ran - truth.deleted:
        assert cells[cell].outputs[0].text == f"{truth.cells[cell][0]}\n"
