"""What is on the screen of a terminal: Markdown, colours, nothing twice and nothing that a model could do to it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pexpect
import pyte
import pytest
from rich.console import Console

from neuroworkflow_agent.events import (
    CellEnd,
    CellStart,
    Event,
    FileChange,
    Notice,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
    Waiting,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.surfaces.chat_kernel.surroundings import HELP as HELP_HERE
from neuroworkflow_agent.surfaces.chat_line import HELP
from neuroworkflow_agent.surfaces.terminal_style import TerminalStyle
from neuroworkflow_agent.surfaces.terminal_view import TerminalView
from neuroworkflow_agent.testing import Reply, ScriptedModel, Text

WIDTH, HEIGHT = 60, 24
GREEN, PURPLE, RED = "00875f", "875fd7", "af5f5f"
GROUNDS = ("000000", "ffffff", "1e1e1e", "002b36", "fdf6e3", "300a24", "0c0c0c")
"""Of xterm, VS Code, Solarized, Ubuntu and Windows."""
TURN, CODE, EDIT = TurnId("turn"), ToolUseId("code"), ToolUseId("edit")
ANSWER = """\
Neuron **27** fires fastest, at `66.2` Hz.

## Why

| neuron | rate |
|---|---|
| 27 | 66.2 |

- the first
- the second

```python
rates = spikes / duration_s


rates.max()
```
"""


class Terminal:
    """A terminal that understands what it is sent."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.screen = pyte.HistoryScreen(width, height, history=1000)
        self._stream = pyte.Stream(self.screen)
        console = Console(width=width, height=height, force_terminal=True, color_system="256")
        self.style = TerminalStyle(console)

    def write(self, text: str) -> None:
        self._stream.feed(text.replace("\n", "\r\n"))

    @property
    def lines(self) -> list[str]:
        """Everything, what has scrolled away included."""
        above = [
            "".join(row[column].data for column in range(self.screen.columns)).rstrip()
            for row in self.screen.history.top
        ]
        return [*above, *(line.rstrip() for line in self.screen.display)]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip()

    def style_of(self, text: str) -> tuple[str, bool]:
        """Colour, and whether bold, of the first character of a text on the screen."""
        row = next(number for number, line in enumerate(self.screen.display) if text in line)
        char = self.screen.buffer[row][self.screen.display[row].index(text)]
        return char.fg, char.bold


def show(*events: Event, terminal: Terminal | None = None, pieces: int = 0) -> Terminal:
    terminal = terminal or Terminal()
    view = TerminalView(terminal.write, is_live=True, style=terminal.style)
    for event in events:
        for part in in_pieces(event, pieces):
            view.handle(part)
            view.tick()
    return terminal


def in_pieces(event: Event, chars: int) -> Iterable[Event]:
    if not isinstance(event, TextDelta) or not chars:
        return [event]
    return [TextDelta(event.text[at : at + chars]) for at in range(0, len(event.text), chars)]


def end(reason: str = "complete") -> TurnEnd:
    return TurnEnd(TURN, reason, "", None, 1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("pieces", [0, 1, 7])
def test_an_answer_is_drawn_as_markdown_however_it_comes(pieces: int) -> None:
    terminal = show(TurnStart(TURN, "Go"), Waiting("model"), TextDelta(ANSWER), end(), pieces=pieces)
    assert terminal.text.split("\n") == [
        "Neuron 27 fires fastest, at 66.2 Hz.",
        "",
        "Why",
        "",
        " neuron  rate",
        f" {'─' * 12}",
        " 27      66.2",
        "",
        " • the first",
        " • the second",
        "",
        " rates = spikes / duration_s",
        "",
        "",
        " rates.max()",
        "complete · 1.5 s",
    ]
    assert terminal.style_of("27 fires") == ("default", True)
    assert terminal.style_of("complete")[0] == GREEN
    assert terminal.style_of("rates =") == ("default", False)


def test_a_block_that_is_not_whole_stands_as_it_came() -> None:
    terminal = show(TurnStart(TURN, "Go"), TextDelta("One **two**\n\nthree **fo"))
    assert terminal.text == "One two\n\nthree **fo"


def test_an_answer_longer_than_the_screen_loses_nothing() -> None:
    code = "".join(f"line_{number} = {number}\n" for number in range(60))
    answer = f"Before.\n\n```python\n{code}```\n\nAfter **it**."
    terminal = show(TurnStart(TURN, "Go"), TextDelta(answer), end(), pieces=5)
    assert [line.strip() for line in terminal.lines if "line_" in line] == code.splitlines()
    assert terminal.text.endswith("After it.\ncomplete · 1.5 s")


def test_calls_changes_and_failures_have_their_colours() -> None:
    change = FileChange(EDIT, "model.py", "@@ -12 +12 @@\n-tau = 10\n+tau = 20")
    terminal = show(
        TurnStart(TURN, "Go"),
        Notice("Model: sonnet", is_introduction=True),
        ToolUse(CODE, "run_code", {"code": "import numpy as np\nx = 1"}),
        CellStart(CODE),
        CellEnd(CODE, "ok", 1, 0.1),
        ToolResult(CODE, "", False),
        ToolUse(EDIT, "Edit", {"file_path": "model.py"}),
        change,
        ToolResult(EDIT, "It was changed meanwhile.", True),
        end("error"),
    )
    assert terminal.text.split("\n") == [
        "Model: sonnet", "Run code", "    import numpy as np", "    x = 1",
        "Edit model.py", "    @@ -12 +12 @@", "    -tau = 10", "    +tau = 20", "It was changed meanwhile.", "error · 1.5 s",
    ]  # fmt: skip
    assert terminal.style_of("Run code") == ("default", True)
    assert terminal.style_of("import") == (PURPLE, False)
    assert terminal.style_of("-tau")[0] == RED
    assert terminal.style_of("+tau")[0] == GREEN
    assert terminal.style_of("It was changed")[0] == RED
    assert terminal.style_of("error ·")[0] == RED


@pytest.mark.parametrize(
    "text", ["\x1b]0;title\x07", "\x1b[2J\x1b[H", "a\rb", "[link](https://evil.example)"]
)
def test_no_text_of_a_model_is_obeyed(text: str) -> None:
    sent: list[str] = []
    terminal = Terminal()

    def write(piece: str) -> None:
        sent.append(piece)
        terminal.write(piece)

    view = TerminalView(write, style=terminal.style)
    for event in (TurnStart(TURN, "Go"), TextDelta("kept\n\n"), TextDelta(text), TextDelta("\n\nend"), end()):
        view.handle(event)
    assert terminal.text.startswith("kept\n")
    assert terminal.text.endswith("end\ncomplete · 1.5 s")
    assert not any(sign in "".join(sent) for sign in ("\x1b]", "\x07", "\x1b[2J", "\x1b[H"))
    if "link" in text:
        assert "link (https://evil.example)" in terminal.text  # where it leads is seen


@pytest.mark.parametrize(
    ("colour", "term"), [(True, "xterm-256color"), (False, "xterm-256color"), (False, "dumb")]
)
def test_ipython_in_a_terminal(colour: bool, term: str, scripted_model: ScriptedModel, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    scripted_model.extend(
        Reply((Text("I look.\n\nIt **is**:"), *Reply.code("y = 6 * 7\nprint('seen', y)").blocks)),
        Reply.text("It is **42**."),
        Reply.text("Once **more**."),
        Reply.text("Enough."),
    )
    monkeypatch.setenv("TERM", term)
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    ipython = pexpect.spawn(
        sys.executable, arguments, cwd=workspace, dimensions=(40, 80), encoding="utf-8", timeout=60
    )
    terminal = Terminal(80, 60)
    try:
        for line in (
            "%load_ext neuroworkflow_agent",
            "%chat",
            "%chat what is six times seven?",
            "'after', y",
            "from neuroworkflow_agent import chat; reply = chat('again')",
            "reply",
            "chat('more')",
            "%chat --verify",
            "%lint no.ipynb",
        ):
            ipython.expect(r"In \[\d+\]: ")
            terminal.write((ipython.before + ipython.after).replace("\r\n", "\n"))
            ipython.sendline(line)
        ipython.expect(r"In \[10\]: ")
        terminal.write(ipython.before.replace("\r\n", "\n"))
    finally:
        ipython.close(force=True)
    shown = terminal.text
    marked = "**42**" if term == "dumb" else "42"
    for expected in (
        "I look.",
        "Run code\n    y = 6 * 7",
        "seen 42",
        f"It is {marked}.\ncomplete ·",
        "('after', 42)",
        # Of a usage error the first line says what is wrong; a reply is shown where it has not been.
        "%chat\nUsageError: Nothing to ask. ",
        f"reply\nOut[6]: \nOnce {'**more**' if term == 'dumb' else 'more'}.\n".replace(": \n", ":\n"),
        "Out[7]: Reply(end='complete', session_id=",
        "%chat --verify\nUsageError: This is a terminal, which has no notebook to run anew. ",
        "UsageError: There is no file 'no.ipynb'. Name a notebook that is there.",
    ):
        assert expected in shown, shown
    assert "…" not in shown
    assert shown.count("I look.") == 1
    if term != "dumb":
        assert terminal.style_of("complete ·")[0] == (GREEN if colour else "default")


def luminance(colour: str) -> float:
    """As WCAG 2.1 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def expect_no_colour_of_the_terminals(sent: str) -> None:
    """None of the sixteen colours, nor the faint that makes any of them paler."""
    assert not re.search(
        r"\x1b\[(?:\d+;)*(?:2|3[0-7]|4[0-7]|9[0-7])(?:;\d+)*m", re.sub(r"38;5;\d+", "", sent)
    )


def test_colours_are_read_on_dark_and_on_light() -> None:
    long = f"{ANSWER}\n> quoted `x`\n\n1. one\n\n[link](https://a.example)\n\n---\n\n### Less\n"
    sent: list[str] = []
    terminal = Terminal(80, 120)

    def write(text: str) -> None:
        sent.append(text)
        terminal.write(text)

    view = TerminalView(write, style=terminal.style)
    code = "import os\n@decorated\nclass A:  # why\n    def f(self): return len('x') + 1.5 if not None else 2"
    for event in (
        TurnStart(TURN, "Go"),
        Notice("Model: sonnet", is_introduction=True),
        TextDelta(long),
        ToolUse(CODE, "run_code", {"code": code}),
        ToolResult(CODE, "failed", True),
        ToolUse(EDIT, "Edit", {"file_path": "model.py"}),
        FileChange(EDIT, "model.py", "@@ -12 +12 @@\n-tau = 10\n+tau = 20"),
        ToolResult(EDIT, "", False),
        end("interrupted"),
    ):
        view.handle(event)
    expect_no_colour_of_the_terminals("".join(sent))
    colours = {char.fg for row in terminal.screen.buffer.values() for char in row.values()} - {"default"}
    assert {GREEN, PURPLE, RED} < colours
    assert len(colours) == 6
    assert {char.bg for row in terminal.screen.buffer.values() for char in row.values()} == {"default"}
    for colour in colours:
        assert min(contrast(colour, ground) for ground in GROUNDS[:2]) >= 4.4, colour
        assert min(contrast(colour, ground) for ground in GROUNDS) >= 3.1, colour


WRONG_NODE = """\
from neuroworkflow import Node, NodeDefinitionSchema, PortDefinition, PortType

class Wrong(Node):
    NODE_DEFINITION = NodeDefinitionSchema(
        type="wrong",
        description="Has no steps, so that it does nothing.",
        outputs={"rate": PortDefinition(type=PortType.FLOAT, description="Mean rate in Hz.")},
    )
"""


@pytest.mark.parametrize("no_color", ["", "1"])
def test_commands_have_colours_on_a_terminal_alone(
    no_color: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "wrong.py").write_text(WRONG_NODE)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    arguments = ["-m", "neuroworkflow_agent", "check-node", "wrong.py"]
    command = pexpect.spawn(sys.executable, arguments, cwd=workspace, dimensions=(40, 200), encoding="utf-8")
    command.expect(pexpect.EOF, timeout=60)
    terminal = Terminal(200, 40)
    terminal.write(command.before.replace("\r\n", "\n"))
    command.close()
    piped = subprocess.run(
        [sys.executable, *arguments], cwd=workspace, capture_output=True, text=True, timeout=60, check=False
    )
    assert command.exitstatus == piped.returncode == 1
    assert "wrong.py:3:1: error NW" in piped.stdout
    assert "\x1b" not in piped.stdout + piped.stderr
    assert set(piped.stdout.splitlines()) <= set(terminal.lines)
    assert terminal.style_of("error NW") == (("default" if no_color else RED), True)


@pytest.mark.parametrize(
    "arguments", [["run", "--help"], ["--help"], ["sessions", "show", "--hlep"], ["hlep"]]
)
def test_help_and_usage_errors_are_read_on_dark_and_on_light(
    arguments: list[str], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    command = pexpect.spawn(sys.executable, ["-m", "neuroworkflow_agent", *arguments], cwd=workspace, dimensions=(60, 100), encoding="utf-8")  # fmt: skip
    command.expect(pexpect.EOF, timeout=60)
    terminal = Terminal(100, 60)
    terminal.write(command.before.replace("\r\n", "\n"))
    command.close()
    expect_no_colour_of_the_terminals(command.before)
    assert any(
        name in terminal.text for name in ("--model", "check-node", "No such option", "No such command")
    )
    colours = {char.fg for row in terminal.screen.buffer.values() for char in row.values()} - {"default"}
    assert colours
    assert min(contrast(colour, ground) for colour in colours for ground in GROUNDS) >= 3.1


def test_help_is_laid_out_for_80_columns(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(map(len, f"{HELP}{HELP_HERE}".splitlines())) < 80
    monkeypatch.setenv("COLUMNS", "80")
    asked = [sys.executable, "-m", "neuroworkflow_agent", "run", "--help"]
    told = subprocess.run(asked, cwd=workspace, capture_output=True, text=True, check=True).stdout
    # Not where a docstring's lines end.
    assert "\n agent. The file is saved after every cell. Exit codes: 0 complete, 1 error (a  \n" in told


@pytest.mark.parametrize("command", ["mcp", "acp"])
def test_a_server_for_programs_says_so_to_a_person(command: str, workspace: Path) -> None:
    arguments = ["-m", "neuroworkflow_agent", command]
    server = pexpect.spawn(sys.executable, arguments, cwd=workspace, encoding="utf-8", timeout=60)
    try:
        server.expect(r"Waiting for an? .* on standard input: .* Ctrl-C ends it\.")
        server.sendintr()
        server.expect(pexpect.EOF)
    finally:
        server.close(force=True)
    assert server.exitstatus == 130


def test_progress_of_a_run_is_read_on_dark_and_on_light_and_says_where_it_is_saved(
    scripted_model: ScriptedModel, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    (workspace / "new.ipynb").write_text(
        '{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": null, "source": "1"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    scripted_model.extend(Reply((Text("It **is**."),), first_byte_delay_s=0.5))
    arguments = ["-m", "neuroworkflow_agent", "run", "new.ipynb", "hi"]
    run = pexpect.spawn(sys.executable, arguments, cwd=workspace, dimensions=(40, 300), encoding="utf-8")
    run.expect(pexpect.EOF, timeout=60)
    run.close()
    expect_no_colour_of_the_terminals(run.before)
    assert {"Starting the kernel", "Running cells"} <= set(
        re.findall("Starting the kernel|Running cells", run.before)
    )
    terminal = Terminal(300, 40)
    terminal.write(run.before.replace("\r\n", "\n"))
    assert re.search(r"complete · [^\n]*\nIt is\.\nSaved in .*new\.ipynb\.$", terminal.text), terminal.text
