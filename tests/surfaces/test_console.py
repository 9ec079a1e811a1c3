"""What others wrote is printed as text; a terminal obeys none of it."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest
from rich.table import Table

import neuroworkflow_agent
from neuroworkflow_agent.events import Notice, TextDelta
from neuroworkflow_agent.surfaces.console import SafeConsole, echo
from neuroworkflow_agent.surfaces.terminal_view import TerminalView
from neuroworkflow_agent.text import for_terminal

_CASES = {
    "title, ended by BEL": ("a\x1b]0;gone\x07b", "ab"),
    "title, ended by ST": ("a\x1b]2;gone\x1b\\b", "ab"),
    "link that lies": (
        "\x1b]8;;https://elsewhere\x1b\\https://here\x1b]8;;\x1b\\",
        "https://here",
    ),
    "clipboard": ("a\x1b]52;c;ZWNobyBn\x07b", "ab"),
    "string without an end": ("a\x1b]52;c;ZWNobyBn", "a]52;c;ZWNobyBn"),
    "C1: title": ("a\x9d0;gone\x9cb", "ab"),
    "C1: clear the screen": ("a\x9b2Jb", "ab"),
    "C1: device control": ("a\x90q1\x9cb", "ab"),
    "device control, application, privacy": ("a\x1bP1\x1b\\b\x1b_2\x1b\\c\x1b^3\x1b\\d", "abcd"),
    "colour": ("a\x1b[31mred\x1b[0m", "ared"),
    "colour with colons": ("\x1b[38:2::1:2:3ma", "a"),
    "backspaces, bell, delete": ("a\x08\x08\x07\x7fb", "ab"),
    "written over": ("rm -rf ~\rls", "rm -rf ~\nls"),
    "ends of lines of Windows": ("a\r\nb", "a\nb"),
    "half a character": ("a\ud800b", "ab"),
    "other scripts and tabs": ("\tüñ 漢字 é 🧠\n", "\tüñ 漢字 é 🧠\n"),
}


@pytest.mark.parametrize(("written", "shown"), _CASES.values(), ids=_CASES.keys())
def test_terminal_is_told_nothing(written: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    echo(written, nl=False)
    echo(written, err=True)
    assert capsys.readouterr() == (shown, shown + "\n")


@pytest.mark.parametrize("piece", ["\x90", "\x9d0;", "\x1b]0;", "\x1b[", "\x9b0;1"])
def test_hostile_text_takes_no_longer_than_any_other(piece: str) -> None:
    started = time.process_time()
    for_terminal(piece * 300_000)
    assert time.process_time() - started < 2


def test_tables_keep_their_own_style_only() -> None:
    table = Table("name")
    table.add_row("[bold]a[/bold]\x1b]8;;https://elsewhere\x1b\\b\x1b]8;;\x1b\\\x9b2J")
    out = io.StringIO()
    SafeConsole(file=out, force_terminal=True, color_system="standard", width=60).print(table)
    assert "\x1b[1ma\x1b[0m" in out.getvalue()
    assert set(re.findall(r"\x1b.", out.getvalue())) == {"\x1b["}
    assert "\x9b" not in out.getvalue()


def test_turn_in_a_terminal_passes_no_escapes_on() -> None:
    written: list[str] = []
    view = TerminalView(written.append)
    view.handle(TextDelta("a\x1b]0;gone\x07b\x9b2J"))
    view.handle(Notice("c\x1b]52;c;ZWNobyBn\x07d"))
    assert "".join(written) == "ab\ncd\n"


def test_command_line_prints_by_one_function() -> None:
    package = Path(neuroworkflow_agent.__file__).parent
    for path in (package / "cli.py", package / "cli_nodes.py", package / "surfaces" / "progress.py"):
        others = re.findall(
            r"typer\.echo|click\.echo|(?<!Safe)Console\(stderr|rich\.console|sys\.stdout", path.read_text()
        )
        assert others == [], path.name
