"""Cells are read as Python, with IPython and without it."""

from __future__ import annotations

import ast

import pytest

from neuroworkflow_agent.nodes.magics import plain_python, without_magics


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("x = 1\n", "x = 1\n"),
        ("%matplotlib inline\n!ls\nx = 1", "pass\npass\nx = 1"),
        ("if True:\n    %pwd\n    y = 2", "if True:\n    pass\n    y = 2"),
        ("files, more = !ls\ny = %time f(3)\nz = 1 % 2", "files, more = None\ny = None\nz = 1 % 2"),
        ("node?\n?node\nx = 1", "pass\npass\nx = 1"),
        ("%timeit f(\\\n    3)\nx = 1", "pass\nx = 1"),
        ("%%chat\nwire these (and don't forget", "pass\n"),
        ("s = '''\n%d\n!x\n'''\n", "s = '''\n%d\n!x\n'''\n"),
        ("x == 1 # is it?\nawait f()", "x == 1 # is it?\nawait f()"),
    ],
)
def test_magics_are_left_out_where_ipython_is_not(cell: str, plain: str) -> None:
    assert without_magics(cell) == plain
    ast.parse(plain)


def test_cell_that_python_cannot_take_apart_stays_as_it_is() -> None:
    assert plain_python("if a:\n    b\n  c\n") == "if a:\n    b\n  c\n"


def test_ipython_makes_them_calls() -> None:
    assert plain_python("files = !ls") == "files = get_ipython().getoutput('ls')\n"


@pytest.mark.parametrize("end", ["\x0c", "\x1c", "\x85", "\u2028"])
def test_odd_ends_of_lines_are_passed_over_in_silence(end: str) -> None:
    assert "b = 2" in plain_python(f"a = 1  # one{end}two\nb = 2")
