"""Reads a node's definition from the syntax tree, as the GUI reads it.

Reading never fails: what the GUI could not see becomes a finding, and what can still be made out is kept,
so that one mistake does not hide the others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from neuroworkflow_agent.nodes.contract import LATER_ARGUMENTS, OBJECTIVE_FIELDS, SHAPES
from neuroworkflow_agent.nodes.definition import Argument, Definition, Label, Method, Parameter, Port
from neuroworkflow_agent.nodes.expressions import UNKNOWN, called_name, literal
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.source import Source

_LABELS = ("type", "description", "stage", "tool", "model_source")
_ENTRY_CLASS = {
    "parameters": "ParameterDefinition",
    "inputs": "PortDefinition",
    "outputs": "PortDefinition",
    "methods": "MethodDefinition",
}


class DefinitionReader:
    """Reads one definition; `findings` collects what is wrong with how it is written."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.findings: list[Finding] = []
        self.arguments: list[Argument] = []

    def read(self, call: ast.AST) -> Definition:
        """The definition that `call` writes down."""
        definition = Definition(call)
        if called_name(call) != "NodeDefinitionSchema" or not isinstance(call, ast.Call):
            self._note(
                "NW102",
                call,
                "NODE_DEFINITION is not a NodeDefinitionSchema(…) call.",
                "Write NODE_DEFINITION = NodeDefinitionSchema(type='…', …) directly in the class body; the GUI reads nothing else.",
            )
            definition.hidden.update(("labels", *_ENTRY_CLASS))
            return definition
        arguments = self._arguments(call, "NodeDefinitionSchema")
        if any(keyword.arg is None for keyword in call.keywords):
            definition.hidden.update(("labels", *_ENTRY_CLASS))
        for name in _LABELS:
            if name in arguments:
                definition.labels[name] = Label(
                    self._text(arguments[name], f"The node's {name}"), arguments[name]
                )
        for part in _ENTRY_CLASS:
            if part in arguments:
                self._read_part(definition, part, arguments[part])
        return definition

    def _read_part(self, definition: Definition, part: str, node: ast.AST) -> None:
        for name, key, value in self._entries(definition, part, node):
            if called_name(value) != _ENTRY_CLASS[part] or not isinstance(value, ast.Call):
                definition.hidden.add(part)
                self._note(
                    "NW105",
                    value,
                    f"{name!r} in {part} is not a {_ENTRY_CLASS[part]}(…) call.",
                    f"Write {name!r}: {_ENTRY_CLASS[part]}(…), or the GUI does not see it.",
                )
                continue
            arguments = self._arguments(value, _ENTRY_CLASS[part])
            if part == "parameters":
                definition.parameters[name] = self._parameter(name, key, arguments)
            elif part == "methods":
                definition.methods[name] = self._method(name, key, arguments)
            else:
                ports = definition.inputs if part == "inputs" else definition.outputs
                ports[name] = self._port(name, key, arguments)

    def _entries(
        self, definition: Definition, part: str, node: ast.AST
    ) -> Iterator[tuple[str, ast.AST, ast.AST]]:
        if not isinstance(node, ast.Dict):
            definition.hidden.add(part)
            self._note(
                "NW104", node, f"{part} is not a dict literal.", "Write it out as {'name': …}, one by one."
            )
            return
        seen: set[str] = set()
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                definition.hidden.add(part)
                self._note(
                    "NW104",
                    key or value,
                    f"A name in {part} is not a constant text.",
                    "Write every name as a quoted text; the GUI does not run the code.",
                )
                continue
            name = key.value
            # Outputs and methods are looked up by their names as texts, whatever these are.
            if part in ("inputs", "parameters") and (not name.isidentifier() or name.startswith("__")):
                self._note(
                    "NW120",
                    key,
                    f"{name!r} in {part} cannot be the name of a method's argument.",
                    "Use letters, digits and underscores, such as 'spike_times_ms'.",
                )
            if name in seen:
                self._note(
                    "NW121", key, f"{name!r} is defined twice in {part}.", "Keep one; Python keeps the last."
                )
            seen.add(name)
            yield name, key, value

    def _arguments(self, call: ast.Call, kind: str) -> dict[str, ast.AST]:
        """Arguments by name; those by position count for what they would be."""
        shape = SHAPES[kind]
        found: dict[str, ast.AST] = {}
        if call.args:
            self._note(
                "NW103",
                call.args[0],
                f"{kind}(…) has arguments without names.",
                f"Name every argument, such as {shape.keywords[0]}=…; the GUI reads only those.",
            )
            found.update(zip(shape.keywords, call.args, strict=False))
        for keyword in call.keywords:
            if keyword.arg is None:
                self._note(
                    "NW103",
                    keyword.value,
                    f"{kind}(…) takes arguments from **….",
                    "Write every argument out; the GUI does not run the code.",
                )
            elif kind == "PortDefinition" and keyword.arg in OBJECTIVE_FIELDS:
                self._note(
                    "NW109",
                    keyword.value,
                    f"{keyword.arg} belongs to parameters; on a port it raises TypeError.",
                    "Move it to the ParameterDefinition that is optimized for.",
                )
            else:
                found[keyword.arg] = keyword.value
                is_later = keyword.arg in LATER_ARGUMENTS.get(kind, ())
                if is_later or keyword.arg not in shape.keywords:
                    message = f"{kind} has no argument {keyword.arg!r}."
                    known = ", ".join(each for each in shape.keywords if each != keyword.arg)
                    problem = self._source.find("NW108", keyword.value, message, f"It takes {known}.")
                    self.arguments.append(Argument(keyword.arg, is_later, problem))
        return found

    def _parameter(self, name: str, key: ast.AST, given: dict[str, ast.AST]) -> Parameter:
        for listed in ("optimization_range", "objective_range", "metadata_sources", "suggested_values"):
            by_key = listed == "optimization_range" and isinstance(given.get(listed), ast.Dict)
            if not by_key or literal(given[listed]) is UNKNOWN:
                self._check_list(given.get(listed), f"{listed} of {name!r}")
        return Parameter(
            name,
            key,
            default=literal(given.get("default_value")),
            has_default="default_value" in given,
            description=self._description(given, name),
            constraints=literal(given["constraints"]) if "constraints" in given else None,
            optimizable=literal(given["optimizable"]) if "optimizable" in given else False,
            optimization_range=literal(given.get("optimization_range")),
            is_objective=literal(given["is_objective"]) if "is_objective" in given else False,
            objective_range=literal(given.get("objective_range")),
            unit=literal(given.get("unit")),
        )

    def _port(self, name: str, key: ast.AST, given: dict[str, ast.AST]) -> Port:
        kind = given.get("type")
        return Port(
            name,
            key,
            type=_port_type(kind) if kind is not None else "ANY",
            type_at=kind,
            description=self._description(given, name),
            optional=literal(given.get("optional")) is True,
            fan_in=literal(given.get("fan_in")) is True,
        )

    def _method(self, name: str, key: ast.AST, given: dict[str, ast.AST]) -> Method:
        return Method(
            name,
            key,
            self._description(given, name),
            self._names(given.get("inputs"), f"inputs of {name!r}"),
            self._names(given.get("outputs"), f"outputs of {name!r}"),
        )

    def _description(self, given: dict[str, ast.AST], name: str) -> str | None:
        if "description" not in given:
            return None
        text = self._text(given["description"], f"The description of {name!r}")
        return "" if text is None else text or None

    def _text(self, node: ast.AST, what: str) -> str | None:
        value = literal(node)
        if isinstance(value, str):
            return value
        self._note(
            "NW106",
            node,
            f"{what} is not a constant text.",
            "Write it as one quoted text; f-strings and variables are lost in the GUI.",
        )
        return None

    def _names(self, node: ast.AST | None, what: str) -> tuple[str, ...] | None:
        if node is None:
            return ()
        value = literal(node)
        if isinstance(node, ast.List) and isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        self._note("NW107", node, f"The {what} are not a list literal of names.", "Write ['a', 'b'].")
        return None

    def _check_list(self, node: ast.AST | None, what: str) -> None:
        if node is not None and not (
            literal(node) is None or (isinstance(node, ast.List) and literal(node) is not UNKNOWN)
        ):
            self._note("NW107", node, f"{what} is not a list literal.", "Write [low, high], with constants.")

    def _note(self, code: str, at: ast.AST, message: str, remedy: str) -> None:
        self.findings.append(self._source.find(code, at, message, remedy))


def _port_type(node: ast.AST) -> str | None:
    """The member's name of `PortType.X`, also through a module; None for anything else."""
    if isinstance(node, ast.Attribute):
        owner = node.value
        if (isinstance(owner, ast.Name) and owner.id == "PortType") or (
            isinstance(owner, ast.Attribute) and owner.attr == "PortType"
        ):
            return node.attr
    return None
