"""Texts that are cut."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.text import clip, one_line, overwrite, redact, strip_control


@pytest.mark.parametrize(
    ("text", "max_chars", "line"),
    [
        ("a = 1\n  b = 2", 40, "a = 1 b = 2"),
        ("%chat plot the rates and raise the threshold", 40, "%chat plot the rates and raise the thre…"),
        ("ab cd", 4, "ab…"),
        ("x" * 300, 200, f"{'x' * 70} [… 160 of 300 characters left out …] {'x' * 70}"),
    ],
)
def test_a_line_that_is_cut_keeps_its_beginning(text: str, max_chars: int, line: str) -> None:
    assert one_line(text, max_chars) == line
    assert len(line) <= max_chars


KEY = "sk-ant-0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY}",
        f"key: '{KEY[:30]}…'",
        f"key: {KEY[:20]!r}…",
        one_line(f"{'x ' * 10}{KEY}", 40),
        clip(f"{'x ' * 200}{KEY} {'x ' * 500}", 900),
        f"{KEY[:9]}… and {KEY[:12]}…",
    ],
)
def test_a_secret_is_hidden_also_where_it_is_cut(text: str) -> None:
    assert KEY[:8] in text
    assert KEY[:8] not in redact(text, ["other", KEY])


@pytest.mark.parametrize("text", ["wait …", f"{KEY[:7]}…", f"{KEY[:12]} is how keys begin", "no key …"])
def test_what_is_no_cut_secret_stays(text: str) -> None:
    assert redact(text, [KEY, ""]) == text


def test_nested_progress_bars_are_as_they_stand() -> None:
    def bar(name: str, done: int) -> str:
        return f"\r{name}: {done:3d}%|{'#' * (done // 10):10s}|"

    text = "start\n"
    for outer in range(0, 101, 25):
        text += bar("outer", outer)
        for inner in range(101):
            text += "\n" + bar("inner", inner) + "\x1b[A"
    text += "\n\n\x1b[2K done"
    assert strip_control(overwrite(text)).split("\n") == [
        "start", "outer: 100%|##########|", "inner: 100%|##########|", " done",
    ]  # fmt: skip
