"""A notebook held by a file: read, edited at the same time by several, killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from neuroworkflow_agent.errors import EditRefusedError, NotebookError, NotebookLockedError
from neuroworkflow_agent.notebooks import file_holder
from neuroworkflow_agent.notebooks.cells import digest
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import Applied, Delete, Edit, Insert, Place, Replace, SetSource
from neuroworkflow_agent.notebooks.file import NotebookFile
from neuroworkflow_agent.notebooks.file_holder import FileHolder, OpenFileHolder
from tests import tiers

END = Place(index=-1)


def write(path: Path, cells: list[Any]) -> None:
    nbformat.write(new_notebook(cells=cells), path)


def read(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.ipynb"
    cells = [
        new_markdown_cell("# Title", id="title"),
        new_code_cell(
            "\n# Load\nx = 1", id="load", execution_count=3, outputs=[new_output("stream", text="1")]
        ),
        new_code_cell(
            "x = 2\nplot(X)", id="plot", outputs=[new_output("error", ename="E", evalue="", traceback=[])]
        ),
        new_code_cell("", id="empty"),
    ]
    write(path, cells)
    return path


@pytest.fixture
def document(path: Path) -> NotebookDocument:
    return NotebookDocument(FileHolder(path))


async def test_outline_and_search_say_what_is_where(document: NotebookDocument) -> None:
    lines = [
        (line.address, line.first_line, line.lines, line.state, line.outputs)
        for line in await document.outline()
    ]
    assert lines == [
        ("title", "# Title", 1, "", 0),
        ("load", "# Load", 3, "run 3", 1),
        ("plot", "x = 2", 2, "failed", 1),
        ("empty", "", 0, "not run", 0),
    ]
    async with document.runs("empty"):
        assert (await document.outline())[3].state == "running"
        with pytest.raises(EditRefusedError, match="running already"):
            async with document.runs("empty"):
                pass
    found = [(match.cell.address, match.number) for match in await document.search("x")]
    assert found == [("load", 3), ("plot", 1), ("plot", 2)]
    assert [match.cell.address for match in await document.search("X")] == ["plot"]
    with pytest.raises(NotebookError, match="not a regular expression"):
        await document.search("(")


async def test_an_edit_that_waited_until_a_cell_runs_is_refused(path: Path) -> None:
    class Slow(FileHolder):
        async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
            await asyncio.sleep(0)  # as where others' changes are waited for
            return await super().apply(edits, running)

    document = NotebookDocument(Slow(path, "a.ipynb"))
    editing = asyncio.create_task(document.edit(Replace("load", "x = 1", "x = 3")))
    await asyncio.sleep(0)
    async with document.runs("load"):
        with pytest.raises(EditRefusedError, match="is running"):
            await editing
    assert read(path).cells[1].source == "\n# Load\nx = 1"


async def test_edits_of_one_call_are_one_save_and_one_undo(document: NotebookDocument, path: Path) -> None:
    before, seen = read(path), path.stat().st_ino
    await document.edit(Insert("y = 1", END), Replace("load", "1", "2"), Delete("empty", digest("")))
    assert [cell.source for cell in read(path).cells] == [
        "# Title",
        "\n# Load\nx = 2",
        "x = 2\nplot(X)",
        "y = 1",
    ]
    assert path.stat().st_ino != seen
    await document.undo()
    assert read(path) == before
    with pytest.raises(EditRefusedError, match="no edit of the agent's"):
        await document.undo()


async def test_undo_leaves_what_a_person_wrote_since(document: NotebookDocument, path: Path) -> None:
    await document.edit(SetSource("plot", "ours", digest("x = 2\nplot(X)")))
    notebook = read(path)
    notebook.cells[2].source = "theirs"
    nbformat.write(notebook, path)
    with pytest.raises(EditRefusedError, match="was changed since"):
        await document.undo()
    assert read(path).cells[2].source == "theirs"


async def test_edit_is_made_in_what_is_there_now(document: NotebookDocument, path: Path) -> None:
    await document.outline()
    notebook = read(path)
    notebook.cells.insert(0, new_code_cell("theirs", id="theirs"))
    notebook.cells[2].source = "x = 9"
    nbformat.write(notebook, path)
    with pytest.raises(EditRefusedError) as caught:
        await document.edit(SetSource("load", "x = 2", digest("\n# Load\nx = 1")))
    assert caught.value.current == "x = 9"
    await document.edit(Replace("plot", "x = 2", "x = 3"))
    assert [cell.source for cell in read(path).cells][:4] == ["theirs", "# Title", "x = 9", "x = 3\nplot(X)"]


async def test_change_of_somebody_is_seen(document: NotebookDocument, path: Path) -> None:
    waiting = asyncio.create_task(document.watch(20))
    await asyncio.sleep(0.05)
    notebook = read(path)
    notebook.cells[1].source = "theirs"
    nbformat.write(notebook, path)
    assert await waiting == ["load"]
    assert await document.watch(0.05) == []


async def test_many_watchers_look_as_often_as_one(path: Path) -> None:
    class Counted(FileHolder):
        reads = 0

        async def read(self) -> Any:
            self.reads += 1
            return await super().read()

    holder = Counted(path)
    document = NotebookDocument(holder)
    await asyncio.gather(*(document.watch(1) for _ in range(50)))
    # Each looks once to begin with, and all together a few times meanwhile.
    assert holder.reads < 100


async def test_line_of_megabytes_is_cut_to_be_shown(tmp_path: Path) -> None:
    path = tmp_path / "long.ipynb"
    write(path, [new_code_cell("\x1b[31m# " + "é" * 3_000_000)])
    (line,) = await NotebookDocument(FileHolder(path)).outline()
    assert line.first_line == f"# {'é' * 117}…"


async def test_file_that_is_being_written_is_read_when_it_is_whole(
    document: NotebookDocument, path: Path
) -> None:
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    reading = asyncio.create_task(document.outline())
    editing = asyncio.create_task(document.edit(Insert("ours", END)))
    await asyncio.sleep(0.2)
    assert not reading.done()
    path.write_text(whole)
    assert len(await reading) in (4, 5)
    await editing
    assert read(path).cells[-1].source == "ours"


async def test_run_that_has_the_file_is_waited_for_and_then_named(
    document: NotebookDocument, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NotebookFile.open(path) as run:
        editing = asyncio.create_task(document.edit(Insert("ours", END)))
        await asyncio.sleep(0.1)
        run.notebook.cells.append(new_code_cell("the run's"))
        assert run.replace()
    await editing
    assert [cell.source for cell in read(path).cells][-2:] == ["the run's", "ours"]
    monkeypatch.setattr(file_holder, "_LOCK_TIMEOUT_S", 0.05)
    monkeypatch.setattr(file_holder, "_LOCK_TRIES", 5)
    with NotebookFile.open(path), pytest.raises(NotebookLockedError, match="another process"):
        await document.edit(Insert("more", END))


def test_save_of_a_run_takes_in_what_others_changed_elsewhere(path: Path) -> None:
    with NotebookFile.open(path) as file:
        file.notebook.cells[1].source = "ours"
        theirs = read(path)
        theirs.cells[2].source = "theirs"
        nbformat.write(theirs, path)
        assert file.save(merging=True) is None
        assert [cell.source for cell in read(path).cells][:3] == ["# Title", "ours", "theirs"]
        file.notebook.cells[2].source = "ours, too"
        theirs = read(path)
        theirs.cells[2].source = "theirs again"
        nbformat.write(theirs, path)
        conflict = file.save(merging=True)
    assert conflict is not None
    assert read(path).cells[2].source == "theirs again"
    assert read(conflict.saved_as).cells[2].source == "ours, too"


async def test_run_sees_what_others_changed_before_it_edits(path: Path) -> None:
    saves: list[str] = []
    with NotebookFile.open(path) as file:

        def save() -> None:
            assert file.save(merging=True) is None
            saves.append("saved")

        document = NotebookDocument(OpenFileHolder(file, threading.RLock(), save, set))
        read_before = (await document.outline())[1].digest
        theirs = read(path)
        theirs.cells[1].source = "theirs"
        nbformat.write(theirs, path)
        with pytest.raises(EditRefusedError) as caught:
            await document.edit(SetSource("load", "ours", read_before))
        assert caught.value.current == "theirs"
        assert (await document.outline())[1].digest == digest("theirs")
        await document.edit(Replace("load", "theirs", "both"))
        path.write_text("half of a save")
        assert (await document.outline())[1].digest == digest("both")
        nbformat.write(file.notebook, path)
        await document.edit(Replace("load", "both", "all"))
    assert [cell.source for cell in read(path).cells][:2] == ["# Title", "all"]
    assert saves == ["saved", "saved"]


EDITOR = """
import asyncio, json, random, sys
from pathlib import Path
from neuroworkflow_agent.errors import EditRefusedError, NotebookError
from neuroworkflow_agent.notebooks.cells import digest
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import *
from neuroworkflow_agent.notebooks.file_holder import FileHolder

async def main(path, name, count, seed):
    document, chance = NotebookDocument(FileHolder(Path(path))), random.Random(seed)
    for number in range(count):
        text = f"{name} {number};"  # no text is a part of another, which Replace would find in it
        try:
            lines = await document.outline()
        except NotebookError as error:
            assert "not a " in str(error), error
            continue
        edit = Insert(text, Place(index=-1))
        if lines:  # or all were deleted
            line = chance.choice(lines)
            place = Place(after=chance.choice(lines).address)
            edit = chance.choice([
                Insert(text, place), Replace(line.address, line.first_line, text), SetSource(line.address, text, line.digest),
                Move(line.address, place), Delete(line.address, line.digest), SetOutputs(line.address, (), number, line.digest),
            ])
        try:
            (made,) = await document.edit(edit)
        except EditRefusedError:
            continue
        except NotebookError as error:  # the one that knows no lock was held up in the middle of its save
            assert "not a " in str(error), error
            continue
        kind = type(edit).__name__
        was = line.first_line if kind in ("Replace", "SetSource", "Delete") else ""
        print(json.dumps([kind, made.cell, was, text]), flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


def editor(path: Path, name: str, count: int, stdout: Any = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", EDITOR, str(path), name, str(count), str(tiers.SEED)]
    return subprocess.Popen(command, stdout=stdout, text=True)


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
def test_random_edits_of_two_processes_and_of_one_that_knows_no_lock_lose_and_double_nothing(
    path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The third one saves as JupyterLab does: it looks whether the file is the one it read, then writes into it."""
    write(path, [new_code_cell(f"start {number};", id=f"s{number}") for number in range(8)])
    count = tiers.count(5_000)
    # Into files: a pipe that nobody reads meanwhile is full after some 1,500 edits.
    logs = [(tmp_path_factory.mktemp("told") / name).open("w+") for name in ("one", "two")]
    editors = [editor(path, name, count, log) for name, log in zip(("one", "two"), logs, strict=True)]
    chance = random.Random(tiers.SEED)
    made: list[tuple[str, str]] = []
    taken: list[str] = []
    while any(each.poll() is None for each in editors):
        with path.open("r+") as file:
            before = file.read()
            notebook = nbformat.reads(before, as_version=4)
            own = [each.id for each in notebook.cells if each.id in {cell for cell, _ in made}]
            added = None
            gone = own[0] if len(own) > 20 else None  # or the notebook grows with the time that this takes
            if gone:
                notebook.cells = [each for each in notebook.cells if each.id != gone]
            else:
                added = new_code_cell(f"theirs {len(made)};")
                notebook.cells.insert(chance.randrange(len(notebook.cells) + 1), added)
            text = nbformat.writes(notebook)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino and path.read_text() == before:
                file.seek(0)
                file.write(text)
                file.truncate()
                made += [(added.id, added.source)] if added else []
                taken += [gone] if gone else []
        time.sleep(chance.uniform(0.01, 0.1))
    told: list[list[str]] = []
    for log in logs:
        with log:
            log.seek(0)
            told += [json.loads(line) for line in log]
    assert [each.returncode for each in editors] == [0, 0]
    assert list(path.parent.iterdir()) == [path]
    _agree(read(path), told, made, taken)
    assert len(made) > 3
    assert len(told) > count / 2


def _agree(notebook: Any, told: list[list[str]], made: list[tuple[str, str]], taken: list[str]) -> None:
    """The cells there are, and what they say, are what follows from the edits that were told as made."""
    found = {cell.id: cell.source for cell in notebook.cells}
    assert len(found) == len(notebook.cells)
    gone = {cell for kind, cell, *_ in told if kind == "Delete"} | set(taken)
    born = {f"s{number}" for number in range(8)} | {cell for kind, cell, *_ in told if kind == "Insert"}
    born |= {cell for cell, _ in made}
    assert found.keys() == born - gone
    # Each text was written over at most once, so what is left of a cell's texts is the last one.
    texts: dict[str, list[str]] = {f"s{number}": [f"start {number};"] for number in range(8)}
    for cell, text in made:
        texts.setdefault(cell, []).append(text)
    over: dict[str, list[str]] = {}
    for kind, cell, was, text in told:
        if kind in ("Insert", "Replace", "SetSource"):
            texts.setdefault(cell, []).append(text)
        if kind in ("Replace", "SetSource"):
            over.setdefault(cell, []).append(was)
    for cell, source in found.items():
        assert [source] == sorted(set(texts[cell]) - set(over.get(cell, ()))), cell


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
def test_killed_at_any_moment_the_notebook_is_whole(path: Path) -> None:
    chance = random.Random(tiers.SEED)
    for _ in range(tiers.count(100, at_least=4)):
        killed = editor(path, "killed", 100_000)
        assert killed.stdout is not None
        killed.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        read(path)
    asyncio.run(NotebookDocument(FileHolder(path)).edit(Insert("after", END)))
    assert read(path).cells[-1].source == "after"
    assert [each.name for each in path.parent.iterdir()] == ["a.ipynb"]


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe", "text", "json"])
async def test_what_is_no_notebook_is_said_so(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    match kind:
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "text" | "json":
            path.write_text("hello" if kind == "text" else "[]")
            os.utime(path, (0, 0))  # nobody is writing it
    document = NotebookDocument(FileHolder(path))
    for ask in (document.outline, lambda: document.edit(Insert("x", END))):
        with pytest.raises(NotebookError, match=re.escape(str(path))):
            await ask()


async def test_what_code_outside_cells_changed_marks_the_cells_below_that_need_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    sources = {"load": "rates = load()", "mean": "mean = sum(rates)", "plot": "plt.plot(mean)"}
    write(path, [new_code_cell(s, id=i, execution_count=n) for n, (i, s) in enumerate(sources.items(), 1)])
    document = NotebookDocument(FileHolder(path))

    async def stale() -> list[str]:
        return [line.address for line, _ in await document.cells() if line.may_be_stale]

    assert await stale() == []
    document.note_code("import plt\nplt.plot(rates)\nmean.size", changed=())  # seen to have changed nothing
    assert await stale() == []
    document.note_code("model.fit(plt)\nplt.clf()", changed=(), not_looked_at=("plt",))
    assert await stale() == ["plot"]
    document.note_code("exec('mea' + 'n = 3')", changed=("rates",))  # which its text does not say
    assert await stale() == ["mean", "plot"]


async def test_where_nobody_looked_the_text_of_code_says_what_it_may_have_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    write(path, [new_code_cell("print(rates)", id="show", execution_count=1)])
    document = NotebookDocument(FileHolder(path))
    await document.cells()
    document.note_code("rates.sort()")
    assert [line.may_be_stale for line, _ in await document.cells()] == [True]
