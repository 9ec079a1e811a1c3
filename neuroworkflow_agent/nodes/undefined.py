"""Names that are used and defined nowhere, where that is certain.

Two have to agree: Python's own compiler, which knows how names are looked up, and pyflakes, which knows what modules and
conditions give names to. Whatever may bring names along unseen, `exec` or a `*` import, silences both.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator

from neuroworkflow_agent.nodes.magics import QUIET_MAGICS
from neuroworkflow_agent.nodes.source import Source

_SHELL = frozenset(
    {"get_ipython", "display", "In", "Out", "exit", "quit", "_", "__", "___", "_ih", "_oh", "_dh"}
)
_GIVEN = (
    frozenset(dir(builtins))
    | _SHELL
    | {"__file__", "__path__", "__builtins__", "__annotations__", "WindowsError"}
)
"""Names that a module or a shell has without defining them."""
_HIDING = ("exec(", "globals(", "locals(", "vars(", "setattr(", "__getattr__")
"""Texts of what may define names that nobody sees."""
_MAGIC = re.compile(r"run_(?:line|cell)_magic\(['\"](\w+)['\"](, ['\"][^'\"]*-)?")
"""A magic as IPython makes it a call, and whether it has options."""


def undefined_names(source: Source) -> Iterator[ast.Name]:
    """Each undefined name where it is first used."""
    magics = any(name not in QUIET_MAGICS or options for name, options in _MAGIC.findall(source.text))
    if magics or any(text in source.text for text in _HIDING) or not (wanted := _unbound(source)):
        return
    # Read only for the few files that seem to have one.
    from pyflakes.checker import Checker
    from pyflakes.messages import ImportStarUsage, UndefinedName

    messages = Checker(source.tree, filename=source.path).messages
    if any(isinstance(each, ImportStarUsage) for each in messages):
        return
    found = {
        (each.message_args[0], each.lineno, each.col) for each in messages if isinstance(each, UndefinedName)
    }
    for node in source.walked.nodes:
        if (
            isinstance(node, ast.Name)
            and node.id in wanted
            and (node.id, node.lineno, node.col_offset) in found
        ):
            wanted.remove(node.id)
            yield node


def _unbound(source: Source) -> set[str]:
    """Names that the compiler looks up in the module, and that nothing there binds."""
    try:
        top = symtable.symtable(source.text, source.path, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    used: set[str] = set()
    bound: set[str] = set(_GIVEN)
    waiting = [top]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for symbol in table.get_symbols():
            is_bound = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
            if is_bound and (table is top or symbol.is_declared_global()):
                bound.add(symbol.get_name())
            elif symbol.is_referenced() and symbol.is_global():
                used.add(symbol.get_name())
    return used - bound
