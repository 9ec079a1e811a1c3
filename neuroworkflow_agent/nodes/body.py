"""What one method does: what it returns, reads and checks, as far as the syntax tree tells it.

Where the tree leaves something open, the answer is "unknown", and nothing is found wrong.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias, TypeVar

from neuroworkflow_agent.nodes.contract import PythonType
from neuroworkflow_agent.nodes.expressions import annotated_type, dotted_name, is_name, is_self, names_in
from neuroworkflow_agent.nodes.returned import Returned, read_returned
from neuroworkflow_agent.nodes.source import Tree

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_T = TypeVar("_T", bound=ast.AST)

_NEEDS_A_VALUE = frozenset(
    {"len", "sorted", "sum", "float", "int", "min", "max", "range", "list", "tuple", "set", "dict", "enumerate", "zip", "iter"}
)  # fmt: skip


class Body:
    """One method."""

    def __init__(self, function: _Function, tree: Tree) -> None:
        self.function = function
        self._tree = tree

    @cached_property
    def all(self) -> list[ast.AST]:
        """Every node of its tree."""
        return self._tree.within(self.function)

    @cached_property
    def own(self) -> list[ast.AST]:
        """Those that are not of an inner function."""
        return self._tree.own(self.function)

    @cached_property
    def _by_kind(self) -> dict[type, list[ast.AST]]:
        found: dict[type, list[ast.AST]] = {}
        for node in self.all:
            found.setdefault(type(node), []).append(node)
        return found

    def every(self, *kinds: type[_T]) -> list[_T]:
        """Its nodes of these kinds, kind by kind."""
        return [node for kind in kinds for node in self._by_kind.get(kind, ())]  # type: ignore[misc]

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """Every call in it, with the dotted name of what is called."""
        return [(dotted_name(call.func), call) for call in self.every(ast.Call)]

    @cached_property
    def arguments(self) -> list[str]:
        """Names it can be called with, without `self`."""
        taken = self.function.args
        names = [each.arg for each in (*taken.posonlyargs, *taken.args)]
        return names[1:] + [each.arg for each in taken.kwonlyargs]

    def plainly_wants(self, argument: str) -> PythonType | None:
        """The plain type an argument is annotated with and used as; None if either leaves a doubt."""
        taken = self.function.args
        arguments = (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)
        annotation = next((each.annotation for each in arguments if each.arg == argument), None)
        kind = annotated_type(annotation) if annotation is not None else None
        if kind is None or self.needs(argument) is None:
            return None
        # Annotations are often copied; an attribute that the type does not have tells of another one.
        used = {each.attr for each in self.every(ast.Attribute) if is_name(each.value, argument)}
        return kind if all(hasattr(getattr(builtins, kind), name) for name in used) else None

    @cached_property
    def required(self) -> list[str]:
        """Those without a default."""
        taken = self.function.args
        positional = [each.arg for each in (*taken.posonlyargs, *taken.args)]
        needed = positional[: len(positional) - len(taken.defaults)][1:]
        return needed + [
            each.arg
            for each, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
            if default is None
        ]

    @property
    def takes_anything(self) -> bool:
        """Whether it has `**kwargs`."""
        return self.function.args.kwarg is not None

    @cached_property
    def self_calls(self) -> dict[str, list[ast.Call]]:
        """Calls of methods of `self`, by name."""
        calls: dict[str, list[ast.Call]] = {}
        for node in self.own:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and is_self(node.func.value)
            ):
                calls.setdefault(node.func.attr, []).append(node)
        return calls

    @cached_property
    def parameter_reads(self) -> list[tuple[str, ast.AST]]:
        """Constant names looked up in `self._parameters`."""
        return list(self._lookups("_parameters"))

    @cached_property
    def reads_parameters_openly(self) -> bool:
        """Whether `self._parameters` is used in any other way, so that all may be read."""
        return self._is_used_openly("_parameters")

    @cached_property
    def context_reads(self) -> set[str]:
        """Constant names looked up in `self._context`."""
        return {name for name, _ in self._lookups("_context")}

    @cached_property
    def reads_context_openly(self) -> bool:
        return self._is_used_openly("_context")

    def _is_used_openly(self, store: str) -> bool:
        """Whether a dict of `self` is used otherwise than by constant keys."""
        uses = sum(_is_store(node, store) for node in self.every(ast.Attribute))
        return uses > sum(1 for _ in self._lookups(store))

    def _lookups(self, store: str) -> Iterator[tuple[str, ast.AST]]:
        """Constant keys that are looked up in a dict of `self`."""
        for node in self.every(ast.Subscript, ast.Call, ast.Compare):
            if isinstance(node, ast.Subscript) and _is_store(node.value, store):
                key: ast.AST = node.slice
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("get", "setdefault", "pop")
                and _is_store(node.func.value, store)
                and node.args
            ):
                key = node.args[0]
            elif (
                isinstance(node, ast.Compare)
                and isinstance(node.ops[0], ast.In | ast.NotIn)
                and _is_store(node.comparators[0], store)
            ):
                key = node.left
            else:
                continue
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, key

    @cached_property
    def assigned(self) -> dict[str, list[ast.AST | None]]:
        """What local names are given; None for what cannot be followed."""
        found: dict[str, list[ast.AST | None]] = {}
        for node in self.own:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        if node.value is not None:
                            found.setdefault(target.id, []).append(node.value)
                    elif not isinstance(target, ast.Attribute | ast.Subscript):
                        for name in names_in(target):
                            found.setdefault(name, []).append(None)
            elif isinstance(node, ast.AugAssign | ast.For | ast.AsyncFor | ast.NamedExpr):
                for name in names_in(node.target):
                    found.setdefault(name, []).append(None)
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                for name in names_in(node.optional_vars):
                    found.setdefault(name, []).append(None)
        return found

    @cached_property
    def loops(self) -> dict[str, list[tuple[int | None, ast.AST]]]:
        """What each variable of a loop or comprehension runs over; with its place in a tuple of variables."""
        found: dict[str, list[tuple[int | None, ast.AST]]] = {}
        loops: list[ast.For | ast.comprehension] = [*self.every(ast.For), *self.every(ast.comprehension)]
        for node in loops:
            if isinstance(node.target, ast.Name):
                found.setdefault(node.target.id, []).append((None, node.iter))
            elif isinstance(node.target, ast.Tuple | ast.List):
                for place, each in enumerate(node.target.elts):
                    if isinstance(each, ast.Name):
                        found.setdefault(each.id, []).append((place, node.iter))
        return found

    @cached_property
    def returned(self) -> Returned:
        """What its `return` statements give."""
        return read_returned(self)

    def guards(self, argument: str) -> bool:
        """Whether it looks at all whether the argument is there."""
        tests: tuple[type[ast.AST], ...] = (ast.If, ast.IfExp, ast.While, ast.BoolOp, ast.Assert, ast.Try)
        return any(
            is_name(each, argument)
            for node in self.every(*tests)
            for each in ast.walk(getattr(node, "test", node))
        )

    def treats_as_optional(self, argument: str) -> bool:
        """Whether it goes on without the argument when it is None."""
        return any(_goes_on_without(node, argument) for node in self.every(ast.BoolOp, ast.If, ast.IfExp))

    def needs(self, argument: str) -> ast.AST | None:
        """Where it uses the argument in a way that None would break; None if it does not."""
        for node in self.every(ast.Attribute, ast.Subscript, ast.BinOp, ast.For, ast.comprehension, ast.Call):
            if isinstance(node, ast.Attribute | ast.Subscript) and is_name(node.value, argument):
                return node
            if isinstance(node, ast.BinOp) and (
                is_name(node.left, argument) or is_name(node.right, argument)
            ):
                return node
            if isinstance(node, ast.For | ast.comprehension) and is_name(node.iter, argument):
                return node.iter
            if (
                isinstance(node, ast.Call)
                and any(is_name(each, argument) for each in node.args)
                and (
                    getattr(node.func, "id", "") in _NEEDS_A_VALUE
                    or (
                        isinstance(node.func, ast.Attribute)
                        and getattr(node.func.value, "id", "") in ("np", "numpy")
                    )
                )
            ):
                return node
        return None


def _is_store(node: ast.AST, store: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == store and is_self(node.value)


def _compares_to_none(node: ast.AST, argument: str) -> bool:
    return (
        isinstance(node, ast.Compare)
        and len(node.ops) == 1
        and isinstance(node.ops[0], ast.Is | ast.IsNot | ast.Eq | ast.NotEq)
        and is_name(node.left, argument)
        and isinstance(node.comparators[0], ast.Constant)
        and node.comparators[0].value is None
    )


def _goes_on_without(node: ast.AST, argument: str) -> bool:
    """Whether a test or an `or` makes up for an argument that is None."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return is_name(node.values[0], argument) and not _names_text(node, argument)
    if isinstance(node, ast.IfExp):
        return _test_for_none(node.test, argument) is not None and not _names_text(node, argument)
    test = _test_for_none(node.test, argument) if isinstance(node, ast.If) else None
    if test is None or not isinstance(node, ast.If):
        return False
    if isinstance(test.ops[0], ast.Is | ast.Eq):
        return _makes_up(node.body, argument)
    return not _raises(node.orelse)


def _test_for_none(test: ast.AST, argument: str) -> ast.Compare | None:
    compares = (each for each in ast.walk(test) if isinstance(each, ast.Compare))
    return next((each for each in compares if _compares_to_none(each, argument)), None)


def _names_text(node: ast.AST, text: str) -> bool:
    """Whether a text of this name stands in it: what makes up for an input is then the input itself."""
    return any(isinstance(each, ast.Constant) and each.value == text for each in ast.walk(node))


def _makes_up(body: list[ast.stmt], argument: str) -> bool:
    """Whether what runs without an argument gives it a value or ends the method, and does not refuse it."""
    inside = [each for statement in body for each in ast.walk(statement)]
    return not _raises(body) and any(
        isinstance(each, ast.Return | ast.Pass)
        or (isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.id == argument)
        for each in inside
    )


def _raises(body: list[ast.stmt]) -> bool:
    return any(isinstance(each, ast.Raise) for statement in body for each in ast.walk(statement))
