"""Diffs with the numbers of a file's lines, against `difflib` on the whole file and against `patch`."""

from __future__ import annotations

import difflib
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from neuroworkflow_agent.diffs import unified_diff

LINES = [f"line {number}\n" for number in range(1, 201)]


def changed(*changes: tuple[int, str]) -> str:
    lines = list(LINES)
    for number, text in changes:
        lines[number - 1] = text
    return "".join(lines)


def test_change_is_told_with_its_line_and_three_around_it() -> None:
    assert unified_diff("".join(LINES), changed((121, "new\n"))).splitlines() == [
        "@@ -118,7 +118,7 @@",
        " line 118",
        " line 119",
        " line 120",
        "-line 121",
        "+new",
        " line 122",
        " line 123",
        " line 124",
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "a\nb\n", ["@@ -0,0 +1,2 @@", "+a", "+b"]),
        ("a\n", "", ["@@ -1 +0,0 @@", "-a"]),
        ("a\n", "a", ["@@ -1 +1 @@", "-a", "+a", "\\ No newline at end of file"]),
        ("a\x0bb\u2028c\n", "a\x0bb\u2028d\n", ["@@ -1 +1 @@", "-a\x0bb\u2028c", "+a\x0bb\u2028d"]),
        ("a\n", "a\n", []),
    ],
)
def test_small_files(before: str, after: str, expected: list[str]) -> None:
    assert unified_diff(before, after).split("\n") == (expected or [""])


def test_two_distant_changes_are_two_pieces_numbered_as_difflib_has_them() -> None:
    after = changed((20, ""), (180, "x\ny\nz\n"))
    whole = difflib.unified_diff(LINES, after.splitlines(keepends=True))
    assert unified_diff("".join(LINES), after) + "\n" == "".join(list(whole)[2:])


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
def test_patch_makes_the_second_text_of_the_first(tmp_path: Path) -> None:
    rng = random.Random(3)
    for _ in range(40):
        before = "".join(rng.choices("abc\n", k=60))
        after = "".join(rng.choices("abc\n", k=60))
        (tmp_path / "file").write_text(before)
        diff = f"--- file\n+++ file\n{unified_diff(before, after)}\n"
        subprocess.run(["patch", "-s", "file"], input=diff, text=True, cwd=tmp_path, check=True)
        assert (tmp_path / "file").read_text() == after


def test_long_change_is_one_piece_and_fast() -> None:
    before, after = "".join(f"{n}\n" for n in range(20_000)), "".join(f"{n + 0.5}\n" for n in range(20_000))
    lines = unified_diff(f"same\n{before}end\n", f"same\n{after}end\n").split("\n")
    assert (lines[0], lines[1], lines[2], lines[-1]) == ("@@ -1,20002 +1,20002 @@", " same", "-0", " end")
    assert len(lines) == 1 + 40_000 + 2
