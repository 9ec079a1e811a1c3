"""What the file does at import, and to the simulator."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from neuroworkflow_agent.nodes.body import Body
from neuroworkflow_agent.nodes.contract import IMPORTED_FROM
from neuroworkflow_agent.nodes.expressions import call_name
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import NodeClass
from neuroworkflow_agent.nodes.source import Source
from neuroworkflow_agent.nodes.undefined import undefined_names

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_WORK = (
    "open", "print", "input", "exec", "eval", "urlopen", "run", "Popen", "check_output", "check_call",
    "mkdir", "makedirs", "load", "loadtxt", "genfromtxt", "read_csv", "read_json", "read_pickle", "read_hdf", "read_excel",
    "read_text", "read_bytes", "write_text", "write_bytes", "save", "savefig", "savez", "to_csv", "urlretrieve", "sleep",
    "Simulate", "Create", "Connect", "simulate", "fit",
)  # fmt: skip
"""Last names of calls that read, write, wait or compute; what only sets the process up is none of them."""
_WORKERS = frozenset({"nest", "requests", "subprocess", "socket"})
"""Modules any call of which works, unless it sets something."""
_SETTERS = re.compile(r"set_\w+|[Gg]et\w*|\w*[Ee]rror|\w+Exception|Session")
"""Last names of calls that set up or ask, even there."""


def check(node: NodeClass) -> Iterator[Finding]:
    yield from _check_resets(node)


def check_module(source: Source) -> Iterator[Finding]:
    """What the file does outside its functions."""
    yield from _check_imports(source)
    functions = {each.name: each for each in source.tree.body if isinstance(each, ast.FunctionDef)}
    called = {call_name(node) for node in source.walked.at_import if type(node) is ast.Call}
    if not any(name in functions or _is_work(name) for name in called):
        return
    for statement in _at_import(source.tree.body):
        what = _work(statement, functions)
        if what == "nest.ResetKernel":
            yield source.find(
                "NW502",
                statement,
                "nest.ResetKernel() at import throws away what other nodes made.",
                "Call it in a step, behind a boolean parameter.",
            )
        elif what:
            yield source.find(
                "NW501",
                statement,
                f"Importing the file does work: {what}.",
                "Move it into a step; the GUI, the checks and every workflow import the file.",
            )


def check_names(source: Source) -> Iterator[Finding]:
    """Names that are defined nowhere; those of the library are told by another rule."""
    for at in undefined_names(source):
        if at.id not in IMPORTED_FROM:
            yield source.find(
                "NW015",
                at,
                f"The name {at.id!r} is used and defined nowhere; this raises NameError.",
                "Import or define it, or correct its spelling.",
            )


def _check_imports(source: Source) -> Iterator[Finding]:
    yield from check_names(source)
    imported = source.imported
    if "*" in imported:
        return
    bound = {
        each.name
        for each in source.tree.body
        if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    seen: set[str] = set()
    for node in source.walked.nodes:
        if isinstance(node, ast.Name) and node.id in IMPORTED_FROM and isinstance(node.ctx, ast.Load):
            name = node.id
            if name not in imported and name not in bound and name not in seen:
                seen.add(name)
                yield source.find(
                    "NW011",
                    node,
                    f"{name} is used and not imported.",
                    f"Write from {IMPORTED_FROM[name]} import {name}.",
                )


def _at_import(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the file is imported, those in class bodies and branches too."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If):
            if not _is_main_guard(statement.test):
                yield from _at_import(statement.body)
            yield from _at_import(statement.orelse)
        elif isinstance(statement, ast.Try | ast.TryStar):
            for part in (statement.body, statement.orelse, statement.finalbody):
                yield from _at_import(part)
            optional_import = all(
                isinstance(each, ast.Import | ast.ImportFrom) for each in statement.body[:1]
            )
            for handler in statement.handlers:
                # Saying that an optional package is missing is not work.
                statements = [each for each in handler.body if not (optional_import and _tells(each))]
                yield from _at_import(statements)
        elif isinstance(statement, ast.ClassDef):
            yield from _at_import(statement.body)
        else:
            yield statement


def _tells(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and call_name(statement.value).split(".")[-1] in (
        "print",
        "warn",
        "warning",
        "info",
    )


def _work(statement: ast.stmt, functions: Mapping[str, _Function]) -> str:
    """What a statement does that importing should not; empty for nothing."""
    for node in _outside_functions(statement):
        name = call_name(node)
        if name == "nest.ResetKernel":
            return name
        if _is_work(name):
            return f"{name}(…)"
        called = functions.get(name)
        if called is not None and any(_is_work(call_name(each)) for each in ast.walk(called)):
            return f"{name}(…)"
    return ""


def _is_work(name: str) -> bool:
    """Whether a call of this dotted name reads, writes, waits or computes."""
    first, last = name.split(".")[0], name.split(".")[-1]
    if last in _WORK or name == "os.system":
        return True
    return first in _WORKERS and "." in name and not _SETTERS.fullmatch(last)


def _outside_functions(statement: ast.stmt) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _check_resets(node: NodeClass) -> Iterator[Finding]:
    find = node.source.find
    for name, body in node.bodies.items():
        for called, call in body.calls:
            if called != "nest.ResetKernel":
                continue
            if name == "__init__":
                yield find(
                    "NW502",
                    call,
                    "nest.ResetKernel() in __init__ throws away what other nodes made.",
                    "Call it in a step, behind a boolean parameter.",
                )
            elif not _is_behind_a_switch(body, call):
                yield find(
                    "NW503",
                    call,
                    "nest.ResetKernel() runs whenever the step does.",
                    "Put it behind a boolean parameter, such as if self._parameters['reset_kernel'].",
                )


def _is_behind_a_switch(body: Body, call: ast.AST) -> bool:
    for node in body.every(ast.If):
        if any(each is call for part in node.body for each in ast.walk(part)):
            names = {each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)}
            switches = ["_parameters" in ast.dump(node.test)]
            for name in names:
                switches += [
                    "_parameters" in ast.dump(v) for v in body.assigned.get(name, []) if v is not None
                ]
            if any(switches):
                return True
    return False


def _is_main_guard(test: ast.AST) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"
