"""People at pages of JupyterLab's, which are in a room of `in_memory`."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from jupyter_ydoc import YNotebook
from pycrdt import (
    Array,
    Assoc,
    Awareness,
    Map,
    Text,
    YMessageType,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
)

from neuroworkflow_agent.outputs import OutputChange
from tests.surfaces.mcp.in_memory import Hub, seeded
from tests.surfaces.mcp.scripted_kernel import ScriptedKernel

_NOWHERE = {"type": None, "tname": None, "item": None}


class _Page:
    """A page, and the cell in it that its person is at."""

    def __init__(self, hub: Hub, cell: str, chance: random.Random) -> None:
        self._cell = cell
        self._chance = chance
        self._document = YNotebook(seeded(chance))
        self._connection = hub.connect()
        self._is_receiving = False
        self._at: int | None = None
        """Index of that cell; None where it was taken away since they came to it."""
        self._subscriptions = [
            self._document.ydoc.observe(self._send_own),
            self._document.ycells.observe(self._follow),
        ]
        self._connection.write_message(create_sync_message(self._document.ydoc), binary=True)
        self._reading = asyncio.create_task(self._read())

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Ids and texts as they see them."""
        return [(str(cell["id"]), str(cell["source"])) for cell in self._document.ycells]

    async def aclose(self) -> None:
        """Close the page."""
        self._connection.close()
        await self._reading

    def _find(self) -> None:
        """Come to the cell, if it is there."""
        self._at = next((at for at, (cell, _) in enumerate(self.cells) if cell == self._cell), None)

    def _follow(self, event: Any) -> None:
        """Know where the cell of the cursor is, or that its editor is gone."""
        at = 0
        for part in event.delta:
            if self._at is None:
                return
            at += part.get("retain", 0)
            if (gone := part.get("delete", 0)) and at <= self._at:
                self._at = None if self._at < at + gone else self._at - gone
            if (come := len(part.get("insert", ()))) and self._at is not None:
                self._at += come if at <= self._at else 0
                at += come

    def _send_own(self, event: Any) -> None:
        if not self._is_receiving:
            self._connection.write_message(create_update_message(event.update), binary=True)

    async def _read(self) -> None:
        while (message := await self._connection.read_message()) is not None:
            if message[0] == YMessageType.SYNC:
                self._is_receiving = True
                reply = handle_sync_message(message[1:], self._document.ydoc)
                self._is_receiving = False
                if reply is not None:
                    self._connection.write_message(reply, binary=True)


class Person(_Page):
    """Somebody at a page of JupyterLab's: types, pauses, and clicks into the cell anew where it was taken away.

    Parameters
    ----------
    name
        A letter; they type behind it.
    cell
        Id of the cell that they type in.
    """

    def __init__(self, hub: Hub, name: str, cell: str, chance: random.Random) -> None:
        self.name = name
        self.words: list[str] = []
        """What they have seen themselves type."""
        self._behind = f"{name}:"
        super().__init__(hub, cell, chance)
        self._awareness = Awareness(self._document.ydoc)

    async def type_until(self, stop: asyncio.Event) -> None:
        """Type; a key is a word here."""
        while not stop.is_set():
            await asyncio.sleep(self._pause())
            if self._at is None:
                await self._click()
            else:
                self._type()

    def _pause(self) -> float:
        """Until the next key: mostly a moment, now and then what thinking takes."""
        return (
            self._chance.uniform(0.5, 8) if self._chance.random() < 0.05 else self._chance.uniform(0.02, 0.3)
        )

    async def _click(self) -> None:
        """Put the cursor into the cell, which takes a person a moment."""
        await asyncio.sleep(0.3)
        self._find()
        if self._at is not None:
            self._show_cursor()
            await asyncio.sleep(0.5)

    def _type(self) -> None:
        text = self._document.ycells[self._at]["source"]
        word = f"{self.name}{len(self.words):06d}{self.name}"
        text.insert(self._place_in(text), f" {word}")
        self.words.append(word)
        self._behind = word
        self._show_cursor()

    def _show_cursor(self) -> None:
        text = self._document.ycells[self._at]["source"]
        head = {**_NOWHERE, **text.sticky_index(self._place_in(text), Assoc.AFTER).to_json()}
        cursor = {"anchor": head, "head": head, "primary": True, "empty": True}
        about = {"user": {"name": self.name}, "cursors": [cursor]}
        self._awareness.set_local_state(about)
        update = self._awareness.encode_awareness_update([self._document.ydoc.client_id])
        self._connection.write_message(create_awareness_message(update), binary=True)

    def _place_in(self, text: Text) -> int:
        """Behind what they have typed."""
        assert self._behind in str(text), f"{self._behind} is lost: {text}"
        return str(text).index(self._behind) + len(self._behind)


class Runner(_Page):
    """Somebody who runs a cell again and again; its outputs come into the cell that their page has, or nowhere."""

    def __init__(self, hub: Hub, cell: str, kernel: ScriptedKernel, chance: random.Random) -> None:
        super().__init__(hub, cell, chance)
        self._kernel = kernel
        self.numbers: list[int] = []
        """Of the runs that have ended."""

    async def run_until(self, stop: asyncio.Event) -> None:
        """Run it, and look at what comes for a while."""
        while not stop.is_set():
            await asyncio.sleep(self._chance.uniform(0.5, 8))
            self._find()
            if self._at is not None:
                await self._run()

    async def _run(self) -> None:
        source = str(self._running["source"])
        with self._document.ydoc.transaction():
            self._running["execution_state"] = "running"
            self._running["execution_count"] = None
            self._running["outputs"].clear()
        await asyncio.sleep(1)
        if self._at is None:  # somebody moved it before they knew
            return
        execution = await self._kernel.execute(source, on_output=self._show)
        assert execution.execution_count is not None
        with self._document.ydoc.transaction():
            self._running["execution_count"] = float(execution.execution_count)
            self._running["execution_state"] = "idle"
        self.numbers.append(execution.execution_count)

    def _show(self, change: OutputChange) -> None:
        assert change["op"] == "append"
        shown: Array[Any] = self._running["outputs"]
        if not len(shown):
            shown.append(Map({**change["output"], "text": Text("")}))
        text: Text = shown[0]["text"]
        text += change["output"]["text"]

    @property
    def _running(self) -> Map[Any]:
        assert self._at is not None, "The cell was taken away while its code ran."
        found: Map[Any] = self._document.ycells[self._at]
        return found
