"""Tools for cells, as the model calls them: what they answer, what they refuse, and what is shown before."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.kernels.base import Execution, ExecutionError
from neuroworkflow_agent.notebooks.cells import digest
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.file_holder import FileHolder
from neuroworkflow_agent.outputs import OutputList, stream
from neuroworkflow_agent.tools import notebook as notebook_tools
from neuroworkflow_agent.tools.notebook import NotebookTools
from neuroworkflow_agent.tools.registry import Call, Tool, blocks_of
from neuroworkflow_agent.tools.run_code import RunCode


def _png() -> str:
    Image.new("RGB", (8, 8), "red").save(buffer := io.BytesIO(), "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


PNG = _png()
SECRET = "sk-never-shown"


class Kernel:
    """Prints what it is to run; `raise` raises, and `wait` waits until it is stopped."""

    language = "python"

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.during: Callable[[], None] = lambda: None

    async def execute(self, source: str, *, on_output: Any = None, **_more: Any) -> Execution:
        self.ran.append(source)
        self.during()
        on_output(stream("stdout", f"ran {source}"))
        if "wait" in source:
            await asyncio.sleep(600)
        has_failed = "raise" in source
        error = ExecutionError("E", "no", ()) if has_failed else None
        return Execution(source, "error" if has_failed else "ok", (), len(self.ran), error, 0.0)

    async def interrupt(self) -> None:
        """Not called."""

    async def aclose(self) -> None:
        """Nothing to close."""


class Notebook:
    """A notebook file, the tools for it, and what they leave in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kernel = Kernel()
        self.code = RunCode(self.kernel, lambda _id: None, lambda _id, _change: None, lambda _id, _ran: None)
        tools = NotebookTools(NotebookDocument(FileHolder(path)), self.code, lambda: [SECRET])
        self.tools: dict[str, Tool] = {tool.name: tool for tool in tools.offered}

    async def call(self, name: str, /, **arguments: Any) -> str:
        """A call's text, with `(picture)` for pictures."""
        blocks = blocks_of(await self.tools[name].handler(Call(arguments, ToolUseId("x"))))
        return "\n".join(block["text"] if block["type"] == "text" else "(picture)" for block in blocks)

    async def refused(self, name: str, /, **arguments: Any) -> str:
        with pytest.raises(ToolFailed) as failed:
            await self.call(name, **arguments)
        return "\n".join([str(failed.value), *(block["text"] for block in failed.value.blocks or ())])

    def read(self) -> Any:
        notebook = nbformat.read(self.path, as_version=4)
        nbformat.validate(notebook)
        return notebook

    @property
    def sources(self) -> list[str]:
        return [cell.source for cell in self.read().cells]


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    path = tmp_path / "a.ipynb"
    picture = new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"})
    cells = [
        new_markdown_cell("# Title", id="title"),
        new_code_cell(f"key = '{SECRET}'", id="key", outputs=[new_output("stream", text=f"{SECRET}\n")]),
        new_code_cell("plot()", id="plot", execution_count=2, outputs=[picture]),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    return Notebook(path)


async def test_reading_shows_what_is_there_and_no_secret(notebook: Notebook) -> None:
    outline = await notebook.call("notebook_get")
    assert "Cell 3 · plot · code · run 2 · 1 lines · 1 outputs: plot()" in outline
    assert "Cell 1 · title · markdown · 1 lines: # Title" in outline
    everything = [
        outline,
        await notebook.call("notebook_get", sources=True),
        await notebook.call("cell_get", cell="title", last="plot"),
        await notebook.call("notebook_search", pattern="sk-"),
    ]
    assert "plot()\nOutputs:\n<Figure>\n(picture)" in everything[2]
    assert all(SECRET not in text for text in everything)
    assert await notebook.call("notebook_search", pattern="nowhere") == "No cell has such a line."


async def test_cell_is_written_over_and_deleted_only_as_it_was_read(notebook: Notebook) -> None:
    for name, more in (("cell_update", {"source": "x"}), ("cell_delete", {})):
        assert "Read the cell 'plot' first" in await notebook.refused(name, cell="plot", **more)
    await notebook.call("cell_get", cell="plot")
    changed = notebook.read()
    changed.cells[2].source = "theirs()"
    nbformat.write(changed, notebook.path)
    for name, more in (("cell_update", {"source": "x"}), ("cell_delete", {})):
        refused = await notebook.refused(name, cell="plot", **more)
        assert "was changed since it was read" in refused
        assert "The cell now says:\ntheirs()" in refused
    await notebook.call("cell_get", cell="plot")
    await notebook.call("cell_update", cell="plot", source="ours()")
    await notebook.call("cell_update", cell="plot", source="ours(2)")  # what it wrote itself it has read
    await notebook.call("cell_edit", cell="plot", old="2", new="3")
    await notebook.call("cell_delete", cell="plot")
    assert notebook.sources == ["# Title", f"key = '{SECRET}'"]


@pytest.mark.parametrize("offset", [0, 5, 10])
async def test_secret_is_kept_back_where_a_text_is_cut(tmp_path: Path, offset: int) -> None:
    """What is left of one that was cut is not known for a secret any more."""
    long = "x" * offset + f"{SECRET} " * 5_000
    cells = [new_code_cell(long, id="long"), new_code_cell("x", id="x")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    notebook = Notebook(tmp_path / "a.ipynb")
    shown = [
        await notebook.call("notebook_get"),
        await notebook.call("notebook_get", sources=True),
        await notebook.call("notebook_search", pattern="sk-"),
        await notebook.call("cell_get", cell="long"),
    ]
    for name, arguments in (
        ("cell_move", {"cell": "x", "index": 0}),
        ("cell_update", {"cell": "x", "source": "y", "hash": digest("x")}),
    ):
        show = notebook.tools[name].preview
        preview = await show(arguments) if show is not None else None
        assert preview is not None
        shown.append(preview.diff)
    shown.append(await notebook.call("cell_move", cell="long", index=-1))
    for said in shown:
        assert "redacted" in said
        assert not any(SECRET[at : at + 5] in said for at in range(len(SECRET) - 4))


async def test_cell_with_a_secret_is_not_written_over_with_what_stands_for_it(notebook: Notebook) -> None:
    for read in (notebook.call("cell_get", cell="key"), notebook.call("notebook_get", sources=True)):
        shown = await read
        assert SECRET not in shown
        assert "kept from you" in await notebook.refused("cell_update", cell="key", source=shown)
        assert "kept from you" in await notebook.refused("cell_delete", cell="key")
    assert SECRET not in await notebook.call("cell_edit", cell="key", old="key = ", new="token = ")
    assert SECRET not in await notebook.refused("cell_edit", cell="key", old="nowhere", new="")
    assert notebook.sources[1] == f"token = '{SECRET}'"


async def test_cells_that_did_not_fit_count_as_unread(notebook: Notebook) -> None:
    large = notebook.read()
    large.cells = [new_code_cell(f"x{number} = 1\n" * 60, id=f"c{number}") for number in range(200)]
    nbformat.write(large, notebook.path)
    shown = await notebook.call("notebook_get", sources=True)
    assert len(shown) <= 40_000
    assert "more cells; read them with cell_get]" in shown
    assert "c199" not in shown
    assert "Read the cell 'c199' first" in await notebook.refused("cell_update", cell="c199", source="")
    first = await notebook.call("cell_update", cell="c0", source="y = 1")
    assert first.startswith("Done. Cell 1")


async def test_cells_without_ids_that_say_the_same_are_shown_all_the_same(notebook: Notebook) -> None:
    old = new_notebook(cells=[new_code_cell("x = 1"), new_code_cell("x = 1")])
    old.nbformat_minor = 4
    for cell in old.cells:
        del cell["id"]
    nbformat.write(old, notebook.path)
    assert (await notebook.call("notebook_get", sources=True)).count("x = 1") == 2
    said = await notebook.call("cell_insert", source="x = 1", index=0)
    assert said.startswith("Done. Which cell ")  # what was done is no failure, or it would be done again
    assert notebook.sources == ["x = 1"] * 3


async def test_hash_of_another_client_goes_before_what_was_read(notebook: Notebook) -> None:
    shown = await notebook.call("cell_get", cell="title")
    found = shown.partition("hash ")[2].split()[0]
    await notebook.call("cell_edit", cell="title", old="Title", new="Other")
    assert "was changed" in await notebook.refused("cell_update", cell="title", source="x", hash=found)


async def test_cells_are_added_moved_and_edited_where_they_are(notebook: Notebook) -> None:
    assert "Done. Cell 2 · " in await notebook.call("cell_insert", source="x = 1", after="title")
    await notebook.call("cell_insert", source="## End", index=-1, cell_type="markdown")
    await notebook.call("cell_move", cell="plot", index=0)
    assert notebook.sources == ["plot()", "# Title", "x = 1", f"key = '{SECRET}'", "## End"]
    for place in ({}, {"after": "plot", "index": 0}):
        assert "one of them" in await notebook.refused("cell_insert", source="x", **place)


async def test_person_sees_before_what_changes_among_its_neighbours(notebook: Notebook) -> None:
    async def shown(name: str, **arguments: Any) -> tuple[str, str]:
        preview = notebook.tools[name].preview
        assert preview is not None
        try:
            told = await preview(arguments)
        except ToolFailed as refused:
            return "refused", str(refused)
        return (told.place, told.diff) if told else ("", "")

    assert await shown("cell_edit", cell="plot", old="()", new="(1)") == (
        "a.ipynb, cell 3 of 3 (plot)".replace("a.ipynb", str(notebook.path)),
        "@@ below cell 2 @@ key = '[redacted]'\n-plot()\n+plot(1)",
    )
    place, added = await shown("cell_insert", source="x\ny", after="title")
    assert place == f"{notebook.path}, as cell 2 of 4"  # it has no id yet
    assert added.splitlines() == [
        "@@ below cell 1 @@ markdown: # Title",
        "+x",
        "+y",
        "@@ above cell 3 @@ key = '[redacted]'",
    ]
    assert "+plot()" in (await shown("cell_move", cell="plot", index=0))[1]
    assert await shown("cell_execute", cell="plot") == (f"{notebook.path}, cell 3 of 3 (plot)", " plot()")
    assert await shown("cell_execute", cell="title", last="plot") == (
        f"{notebook.path}, cells 1 to 3 of 3 (title to plot)",
        "@@ cell 2 @@\n key = '[redacted]'\n@@ cell 3 @@\n plot()",
    )
    assert await shown("cell_execute", cell="nowhere") == ("", "")
    assert (await shown("cell_edit", cell="plot", old="nowhere", new=""))[0] == "refused"
    assert "Read the cell 'plot' first" in (await shown("cell_delete", cell="plot"))[1]
    assert "now says:\nplot()" in (await shown("cell_delete", cell="plot", hash="old"))[1]
    assert notebook.sources == ["# Title", f"key = '{SECRET}'", "plot()"]


async def test_cells_run_in_order_up_to_the_first_error(notebook: Notebook) -> None:
    for source in ("a", "raise", "c"):
        await notebook.call("cell_insert", source=source, index=-1)
    ids = [cell.id for cell in notebook.read().cells]
    said = await notebook.refused("cell_execute", cell=ids[0], last=ids[-1])
    assert "The 1 cells after it were not run." in said
    assert notebook.kernel.ran == [f"key = '{SECRET}'", "plot()", "a", "raise"]
    cells = notebook.read().cells
    assert [cell.execution_count for cell in cells[1:]] == [1, 2, 3, 4, None]
    assert [cell.outputs[0].text for cell in cells[3:5]] == ["ran a", "ran raise"]
    assert (
        await notebook.call("cell_execute", cell=ids[0])
        == "There is no code cell among them; nothing was run."
    )


async def test_stopped_cell_keeps_what_it_has_shown(notebook: Notebook) -> None:
    await notebook.call("cell_insert", source="wait", index=0)
    cell = notebook.read().cells[0].id
    running = asyncio.create_task(notebook.refused("cell_execute", cell=cell))
    while not notebook.kernel.ran:
        await asyncio.sleep(0.01)
    assert "is running" in await notebook.refused("cell_edit", cell=cell, old="wait", new="x")
    assert "running already" in await notebook.refused("cell_execute", cell=cell)
    notebook.code.stop()
    assert "The user stopped the turn" in await running
    assert notebook.read().cells[0].outputs[0].text == "ran wait"


async def test_outputs_are_kept_though_a_person_edits_the_cell_that_runs(notebook: Notebook) -> None:
    def person_types() -> None:
        changed = notebook.read()
        changed.cells[2].source = "theirs()"
        nbformat.write(changed, notebook.path)

    notebook.kernel.during = person_types
    answer = await notebook.call("cell_execute", cell="plot")
    assert "Somebody changed the text of this cell while its code ran" in answer
    cell = notebook.read().cells[2]
    assert (cell.source, cell.outputs[0].text, cell.execution_count) == ("theirs()", "ran plot()", 1)
    assert "may be out of date" in await notebook.call("notebook_get")


async def test_outputs_of_a_cell_that_a_person_deletes_while_it_runs_are_told(notebook: Notebook) -> None:
    def person_deletes() -> None:
        changed = notebook.read()
        del changed.cells[2]
        nbformat.write(changed, notebook.path)

    notebook.kernel.during = person_deletes
    refused = await notebook.refused("cell_execute", cell="plot")
    assert "no cell 'plot'" in refused
    assert "ran plot()" in refused


async def test_no_edit_comes_between_the_text_that_is_run_and_its_run(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, refused = NotebookDocument.cell, list[str]()

    async def read_and_edit(document: NotebookDocument, cell: str) -> Any:
        found = await read(document, cell)
        refused.append(await notebook.refused("cell_edit", cell=cell, old="plot", new="draw"))
        return found

    monkeypatch.setattr(NotebookDocument, "cell", read_and_edit)
    assert "ran plot()" in await notebook.call("cell_execute", cell="plot")
    assert ["is running" in each for each in refused] == [True]


async def test_kernel_of_somebody_else_is_not_restarted(notebook: Notebook) -> None:
    refused = await notebook.refused("cell_execute", cell="plot", restart=True)
    assert "only the user can restart it" in refused
    assert notebook.kernel.ran == []


async def test_outputs_that_are_much_are_looked_at_no_more_while_their_cell_runs(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To find out how much it is takes time from the code that runs, each time."""
    monkeypatch.setattr(notebook_tools, "_LIVE_S", 0.01)
    outputs = OutputList()
    outputs.apply(stream("stdout", "x" * 200_000))
    tools = NotebookTools(NotebookDocument(FileHolder(notebook.path)), notebook.code, list)
    async with asyncio.timeout(5):
        await tools._keep_showing("plot", outputs)
