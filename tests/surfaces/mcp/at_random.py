"""A client that inserts, edits, moves, runs and deletes cells of a notebook at random, and writes down what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from neuroworkflow_agent.errors import ConfigError, ToolFailed
from tests.surfaces.mcp.truth import END, Cell, Made, Placed, Ran, Truth

_REFUSED = ("is running", "any more", "was changed", "is typing")
"""What a client is told of what another one does; nothing was done then."""
_UNCERTAIN = "room"
"""What it is told while the server stops."""
_FEW, _MANY = 3, 40
"""How many cells there are, about."""
KINDS = {"insert": 2, "edit": 10, "move": 4, "run": 2, "delete": 1}
"""How often each kind of call is made."""


class Client(Protocol):
    """Whoever calls tools."""

    @property
    def is_gone(self) -> bool:
        """Whether it can ask no more."""

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A call's answer for programs; raises `ToolFailed` if it failed, `ConfigError` if there is none."""


class Worker:
    """One client at work on one notebook."""

    def __init__(
        self, client: Client, truth: Truth, chance: random.Random, path: str, kinds: Mapping[str, int] = KINDS
    ) -> None:
        self._client = client
        self._kinds = kinds
        self._truth = truth
        self._chance = chance
        self._path = path

    async def work(self, enough: int) -> None:
        """Go on until all clients together have made enough edits, or this one is gone."""
        truth = self._truth
        while truth.edits < enough and not self._client.is_gone:
            try:
                await self._one()
                truth.edits += 1
            except ToolFailed as failure:
                if _is_refusal(failure):
                    truth.refused += 1
                elif _UNCERTAIN in str(failure):
                    truth.unanswered += 1
                else:
                    raise
            except (ConfigError, ConnectionError):
                truth.unanswered += 1
                await asyncio.sleep(0.2)

    async def _one(self) -> None:
        known = self._truth.known
        kind = self._chance.choices(list(self._kinds), list(self._kinds.values()))[0]
        if len(known) < _FEW or (kind == "insert" and len(known) < _MANY):
            await self._insert()
        elif kind == "edit":
            await self._edit(self._chance.choice([*known, *self._truth.typed]))
        elif kind == "move":
            await self._move(self._chance.choice([*known, *self._truth.typed]))
        elif kind == "run":
            await self._run(self._chance.choice(known))
        else:
            await self._delete(self._chance.choice(known))

    async def _insert(self) -> None:
        token, place = self._truth.token(), Placed(is_first=self._chance.random() < 0.5)
        self._truth.perhaps.add(token)
        with self._noting(place, lambda: self._truth.perhaps.discard(token)):
            index = 0 if place.is_first else -1
            made = await self._ask("cell_insert", source=f"print('{token}')\n{END}", index=index)
        self._truth.perhaps.discard(token)
        self._truth.cells[made["id"]] = Cell(token, placed=[place])

    async def _edit(self, cell: str) -> None:
        token, edit = self._truth.token(), Made()
        edits = self._truth.about(cell).edits
        edits[token] = edit
        with self._noting(edit, lambda: edits.pop(token)):
            await self._ask("cell_edit", cell_id=cell, old=END, new=f"# {token}\n{END}")

    async def _move(self, cell: str) -> None:
        place, placed = Placed(is_first=self._chance.random() < 0.5), self._truth.about(cell).placed
        placed.append(place)
        with self._noting(place, lambda: placed.remove(place)):
            await self._ask("cell_move", cell_id=cell, index=0 if place.is_first else -1)

    async def _run(self, cell: str) -> None:
        about, run = self._truth.cells[cell], Ran()
        about.runs.append(run)
        with self._noting(run, lambda: about.runs.remove(run)):
            answer = await self._ask("cell_execute", cell_id=cell)
            (ran,) = answer["cells"]
            assert (ran["id"], ran["outputs"]) == (cell, about.token)
            run.state = ran["state"]

    async def _delete(self, cell: str) -> None:
        read = await self._ask("cell_get", cell_id=cell)
        deletion, deletions = Made(), self._truth.cells[cell].deletions
        deletions.append(deletion)
        with self._noting(deletion, lambda: deletions.remove(deletion)):
            await self._ask("cell_delete", cell_id=cell, hash=read["cells"][0]["hash"])

    async def _ask(self, name: str, **arguments: Any) -> dict[str, Any]:
        return await self._client.call(name, {"path": self._path, **arguments})

    @contextlib.contextmanager
    def _noting(self, made: Made, forget: Callable[[], object]) -> Iterator[None]:
        """Note when a call is answered; one that is refused was not made."""
        try:
            yield
        except ToolFailed as failure:
            if _is_refusal(failure):
                forget()
            raise
        made.end = time.monotonic()


def _is_refusal(failure: ToolFailed) -> bool:
    return any(word in str(failure) for word in _REFUSED)
