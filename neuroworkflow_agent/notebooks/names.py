"""Which names cells give and need, read from their syntax trees. Pure: nothing is run.

What is found is a guess in one direction: names that a cell gives on one of its ways count as given, and a cell whose
text may give names unseen, by `exec` or a `*` import, is said to be *opaque*.
"""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from neuroworkflow_agent.nodes.magics import QUIET_MAGICS, plain_python

_GIVEN = frozenset(dir(builtins)) | {"get_ipython", "display", "In", "Out", "exit", "quit", "_", "__", "___"}
"""Names that a shell has without any cell."""
_QUIET = QUIET_MAGICS | {"achat"}
_UNSEEN = frozenset({"exec", "globals", "locals", "vars", "setattr"})
_MAX_CHARS = 200_000

_Scope: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Later: TypeAlias = list[tuple[_Scope, frozenset[str]]]
"""Functions whose bodies are still to be read, with the names that hide the notebook's."""


@dataclass(frozen=True, slots=True)
class CellNames:
    """The names of one cell."""

    gives: frozenset[str] = frozenset()
    """Bound at its top level: assigned, imported, defined."""
    needs: frozenset[str] = frozenset()
    """Read before it gives them itself, also by functions of its."""
    alters: frozenset[str] = frozenset()
    """Whose objects it may change in place: `x[0] = 1`, `x.a = 1`, `x += 1`, `x.append(1)`."""
    is_opaque: bool = False
    """Whether it may give names that nobody sees here, or is not Python."""


NOTHING = CellNames()
_OPAQUE = CellNames(is_opaque=True)


def cell_names(source: str) -> CellNames:
    """The names of a code cell, magics included."""
    if not source.strip() or len(source) > _MAX_CHARS:
        return _OPAQUE if source.strip() else NOTHING
    text = plain_python(source)
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
            reader = _Reader()
            reader.read(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _OPAQUE
    return CellNames(
        frozenset(reader.bound),
        frozenset(reader.needs - _GIVEN),
        frozenset(reader.alters - _GIVEN),
        reader.is_opaque,
    )


class _Reader:
    """Reads statements in their order."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.needs: set[str] = set()
        self.alters: set[str] = set()
        self.is_opaque = False

    def read(self, body: Sequence[ast.stmt]) -> None:
        later: _Later = []
        for statement in body:
            self._visit(statement, frozenset(), later)
        while later:  # bodies of functions run when all names are there
            self._read_function(*later.pop())

    # -- one node -------------------------------------------------------------------------------------

    def _visit(self, node: ast.AST, hidden: frozenset[str], later: _Later) -> None:
        """Read a node; `hidden` are names of the comprehensions and classes around it."""
        match node:
            case ast.Name(id=name, ctx=ast.Load() | ast.Del()):
                self._need(name, hidden)
            case ast.Name(id=name):
                self._bind(name, hidden)
            case ast.Assign(targets=targets, value=value):
                self._visit_all([value, *targets], hidden, later)
            case ast.AugAssign(target=target, op=_, value=value):
                self._alter(target, hidden)
                self._visit(value, hidden, later)
                if isinstance(target, ast.Name):
                    self._need(target.id, hidden)
                self._visit(target, hidden, later)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                self._visit_all([annotation, *([value] if value else [])], hidden, later)
                if value is not None or not isinstance(target, ast.Name):
                    self._visit(target, hidden, later)
            case (
                ast.For(target=target, iter=iterated, body=body, orelse=orelse)
                | ast.AsyncFor(target=target, iter=iterated, body=body, orelse=orelse)
            ):
                self._visit_all([iterated, target, *body, *orelse], hidden, later)
            case (
                ast.Attribute(value=value, ctx=ast.Store() | ast.Del())
                | ast.Subscript(value=value, ctx=ast.Store() | ast.Del())
            ):
                self._alter(node, hidden)
                self._visit_all(ast.iter_child_nodes(node), hidden, later)
            case ast.Call(func=called):
                self._note_call(called, node.args, hidden)
                self._visit_all(ast.iter_child_nodes(node), hidden, later)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self._bind_imports(names, hidden)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._visit_all([*node.decorator_list, *_outside(node.args)], hidden, later)
                self._visit_all([node.returns] if node.returns else [], hidden, later)
                self._bind(node.name, hidden)
                later.append((node, frozenset()))
            case ast.Lambda():
                self._visit_all(_outside(node.args), hidden, later)
                later.append((node, hidden))
            case ast.ClassDef():
                self._visit_all([*node.decorator_list, *node.bases, *node.keywords], hidden, later)
                inside = hidden | _bound_in(node.body)
                # What a class says first may need a name that it gives itself a moment later; that is rare.
                self._visit_all(node.body, inside, later)
                self._bind(node.name, hidden)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                self._visit_comprehension(node, hidden, later)
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                self._bind(name, hidden)
                self._visit_all(ast.iter_child_nodes(node), hidden, later)
            case _:
                self._visit_all(ast.iter_child_nodes(node), hidden, later)

    def _visit_all(self, nodes: Iterable[ast.AST], hidden: frozenset[str], later: _Later) -> None:
        for node in nodes:
            self._visit(node, hidden, later)

    def _visit_comprehension(self, node: Any, hidden: frozenset[str], later: _Later) -> None:
        for number, generator in enumerate(node.generators):
            if number == 0:
                self._visit(generator.iter, hidden, later)
            hidden = hidden | frozenset(_names(generator.target))
            if number:
                self._visit(generator.iter, hidden, later)
            self._visit_all(generator.ifs, hidden, later)
        made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._visit_all(made, hidden, later)

    def _read_function(self, node: _Scope, hidden: frozenset[str]) -> None:
        """Names of the notebook that a function's body reads when it runs."""
        body: list[Any] = [node.body] if isinstance(node, ast.Lambda) else node.body
        public = {name for each in _inside(body) if isinstance(each, ast.Global) for name in each.names}
        own = (_bound_in(body) | _parameters(node.args)) - public
        inside = _Reader()
        inside.bound = set(self.bound)
        deeper: _Later = []
        inside._visit_all(body, hidden | own, deeper)
        while deeper:
            function, around = deeper.pop()
            inside._read_function(function, around | hidden | own)
        self.needs |= inside.needs
        self.bound |= public & inside.bound
        self.is_opaque = self.is_opaque or inside.is_opaque

    # -- names ----------------------------------------------------------------------------------------

    def _need(self, name: str, hidden: frozenset[str]) -> None:
        if name not in hidden and name not in self.bound:
            self.needs.add(name)

    def _bind(self, name: str, hidden: frozenset[str]) -> None:
        if name not in hidden:
            self.bound.add(name)

    def _bind_imports(self, names: Sequence[ast.alias], hidden: frozenset[str]) -> None:
        for alias in names:
            if alias.name == "*":
                self.is_opaque = True
            else:
                self._bind(alias.asname or alias.name.partition(".")[0], hidden)

    def _alter(self, node: ast.AST, hidden: frozenset[str]) -> None:
        name = _root(node)
        if name and name not in hidden:
            self.alters.add(name)

    def _note_call(self, called: ast.expr, given: Sequence[ast.expr], hidden: frozenset[str]) -> None:
        match called:
            case ast.Name(id=name) if name in _UNSEEN:
                self.is_opaque = True
            case ast.Attribute(attr="run_line_magic" | "run_cell_magic"):
                magic = given[0].value if given and isinstance(given[0], ast.Constant) else None
                self.is_opaque = self.is_opaque or magic not in _QUIET
            case ast.Attribute(value=value) if isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
                self._alter(value, hidden)  # a method may


def _root(node: ast.AST) -> str:
    """The name at the beginning of `name.a[0].b`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _names(target: ast.AST) -> Iterator[str]:
    return (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def _outside(arguments: ast.arguments) -> list[ast.AST]:
    """What of a function's parameters is evaluated where it is defined."""
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    annotations = [each.annotation for each in every if each is not None and each.annotation is not None]
    defaults = [each for each in [*arguments.defaults, *arguments.kw_defaults] if each is not None]
    return [*annotations, *defaults]


def _parameters(arguments: ast.arguments) -> frozenset[str]:
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    return frozenset(each.arg for each in every if each is not None)


def _inside(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes of a body, without those of functions and classes in it."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)


def _bound_in(body: Iterable[ast.AST]) -> frozenset[str]:
    """Names that a body binds for itself."""
    reader = _Reader()
    for node in _inside(body):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                reader.bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                reader.bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                reader._bind_imports(names, frozenset())
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                reader.bound.add(name)
    return frozenset(reader.bound)
