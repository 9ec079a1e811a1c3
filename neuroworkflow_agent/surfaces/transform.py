"""`%chat` in the source of a cell, turned into Python before IPython looks at it.

At the top level of a cell whose runner awaits, the magic becomes `await …`, so that the cell waits without
blocking the kernel. Inside a function, a loop or a `with`, and in source that another magic or `run_cell`
runs, it becomes a plain call that blocks. IPython's own handling would also read a trailing `?` as a request
for help.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import tokenize
from collections.abc import Callable
from typing import Any

from IPython.core.inputtransformer2 import (
    assemble_continued_line,
    find_end_of_continued_line,
    make_tokens_by_line,
)

MAGIC = "chat"
ASYNC_MAGIC = "achat"

_CELL = re.compile(rf"%%{MAGIC}(?P<line>[ \t][^\n]*)?\n?\Z")
_FOREIGN_CELL = re.compile(rf"%%(?!{MAGIC}(?:\s|\Z))")
_LAYOUT = frozenset({tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT})


def chat_transformer(is_async: Callable[[], bool]) -> Callable[[list[str]], list[str]]:
    """The transformer for `input_transformers_cleanup`.

    Parameters
    ----------
    is_async
        Whether the source that is transformed now may use top-level `await`.
    """

    def transform(lines: list[str]) -> list[str]:
        if not any(f"%{MAGIC}" in line for line in lines) or _FOREIGN_CELL.match(lines[0]):
            return lines
        if match := _CELL.match(lines[0]):
            return [_cell_call(match.group("line") or "", "".join(lines[1:]), is_async())]
        return _transform_lines(lines, is_async())

    return transform


def is_awaited(shell: Any) -> bool:
    """Whether the source that `shell` transforms now goes to a runner that awaits; for a transformer to ask.

    A front end's cell does: `transform_cell` is called by a coroutine then, or by a `run_cell` that begins a
    loop for it. `%time`, `%prun` and their like compile the source as it is; `run_cell` within a running loop
    cannot begin another.
    """
    if not shell.autoawait or shell.trio_runner is not None:
        return False
    transform_cell, run_cell = type(shell).transform_cell.__code__, type(shell)._run_cell.__code__
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not transform_cell:
        frame = frame.f_back
    caller = frame.f_back if frame is not None else None
    if caller is None:
        return False
    if caller.f_code is run_cell:
        return asyncio._get_running_loop() is None
    return bool(caller.f_code.co_flags & inspect.CO_COROUTINE)


def _transform_lines(lines: list[str], is_async: bool) -> list[str]:
    """Replace one magic after another from the top; text after a magic may be no Python at all."""
    done: list[str] = []
    rest = list(lines)
    while (position := _find(done, rest)) is not None:
        row, column = position
        end = find_end_of_continued_line(rest, row)
        text = assemble_continued_line(rest, (row, column), end)
        call = _line_call(text.removeprefix(f"%{MAGIC}").strip(), is_async and column == 0)
        # Lines that a continuation took are kept as blank ones, so that tracebacks show true numbers.
        done += [*rest[:row], rest[row][:column] + call + "\n", *["\n"] * (end - row)]
        rest = rest[end + 1 :]
    return done + rest


def _find(done: list[str], rest: list[str]) -> tuple[int, int] | None:
    """Row in `rest` and column of the first logical line that is the magic."""
    for tokens in make_tokens_by_line(done + rest):
        words = [token for token in tokens if token.type not in _LAYOUT]
        if len(words) >= 2 and words[0].string == "%" and words[1].string == MAGIC:
            (row, column), follows = words[0].start, words[1]
            adjacent = follows.start == (row, column + 1) and row > len(done)
            after = follows.line[follows.end[1] : follows.end[1] + 1]
            if adjacent and (not after or after.isspace()):
                return row - 1 - len(done), column
    return None


def _line_call(text: str, is_async: bool) -> str:
    if is_async:
        return f"await get_ipython().run_line_magic({ASYNC_MAGIC!r}, {text!r})"
    return f"get_ipython().run_line_magic({MAGIC!r}, {text!r})"


def _cell_call(line: str, body: str, is_async: bool) -> str:
    if not body.strip():  # of which IPython says that the cell magic it has become is empty
        return f"{_line_call(line.strip(), is_async)}\n"
    if is_async:
        return f"await get_ipython().run_cell_magic({ASYNC_MAGIC!r}, {line.strip()!r}, {body!r})\n"
    return f"get_ipython().run_cell_magic({MAGIC!r}, {line.strip()!r}, {body!r})\n"
