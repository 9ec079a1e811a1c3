"""A notebook's cell as plain Python: its magics and shell commands become calls, or nothing.

IPython makes them calls, as it does when it runs the cell. Where it is not installed they are left out, which
is enough to read what a cell defines and connects.
"""

from __future__ import annotations

import ast
import re
import warnings

_RUNS_ITS_CELL = re.compile(r"\s*%%(?:time|prun|capture)\b(.*)\n")
"""Cell magics behind which the cell runs as any other, in the user's names."""
_OPTION = re.compile(r"-\S*")
QUIET_MAGICS = frozenset(
    {"alias_magic", "autoreload", "bash", "capture", "chat", "cd", "conda", "config", "debug", "env", "html", "javascript", "js", "latex", "load_ext", "ls", "lsmagic", "markdown", "matplotlib", "mkdir", "pdb", "pip", "precision", "prun", "pwd", "reload_ext", "sh", "svg", "time", "timeit", "unload_ext", "who", "whos", "writefile", "xmode"}
)  # fmt: skip
"""Magics that give the user no name, unless they are told to with an option."""
_COMMAND = re.compile(r"^([ \t]*)(?:[%!?](?:.*\\\n)*.*|.*\?[ \t]*)$", re.MULTILINE)
_ASSIGNED = re.compile(r"^([ \t]*[\w., \t*()\[\]]+=[ \t]*)[%!](?:.*\\\n)*.*$", re.MULTILINE)


def plain_python(cell: str) -> str:
    """The cell's source as Python, where it is Python at all."""
    cell = _without_wrapper(cell)
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return without_magics(cell)
    try:
        # It warns of characters that end a line of a text and no line of Python, such as U+001C.
        with warnings.catch_warnings(action="ignore"):
            return str(TransformerManager().transform_cell(cell))
    except SyntaxError:
        # Such as a line that is indented like none before it. Whoever parses the cell says so.
        return cell


def without_magics(cell: str) -> str:
    """The cell's source with `pass` and `None` in the place of magics, help and shell commands."""
    cell = _without_wrapper(cell)
    if cell.lstrip().startswith("%%"):
        return f"{_in_its_place(cell)}\n"
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        assigned = _ASSIGNED.sub(r"\1None", cell)
        return _COMMAND.sub(lambda match: f"{match[1]}{_in_its_place(match[0])}", assigned)
    return cell  # a text may well have lines that begin with %


def _without_wrapper(cell: str) -> str:
    """The cell without a magic that only measures or catches what it does."""
    match = _RUNS_ITS_CELL.match(cell)
    if match is None:
        return cell
    names = [name for name in _OPTION.sub("", match[1]).split() if name.isidentifier()]
    return f"{'; '.join(f'{name} = None' for name in names) or 'pass'}\n{cell[match.end() :]}"


def _in_its_place(command: str) -> str:
    """What stands for a command: nothing, or code that may give names, as `undefined_names` knows it."""
    magic = re.match(r"\s*%%?(\w+)", command)
    return "exec('')" if magic and magic[1] not in QUIET_MAGICS else "pass"
