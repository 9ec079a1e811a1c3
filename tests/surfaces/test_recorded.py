"""Recorded runs as a user meets them: `run --record`, and `runs` with all that it does."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell

from tests.surfaces.headless_process import call, read, start, wait_for, write

pytestmark = [pytest.mark.kernel, pytest.mark.claude, pytest.mark.server]
SECRET = "sk-ant-very-secret-0123456789"


def code(text: str) -> dict[str, Any]:
    return {"tool": "mcp__neuroworkflow__run_code", "input": {"code": text}}


@pytest.fixture
def place(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a notebook that takes a parameter."""
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    cells = [new_code_cell("x = 1", metadata={"tags": ["parameters"]}), new_code_cell("print('rate', x)")]
    write(workspace / "a.ipynb", cells)
    (workspace / "data.csv").write_text("20\n")
    return workspace


def script(place: Path, *replies: list[dict[str, Any]]) -> str:
    (place / "script.json").write_text(json.dumps(replies))
    return "scripted:script.json"


def one_run(place: Path, *arguments: str) -> dict[str, Any]:
    """The record of the only result."""
    code_, out, err = call("runs", "list", "--json", *arguments)
    assert code_ == 0, err
    (told,) = json.loads(out)
    return dict(told)


def test_a_run_is_kept_shown_exported_compared_and_run_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = "import base64\nfrom IPython.display import Image\nImage(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='))"
    work = "import os\nprint('new', not os.path.exists('out.csv'))\ny = x * int(open('data.csv').read())\nopen('out.csv', 'w').write(str(y))\nfor i in range(40): print('line', i)\nprint(os.environ['ANTHROPIC_API_KEY'])\ny"
    model = script(
        place,
        [{"text": "I look."}, code(work), code(draw)],
        [{"text": "It is **40** <script>alert(1)</script>."}],
    )
    asked = (
        "run",
        "a.ipynb",
        f"double it, key {SECRET}",
        "-p",
        "x=2",
        "--input",
        "*.csv",
        "--model",
        model,
        "--output",
        "b.ipynb",
        "--checks",
        "checks.yaml",
    )
    (place / "checks.yaml").write_text("checks: [y == 40]")
    status, out, err = call(*asked, "--record")
    assert status == 0, err
    assert "It is" in out
    told = one_run(place)
    run_id, run = told["id"], Path(told["path"])
    assert (told["state"], told["exit_code"], told["start"]) == ("complete", 0, 1)
    assert told["asked"]["parameters"] == {"x": 2}
    assert list(told["asked"]["inputs"]) == ["data.csv"]
    assert {each.name for each in run.iterdir()} == {
        "run.json",
        "events.jsonl",
        "before.ipynb",
        "after.ipynb",
        "files.json",
    }
    assert [cell.source for cell in read(run / "after.ipynb").cells[:2]] == ["x = 1", "# Parameters\nx = 2"]
    assert read(run / "after.ipynb").cells[2].outputs[0].text == "rate 2\n"
    files = {each["path"]: each["by"] for each in json.loads((run / "files.json").read_text())["changes"]}
    assert files == {"b.ipynb": "the run", "out.csv": "run_code"}
    for path in run.rglob("*"):
        assert path.is_dir() or SECRET not in path.read_text(), path.name

    # The same is not run twice, and what it would save is saved.
    (place / "b.ipynb").unlink()
    (place / "out.csv").unlink()
    status, out, err = call(*asked, "--record")
    assert (status, "This was run before" in err, (place / "out.csv").exists()) == (0, True, False)
    assert read(place / "b.ipynb").cells[1].source == "# Parameters\nx = 2"

    status, out, err = call("runs", "show", run_id[:6])
    assert "lines folded; --full shows them" in out
    assert "file out.csv: made by run_code" in out
    assert ("line 20" in out, "line 39" in out, SECRET in out) == (False, True, False)
    status, out, _ = call("runs", "show", run_id, "--jsonl")
    assert [json.loads(line)["type"] for line in out.splitlines()][:: len(out.splitlines()) - 1] == [
        "TurnStart",
        "TurnEnd",
    ]
    call("runs", "verdict", run_id, "fail", "--note", "wrong <b>unit</b>")
    status, page, _ = call("runs", "export", run_id, "--html")
    assert "default-src 'none'" in page
    assert "data:image/png;base64,iVBOR" in page
    assert "wrong &lt;b&gt;unit" in page
    assert ("<script" in page, "http" in page.replace("http-equiv", "")) == (False, False)
    status, page, _ = call("runs", "export", run_id, "--md")
    assert "```python\nimport os" in page
    assert call("runs", "export", run_id)[0] == 2

    # Today's data are other ones, and only a copy of the workspace is worked in, without what the run itself made.
    (place / "data.csv").write_text("21\n")
    (place / "out.csv").write_text("40")
    status, out, err = call("runs", "replay", run_id, "--quiet")
    assert status == 1, err
    assert "+→ 42" in out
    assert "file out.csv:" in out
    assert "answer: the same" in out
    assert "verdict: passed → failed" in out
    assert ("new False" in out, (place / "out.csv").read_text()) == (False, "40")
    status, out, _ = call("runs", "diff", run_id, run_id, "--json")
    assert (status, json.loads(out)["same_effects"]) == (0, True)

    # Somebody goes through what nobody has judged, the run that was made just now.
    assert call("runs", "review")[2].startswith("A review asks in a terminal.")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    said = iter(["maybe", "Pass looks right"])
    monkeypatch.setattr("builtins.input", lambda _question: next(said))
    shown = "".join(map(str, call("runs", "review")))
    assert ("— 1 of 1 —" in shown, "Say p, f, u, s or q." in shown) == (True, True)
    kept = [json.loads(each.read_text()) for each in place.glob("agent-runs/*/*/verdicts/*.json")]
    assert sorted((each["verdict"], each["note"]) for each in kept) == [
        ("fail", "wrong <b>unit</b>"),
        ("pass", "looks right"),
    ]
    assert "— 1 of" not in "".join(map(str, call("runs", "review")))
    assert call("runs", "rm", run_id)[:2] == (0, f"{run_id}\n")
    assert call("runs", "show", run_id)[0] == 2


def test_a_killed_run_keeps_what_came_and_is_no_result(place: Path) -> None:
    model = script(
        place, [{"text": "I begin."}, code("import time\nprint('here', flush=True)\ntime.sleep(600)")]
    )
    process = start("run", "a.ipynb", "go", "--model", model, "--record=kept", "--quiet")
    try:
        wait_for(
            lambda: any("here" in each.read_text() for each in place.glob("kept/*/1.part/*.jsonl")),
            process,
            timeout_s=90,
        )
        assert one_run(place, "--runs", "kept")["state"] == "running"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    told = one_run(place, "--runs", "kept")
    assert (told["state"], told["asked"]["prompt"], "end" in told) == ("killed", "go", False)
    status, out, _ = call("runs", "show", told["id"], "--runs", "kept")
    assert status == 0
    assert "I begin." in out
    # The next start is another one, and is the result.
    model = script(place, [{"text": "Done."}])
    status, out, _ = call("run", "a.ipynb", "go", "--model", model, "--record=kept", "--jsonl", "--quiet")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (status, lines[0]["type"], lines[-1]["state"], lines[-1]["new"]) == (
        0,
        "TurnStart",
        "complete",
        True,
    )


def test_what_cannot_begin_leaves_no_record(place: Path) -> None:
    assert call("run", "missing.ipynb", "go", "--record")[0] == 2
    status, _, err = call("run", "a.ipynb", "--record", "-p", "no name=1")
    assert (status, "'no name' cannot be a parameter" in err) == (2, True)
    assert call("run", "a.ipynb", "--record", "--input", "nothing*")[0] == 2
    assert list(place.glob("agent-runs/*/*")) == []
