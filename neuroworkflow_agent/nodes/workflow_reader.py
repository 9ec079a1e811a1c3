"""Follows a script that builds workflows, without running it: statements, expressions and the functions it calls.

Loops over known values are unrolled, and functions of the script are followed where they are called. Under a condition
that is not known every branch is taken, and what is done there is not certain. Where the values run out, the parts of
the workflow that may have more are left open.
"""

from __future__ import annotations

import ast
from contextlib import nullcontext
from pathlib import Path

from neuroworkflow_agent.nodes.expressions import UNKNOWN, called_name
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.scripts import read_script
from neuroworkflow_agent.nodes.source import Source
from neuroworkflow_agent.nodes.workflow_calls import Calls
from neuroworkflow_agent.nodes.workflow_expressions import TooMuchError
from neuroworkflow_agent.nodes.workflow_nodes import imported_from, known_nodes
from neuroworkflow_agent.nodes.workflow_statements import Statements
from neuroworkflow_agent.nodes.workflow_values import (
    Function,
    Listed,
    Mapped,
    Scope,
    Value,
    escape,
    is_constant,
    same,
)
from neuroworkflow_agent.nodes.workflows import Script, Workflow, WorkflowNode

_MARK = "WorkflowBuilder"
"""Without this text nothing builds a workflow."""
_MAX_CALLS = 12
"""Functions of the script that are followed one inside the other."""


class ScriptReader(Statements):
    """Reads one script; `workflows`, `left_out` and `findings` are what it finds."""

    def __init__(self, source: Source, path: Path, folders: tuple[Path, ...] = ()) -> None:
        self._source = source
        imports = [node for node in source.walked.nodes if isinstance(node, ast.ImportFrom)]
        self.aliases = {each.asname: each.name for node in imports for each in node.names if each.asname}
        wanted = {called_name(node) for node in source.walked.nodes if isinstance(node, ast.Call)}
        self.modules = imported_from(source)
        names = {self.aliases.get(name, name) for name in wanted}
        self.known = known_nodes(source, path, folders, names, self.modules)
        super().__init__(frozenset(self.known))
        self.findings: list[Finding] = []
        self.workflows: list[Workflow] = []
        self.made: list[WorkflowNode] = []
        self._running: list[ast.AST] = []
        self._followed: set[int] = set()
        self._module = Scope({"__name__": "__main__"})
        self._calls = Calls(self)

    def read(self) -> None:
        """Follow the script from its top, and then the functions that nothing in it calls."""
        try:
            self.run(self._source.tree.body, self._module)
            # Beside a workflow that the script itself builds, such a function may never run.
            with self.doubt() if self.workflows else nullcontext():
                while self.waiting:
                    function = self.waiting.pop(0)
                    if id(function.at) not in self._followed:
                        # Whoever calls it from elsewhere has what it returns.
                        escape(self.follow(function, [], {}, is_known=False))
        except (TooMuchError, RecursionError):
            self.unread(self._source.tree.body[0], "what so much code builds")
            escape(Listed([*self.workflows, *self.made]))

    @property
    def left_out(self) -> list[WorkflowNode]:
        """Nodes that are made, never added, and not used in any other way."""
        if any("nodes" in each.open for each in self.workflows):
            return []
        return [
            node
            for node in self.made
            if not (node.is_added or node.is_open or node.is_used_alone) and node.entry
        ]

    def call(self, node: ast.Call, scope: Scope) -> Value:
        return self._calls.call(node, scope)

    def follow(
        self, function: Function, given: list[Value], named: dict[str, Value], *, is_known: bool = True
    ) -> Value:
        """Follow a function of the script; with `is_known` its arguments are all that it is given."""
        at = function.at
        self._followed.add(id(at))
        if at in self._running or len(self._running) >= _MAX_CALLS:
            escape(Listed([*given, *named.values()]))
            return UNKNOWN
        scope = Scope(parent=function.scope)
        self._bind_arguments(function, given, named, scope, is_known)
        self._running.append(at)
        try:
            self.run(at.body, scope)
        finally:
            self._running.pop()
        if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in self._source.walked.own(at)):
            return UNKNOWN
        if not scope.returned:
            return None
        first = scope.returned[0]
        if all(same(first, each) for each in scope.returned):
            return first
        # An early return of something else, such as an error's code, is not what the caller goes on with.
        results = [each for each in scope.returned if not is_constant(each)]
        if len(results) == 1:
            return results[0]
        escape(Listed(scope.returned))
        return UNKNOWN

    def _bind_arguments(
        self, function: Function, given: list[Value], named: dict[str, Value], scope: Scope, is_known: bool
    ) -> None:
        taken = function.at.args
        names = [each.arg for each in (*taken.posonlyargs, *taken.args)]
        values = [function.owner, *given] if function.owner is not None else given
        defaults = dict(zip(names[len(names) - len(taken.defaults) :], taken.defaults, strict=True))
        defaults |= {
            each.arg: default
            for each, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
            if default is not None
        }
        for name in [*names, *(each.arg for each in taken.kwonlyargs)]:
            default = defaults.get(name)
            scope.names[name] = (
                self.value(default, function.scope) if is_known and default is not None else UNKNOWN
            )
        scope.names.update(zip(names, values, strict=False))
        scope.names.update((name, value) for name, value in named.items() if name in scope.names)
        rest = Listed(values[len(names) :], is_open=not is_known)
        others = {name: value for name, value in named.items() if name not in scope.names}
        if taken.vararg is not None:
            scope.names[taken.vararg.arg] = rest
        if taken.kwarg is not None:
            scope.names[taken.kwarg.arg] = Mapped(dict(others), is_open=not is_known)

    def unread(self, at: ast.AST, what: str) -> None:
        """Say that a part cannot be read."""
        self.note("NW714", at, f"Only running the code tells {what}.", "What depends on it is not checked.")

    def note(self, code: str, at: ast.AST, message: str, remedy: str) -> None:
        self.findings.append(self._source.find(code, at, message, remedy))

    def new_workflow(self, name: str) -> Workflow:
        workflow = Workflow(self._source, name)
        self.workflows.append(workflow)
        return workflow


def read_workflows(path: Path, folders: tuple[Path, ...] = ()) -> Script:
    """The workflows that a script or notebook builds, with what cannot be read as findings.

    Parameters
    ----------
    folders
        Where nodes are defined, besides the file itself, its folder, and the nearest folder of nodes in or above it.

    Raises
    ------
    Unreadable
        With the finding that says why.
    """
    source = read_script(path)
    if _MARK not in source.text:
        return Script(source)
    reader = ScriptReader(source, path, folders)
    reader.read()
    return Script(source, tuple(reader.workflows), tuple(reader.left_out), tuple(reader.findings))
