"""Sixty requests about the cells of a notebook, through `run`: the right cells change, and no others.

The model is played by one small agent a request, which reads what the tools answer as a model would. All requests about one
notebook share a kernel and a session; after each, every cell in the file is compared with how it was before.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine import portal
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.surfaces import headless
from neuroworkflow_agent.testing import RecordedRequest, Reply, ScriptedModel, ToolCall
from tests import tiers
from tests.surfaces.headless_process import read, write

Agent: TypeAlias = Generator[Reply, "Answer", None]
CELLS = 30
LINE = re.compile(r"^(?:Done\. )?Cell (\d+) · (\S+) · (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """What a tool has answered."""

    text: str
    is_error: bool

    def cell(self, number: int) -> str:
        """The id of the cell with that place in an outline."""
        return next(found[2] for found in LINE.finditer(self.text) if found[1] == str(number))


@dataclass
class Wanted:
    """What is to be in the notebook afterwards, as far as it differs."""

    order: list[str]
    """Ids in their order; for a new cell, what begins with `+`."""
    sources: dict[str, str] = field(default_factory=dict)
    """Of cells whose text changes; of new ones by their place."""
    ran: dict[str, str] = field(default_factory=dict)
    """What the cells show that are run."""


@dataclass(frozen=True)
class Request:
    """One message, the agent that serves it, and what is to come of it."""

    text: str
    agent: Agent
    wanted: Wanted


class Notebook:
    """The notebook's file before a request, for who makes one up."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.path = path
        self.chance = chance
        self.cells = users(read(path))
        self.ids = [name(cell) for cell in self.cells]

    def wanted(self) -> Wanted:
        """Nothing but what there is."""
        return Wanted(list(self.ids))

    def pick(self, kind: str = "code") -> tuple[int, str, str]:
        """Number from 1, id and text of some cell."""
        found = [index for index, cell in enumerate(self.cells) if cell.cell_type == kind]
        index = self.chance.choice(found)
        return index + 1, self.ids[index], self.cells[index].source

    def source(self, cell: str) -> str:
        return str(self.cells[self.ids.index(cell)].source)

    def elsewhere(self, change: Callable[[Any], None]) -> None:
        """Have somebody save a change of theirs, as JupyterLab does: into the file that was read."""
        while True:
            with self.path.open("r+") as file:
                notebook = nbformat.reads(file.read(), as_version=4)
                change(notebook)
                if os.fstat(file.fileno()).st_ino == self.path.stat().st_ino:
                    file.seek(0)
                    file.write(nbformat.writes(notebook))
                    file.truncate()
                    return


def users(notebook: Any) -> list[Any]:
    """Cells that are not the transcript's."""
    return [cell for cell in notebook.cells if "neuroworkflow_agent" not in cell.metadata]


def name(cell: Any) -> str:
    """What stays of a cell when others move; where there are no ids, what it says."""
    return str(cell.get("id") or cell.source)


def tool(name: str, **arguments: Any) -> Reply:
    return Reply((ToolCall(f"mcp__neuroworkflow__{name}", arguments),))


def fixed(source: str, number: int) -> str:
    return f"{source}\nfixed_{number} = True"


def shows(source: str) -> str:
    """What a cell of this notebook prints."""
    return "".join(f"{value}\n" for value in re.findall(r"print\('([^']*)'\)", source))


# -- the requests -------------------------------------------------------------------------------------


def add_after(book: Notebook, number: int) -> Request:
    place, cell, _ = book.pick()
    wanted = book.wanted()
    wanted.order.insert(place, "+")
    wanted.sources["+"] = new = f"added_{number} = 1\nprint('added {number}')"

    def agent() -> Agent:
        outline = yield tool("notebook_get")
        assert outline.cell(place) == cell
        yield tool("cell_insert", source=new, after=cell)

    return Request(f"Add a cell that prints its number behind cell {place}.", agent(), wanted)


def add_and_run(book: Notebook, number: int) -> Request:
    wanted = book.wanted()
    wanted.order.append("+")
    wanted.sources["+"] = new = f"print('end {number}')"
    wanted.ran["+"] = f"end {number}\n"

    def agent() -> Agent:
        added = yield tool("cell_insert", source=new, index=-1)
        found = LINE.search(added.text)
        assert found is not None
        ran = yield tool("cell_execute", cell=found[2])
        assert f"end {number}" in ran.text

    return Request("Add a cell at the end that says so, and run it.", agent(), wanted)


def add_title(book: Notebook, number: int) -> Request:
    wanted = book.wanted()
    wanted.order.insert(0, "+")
    wanted.sources["+"] = f"# Title {number}"

    def agent() -> Agent:
        yield tool("cell_insert", source=f"# Title {number}", cell_type="markdown", index=0)

    return Request("Give the notebook a title.", agent(), wanted)


def fix(book: Notebook, number: int) -> Request:
    place, cell, source = book.pick()
    wanted = book.wanted()
    wanted.sources[cell] = fixed(source, number)

    def agent() -> Agent:
        outline = yield tool("notebook_get")
        seen = yield tool("cell_get", cell=outline.cell(place))
        assert source in seen.text
        said = yield tool("cell_edit", cell=cell, old=source, new=wanted.sources[cell])
        assert said.text.startswith(f"Done. Cell {place} ")

    return Request(f"Fix cell {place}.", agent(), wanted)


def rewrite(book: Notebook, number: int) -> Request:
    place, cell, _ = book.pick(book.chance.choice(["code", "markdown"]))
    wanted = book.wanted()
    wanted.sources[cell] = f"print('new {number}')"

    def agent() -> Agent:
        unread = yield tool("cell_update", cell=cell, source="blind = True")
        if unread.is_error:  # not read in this session yet
            yield tool("cell_get", cell=cell)
        yield tool("cell_get", cell=cell)
        yield tool("cell_update", cell=cell, source=wanted.sources[cell])

    return Request(f"Write cell {place} anew.", agent(), wanted)


def move(book: Notebook, number: int) -> Request:
    place, cell, _ = book.pick()
    target, after, _ = book.pick(book.chance.choice(["code", "markdown"]))
    wanted = book.wanted()
    if after != cell:
        wanted.order.remove(cell)
        wanted.order.insert(wanted.order.index(after) + 1, cell)

    def agent() -> Agent:
        said = yield tool("cell_move", cell=cell, after=after)
        assert said.is_error == (after == cell)

    return Request(f"Move cell {place} behind cell {target}.", agent(), wanted)


def delete(book: Notebook, number: int) -> Request:
    place, cell, _ = book.pick()
    wanted = book.wanted()
    wanted.order.remove(cell)

    def agent() -> Agent:
        yield tool("cell_get", cell=cell)
        yield tool("cell_delete", cell=cell)

    return Request(f"Delete cell {place}.", agent(), wanted)


def rename(book: Notebook, number: int) -> Request:
    """A name in every cell that has it."""
    wanted = book.wanted()
    word = "rate" if any("rate" in cell.source for cell in book.cells) else "tempo"
    new = "tempo" if word == "rate" else "rate"
    holders = [cell for cell in book.ids if word in book.source(cell)]
    wanted.sources = {cell: book.source(cell).replace(word, new) for cell in holders}

    def agent() -> Agent:
        found = yield tool("notebook_search", pattern=rf"\b{word}")
        cells = list(dict.fromkeys(re.findall(r"^Cell \d+ · (\S+)", found.text, re.MULTILINE)))
        assert cells == holders
        for cell in cells:
            yield tool("cell_edit", cell=cell, old=book.source(cell), new=wanted.sources[cell])

    return Request(f"Rename {word} to {new} everywhere.", agent(), wanted)


def run_one(book: Notebook, number: int) -> Request:
    place, cell, source = book.pick()
    wanted = book.wanted()
    wanted.ran[cell] = shows(source)

    def agent() -> Agent:
        ran = yield tool("cell_execute", cell=cell)
        assert not ran.is_error

    return Request(f"Run cell {place}.", agent(), wanted)


def restart_and_run_all(book: Notebook, number: int) -> Request:
    wanted = book.wanted()
    code = {
        each: cell.source for each, cell in zip(book.ids, book.cells, strict=True) if cell.cell_type == "code"
    }
    wanted.ran = {cell: shows(source) for cell, source in code.items()}

    def agent() -> Agent:
        outline = yield tool("notebook_get")
        ids = [found[2] for found in LINE.finditer(outline.text)]
        assert ids == book.ids
        ran = yield tool("cell_execute", cell=ids[0], last=ids[-1], restart=True)
        assert not ran.is_error, ran.text
        assert [found[1] for found in re.finditer(r" · run (\d+) · ", ran.text)] == [
            str(n + 1) for n in range(len(code))
        ]
        left = yield Reply.code("'left' in globals()")
        assert "False" in left.text

    return Request("Restart, run all, and show me what changed.", agent(), wanted)


def stop_at_the_error(book: Notebook, number: int) -> Request:
    """A cell that fails is put before another one, both are run, and it is taken away again."""
    _, cell, _ = book.pick()

    def agent() -> Agent:
        added = yield tool("cell_insert", source="1 / 0", index=0)
        found = LINE.search(added.text)
        assert found is not None
        failed = yield tool("cell_execute", cell=found[2], last=cell)
        assert failed.is_error
        assert "ZeroDivisionError" in failed.text
        assert "were not run" in failed.text
        yield tool("cell_delete", cell=found[2])

    return Request("Does it stop at an error?", agent(), book.wanted())


def stale(book: Notebook, number: int) -> Request:
    """Somebody changes the very cell between reading and writing."""
    place, cell, source = book.pick()
    theirs = f"theirs_{number} = 1\n{source}"
    wanted = book.wanted()
    wanted.sources[cell] = fixed(theirs, number)

    def agent() -> Agent:
        yield tool("cell_get", cell=cell)
        book.elsewhere(lambda notebook: _cell(notebook, cell).update(source=theirs))
        refused = yield tool("cell_update", cell=cell, source=fixed(source, number))
        assert refused.is_error
        assert "was changed since it was read" in refused.text
        assert theirs in refused.text
        yield tool("cell_get", cell=cell)
        yield tool("cell_update", cell=cell, source=fixed(theirs, number))

    return Request(f"Fix cell {place} while I type in it.", agent(), wanted)


def stale_replace(book: Notebook, number: int) -> Request:
    """Somebody takes away the part that was to be replaced; nothing is left to do."""
    place, cell, source = book.pick()
    wanted = book.wanted()
    wanted.sources[cell] = f"print('theirs {number}')"

    def agent() -> Agent:
        yield tool("cell_get", cell=cell)
        book.elsewhere(lambda notebook: _cell(notebook, cell).update(source=wanted.sources[cell]))
        refused = yield tool("cell_edit", cell=cell, old=source, new=fixed(source, number))
        assert refused.is_error
        assert wanted.sources[cell] in refused.text

    return Request(f"Fix cell {place}, if it needs it.", agent(), wanted)


def gone(book: Notebook, number: int) -> Request:
    """Somebody deletes the cell between reading and writing."""
    place, cell, source = book.pick()
    wanted = book.wanted()
    wanted.order.remove(cell)

    def agent() -> Agent:
        yield tool("cell_get", cell=cell)
        book.elsewhere(lambda notebook: notebook.cells.remove(_cell(notebook, cell)))
        for refused in (
            (yield tool("cell_edit", cell=cell, old=source, new="x")),
            (yield tool("cell_update", cell=cell, source="x")),
            (yield tool("cell_insert", source="x", after=cell)),
        ):
            assert refused.is_error
            assert "has no cell" in refused.text

    return Request(f"Fix cell {place} while I delete it.", agent(), wanted)


def _edits_after(
    book: Notebook, place: int, theirs: Callable[[Any], None], old: str, new: str, told: str
) -> Agent:
    """Edit the cell that is read at a place, where somebody changes the notebook between reading and writing."""
    outline = yield tool("notebook_get")
    cell = outline.cell(place)
    book.elsewhere(theirs)
    said = yield tool("cell_edit", cell=cell, old=old, new=new)
    assert told in said.text


def beside(book: Notebook, number: int) -> Request:
    """Somebody changes another cell, and adds one at the top, so that all numbers are others."""
    place, cell, source = book.pick()
    other = book.chance.choice([each for each in book.ids if each != cell])
    wanted = book.wanted()
    wanted.order.insert(0, "+")
    wanted.sources = {
        "+": f"theirs_{number} = 2",
        other: f"{book.source(other)}\n# theirs",
        cell: fixed(source, number),
    }

    def theirs(notebook: Any) -> None:
        _cell(notebook, other).source = wanted.sources[other]
        notebook.cells.insert(0, new_code_cell(wanted.sources["+"]))

    agent = _edits_after(book, place, theirs, source, wanted.sources[cell], f"Cell {place + 1} · {cell}")
    return Request(f"Fix cell {place} while I work elsewhere.", agent, wanted)


def moved(book: Notebook, number: int) -> Request:
    """Somebody moves the cell to the top between reading and writing."""
    place, cell, source = book.pick()
    wanted = book.wanted()
    wanted.order.remove(cell)
    wanted.order.insert(0, cell)
    wanted.sources[cell] = fixed(source, number)

    def theirs(notebook: Any) -> None:
        notebook.cells.remove(found := _cell(notebook, cell))
        notebook.cells.insert(0, found)

    agent = _edits_after(book, place, theirs, source, wanted.sources[cell], f"Cell 1 · {cell}")
    return Request(f"Fix cell {place} while I move it.", agent, wanted)


def ambiguous(book: Notebook, number: int) -> Request:
    """The text to be replaced is there twice; more of what is around it makes it clear."""
    place, cell, source = book.pick()
    twice = f"twin = 1\ntwin = 1\n{source}"
    wanted = book.wanted()
    wanted.sources[cell] = f"twin = 1\ntwin = {number + 2}\n{source}"

    def agent() -> Agent:
        yield tool("cell_edit", cell=cell, old=source, new=twice)
        refused = yield tool("cell_edit", cell=cell, old="twin = 1", new=f"twin = {number + 2}")
        assert refused.is_error
        assert "2 times" in refused.text
        yield tool("cell_edit", cell=cell, old=f"twin = 1\n{source}", new=f"twin = {number + 2}\n{source}")

    return Request(f"Set the second twin in cell {place}.", agent(), wanted)


def look(book: Notebook, number: int) -> Request:
    place, cell, source = book.pick()

    def agent() -> Agent:
        outline = yield tool("notebook_get", sources=True)
        assert outline.cell(place) == cell
        seen = yield tool("cell_get", cell=cell)
        assert source in seen.text

    return Request(f"What does cell {place} do?", agent(), book.wanted())


def probe(book: Notebook, number: int) -> Request:
    """What is only tried out stays out of the user's cells."""

    def agent() -> Agent:
        said = yield Reply.code(f"left = {number}\nprint('tried', left)")
        assert f"tried {number}" in said.text

    return Request("Try something.", agent(), book.wanted())


def nowhere(book: Notebook, number: int) -> Request:
    place, cell, _ = book.pick()

    def agent() -> Agent:
        for refused in (
            (yield tool("cell_insert", source="x")),
            (yield tool("cell_insert", source="x", index=1000)),
            (yield tool("cell_move", cell=cell)),
            (yield tool("cell_edit", cell=str(place), old="", new="x")),
        ):
            assert refused.is_error, refused.text

    return Request("Do something that cannot be done.", agent(), book.wanted())


def without_ids_fix(book: Notebook, number: int) -> Request:
    place, cell, source = book.pick()
    wanted = book.wanted()
    wanted.sources[cell] = fixed(fixed(source, number), number + 1)

    def agent() -> Agent:
        outline = yield tool("notebook_get")
        said = yield tool("cell_edit", cell=outline.cell(place), old=source, new=fixed(source, number))
        assert said.text.startswith(f"Done. Cell {place} · ~")
        now = said.cell(place)
        assert now != outline.cell(place)
        gone = yield tool("cell_edit", cell=outline.cell(place), old=source, new="x")
        assert gone.is_error
        yield tool("cell_get", cell=now)
        yield tool("cell_update", cell=now, source=wanted.sources[cell])

    return Request(f"Fix cell {place} twice.", agent(), wanted)


def without_ids_twins(book: Notebook, number: int) -> Request:
    """Two cells that say the same cannot be told from each other."""
    place, _, source = book.pick()
    wanted = book.wanted()
    wanted.order[:0] = ["+", "+twin"]
    wanted.sources = {"+": f"twin = {number}", "+twin": source}

    def agent() -> Agent:
        outline = yield tool("notebook_get")
        added = yield tool("cell_insert", source=source, index=0)
        assert not added.is_error
        assert "2 say the same and have no ids" in added.text
        refused = yield tool("cell_edit", cell=outline.cell(place), old=source, new="x")
        assert refused.is_error
        assert "say the same and have no ids" in refused.text
        assert "--upgrade" in refused.text
        assert "x" not in {each.source for each in users(read(book.path))}
        yield tool("cell_insert", source=wanted.sources["+"], index=0)

    return Request(f"Double cell {place}, then change it.", agent(), wanted)


Maker: TypeAlias = Callable[[Notebook, int], Request]
KINDS: tuple[tuple[int, Maker], ...] = (
    (7, add_after), (2, add_and_run), (2, add_title), (8, fix), (4, rewrite), (4, move), (3, delete), (2, rename), (3, run_one),
    (2, restart_and_run_all), (1, stop_at_the_error), (4, stale), (2, stale_replace), (2, gone), (2, beside), (2, moved),
    (3, ambiguous), (2, look), (1, probe), (1, nowhere),
)  # fmt: skip
WITHOUT_IDS: tuple[Maker, ...] = (without_ids_fix, without_ids_fix, without_ids_twins)
"""The twins last: two cells of one name cannot be told from each other here, either."""


# -- the notebook, and what is looked at ---------------------------------------------------------------


def make_cells() -> list[Any]:
    """Code that prints, text, a raw cell; metadata, an attachment and a picture that no edit may lose."""
    cells: list[Any] = []
    for number in range(CELLS):
        if number == 11:
            cells.append(new_raw_cell("raw", id="raw"))
        elif number % 5 == 0:
            cells.append(
                new_markdown_cell(f"## Part {number}\n\nThe rate of part {number}.", id=f"m{number}")
            )
        else:
            cells.append(new_code_cell(f"rate_{number} = {number}\nprint('cell {number}')", id=f"c{number}"))
    cells[5].attachments = {"a.png": {"image/png": "iVBORw0KGgo="}}
    for cell in cells[::3]:
        cell.metadata = {"tags": ["kept"], "slideshow": {"slide_type": "slide"}}
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        cell.outputs = [new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": cell.id})]
    return cells


def _cell(notebook: Any, cell: str) -> Any:
    return next(each for each in notebook.cells if each.get("id") == cell)


def same(cell: Any, *but: str) -> str:
    """A digest of what is to be as it was."""
    kept = {key: value for key, value in cell.items() if key not in but}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def check(request: Request, before: list[Any], after: list[Any]) -> None:
    """Compare every cell with what is wanted of it."""
    wanted, known = request.wanted, {name(cell): cell for cell in before}
    texts = {wanted.sources.get(each, each): each for each in wanted.order}
    assert len(after) == len(wanted.order), request.text
    for each, cell in zip(wanted.order, after, strict=True):
        if each.startswith("+"):
            assert cell.source == wanted.sources[each], request.text
            assert cell.get("id") not in known, request.text
        else:
            found = name(cell) if name(cell) in known else texts.get(cell.source)
            assert found == each, request.text
            old = known[each]
            assert cell.source == wanted.sources.get(each, old.source), (request.text, each)
            run = ("outputs", "execution_count") if each in wanted.ran else ()
            assert same(cell, "source", *run) == same(old, "source", *run), (request.text, each)
        if each in wanted.ran:
            shown = "".join(output.get("text", f"({output.output_type})") for output in cell.outputs)
            assert shown == wanted.ran[each], (request.text, each)


class Conversation(headless._Runner):
    """A run that serves one request after the other in its session; the notebook's file is looked at after each."""

    def __init__(
        self, path: Path, model: ScriptedModel, makers: Iterable[Maker], chance: random.Random
    ) -> None:
        super().__init__(headless.Job(path, "x", execute=False), AgentConfig.from_env(), headless.Progress())
        self._path, self._model, self._makers, self._chance = path, model, makers, chance
        self.served = 0
        self.trouble: list[str] = []

    def _run_turn(self, kernel: ClientKernel, prompt: str) -> None:
        with self._chat(kernel) as chat:
            for number, make in enumerate(self._makers):
                book = Notebook(self._path, self._chance)
                request = make(book, number)
                self._play(request)
                self._send(chat, request.text)
                assert (self._summary.end, self._summary.conflict) == ("complete", None), request.text
                assert self.trouble == [], request.text
                check(request, book.cells, users(read(self._path)))
                self.served += 1

    def _play(self, request: Request) -> None:
        """Have the model be the request's agent."""

        def step(recorded: RecordedRequest) -> Reply:
            try:
                reply = request.agent.send(_answer(recorded)) if begun else next(request.agent)
            except StopIteration:
                return Reply.text("Done.")
            except AssertionError as error:
                self.trouble.append(f"{request.text}: {error}\n{_answer(recorded).text}")
                return Reply.text("No.")
            begun.append(True)
            self._model.extend(step)
            return reply

        begun: list[bool] = []
        self._model.extend(step)


def _answer(recorded: RecordedRequest) -> Answer:
    result = recorded.tool_results[-1]
    content = result["content"]
    texts = [content] if isinstance(content, str) else [block.get("text", "") for block in content]
    return Answer("\n".join(texts), bool(result.get("is_error")))


@pytest.fixture
def path(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workspace)
    path = workspace / "analysis.ipynb"
    write(path, make_cells())
    return path


def serve(path: Path, model: ScriptedModel, makers: list[Maker]) -> None:
    conversation = Conversation(path, model, makers, random.Random(tiers.SEED))
    try:
        conversation.run()
    finally:
        portal.shared_portal().stop()
    assert conversation.served == len(makers)


@pytest.mark.kernel
@pytest.mark.timeout(300)
def test_sixty_requests_change_the_right_cells_and_no_others(
    path: Path, scripted_model: ScriptedModel
) -> None:
    assert sum(count for count, _ in KINDS) + len(WITHOUT_IDS) == 60
    kinds = [make for count, make in KINDS for _ in range(tiers.count(count, at_least=1))]
    random.Random(tiers.SEED).shuffle(kinds)
    serve(path, scripted_model, kinds)


@pytest.mark.kernel
def test_cells_without_ids_are_changed_by_what_they_say(path: Path, scripted_model: ScriptedModel) -> None:
    notebook = read(path)
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]
    nbformat.write(notebook, path)
    serve(path, scripted_model, list(WITHOUT_IDS))
    assert read(path).nbformat_minor == 4
