"""What a page makes of a transcript that comes slowly: its JavaScript in Node, with a clock of the test's own."""

from __future__ import annotations

import json
import subprocess

import pytest

from neuroworkflow_agent.surfaces.page_scripts import joined
from tests.needs import program

_DRIVE = """
const timers = [];
globalThis.setTimeout = (call) => timers.push(call) - 1;
globalThis.clearTimeout = (at) => { if (at !== undefined) timers[at] = null; };
let receive;
const sent = [];
const transport = {
  send: (message) => sent.push(message.type), receive: (take) => { receive = take; return () => {}; },
  onLife: () => () => {}, isAlive: () => true, trans: { __: (text) => text },
};
const store = new Store(transport, { close() {} });
const later = () => { for (const [at, call] of [...timers.entries()]) { timers[at] = null; call?.(); } };
const part = (number, seq) => receive({ type: "snapshot", view: null, seq, part: number, of: 4, items: [{ id: `${seq}-${number}` }], state: {} }, []);
for (const [number, seq] of STEPS) number === "later" ? later() : part(number, seq);
console.log(JSON.stringify([store.isLoaded, [...store.items.keys()], sent.length]));
"""


def after(*steps: tuple[int | str, int]) -> tuple[bool, list[str], int]:
    """Whether it is loaded, what it shows, and how often it has asked, after parts of snapshots, and times without any."""
    node = program("node", install="sudo apt install nodejs")
    script = f"const STEPS = {json.dumps(steps)};\n{joined('store')}\n{_DRIVE}"
    done = subprocess.run(
        [node, "--input-type=module", "-"],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    is_loaded, items, asked = json.loads(done.stdout)
    return is_loaded, items, asked


LATER = ("later", 0)


@pytest.mark.parametrize(
    ("steps", "seq", "asked"),
    [
        ([(0, 5), (1, 5), (2, 5), (3, 5)], 5, 1),
        ([(0, 5), (1, 5), LATER, (2, 5), (3, 5)], 5, 2),
        ([LATER, (0, 5), (1, 5), (0, 7), (2, 5), (1, 7), (3, 5), (2, 7), (3, 7)], 7, 2),
    ],
)
def test_a_transcript_is_shown_when_all_of_it_is_there(
    steps: list[tuple[int | str, int]], seq: int, asked: int
) -> None:
    assert after(*steps) == (True, [f"{seq}-{number}" for number in range(4)], asked)


def test_a_transcript_whose_rest_does_not_come_is_asked_for_again() -> None:
    whole = [(number, 5) for number in range(4)]
    assert after(*whole, (0, 6), LATER)[2] == 2
