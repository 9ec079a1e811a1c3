"""A notebook's cell as plain Python: its magics and shell commands become calls, or nothing.

IPython makes them calls, as it does when it runs the cell. Where it is not installed they are left out, which
is enough to read what a cell defines and connects.
"""

from __future__ import annotations

import ast
import re

_COMMAND = re.compile(r"^([ \t]*)(?:[%!?](?:.*\\\n)*.*|.*\?[ \t]*)$", re.MULTILINE)
_ASSIGNED = re.compile(r"^([ \t]*[\w., \t*()\[\]]+=[ \t]*)[%!](?:.*\\\n)*.*$", re.MULTILINE)


def plain_python(cell: str) -> str:
    """The cell's source as Python, where it is Python at all."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return without_magics(cell)
    return str(TransformerManager().transform_cell(cell))


def without_magics(cell: str) -> str:
    """The cell's source with `pass` and `None` in the place of magics, help and shell commands."""
    if cell.lstrip().startswith("%%"):
        return "pass\n"
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _COMMAND.sub(r"\1pass", _ASSIGNED.sub(r"\1None", cell))
    return cell  # a text may well have lines that begin with %
