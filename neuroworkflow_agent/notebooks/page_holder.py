"""An open page as the holder of a document: it has the newest state, and what a person is typing.

A `PageHolder` belongs to whoever has a document, and owns what it has read of the page: each question brings only what
has changed since. An edit is made there first, and by the page only if its cells still say the same; if not, the
page tells what they say, and the edit is thought through again. Outputs are read when they are wanted.
"""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output

from neuroworkflow_agent.errors import EditRefusedError, NotebookError
from neuroworkflow_agent.notebooks.cells import address
from neuroworkflow_agent.notebooks.changes import plan
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.notebooks.edits import LOCKED, Applied, Edit, SetOutputs
from neuroworkflow_agent.notebooks.page_changes import page_change
from neuroworkflow_agent.notebooks.pages import Asker, Message, NoPageError, OpenPage, Pages
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.text import one_line

_TRIES = 20
_NAME_CHARS = 255
_REFUSALS = {
    "running": "The cell {cell!r} is running. Edit it when it has ended.",
    "locked": LOCKED,
    "read_only": "The notebook is read-only in its page, so that nothing can be changed. The user can save it under another name.",
    "lost": "The cell {cell!r} was deleted before the page was loaded anew, and cannot be put back.",
}
_node: Any = from_dict
_UNKNOWN = (
    "The page does not answer any more; whether it has made the change is not known. Read the notebook again."
)


class PageHolder(Holder):
    """The notebook of an open page.

    Parameters
    ----------
    pages
        The pages of the kernel.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._reader = uuid.uuid4().hex
        self._asker = Asker()
        self._page: OpenPage | None = None
        self._last = ""
        """Id of the page that what was read is of."""
        self._path = ""
        self._seq: int | None = None
        self._notebook: Notebook = _notebook([])
        """What was read; its outputs stand for those of the page."""
        self._busy: frozenset[str] = frozenset()
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        return one_line(self._path.rpartition("/")[2], _NAME_CHARS) or "the notebook"

    @property
    def running(self) -> Collection[str]:
        return self._busy | ({self._asker.cell} - {""})

    def begin(self, asker: Asker) -> None:
        """A turn begins that was asked for there; its page is looked for when it is needed."""
        if asker.cell:  # which tells the notebook for sure
            self._path = ""
        self._page, self._asker = None, asker

    async def read(self) -> Notebook:
        async with self._lock:
            await self._refresh()
            return self._notebook

    async def whole(self, cells: Sequence[Any]) -> list[Any]:
        wanted = [address(cell) for cell in cells if cell.cell_type == "code" and cell.outputs]
        if not wanted:
            return list(cells)
        async with self._lock:
            answer = await self._ask("outputs", cells=wanted)
        shown = {each["id"]: each["outputs"] for each in answer["cells"]}
        return [_with_outputs(cell, shown.get(address(cell))) for cell in cells]

    async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        async with self._lock:
            is_fresh = self._seq is None
            if is_fresh:
                await self._refresh()
            for _ in range(_TRIES):
                draft = _copy(self._notebook)
                try:
                    applied, changes = plan(draft, edits, {*running, *self.running}, page_change)
                except EditRefusedError:
                    if is_fresh:
                        raise
                    is_fresh = True  # what was read may be old
                    await self._refresh()
                    continue
                answer = await self._change(
                    changes, can_be_repeated=all(isinstance(e, SetOutputs) for e in edits)
                )
                if answer is None:  # the page was loaded anew; outputs may be put in twice
                    is_fresh = True
                    await self._refresh()
                    continue
                if answer.get("is_stale"):
                    is_fresh = True
                    self._take(answer)
                    continue
                if refused := answer.get("refused"):
                    raise EditRefusedError(_REFUSALS[refused].format(cell=answer["cell"]))
                self._seq = answer["seq"]
                self._notebook = draft
                return applied
        raise NotebookError("The notebook is changed in the page all the time. Nothing was written by us.")

    async def mark(self, cell: str, *, is_running: bool) -> None:
        async with self._lock:
            await self._ask("mark", cell=cell, is_running=is_running)

    async def show(self, cell: str, outputs: Sequence[Any]) -> None:
        async with self._lock:
            await self._ask("show", cell=cell, outputs=list(outputs))

    # -- with the page --------------------------------------------------------------------------------

    async def _change(self, changes: list[dict[str, Any]], *, can_be_repeated: bool) -> Message | None:
        """Have the page make the changes; None if it is gone, and they may be made once more."""
        page = await self._found()
        try:
            return await self._pages.ask(page, "apply", reader=self._reader, base=self._seq, changes=changes)
        except NoPageError:
            self._forget()
            if can_be_repeated:
                return None
            raise NotebookError(_UNKNOWN) from None

    async def _refresh(self) -> None:
        self._take(await self._ask("read", since=self._seq))

    async def _ask(self, kind: str, **fields: Any) -> Message:
        """Ask what changes nothing; of another page of the notebook, if the one we had is gone."""
        page = await self._found()
        try:
            return await self._pages.ask(page, kind, reader=self._reader, **fields)
        except NoPageError:
            self._forget()
        page = await self._found()
        return await self._pages.ask(
            page, kind, reader=self._reader, **{**fields, **({"since": None} if "since" in fields else {})}
        )

    async def _found(self) -> OpenPage:
        if self._page is None:
            found = await self._pages.find(self._asker, self._path)
            if found.page != self._last:
                self._seq = None
            self._page, self._path, self._last = found, found.path, found.page
        return self._page

    def _forget(self) -> None:
        self._page, self._seq = None, None

    # -- what was read --------------------------------------------------------------------------------

    def _take(self, answer: Message) -> None:
        changed = {each["id"]: _cell(each) for each in answer["changed"]}
        before = [] if answer["is_all"] else self._notebook.cells
        cells = {address(cell): cell for cell in before} | changed
        order = answer["order"]
        if order is None:
            order = [address(cell) for cell in before]
        if changed or answer["order"] is not None:
            self._notebook = _notebook([cells[cell] for cell in order])
        busy = {each["id"]: each["busy"] for each in answer["changed"]}
        kept = {cell for cell in self._busy.intersection(order) if busy.get(cell, True)}
        self._busy = frozenset(kept | {cell for cell, is_busy in busy.items() if is_busy})
        self._seq = answer["seq"]


def _notebook(cells: list[Any]) -> Notebook:
    """A notebook whose cells have ids, as all have in a page."""
    return NotebookNode(cells=cells, metadata=NotebookNode(), nbformat=4, nbformat_minor=5)


def _copy(notebook: Notebook) -> Notebook:
    """One whose cells can be changed."""
    return _notebook([NotebookNode(cell) for cell in notebook.cells])


def _cell(line: dict[str, Any]) -> Any:
    cell = {"id": line["id"], "cell_type": line["type"], "source": line["source"], "metadata": {}}
    if line["type"] == "code":
        cell |= {"execution_count": line["count"], "outputs": [_stand_in(kind) for kind in line["outputs"]]}
    return _node(cell)


def _stand_in(kind: str) -> Any:
    known = kind if kind in ("stream", "display_data", "execute_result", "error") else "display_data"
    return new_output(known)


def _with_outputs(cell: Any, outputs: list[Any] | None) -> Any:
    if outputs is None:
        return cell
    whole = copy.copy(cell)
    whole.outputs = [_node(output) for output in outputs]
    return whole
