"""Options at the start, then the text as typed."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.chat_line import ChatLine, parse_chat


@pytest.mark.parametrize(
    ("line", "cell", "expected"),
    [
        ("plot it", None, ChatLine(prompt="plot it")),
        ("  what's \"this\" {x} $y --new?  ", None, ChatLine(prompt="what's \"this\" {x} $y --new?")),
        ("", "  indented\n\nbody\n", ChatLine(prompt="  indented\n\nbody")),
        ("first", "second\n", ChatLine(prompt="first\nsecond")),
        ("--new fix it", None, ChatLine(prompt="fix it", new=True)),
        ("--new", None, ChatLine(new=True)),
        ("--resume", None, ChatLine(resume="")),
        ("--resume go on", None, ChatLine(prompt="go on", resume="")),
        ("--resume 1234abcd go on", None, ChatLine(prompt="go on", resume="1234abcd")),
        ("--resume deadline passed", None, ChatLine(prompt="deadline passed", resume="")),
        ("--resume 8c82 --fork", None, ChatLine(resume="8c82", fork=True)),
        ("--resume 8185", None, ChatLine(resume="8185")),
        ("--resume 8", None, ChatLine(resume="8")),
        ("--resume 3 more plots", None, ChatLine(prompt="3 more plots", resume="")),
        ("--resume face it", None, ChatLine(prompt="face it", resume="")),
        ("--resume f839 go on", None, ChatLine(prompt="go on", resume="f839")),
        ("--resume=1234 go", None, ChatLine(prompt="go", resume="1234")),
        ("--resume 0e1d3c5b-1111-2222-3333-444455556666", None, ChatLine(resume="0e1d3c5b-1111-2222-3333-444455556666")),
        ("--fork --mode plan x", None, ChatLine(prompt="x", fork=True, mode="plan")),
        ("--model=claude-x --mode=ask", "y", ChatLine(prompt="y", model="claude-x", mode="ask")),
        ("--sessions", None, ChatLine(sessions=True)),
        ("--help", None, ChatLine(help=True)),
        ("-- --new is an option", None, ChatLine(prompt="--new is an option")),
        ("-5 degrees?", None, ChatLine(prompt="-5 degrees?")),
    ],
)  # fmt: skip
def test_line_is_split(line: str, cell: str | None, expected: ChatLine) -> None:
    assert parse_chat(line, cell) == expected


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--nwe x", "Unknown option '--nwe'"),
        ("--new=1 x", "Unknown option '--new'"),
        ("--mode", "--mode needs a value"),
        ("--model=", "--model needs a value"),
        ("--mode yolo x", "--mode must be one of edit, ask, plan, read-only, got 'yolo'."),
    ],
)
def test_bad_option_says_what_would_work(line: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_chat(line)
