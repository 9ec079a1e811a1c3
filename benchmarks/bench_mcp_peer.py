"""Notebooks over MCP beside jupyter-mcp-server: how long a read, an edit and an execution take, and what random edits lose.

Three clients edit, move, insert and run cells at random while somebody types into one of them, which both servers are told
of by jupyter-collaboration.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

import nbformat

from benchmarks.mcp_servers import NAME, Peer, served
from benchmarks.rows import Row, median_ms
from neuroworkflow_agent.errors import ConfigError, ToolFailed
from neuroworkflow_agent.notebooks.room import Room

_CELLS = 20
_ROUNDS = int(os.environ.get("BENCH_ROUNDS", "40"))
_EDITS = int(os.environ.get("BENCH_EDITS", "300"))
_CLIENTS = 3
_SAVED_S = 5.0
_PAUSE_S = 0.05
_TYPED = "c0"
_KINDS = {"edit": 10, "move": 4, "insert": 2, "execute": 2}


def rows() -> list[Row]:
    """Both in one run, in turn."""
    return asyncio.run(_rows())


async def _rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as home:
        async with served(Path(home), _CELLS) as peers:
            for peer in peers:
                await peer.connect(_CLIENTS)
            try:
                found = await _latencies(peers)
                for peer in peers:
                    found.append(Row(f"random edits, {peer.name}", await Random(peer).run()))
            finally:
                for peer in peers:
                    await peer.aclose()
    if len(peers) == 1:
        found.append(Row("jupyter-mcp-server", "not measured: JUPYTER_MCP_SERVER is not set"))
    return found


async def _latencies(peers: list[Peer]) -> list[Row]:
    seconds: dict[tuple[str, str], list[float]] = {}
    for number in range(-2, _ROUNDS):  # the first ones start kernels, and do not count
        for what in ("read", "edit", "execute"):
            for peer in peers:
                cell = f"c{number % (_CELLS - 1) + 1}"
                started = perf_counter()
                if what == "edit":
                    await peer.edit(peer.clients[0], cell, f"u{number}u")
                else:
                    await getattr(peer, what)(peer.clients[0], cell)
                if number >= 0:
                    seconds.setdefault((what, peer.name), []).append(perf_counter() - started)
    found = []
    for what in ("read", "edit", "execute"):
        times = {peer.name: median_ms(seconds[what, peer.name]) for peer in peers}
        said = " · ".join(f"{name} {ms:.0f} ms" for name, ms in times.items())
        *_, last = times.values()
        found.append(Row(f"a cell over MCP: {what}", f"{said} · {last / times['ours']:.1f} times"))
    return found


class Random:
    """Clients at work at random on one server's notebook, and somebody who types."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._chance = random.Random(1)
        self._made: dict[str, str] = {}
        """The cell of each token that was put in, as far as that was answered; empty for a cell's own."""
        self._numbers = 0
        self._left = _EDITS
        self._failed = 0
        self._words: list[str] = []

    async def run(self) -> str:
        """What was lost, doubled and misplaced, in words."""
        person = await self._peer.person()
        typing = asyncio.create_task(self._type(person))
        started = perf_counter()
        try:
            await asyncio.gather(*(self._work(client) for client in self._peer.clients))
            took = perf_counter() - started
        finally:
            typing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await typing
            with contextlib.suppress(Exception):
                await person.save()
            await person.leave()
        await asyncio.sleep(_SAVED_S)
        return f"{self._judged()}, {_EDITS / took:.1f}/s"

    async def _type(self, person: Room) -> None:
        while True:
            for cell in person.document.ycells:
                if cell["id"] == _TYPED:  # which is another one where it was moved
                    self._words.append(f"w{len(self._words):05d}w")
                    with person.changing():
                        cell["source"].insert(0, f"{self._words[-1]} ")
                    break
            await asyncio.sleep(_PAUSE_S)

    async def _work(self, client: object) -> None:
        while self._left > 0:
            self._left -= 1
            try:
                await self._one(client)
            except (ToolFailed, ConfigError):
                self._failed += 1

    async def _one(self, client: object) -> None:
        peer: Peer = self._peer
        kind = self._chance.choices(list(_KINDS), list(_KINDS.values()))[0]
        self._numbers += 1
        token = f"t{self._numbers:06d}t"
        cell = f"c{self._chance.randrange(_CELLS)}"
        if kind == "insert":
            await peer.insert(client, f"# {token}")  # type: ignore[arg-type]
            self._made[token] = ""
        elif kind == "edit":
            await peer.edit(client, cell, token)  # type: ignore[arg-type]
            self._made[token] = cell
        elif kind == "move" or cell != _TYPED:
            await getattr(peer, kind)(client, cell)

    def _judged(self) -> str:
        notebook = nbformat.read(self._peer.root / NAME, 4)
        places: dict[str, list[str]] = {}
        for cell in notebook.cells:
            for token in re.findall(r"[tw]\d{5,6}[tw]", cell.source):
                places.setdefault(token, []).append(cell.id)
        ids = Counter(cell.id for cell in notebook.cells)
        lost, unseen = ([each for each in put if each not in places] for put in (self._made, self._words))
        doubled = [token for token, cells in places.items() if len(cells) > 1]
        wanted = {**self._made, **dict.fromkeys(self._words, _TYPED)}
        misplaced = [t for t, cells in places.items() if wanted.get(t) and set(cells) != {wanted[t]}]
        missing = [number for number in range(_CELLS) if f"c{number}" not in ids]
        return (
            f"{len(lost)} of {len(self._made)} put in and {len(unseen)} of {len(self._words)} words typed lost, {len(doubled)} doubled, "
            f"{len(misplaced)} in another cell; {len(missing)} cells gone, {sum(n > 1 for n in ids.values())} ids twice, "
            f"{self._failed} calls failed"
        )
