"""A person who types in a cell of a notebook that JupyterLab shows, key by key."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import nbformat
from playwright.async_api import Browser, Page

from tests.surfaces.mcp.server import TOKEN, Server
from tests.surfaces.mcp.truth import END

CELL = "typed"
"""Id of the cell in which people type, each behind their name."""
_LAB_ARGUMENTS = (
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
_IN_A_LINE = 8
_PAUSE_S = 0.05
_LOOK_S = 0.5
_MOST_CLICKS = 100
_WAIT_ON = "button:has-text('Continue waiting')"
"""Of the question whether to go on waiting for a document, which JupyterLab asks where a machine is busy."""
_IS_OPEN = "() => window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 0"
_PUT_CURSOR = """async ([id, after]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const cell = notebook.widgets.find((each) => each.model.id === id);
    notebook.activeCellIndex = notebook.widgets.indexOf(cell);
    notebook.scrollToItem(notebook.activeCellIndex, "center");  // cells that are out of sight have no editor
    await cell.ready;
    notebook.mode = "edit";
    const { editor } = cell;
    const text = editor.model.sharedModel.getSource();
    editor.setCursorPosition(editor.getPositionAt(text.indexOf(after) + after.length));
    editor.focus();
}"""
_RUN = """(id) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const index = notebook.widgets.findIndex((each) => each.model.id === id);
    if (index < 0) return false;
    notebook.activeCellIndex = index;
    void window.jupyterapp.commands.execute("notebook:run-cell");
    return true;
}"""
_CAN_TYPE = """(id) => {
    const { activeCell, mode } = window.jupyterapp.shell.currentWidget.content;
    return activeCell?.model.id === id && mode === "edit" && Boolean(activeCell.editor?.hasFocus());
}"""
_CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
    ({ model }) => ({ id: model.id, text: model.sharedModel.getSource() })
)"""
_TEXT = """(id) => {
    const { widgets } = window.jupyterapp.shell.currentWidget.content;
    return widgets.find((cell) => cell.model.id === id).model.sharedModel.getSource();
}"""


def lab_server(home: Path, port: int) -> Server:
    """A JupyterLab with collaboration."""
    return Server(home, *_LAB_ARGUMENTS, port=port, collaboration="5", with_lab=True)


def write_notebook(file: Path, *names: str) -> None:
    """A notebook with the cell for people of these names."""
    cell = nbformat.v4.new_raw_cell("\n".join([*(f"{name}:" for name in names), END]), id=CELL)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, file)


class Typist:
    """One person.

    Parameters
    ----------
    browser
        Theirs.
    name
        A letter.
    """

    _page: Page

    def __init__(self, browser: Browser, name: str) -> None:
        self._browser = browser
        self.name = name
        self._behind = f"{name}:"
        self._numbers = itertools.count(1)
        self.words: list[str] = []
        """What they have typed."""
        self.clicks = 0
        """How often they had to click into the cell."""

    async def open(self, server: Server, notebook: str) -> None:
        """Open a notebook."""
        self._page = await self._browser.new_page()
        await self._page.goto(f"{server.url}/doc/tree/{notebook}?token={TOKEN}")
        await self._page.wait_for_function(_IS_OPEN, timeout=90_000)

    async def close(self) -> None:
        """Close it."""
        await self._page.close()

    async def type_until(self, stop: asyncio.Event) -> None:
        """Type a word after the other."""
        while not stop.is_set():
            await self.type()
            await asyncio.sleep(_PAUSE_S)

    async def type(self) -> None:
        """Type one word."""
        await self._put_cursor()
        word = f"{self.name}{next(self._numbers):05d}{self.name}"
        begins_line = len(self.words) % _IN_A_LINE == 0 and self.words
        await self._page.keyboard.type(f"\n{word}" if begins_line else f" {word}")
        self.words.append(word)
        self._behind = word

    async def run(self, cell: str) -> None:
        """Run a cell once it is there, and do not wait for its end."""
        await self._page.wait_for_function(_RUN, arg=cell)

    async def _put_cursor(self) -> None:
        """Get their cursor into the cell, unless it is there."""
        for _ in range(_MOST_CLICKS):
            if await self._page.evaluate(_CAN_TYPE, CELL):
                return
            self.clicks += 1
            if await self._page.locator(_WAIT_ON).count():
                await self._page.locator(_WAIT_ON).click()
            await self._page.evaluate(_PUT_CURSOR, [CELL, self._behind])
            await asyncio.sleep(_LOOK_S)  # a page that has just come up moves the focus about
        raise AssertionError("The cursor does not stay in the cell.")

    async def cells(self) -> list[tuple[str, str]]:
        """Ids and texts of all cells, as they see them."""
        return [(each["id"], each["text"]) for each in await self._page.evaluate(_CELLS)]

    async def text(self) -> str:
        """What the cell says, as they see it."""
        return str(await self._page.evaluate(_TEXT, CELL))


class Typed(Protocol):
    """Somebody who has typed."""

    name: str
    words: list[str]


def check_typed(source: str, people: Sequence[Typed]) -> None:
    """Compare the cell in which people type with what they have typed; behind it stand the lines of others."""
    typed, *others = source.split("\n#")
    assert [line for line in others if "\n" in line] == []
    words = [word for person in people for word in (f"{person.name}:", *person.words)]
    assert typed.split() == words
