"""Follows the statements of a script that builds workflows.

Loops over known values are unrolled. Under a condition that is not known every branch is taken, and what is done there
is not certain.
"""

from __future__ import annotations

import ast

from neuroworkflow_agent.nodes.expressions import UNKNOWN
from neuroworkflow_agent.nodes.workflow_expressions import Expressions
from neuroworkflow_agent.nodes.workflow_values import (
    MAX_ITEMS,
    Function,
    InputRef,
    Instance,
    Listed,
    LocalClass,
    Mapped,
    Scope,
    Value,
    escape,
    is_constant,
    items_of,
    same,
)
from neuroworkflow_agent.nodes.workflows import Workflow, WorkflowNode


class Statements(Expressions):
    """Runs statements for what they bind and call."""

    def __init__(self, node_names: frozenset[str]) -> None:
        super().__init__()
        self._node_names = node_names
        """Classes that are nodes, whose methods build no workflow."""
        self.waiting: list[Function] = []
        """Functions of the script, which may turn out to be called by nothing in it."""

    def run(self, body: list[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self.step()
            self._statement(statement, scope)

    def _statement(self, statement: ast.stmt, scope: Scope) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                given = self.value(value, scope)
                for target in targets:
                    self.bind(target, given, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.bind(target, self.value(value, scope), scope)
            case ast.AugAssign(target=target, op=op, value=value):
                before = self.value(target, scope)
                self.bind(target, self.combine(before, self.value(value, scope), op), scope)
            case ast.Expr(value=value):
                self.value(value, scope)
            case ast.Return(value=value):
                scope.returned.append(self.value(value, scope) if value else None)
            case ast.If(test=test, body=body, orelse=orelse):
                self._branches(self.value(test, scope), body, orelse, scope)
            case ast.For() | ast.AsyncFor():
                self._loop(statement.target, self.value(statement.iter, scope), statement.body, scope)
                self.run(statement.orelse, scope)
            case ast.While(test=test, body=body):
                self.value(test, scope)
                self._branches(UNKNOWN, body, [], scope)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    given = self.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self.bind(item.optional_vars, given, scope)
                self.run(body, scope)
            case ast.Try() | ast.TryStar():
                self.run([*statement.body, *statement.orelse], scope)
                for handler in statement.handlers:
                    self._branches(UNKNOWN, handler.body, [], scope)
                self.run(statement.finalbody, scope)
            case ast.Match(subject=subject, cases=cases):
                self.value(subject, scope)
                for each in cases:
                    self._branches(UNKNOWN, each.body, [], scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                function = Function(statement, scope)
                scope.set(statement.name, function)
                self.waiting.append(function)
            case ast.ClassDef(name=name) if name not in self._node_names:
                self._define_class(statement, scope)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                scope.shared.update(names)
            case ast.Delete() | ast.Import() | ast.ImportFrom() | ast.ClassDef() | ast.Pass():
                pass
            case _:
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.expr):
                        self.value(child, scope)

    def _define_class(self, at: ast.ClassDef, scope: Scope) -> None:
        kind = LocalClass(at, scope)
        scope.set(at.name, kind)
        someone = Instance(kind)
        self.waiting += [Function(method, scope, someone) for method in kind.methods.values()]

    def _branches(self, test: Value, body: list[ast.stmt], orelse: list[ast.stmt], scope: Scope) -> None:
        if is_constant(test):
            self.run(body if test else orelse, scope)
            return
        before = dict(scope.names)
        with self.doubt():
            self.run(body, scope)
            after, scope.names = scope.names, dict(before)
            self.run(orelse, scope)
        for name in after.keys() | scope.names.keys():
            one, other = after.get(name, UNKNOWN), scope.names.get(name, UNKNOWN)
            if not same(one, other):
                # A name that one branch alone binds is only used where that branch was taken.
                is_new = name not in before and (name in after) != (name in scope.names)
                scope.names[name] = (one if name in after else other) if is_new else UNKNOWN
                if not is_new:
                    escape(Listed([each for each in (one, other) if isinstance(each, WorkflowNode)]))

    def _loop(self, target: ast.AST, over: Value, body: list[ast.stmt], scope: Scope) -> None:
        items, is_open = items_of(over)
        stops = any(
            isinstance(each, ast.Break | ast.Continue) for statement in body for each in ast.walk(statement)
        )
        for item in items:
            self.bind(target, item, scope)
            if stops:
                self._branches(UNKNOWN, body, [], scope)
            else:
                self.run(body, scope)
        if is_open:
            self.bind(target, UNKNOWN, scope)
            self._branches(UNKNOWN, body, [], scope)

    def bind(self, target: ast.AST, value: Value, scope: Scope) -> None:
        """Give a value to the target of an assignment or a loop."""
        match target:
            case ast.Name(id=name):
                scope.set(name, value)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                known = isinstance(value, Listed) and not value.is_open and len(value.items) == len(targets)
                known = known and not any(isinstance(each, ast.Starred) for each in targets)
                for at, each in enumerate(targets):
                    self.bind(each, value.items[at] if known else UNKNOWN, scope)
                if not known:
                    escape(value)
            case ast.Starred(value=inner):
                self.bind(inner, Listed([], is_open=True), scope)
            case ast.Attribute(value=owner, attr=name):
                self._set_attribute(self.value(owner, scope), name, value)
            case ast.Subscript(value=owner, slice=key):
                self._set_item(self.value(owner, scope), self.value(key, scope), value)
            case _:
                escape(value)

    def _set_attribute(self, owner: Value, name: str, value: Value) -> None:
        if isinstance(owner, InputRef):
            self.give(owner)
        elif isinstance(owner, Instance):
            owner.attributes[name] = value
        elif isinstance(owner, WorkflowNode):
            owner.is_open = owner.is_open or name not in ("_context", "description")
        elif isinstance(owner, Workflow):
            if name in ("nodes", "connections"):
                escape(owner)
        else:
            escape(value)

    def _set_item(self, owner: Value, key: Value, value: Value) -> None:
        if (
            isinstance(owner, Mapped)
            and is_constant(key)
            and not self.doubts
            and len(owner.items) < MAX_ITEMS
        ):
            owner.items[key] = value
        elif isinstance(owner, Mapped | Listed):
            owner.is_open = True
            escape(value)
        else:
            escape(value)

    def give(self, port: InputRef) -> None:
        """An input gets a value by hand."""
        if port.port is None:
            port.node.is_open = True
        else:
            port.node.given.add(port.port)
