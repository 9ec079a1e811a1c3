"""Any turns of file edits, cell edits and code, undone one after the other: what is said to be restored is, and what is not is said.

The oracle knows nothing of how values are kept: it describes a namespace with all that can be reached in it, who is
whose alias included, and the files and cells beside it, before each turn.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from nbformat.v4 import new_code_cell, new_notebook

from neuroworkflow_agent.ids import new_turn_id
from neuroworkflow_agent.notebooks.cells import digest
from neuroworkflow_agent.notebooks.document import Holder, NotebookDocument
from neuroworkflow_agent.notebooks.edits import Applied, Delete, Edit, Insert, Move, Place, Replace, apply
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.state.effects import Effect
from neuroworkflow_agent.state.turn_cells import TurnCells
from neuroworkflow_agent.state.turn_files import TurnFiles
from neuroworkflow_agent.state.turn_variables import TurnVariables
from neuroworkflow_agent.workspace import Workspace
from tests import tiers

SETUP = """
import numpy as np, pandas as pd
class Thing:
    pass
thing = Thing(); thing.state = [0]
n = 1
items = [1, 2]
nested = {"items": items, "array": np.arange(3.0), "thing": thing}
pair = (items, thing)
array = np.arange(6).reshape(2, 3)
row = array[0]
copied = array.copy()
df = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
column = df["a"]
objects = pd.DataFrame({"o": pd.Series([[1], [2]], dtype=object)})
kinds = {1, 2}
def make(held):
    def grow(*args):
        held.append(len(held))
        return held
    return grow
grow_items = make(items)
grow_hidden = make([])
"""
NAMES = ["n", "items", "nested", "pair", "array", "row", "copied", "df", "column", "objects", "kinds", "thing",
         "grow_items", "grow_hidden", "fresh", "other"]  # fmt: skip
STATEMENTS = [
    "n += 1", "n = 1", "del n", "n = items", "fresh = [n]", "other = fresh",
    "items.append(n)", "items.clear()", "items = [0]", "items = items + [1]", "items.append(items[:])", "del items",
    "items[0] = array", "items.append(thing)", "items.sort(key=id)",
    "nested['new'] = df", "nested.clear()", "nested['array'][0] += 1", "nested['items'].append(9)", "del nested['items']",
    "nested = {**nested}", "nested['thing'].state.append(1)",
    "pair[0].append(5)", "pair = None",
    "array[0, 0] += 1", "array *= 2", "array = array + 1", "array.shape = (3, 2)", "array.flags.writeable = False",
    "array.sort(axis=None)", "del array", "array = copied", "copied[:] = 0", "row[:] = -1", "row = np.zeros(2)",
    "df.loc[0, 'a'] = 100", "df['c'] = n", "df.pop('a')", "df.columns = list('pq')[:len(df.columns)]", "df = df.head(1)",
    "df.index.name = 'i'", "df.attrs['x'] = 1", "df.sum(numeric_only=True)", "df['c'] = range(len(df))", "del df",
    "column.iloc[0] += 7", "column.name = 'z'", "column = df['a'] * 2", "column[5] = 1",
    "objects.loc[0, 'o'].append(3)", "objects['p'] = 1",
    "kinds.add(n)", "kinds.clear()", "kinds = kinds | {7}",
    "thing.state.append(1)", "thing.more = array", "thing = Thing(); thing.state = []", "thing.state = items", "del thing",
    "grow_items()", "grow_hidden()", "grow_items = make(nested)", "grow_items = make(array.tolist())", "del grow_items",
    "other = make(items)", "other()", "other = pair", "fresh.append(array)", "fresh = np.ones(3)", "fresh[0] += 1",
    "fresh = df.copy()", "fresh['f'] = 1", "other = [items, items]", "other[0].append(3)", "raise ValueError",
]  # fmt: skip
CELL_TEXTS = ["a = 1", "b = 2", "plot(a)", ""]


class Memory(Holder):
    """A notebook in memory."""

    def __init__(self) -> None:
        self.notebook: Notebook = new_notebook(cells=[new_code_cell(text) for text in CELL_TEXTS])

    @property
    def name(self) -> str:
        return "memory"

    async def read(self) -> Notebook:
        return self.notebook

    async def apply(self, edits: Any, running: Any) -> list[Applied]:
        return apply(self.notebook, edits, running=running)


def describe(value: Any, seen: dict[int, int] | None = None) -> Any:
    """All that can be reached from a value, with who is whose alias."""
    seen = {} if seen is None else seen
    if id(value) in seen:
        return ("same as", seen[id(value)])
    if value is None or type(value) in (int, float, str, bool, np.int64, np.float64):
        return (type(value).__name__, value)
    seen[id(value)] = len(seen)
    match value:
        case list() | tuple():
            return (type(value).__name__, [describe(each, seen) for each in value])
        case dict():
            return ("dict", [(key, describe(each, seen)) for key, each in value.items()])
        case set():
            return ("set", sorted(value))
        case np.ndarray():
            return ("array", value.shape, str(value.dtype), value.flags.writeable, value.tolist())
        case pd.DataFrame():
            columns = [
                (name, describe(value.iloc[:, i].tolist(), seen)) for i, name in enumerate(value.columns)
            ]
            return ("frame", columns, value.index.tolist(), value.index.name, dict(value.attrs))
        case pd.Series():
            return (
                "series",
                value.name,
                describe(value.tolist(), seen),
                value.index.tolist(),
                value.index.name,
            )
    cells = [describe(cell.cell_contents, seen) for cell in getattr(value, "__closure__", None) or ()]
    state = getattr(value, "__dict__", {}) if type(value).__name__ == "Thing" else {}
    return ("object", id(value), cells, describe(dict(state), seen))


class _Done:
    """A turn, and how things were before it."""

    def __init__(self, machine: AnyTurns) -> None:
        self.variables = TurnVariables()
        self.files = TurnFiles(new_turn_id(), Workspace(machine.root))
        self.cells = TurnCells(machine.document)
        self.names = dict(machine.names)
        self.described = {name: describe(value) for name, value in machine.names.items()}
        self.texts = machine.read_files()
        self.notebook = [(cell.id, cell.source) for cell in machine.holder.notebook.cells]
        self.touched: set[str] = set()
        """Files and cells that the user has changed since it began."""


class AnyTurns(RuleBasedStateMachine):
    """Turns and what the user does between them."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        for name in ("one", "two"):
            (self.root / name).write_text(name)
        self.names: dict[str, Any] = {}
        exec(SETUP, self.names)
        self.hidden = {"__builtins__": self.names.pop("__builtins__")}
        self.holder = Memory()
        self.document = NotebookDocument(self.holder)
        self.turns: list[_Done] = []
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        if hasattr(self, "root"):
            shutil.rmtree(self.root)
            self.loop.close()

    def read_files(self) -> dict[str, str]:
        return {each.name: each.read_text() for each in self.root.iterdir()}

    def run(self, code: str) -> None:
        try:
            exec(code, self.names)
        except Exception as error:  # noqa: BLE001 - statements fit or do not
            note(f"{code}: {error!r}")
        for own in ("__builtins__", "__warningregistry__"):  # Python's
            self.names.pop(own, None)

    @rule(
        pieces=st.lists(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=5), min_size=1, max_size=3),
        between=st.lists(st.sampled_from(STATEMENTS), max_size=1),
        files=st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.sampled_from(["w", "x", "delete"])), max_size=3),
        by_code=st.booleans(),
        cells=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["insert", "replace", "move", "delete"])), max_size=3),
    )  # fmt: skip
    def turn(self, pieces: Any, between: Any, files: Any, by_code: bool, cells: Any) -> None:
        turn = _Done(self)
        for number, piece in enumerate(pieces):
            turn.variables.before(self.names, self.hidden)
            for statement in piece:
                self.run(statement)
            turn.variables.after(self.names)
            if number == 0 and len(pieces) > 1:
                for statement in between:
                    self.run(statement)
                    # The user's own: what is restored is not what was before this turn, nor before earlier ones.
                    for each in (turn, *self.turns):
                        each.names = {}
        for name, what in files:
            path = self.root / name
            turn.files.before_code() if by_code else turn.files.before_write(path)
            if what == "delete":
                path.unlink(missing_ok=True)
            else:
                path.write_text(path.read_text() + what if path.exists() else what)
            turn.files.after_code() if by_code else turn.files.after_write(path)
        for index, what in cells:
            self.loop.run_until_complete(self.edit(index, what))
        turn.variables.end()
        turn.files.end()
        self.turns.append(turn)

    async def edit(self, index: int, what: str) -> None:
        cells = self.holder.notebook.cells
        if not cells:
            return
        cell = cells[index % len(cells)]
        edit: Edit
        match what:
            case "insert":
                edit = Insert(f"# {index}", Place(cell.id))
            case "replace" if cell.source:
                edit = Replace(cell.id, cell.source, f"{cell.source}\n# {index}")
            case "move":
                edit = Move(cell.id, Place(index=0))
            case _:
                edit = Delete(cell.id, digest(cell.source))
        await self.document.edit(edit)

    @rule(
        statement=st.sampled_from(STATEMENTS),
        file=st.sampled_from(["one", "three", ""]),
        cell=st.integers(-3, 5),
    )
    def user(self, statement: str, file: str, cell: int) -> None:
        """Changes something between turns."""
        self.run(statement)
        if file:
            (self.root / file).write_text("by the user")
        cells = self.holder.notebook.cells
        if cell >= 0 and cells:
            cells[cell % len(cells)].source += "# by the user"
        for turn in self.turns:
            turn.touched |= {file, *([cells[cell % len(cells)].id] if cell >= 0 and cells else [])}
            turn.names = {}

    @rule()
    def undo(self) -> None:
        if not self.turns:
            return
        turn = self.turns.pop()
        before = dict(self.names)
        plan = [*turn.variables.effects(self.names), *turn.files.effects(), *self.cell_effects(turn)]
        keys = [each.key for each in plan]
        done = [*turn.variables.take_back(self.names, keys), *turn.files.take_back(keys)]
        done += self.loop.run_until_complete(turn.cells.take_back(keys))
        promised = {each.key for each in plan if each.can_be_undone}
        assert {each.key for each in done if each.can_be_undone} >= promised
        self.check_variables(turn, done, before)
        self.check_files(turn, done)
        self.check_cells(turn, done)

    def cell_effects(self, turn: _Done) -> list[Effect]:
        return self.loop.run_until_complete(turn.cells.effects())

    def check_variables(self, turn: _Done, done: list[Effect], before: dict[str, Any]) -> None:
        if not turn.names:  # the user has changed something meanwhile
            return
        said = " ".join(turn.variables.limits)
        stays = {name for each in done if not each.can_be_undone for name in each.name.split(", ")}
        for name in {*turn.names, *self.names} - stays:
            assert (name in self.names) == (name in turn.names), name
            value, was = self.names.get(name), turn.names.get(name)
            if f"{name} (" in said or f" {name}," in said or f" {name}." in said:
                assert value is was, name
            else:
                assert describe(value) == turn.described[name], name

    def check_files(self, turn: _Done, done: list[Effect]) -> None:
        stays = {each.name for each in done if each.kind == "files" and not each.can_be_undone} | turn.touched
        now = self.read_files()
        for name in {*turn.texts, *now} - stays:
            assert now.get(name) == turn.texts.get(name), name

    def check_cells(self, turn: _Done, done: list[Effect]) -> None:
        stays = {
            each.key.removeprefix("cell:") for each in done if each.kind == "cells" and not each.can_be_undone
        }
        stays |= turn.touched
        now = {cell.id: cell.source for cell in self.holder.notebook.cells}
        was = dict(turn.notebook)
        for cell in {*now, *was} - stays:
            assert now.get(cell) == was.get(cell), cell
        if not stays - {""}:
            assert [cell.id for cell in self.holder.notebook.cells] == [cell for cell, _ in turn.notebook]


AnyTurns.TestCase.settings = settings(
    max_examples=tiers.count(1000),
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAnyTurns = AnyTurns.TestCase
