"""What the expressions of a script that builds workflows stand for, with whatever their calls do on the way."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from neuroworkflow_agent.nodes.expressions import UNKNOWN, literal
from neuroworkflow_agent.nodes.workflow_values import (
    MAX_CHARS,
    MAX_ITEMS,
    Built,
    InputRef,
    Instance,
    Listed,
    Mapped,
    Ports,
    Scope,
    Value,
    escape,
    is_constant,
    items_of,
    same,
)
from neuroworkflow_agent.nodes.workflows import Workflow, WorkflowNode

_MAX_STEPS = 20_000


class TooMuchError(Exception):
    """The script does more than is followed."""


class Expressions(ABC):
    """Evaluates expressions; statements and calls are others' work."""

    def __init__(self) -> None:
        self.doubts = 0
        """How many conditions around the present place are not known."""
        self._steps = 0

    @abstractmethod
    def call(self, node: ast.Call, scope: Scope) -> Value:
        """What a call gives; what it does is done."""

    @abstractmethod
    def bind(self, target: ast.AST, value: Value, scope: Scope) -> None:
        """Give a value to the target of an assignment or a loop."""

    def step(self) -> None:
        """Count what is done, so that it ends.

        Raises
        ------
        TooMuchError
            If it was too much.
        """
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise TooMuchError

    @contextmanager
    def doubt(self) -> Iterator[None]:
        """What is done inside may not be done at all."""
        self.doubts += 1
        try:
            yield
        finally:
            self.doubts -= 1

    def value(self, node: ast.AST, scope: Scope) -> Value:
        """What an expression stands for; whatever it calls is followed."""
        match node:
            case ast.Constant(value=value):
                return value if is_constant(value) else UNKNOWN
            case ast.Name(id=name):
                return scope.find(name)
            case ast.Call():
                return self.call(node, scope)
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(self.value(owner, scope), name)
            case ast.Subscript(value=owner, slice=ast.Slice(lower=lower, upper=upper, step=None)):
                ends = [self.value(each, scope) if each is not None else None for each in (lower, upper)]
                return _part(self.value(owner, scope), ends)
            case ast.Subscript(value=owner, slice=key):
                return self._item(self.value(owner, scope), self.value(key, scope))
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                return self.listed(elements, scope)
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values, scope)
            case ast.JoinedStr(values=parts):
                return self._text(parts, scope)
            case ast.BinOp(left=left, op=op, right=right):
                return self.combine(self.value(left, scope), self.value(right, scope), op)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                test = self.value(operand, scope)
                return not test if is_constant(test) else UNKNOWN
            case ast.UnaryOp():
                self.value(node.operand, scope)
                return literal(node)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _compare(self.value(left, scope), op, self.value(right, scope))
            case ast.BoolOp(op=op, values=values):
                return self._either(op, values, scope)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._choose(self.value(test, scope), body, orelse, scope)
            case ast.NamedExpr(target=target, value=value):
                given = self.value(value, scope)
                self.bind(target, given, scope)
                return given
            case ast.ListComp(elt=element) | ast.SetComp(elt=element) | ast.GeneratorExp(elt=element):
                found = Listed()
                self._comprehend(node.generators, 0, element, None, found, Scope(parent=scope))
                return found
            case ast.DictComp(key=key, value=element):
                pairs = Listed()
                self._comprehend(node.generators, 0, element, key, pairs, Scope(parent=scope))
                known = all(is_constant(each.items[0]) for each in pairs.items)
                return Mapped(
                    {each.items[0]: each.items[1] for each in pairs.items} if known else {},
                    pairs.is_open or not known,
                )
            case ast.Lambda():
                return UNKNOWN
            case ast.Await(value=inner) | ast.Starred(value=inner):
                return self.value(inner, scope)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                escape(self.value(child, scope))
        return UNKNOWN

    def listed(self, elements: list[ast.expr], scope: Scope) -> Listed:
        """Elements of a list or arguments of a call; those behind a star one by one."""
        found = Listed()
        for each in elements:
            value = self.value(each, scope)
            if isinstance(each, ast.Starred):
                items, is_open = items_of(value)
                found.items += items
                found.is_open = found.is_open or is_open
            else:
                found.items.append(value)
        return found

    def _dict(self, keys: list[ast.expr | None], values: list[ast.expr], scope: Scope) -> Mapped:
        found = Mapped()
        for key, each in zip(keys, values, strict=True):
            value = self.value(each, scope)
            name = self.value(key, scope) if key is not None else UNKNOWN
            if key is None and isinstance(value, Mapped):
                found.items.update(value.items)
                found.is_open = found.is_open or value.is_open
            elif is_constant(name):
                found.items[name] = value
            else:
                found.is_open = True
                escape(value)
        return found

    def _text(self, parts: list[ast.expr], scope: Scope) -> Value:
        text: str | None = ""
        for part in parts:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            value = self.value(inner, scope)
            is_plain = not (
                isinstance(part, ast.FormattedValue) and (part.format_spec or part.conversion != -1)
            )
            known = is_plain and isinstance(value, str | int) and text is not None
            text = f"{text}{value}" if known else None
        return text if text is not None and len(text) <= MAX_CHARS else UNKNOWN

    def _attribute(self, owner: Value, name: str) -> Value:
        if isinstance(owner, WorkflowNode):
            if name == "name":
                return owner.name or UNKNOWN
            return Ports(owner) if name == "_input_ports" else UNKNOWN
        workflow = owner.workflow if isinstance(owner, Built) else owner
        if isinstance(workflow, Workflow):
            if name == "nodes":
                return Mapped(dict(workflow.nodes), "nodes" in workflow.open)
            return workflow.name if name == "name" and workflow.name else UNKNOWN
        if isinstance(owner, Instance):
            return owner.attributes.get(name, UNKNOWN)
        return UNKNOWN

    def _item(self, owner: Value, key: Value) -> Value:
        if isinstance(owner, Ports):
            return InputRef(owner.node, key if isinstance(key, str) else None)
        if isinstance(owner, Listed) and type(key) is int and -len(owner.items) <= key < len(owner.items):
            return UNKNOWN if owner.is_open else owner.items[key]
        if isinstance(owner, Mapped) and is_constant(key):
            return owner.items.get(key, UNKNOWN)
        if isinstance(owner, Listed | Mapped):
            escape(owner)  # some of it, and nobody knows which
        return UNKNOWN

    def combine(self, left: Value, right: Value, op: ast.operator) -> Value:
        if isinstance(op, ast.Add):
            if isinstance(left, str) and isinstance(right, str) and len(left) + len(right) <= MAX_CHARS:
                return left + right
            if isinstance(left, Listed) and isinstance(right, Listed):
                items = [*left.items, *right.items]
                return Listed(items[:MAX_ITEMS], left.is_open or right.is_open or len(items) > MAX_ITEMS)
        if type(left) is int and type(right) is int and max(abs(left), abs(right)) < 2**40:
            if isinstance(op, ast.Add):
                return left + right
            if isinstance(op, ast.Sub):
                return left - right
        escape(Listed([left, right]))
        return UNKNOWN

    def _either(self, op: ast.boolop, values: list[ast.expr], scope: Scope) -> Value:
        stops = isinstance(op, ast.Or)
        for each in values:
            value = self.value(each, scope)
            if not is_constant(value) or bool(value) is stops:
                return value if is_constant(value) else UNKNOWN
        return value

    def _choose(self, test: Value, body: ast.expr, orelse: ast.expr, scope: Scope) -> Value:
        if is_constant(test):
            return self.value(body if test else orelse, scope)
        with self.doubt():
            one, other = self.value(body, scope), self.value(orelse, scope)
        if same(one, other):
            return one
        escape(Listed([one, other]))
        return UNKNOWN

    def _comprehend(
        self,
        generators: list[ast.comprehension],
        at: int,
        element: ast.expr,
        key: ast.expr | None,
        found: Listed,
        scope: Scope,
    ) -> None:
        """Put each element of a comprehension into `found`; with a key, each pair."""
        self.step()
        if at == len(generators):
            value = self.value(element, scope)
            item = Listed([self.value(key, scope), value]) if key is not None else value
            if self.doubts:
                found.is_open = True
                escape(value)
            elif len(found.items) < MAX_ITEMS:
                found.items.append(item)
            else:
                found.is_open = True
            return
        generator = generators[at]
        items, is_open = items_of(self.value(generator.iter, scope))
        for item in items:
            self.bind(generator.target, item, scope)
            tests = [self.value(test, scope) for test in generator.ifs]
            if any(is_constant(test) and not test for test in tests):
                continue
            if all(is_constant(test) for test in tests):
                self._comprehend(generators, at + 1, element, key, found, scope)
            else:
                with self.doubt():
                    self._comprehend(generators, at + 1, element, key, found, scope)
        if is_open:
            found.is_open = True
            self.bind(generator.target, UNKNOWN, scope)
            with self.doubt():
                self._comprehend(generators, at + 1, element, key, found, scope)


def _part(owner: Value, ends: list[Value]) -> Value:
    """A slice of a list."""
    if isinstance(owner, Listed) and all(each is None or type(each) is int for each in ends):
        return Listed(owner.items[slice(*ends)], owner.is_open)
    escape(owner)
    return UNKNOWN


def _compare(left: Value, op: ast.cmpop, right: Value) -> Value:
    if isinstance(op, ast.In | ast.NotIn) and isinstance(right, Listed | Mapped) and is_constant(left):
        if right.is_open or not all(is_constant(each) for each in right.items):
            return UNKNOWN
        return (left in right.items) is isinstance(op, ast.In)
    if not is_constant(left) or not is_constant(right):
        return UNKNOWN
    if isinstance(op, ast.Eq | ast.Is):
        return left == right
    if isinstance(op, ast.NotEq | ast.IsNot):
        return left != right
    return UNKNOWN
