"""The node classes of a file: their definition, methods and steps, as far as the syntax tree tells them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from neuroworkflow_agent.nodes.body import Body
from neuroworkflow_agent.nodes.contract import IMPORTED_FROM, LIBRARY
from neuroworkflow_agent.nodes.definition import Argument, Definition, Method
from neuroworkflow_agent.nodes.definition_reader import DefinitionReader
from neuroworkflow_agent.nodes.expressions import UNKNOWN, literal
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.source import Source
from neuroworkflow_agent.nodes.uses import Uses, context_uses, input_uses, output_uses

FunctionDef: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
STEPS = "_define_process_steps"


@dataclass(frozen=True, slots=True)
class Step:
    """One `self.add_process_step(…)`."""

    at: ast.AST
    name: str
    method: str
    """Of the class."""
    key: str
    """Its entry in `methods`."""
    inputs: tuple[str, ...] | None = None
    """Where the call itself names them."""
    outputs: tuple[str, ...] | None = None
    is_unclear: bool = False
    """Whether the call names them in a way that only running it would tell."""


@dataclass
class NodeClass:
    """One node."""

    at: ast.ClassDef
    source: Source
    definition: Definition | None
    """None if there is none."""
    definition_findings: list[Finding] = field(default_factory=list)
    inherits: bool = False
    """Whether it has a base other than `Node`, which may define what is not seen here."""
    arguments: list[Argument] = field(default_factory=list)
    """Those of its definition that not every version of the library takes."""
    taken: dict[str, bool] = field(default_factory=dict)
    """Which of them the library around it takes; empty without one."""
    unknown_labels: frozenset[str] = frozenset()
    """Labels that the library around it does not take."""

    @property
    def name(self) -> str:
        return self.at.name

    @cached_property
    def methods(self) -> dict[str, FunctionDef]:
        """Functions of the class body."""
        return {each.name: each for each in self.at.body if isinstance(each, FunctionDef)}

    @cached_property
    def bodies(self) -> dict[str, Body]:
        """What each of them does."""
        return {name: Body(function, self.source.walked) for name, function in self.methods.items()}

    @cached_property
    def constants(self) -> dict[str, ast.AST]:
        """What names of the module, and of the class as `self.NAME`, are given, where that is once."""
        found: dict[str, ast.AST] = {}
        for prefix, body in (("", self.source.tree.body), ("self.", self.at.body)):
            given: dict[str, list[ast.AST]] = {}
            for statement in body:
                if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
                    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                    for target in targets:
                        if isinstance(target, ast.Name):
                            given.setdefault(target.id, []).append(statement.value)
            found.update((f"{prefix}{name}", values[0]) for name, values in given.items() if len(values) == 1)
        return found

    @cached_property
    def reads_by_hand(self) -> Uses:
        """Inputs that its methods look up themselves: in ports and in the context."""
        found = Uses()
        for body in self.bodies.values():
            found |= input_uses(body, self.constants) | context_uses(body, self.constants)
        return found

    @cached_property
    def sets_by_hand(self) -> Uses:
        """Outputs that its methods look up themselves."""
        found = Uses()
        for body in self.bodies.values():
            found |= output_uses(body, self.constants)
        return found

    def outputs_of(self, method: Method) -> tuple[str, ...] | None:
        """What a method's steps hand on: what `add_process_step` names, else what `methods` does."""
        steps = [step for step in self.steps if method.name in (step.key, step.method)]
        if method.outputs is None or any(step.is_unclear for step in steps):
            return None
        named = [name for step in steps for name in step.outputs or method.outputs]
        return tuple(dict.fromkeys(named if steps else method.outputs))

    @cached_property
    def _step_calls(self) -> list[ast.Call]:
        return [
            call
            for name in ("__init__", STEPS)
            if name in self.bodies
            for call in self.bodies[name].self_calls.get("add_process_step", [])
        ]

    @cached_property
    def steps(self) -> list[Step]:
        """Its steps in order, as far as they are written out."""
        return [step for call in self._step_calls if (step := _step(call))]

    @cached_property
    def steps_are_known(self) -> bool:
        """Whether every step is written out, so that one that is not there is missing."""
        in_a_loop = any(
            isinstance(each, ast.For | ast.While | ast.comprehension)
            for name in ("__init__", STEPS)
            if name in self.methods
            for each in self.bodies[name].all
        )
        return not self.inherits and not in_a_loop and len(self.steps) == len(self._step_calls)


def node_classes(source: Source) -> list[NodeClass]:
    """The nodes among the classes of a file, wherever they stand; the GUI looks everywhere, too."""
    imports = source.imported
    found: dict[str, NodeClass] = {}
    for statement in source.walked.nodes:
        if not isinstance(statement, ast.ClassDef):
            continue
        assigned = _assigned_definition(statement)
        bases = [_last_name(base) for base in statement.bases]
        is_node = any(_is_library_node(base, imports, source) for base in statement.bases)
        parent = next((found[base] for base in bases if base in found), None)
        is_the_base = statement.name == "Node" and not is_node
        if is_the_base or (assigned is None and not is_node and parent is None):
            continue
        found[statement.name] = _node_class(source, statement, assigned, "Node" not in bases)
        if assigned is None and parent is not None:
            found[statement.name].definition = parent.definition
    return list(found.values())


def _node_class(
    source: Source, at: ast.ClassDef, assigned: ast.Assign | ast.AnnAssign | None, inherits: bool
) -> NodeClass:
    if assigned is None or assigned.value is None:
        return NodeClass(at, source, None, inherits=inherits)
    reader = DefinitionReader(source)
    definition = reader.read(assigned.value)
    if isinstance(assigned, ast.AnnAssign) or len(assigned.targets) != 1:
        reader.findings.append(
            source.find(
                "NW102",
                assigned,
                "NODE_DEFINITION is assigned with an annotation or together with another name.",
                "Write NODE_DEFINITION = NodeDefinitionSchema(…); the GUI reads nothing else.",
            )
        )
    return NodeClass(at, source, definition, reader.findings, inherits, reader.arguments)


def _assigned_definition(at: ast.ClassDef) -> ast.Assign | ast.AnnAssign | None:
    for statement in at.body:
        targets = (
            statement.targets
            if isinstance(statement, ast.Assign)
            else [statement.target]
            if isinstance(statement, ast.AnnAssign)
            else []
        )
        if any(isinstance(target, ast.Name) and target.id == "NODE_DEFINITION" for target in targets):
            assert isinstance(statement, ast.Assign | ast.AnnAssign)
            return statement
    return None


def _is_library_node(base: ast.AST, imports: dict[str, str], source: Source) -> bool:
    """Whether a base class is the library's `Node`, also where its import was forgotten."""
    if _last_name(base) != "Node":
        return False
    if isinstance(base, ast.Attribute):
        return LIBRARY in ast.unparse(base)
    module = imports.get("Node")
    if module is not None:
        return module.split(".")[0] == LIBRARY
    return (
        any(name in source.text for name in IMPORTED_FROM if name != "Node") or f"{LIBRARY}." in source.text
    )


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _step(call: ast.Call) -> Step | None:
    """What an `add_process_step` call adds; None if only running it would tell."""
    given: dict[str, ast.AST] = dict(zip(("name", "method", "description", "inputs", "outputs", "method_key"), call.args, strict=False))  # fmt: skip
    if any(isinstance(each, ast.Starred) for each in call.args) or any(k.arg is None for k in call.keywords):
        return None
    given.update((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg)
    method = given.get("method")
    if not isinstance(method, ast.Attribute) or _last_name(method.value) != "self":
        return None
    key = literal(given.get("method_key")) or method.attr
    name = literal(given.get("name")) or method.attr
    if not isinstance(key, str) or not isinstance(name, str):
        return None
    inputs, outputs = (given.get(part) for part in ("inputs", "outputs"))
    is_unclear = any(each is not None and literal(each) is UNKNOWN for each in (inputs, outputs))
    return Step(call, name, method.attr, key, _names(inputs), _names(outputs), is_unclear)


def _names(node: ast.AST | None) -> tuple[str, ...] | None:
    value = literal(node)
    return tuple(map(str, value)) if isinstance(value, list) and value else None
