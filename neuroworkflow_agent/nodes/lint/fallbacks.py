"""Errors that are passed over in silence."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.lint.calls import Calls
from neuroworkflow_agent.nodes.source import Source

_BROAD = ("Exception", "BaseException", "builtins.Exception")
_REMEDY = "Name the error that is expected, and say when it comes."


def check(source: Source, calls: Calls) -> Iterator[Finding]:
    """Each handler of any error that says nothing of it."""
    for node in source.walked.nodes:
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type, calls):
            if all(_does_nothing(each) for each in node.body):
                yield source.find("NW805", node, "Whatever goes wrong here is passed over.", _REMEDY)
            elif all(_does_nothing(each) or _gives_constant(each) for each in node.body):
                message = "Whatever goes wrong here, the code goes on with a constant and says nothing."
                yield source.find("NW805", node, message, _REMEDY)
    for call in calls.all:
        if call.function == "contextlib.suppress" and any(_is_broad(each, calls) for each in call.node.args):
            yield source.find("NW805", call.node, "Whatever goes wrong here is passed over.", _REMEDY)


def _is_broad(kind: ast.expr | None, calls: Calls) -> bool:
    if kind is None:
        return True
    if isinstance(kind, ast.Tuple):
        return any(_is_broad(each, calls) for each in kind.elts)
    return calls.name_of(kind) in _BROAD


def _does_nothing(statement: ast.stmt) -> bool:
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, ast.Pass | ast.Continue)


def _gives_constant(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return):
        return False
    value = statement.value
    empty = (isinstance(value, ast.List | ast.Tuple) and not value.elts) or (
        isinstance(value, ast.Dict) and not value.values
    )
    return value is None or isinstance(value, ast.Constant | ast.UnaryOp) or empty
