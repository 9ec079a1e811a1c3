"""The page's half of an open notebook, where an edit fails half way: its JavaScript in Node, with a notebook of plain objects."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from neuroworkflow_agent.surfaces.page_scripts import joined
from tests.needs import program

_DRIVE = """
const cellOf = (json) => ({
  ...structuredClone(json), getId: () => json.id, getMetadata: () => undefined, executionState: "idle",
  getSource() { return this.source; }, setSource(text) { this.source = text; }, setOutputs(outputs) { this.outputs = outputs; },
  updateSource(start, end, text) { this.source = this.source.slice(0, start) + text + this.source.slice(end); },
  toJSON() { return { id: json.id, cell_type: "code", source: this.source, outputs: this.outputs, execution_count: this.execution_count }; },
});
const cells = ["a", "b", "c", "d"].map((id) => cellOf({ id, cell_type: "code", source: `${id} = 1`, outputs: [id], execution_count: 1 }));
const shared = {
  cells,
  insertCell(index, json) { if (json.source === "no cell") throw new Error("no cell"); cells.splice(index, 0, cellOf(json)); },
  deleteCell(index) { cells.splice(index, 1); },
  moveCell(from, to) { cells.splice(to, 0, ...cells.splice(from, 1)); },
};
const context = { path: "n.ipynb", model: { sharedModel: shared, cells: { get: () => ({}), [Symbol.iterator]: () => cells.map(() => ({}))[Symbol.iterator]() } } };
globalThis.document = { hasFocus: () => false };
globalThis.window = { addEventListener() {}, removeEventListener() {} };
let receive;
const sent = [];
const model = { widget_manager: { context }, get() {}, on: (_name, callback) => { receive = callback; }, off() {}, send: (content) => sent.push(content) };
const close = exported.initialize({ model });
const page = sent[0].page;
const ask = (message) => { receive({ page, reader: "r", ...message }); return sent.at(-1); };
const state = () => JSON.stringify(cells.map((cell) => [cell.toJSON()]));
"""


def in_node(script: str) -> Any:
    """What a script prints that drives the page's part."""
    source = joined("notebook_widget").replace("export default", "const exported =")
    node = program("node", install="sudo apt install nodejs")
    done = subprocess.run(
        [node, "--input-type=module", "-"],
        input=f"{source}\n{_DRIVE}\n{script}\nclose();",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("at", range(1, 6))
def test_edits_are_taken_back_when_one_of_them_fails(at: int) -> None:
    trouble, is_same, goes_on = in_node(f"""
    const changes = [
      {{ op: "text", cell: "a", at: 0, remove: 1, insert: "x" }}, {{ op: "outputs", cell: "b", outputs: ["new"], count: 9 }},
      {{ op: "move", cell: "a", after: "c" }}, {{ op: "delete", cell: "d" }}, {{ op: "insert", cell: "e", content: {{ id: "e", source: "" }} }},
    ];
    changes.splice({at}, 0, {{ op: "insert", cell: "f", content: {{ id: "f", source: "no cell" }} }});
    const {{ seq }} = ask({{ type: "read", since: null }});
    const before = state();
    const answer = ask({{ type: "apply", base: seq, changes }});
    const is_same = state() === before;
    const again = ask({{ type: "apply", base: seq, changes: changes.filter((change) => change.cell !== "f") }});
    console.log(JSON.stringify([answer.trouble, is_same, again.seq === seq + 1]));
    """)
    assert (trouble, is_same, goes_on) == ("no cell", True, True)


def test_deleted_cells_are_kept_within_bounds_and_the_newest_come_back() -> None:
    lost, back = in_node("""
    let { seq } = ask({ type: "read", since: null });
    const apply = (change) => { const answer = ask({ type: "apply", base: seq, changes: [change] }); seq = answer.seq ?? seq; return answer; };
    for (const id of ["a", "b", "c"]) {
      cells.find((cell) => cell.getId() === id).outputs = ["x".repeat(15_000_000)];
      apply({ op: "delete", cell: id });
    }
    console.log(JSON.stringify([apply({ op: "insert", cell: "a", kept: true }).refused, apply({ op: "insert", cell: "c", kept: true }).refused ?? ""]));
    """)
    assert (lost, back) == ("lost", "")


def test_messages_that_never_end_do_not_pile_up() -> None:
    assert (
        in_node("""
    const text = JSON.stringify({ type: "who", request: "q" });
    receive({ type: "part", page, id: "last", text: text.slice(0, 5) });
    for (let at = 0; at < 3; at++) receive({ type: "part", page, id: `dead-${at}`, text: "x" });
    receive({ type: "part", page, id: "last", text: text.slice(5), is_last: true });
    console.log(JSON.stringify(sent.at(-1).request));
    """)
        == "q"
    )
