"""`%chat` in source becomes Python, and only there."""

from __future__ import annotations

import ast

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell

from neuroworkflow_agent.surfaces import magics
from neuroworkflow_agent.surfaces.transform import chat_transformer


def transform(source: str, *, is_async: bool = True) -> str:
    manager = TransformerManager()
    manager.cleanup_transforms.append(chat_transformer(lambda: is_async))
    return str(manager.transform_cell(source))


def line(text: str) -> str:
    return f"await get_ipython().run_line_magic('achat', {text!r})\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%chat plot it", line("plot it")),
        ("%chat what is this?", line("what is this?")),
        ("%chat why {x} and $HOME cost 5$?", line("why {x} and $HOME cost 5$?")),
        ("%chat what's (up", line("what's (up")),
        ('%chat an """ open quote', line('an """ open quote')),
        ("x = 1\n%chat what's up(\ny = 2\n%chat again?\n", "x = 1\n" + line("what's up(") + "y = 2\n" + line("again?")),
        ("  %chat indented as a whole\n  x = 2\n", line("indented as a whole") + "x = 2\n"),
        ("%chat", line("")),
        ("%chat こんにちは?", line("こんにちは?")),
        ("\n\n%%chat --new\nfirst {x}?\n\nlast", "await get_ipython().run_cell_magic('achat', '--new', 'first {x}?\\n\\nlast\\n')\n"),
        ("%%chat what?", "await get_ipython().run_line_magic('achat', 'what?')\n"),
        ("%%chat\n\n", "await get_ipython().run_line_magic('achat', '')\n"),
        ("def f():\n    %chat hi?\n", "def f():\n    get_ipython().run_line_magic('chat', 'hi?')\n"),
        ("for i in range(3):\n    %chat go\nprint(i)\n", "for i in range(3):\n    get_ipython().run_line_magic('chat', 'go')\nprint(i)\n"),
        ("s = '''\n%chat no\n'''\n", "s = '''\n%chat no\n'''\n"),
        ("y = x %chat\n", "y = x %chat\n"),
        ("y = (x\n%chat\n)\n", "y = (x\n%chat\n)\n"),
        ("# %chat no\n", "# %chat no\n"),
    ],
)  # fmt: skip
def test_magic_becomes_the_call(source: str, expected: str) -> None:
    assert transform(source) == expected


def test_other_magics_with_the_same_beginning_are_left_to_ipython() -> None:
    assert transform("%chatty x") == "get_ipython().run_line_magic('chatty', 'x')\n"
    assert transform("%%chatty x\ny").startswith("get_ipython().run_cell_magic('chatty'")


@pytest.mark.parametrize("head", ["%%time", "%%writefile notes.txt", "%%bash", "%%chatty"])
def test_body_of_another_cell_magic_is_left_alone(head: str) -> None:
    lines = [f"{head}\n", "%chat hi\n", "%%chat\n"]
    assert chat_transformer(lambda: True)(lines) == lines


def test_without_top_level_await_the_call_blocks() -> None:
    assert transform("%chat hi?", is_async=False) == "get_ipython().run_line_magic('chat', 'hi?')\n"
    assert transform("%%chat\nhi", is_async=False) == "get_ipython().run_cell_magic('chat', '', 'hi\\n')\n"


def test_line_numbers_below_a_continued_magic_stay_true() -> None:
    transformed = transform("%chat one \\\n  two\nraise ValueError\n")
    assert [node.lineno for node in ast.walk(ast.parse(transformed)) if isinstance(node, ast.Raise)] == [3]


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("%%chat", "incomplete"),
        ("%%chat --mode ask\nhello", "incomplete"),
        ("%%chat\nhello\n\n", "complete"),
        ("%chat don't stop", "complete"),
        ("x = 1\n%chat (is it?", "complete"),
    ],
)
def test_a_terminal_is_told_whether_more_lines_are_to_come(
    source: str, status: str, shell: InteractiveShell
) -> None:
    loaded = magics.load(shell)
    try:
        assert shell.check_complete(source)[0] == status
    finally:
        loaded.kernel_chat.close()
