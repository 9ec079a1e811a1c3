"""How findings are put right that leave nothing to decide: as edits of the text, one function a code.

A fix is safe: the file does what it did, or no longer fails. Whatever takes knowledge of the science, such as a unit or a
bound, whatever may break somebody's workflow, such as another type, and whatever drops code is left to people.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from neuroworkflow_agent.nodes.contract import IMPORTED_FROM, SHAPES
from neuroworkflow_agent.nodes.edits import Edit, Place, end_of, start_of, text_of
from neuroworkflow_agent.nodes.expressions import call_name, called_name
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import STEPS
from neuroworkflow_agent.nodes.source import Source

_PLAIN_TYPES: Final = {"dict": "DICT", "list": "LIST", "int": "INT", "float": "FLOAT", "str": "STR", "bool": "BOOL", "object": "OBJECT"}  # fmt: skip
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def all_edits(source: Source, findings: Iterable[Finding]) -> Iterator[tuple[str, list[Edit]]]:
    """The code of each finding that can be put right, and what does it."""
    wanted = [finding for finding in findings if finding.code in _FIXES]
    lines = {finding.line for finding in wanted}
    by_line: dict[int, list[ast.AST]] = {}
    for node in source.walked.nodes if wanted else ():
        if (line := getattr(node, "lineno", 0)) in lines:
            by_line.setdefault(line, []).append(node)
    for finding in wanted:
        here = (finding.line, finding.column - 1)
        nodes = (each for each in by_line.get(finding.line, ()) if start_of(source, each) == here)
        if edits := next(
            (edits for node in nodes if (edits := list(_FIXES[finding.code](source, node)))), []
        ):
            yield finding.code, edits


def _import(source: Source, node: ast.AST) -> Iterator[Edit]:
    """NW011: import the name behind the file's other imports."""
    if isinstance(node, ast.Name) and node.id in IMPORTED_FROM:
        text = f"from {IMPORTED_FROM[node.id]} import {node.id}\n"
        body = source.tree.body
        imports = [each for each in body if isinstance(each, ast.Import | ast.ImportFrom)]
        after = imports[-1] if imports else body[0] if _is_docstring(body[0]) else None
        if after is not None:
            yield _after(source, after, text)
        else:
            first = min([body[0].lineno, *(each.lineno for each in getattr(body[0], "decorator_list", []))])
            yield Edit((first, 0), (first, 0), text)


def _without_annotation(source: Source, node: ast.AST) -> Iterator[Edit]:
    """NW102: `NODE_DEFINITION: T = …` is seen without its annotation."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        yield Edit(end_of(source, node.target), end_of(source, node.annotation), "")


def _with_names(source: Source, node: ast.AST) -> Iterator[Edit]:
    """NW103: arguments by position get the names they have."""
    # The tree is flat: a call comes before what is in it, and its arguments soon after it.
    nodes = source.walked.nodes
    calls = (each for each in reversed(nodes[: nodes.index(node)]) if isinstance(each, ast.Call))
    call = next((each for each in calls if each.args[:1] == [node]), None)
    if call is None or called_name(call) not in SHAPES:
        return
    names = SHAPES[called_name(call)].keywords[: len(call.args)]
    given = {keyword.arg for keyword in call.keywords}
    is_plain = len(names) == len(call.args) and not any(isinstance(each, ast.Starred) for each in call.args)
    if is_plain and not given & {*names, None}:
        for name, argument in zip(names, call.args, strict=True):
            at = start_of(source, argument)
            yield Edit(at, at, f"{name}=")


def _plain_text(source: Source, node: ast.AST) -> Iterator[Edit]:
    """NW106: an f-string without anything to fill in is a constant without its `f`."""
    if isinstance(node, ast.JoinedStr) and all(isinstance(each, ast.Constant) for each in node.values):
        written = text_of(source, node)
        prefix = written[: len(written) - len(written.lstrip("fFrR"))]
        plain = prefix.replace("f", "").replace("F", "")
        try:
            means = ast.literal_eval(f"({plain}{written[len(prefix) :]})")
        except (ValueError, SyntaxError):
            return
        if means == "".join(str(each.value) for each in node.values if isinstance(each, ast.Constant)):
            line, column = start_of(source, node)
            yield Edit((line, column), (line, column + len(prefix)), plain)


def _list(source: Source, node: ast.AST) -> Iterator[Edit]:
    """NW107: a tuple becomes a list."""
    if isinstance(node, ast.Tuple) and node.elts:
        (first, start), (last, end) = start_of(source, node), end_of(source, node)
        written = text_of(source, node)
        if written.startswith("(") and written.endswith(")"):
            yield Edit((first, start), (first, start + 1), "[")
            yield Edit((last, end - 1), (last, end), "]")


def _port_type(source: Source, node: ast.AST) -> Iterator[Edit]:
    """NW302: `type=list` becomes the member that stands for it."""
    if isinstance(node, ast.Name) and node.id in _PLAIN_TYPES and _imports(source, "PortType"):
        yield Edit(start_of(source, node), end_of(source, node), f"PortType.{_PLAIN_TYPES[node.id]}")


def _make_steps(source: Source, node: ast.AST) -> Iterator[Edit]:
    """NW413: `__init__` makes the steps at its end; without one, the class gets it."""
    if isinstance(node, _Function):
        indent = _indent(source, node.body[0])
        # The steps come after what makes the node, which NW414 puts there first.
        is_made = any(call_name(each).endswith("__init__") for each in source.walked.within(node))
        if indent is not None and is_made and not isinstance(node.body[-1], ast.Return | ast.Raise):
            yield _after(source, node.body[-1], f"{indent}self.{STEPS}()\n")
    elif isinstance(node, ast.ClassDef):
        for steps in node.body:
            if isinstance(steps, _Function) and steps.name == STEPS and not steps.decorator_list:
                yield from _init_before(source, steps)


def _init_before(source: Source, steps: _Function) -> Iterator[Edit]:
    outer, inner = _indent(source, steps), _indent(source, steps.body[0])
    if outer is not None and inner is not None:
        lines = (
            f'{outer}def __init__(self, name, description=""):',
            f"{inner}super().__init__(name, description)",
            f"{inner}self.{STEPS}()",
        )
        yield Edit((steps.lineno, 0), (steps.lineno, 0), "\n".join([*lines, "", ""]))


def _begin_with_super(source: Source, node: ast.AST) -> Iterator[Edit]:
    """NW414: `__init__` begins with that of the base."""
    if isinstance(node, _Function) and len(arguments := [*node.args.posonlyargs, *node.args.args]) > 1:
        first = node.body[0]
        indent = _indent(source, first)
        text = f"{indent}super().__init__({arguments[1].arg})\n"
        if indent is not None and _is_docstring(first):
            yield _after(source, first, text)
        elif indent is not None:
            yield Edit((first.lineno, 0), (first.lineno, 0), text)


def _after(source: Source, statement: ast.stmt, text: str) -> Edit:
    """Lines behind a statement; the last line of a file may have no end."""
    line = statement.end_lineno or statement.lineno
    if line < len(source.lines):
        return Edit((line + 1, 0), (line + 1, 0), text)
    at: Place = (line, len(source.lines[line - 1]))
    return Edit(at, at, f"\n{text.rstrip()}")


def _indent(source: Source, statement: ast.stmt) -> str | None:
    """What a line begins with; None if that is not only the statement's indentation."""
    before = source.lines[statement.lineno - 1][: start_of(source, statement)[1]]
    return before if before.isspace() else None


def _imports(source: Source, name: str) -> bool:
    return any(
        isinstance(each, ast.Import | ast.ImportFrom)
        and name in [part.asname or part.name for part in each.names]
        for each in source.walked.nodes
    )


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


_FIXES: Final[dict[str, Callable[[Source, ast.AST], Iterator[Edit]]]] = {
    "NW011": _import,
    "NW102": _without_annotation,
    "NW103": _with_names,
    "NW106": _plain_text,
    "NW107": _list,
    "NW302": _port_type,
    "NW413": _make_steps,
    "NW414": _begin_with_super,
}
FIXABLE: Final = frozenset({*_FIXES, "NW016"})
"""Codes of which some can be put right; comments that silence nothing are taken out by `noqa`."""
