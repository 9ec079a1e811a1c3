"""Nodes as a list: what there is, with its ports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.nodes.definition import Port
from neuroworkflow_agent.nodes.files import may_hold_node, python_files
from neuroworkflow_agent.nodes.model import NodeClass, node_classes
from neuroworkflow_agent.nodes.source import Source, Unreadable, read_source
from neuroworkflow_agent.text import strip_control

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class PortEntry:
    """A port, for people."""

    name: str
    type: str
    """A member of `PortType`; `?` if it cannot be read."""
    description: str
    optional: bool = False
    fan_in: bool = False


@dataclass(frozen=True, slots=True)
class ParameterEntry:
    """A parameter, for people."""

    name: str
    default: str
    """As it is written; `…` if only running the code would tell."""
    description: str
    constraints: dict[str, Any]
    optimizable: bool = False
    optimization_range: list[Any] | None = None
    """What a search may try; None if it is not said."""
    is_objective: bool = False
    objective_range: list[Any] | None = None
    """Which values are acceptable; None if it is not said."""


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A node, for people and for connections."""

    type: str
    class_name: str
    path: str
    line: int
    description: str
    stage: str
    tool: str
    inputs: tuple[PortEntry, ...] = ()
    outputs: tuple[PortEntry, ...] = ()
    parameters: tuple[ParameterEntry, ...] = ()
    hidden: frozenset[str] = frozenset()
    """Parts of its definition that cannot be read, so that nothing is missing from them."""

    def input(self, name: str) -> PortEntry | None:
        return next((port for port in self.inputs if port.name == name), None)

    def output(self, name: str) -> PortEntry | None:
        return next((port for port in self.outputs if port.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """Its JSON form; values that JSON does not have are written as Python would."""
        plain = _plain(asdict(self))
        assert isinstance(plain, dict)
        del plain["hidden"]
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in value]
    is_json = value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))
    return value if is_json else repr(value)


def list_nodes(folders: Iterable[Path]) -> list[NodeEntry]:
    """The nodes in folders and files, sorted by type; what cannot be read is left out.

    Notes
    -----
    `check_paths` says what is wrong with a file that is missing here.
    """
    found: list[NodeEntry] = []
    for folder in folders:
        files = python_files(folder) if folder.is_dir() else [folder]
        for file in files:
            found += read_nodes(file)
    return sorted(found, key=lambda node: (node.type, node.path, node.line))


def read_nodes(path: Path) -> list[NodeEntry]:
    """The nodes of one file; none if it cannot be read."""
    if not may_hold_node(path):
        return []
    try:
        return entries(read_source(path))
    except (Unreadable, RecursionError):
        return []


def entries(source: Source) -> list[NodeEntry]:
    """The nodes of a source that was read."""
    return [_entry(node) for node in node_classes(source)]


_EVERYTHING = frozenset({"labels", "parameters", "inputs", "outputs", "methods"})


def _entry(node: NodeClass) -> NodeEntry:
    definition = node.definition
    if definition is None:
        return NodeEntry("", node.name, node.source.path, node.at.lineno, "", "", "", hidden=_EVERYTHING)
    label = {
        name: strip_control(definition.text(name) or "") for name in ("type", "description", "stage", "tool")
    }
    return NodeEntry(
        class_name=node.name,
        path=node.source.path,
        line=node.at.lineno,
        inputs=tuple(map(_port, definition.inputs.values())),
        outputs=tuple(map(_port, definition.outputs.values())),
        parameters=tuple(
            ParameterEntry(
                strip_control(each.name),
                f"{each.default!r:.200}",
                strip_control(each.description or ""),
                each.constraints if isinstance(each.constraints, dict) else {},
                each.optimizable is True,
                _range(each.optimization_range),
                each.is_objective is True,
                _range(each.objective_range),
            )
            for each in definition.parameters.values()
        ),
        hidden=frozenset(definition.hidden),
        **label,
    )


def _range(given: Any) -> list[Any] | None:
    return given if isinstance(given, list) and given else None


def _port(port: Port) -> PortEntry:
    name, description = strip_control(port.name), strip_control(port.description or "")
    return PortEntry(name, port.type or "?", description, port.optional, port.fan_in)


def as_text(nodes: Sequence[NodeEntry]) -> str:
    """One paragraph a node, for a model and for pipes."""
    parts = []
    for node in nodes:
        lines = [f"{node.type or '?'} · class {node.class_name} · {node.path}:{node.line}"]
        origin = ", ".join(
            f"{name} {value}" for name, value in (("stage", node.stage), ("tool", node.tool)) if value
        )
        lines += [f"  {text}" for text in (node.description, origin) if text]
        for title, ports in (("in", node.inputs), ("out", node.outputs)):
            lines += [f"  {title:3} {_line(port)}" for port in ports]
        lines += [f"  set {_setting(each)}" for each in node.parameters]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) or "No nodes here."


def as_table(nodes: Sequence[NodeEntry]) -> Table:
    """One row a node, its ports on lines of their own."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_lines=True)
    for title in ("type, class, stage and tool", "inputs", "outputs"):
        table.add_column(title, overflow="fold")
    for node in nodes:
        origin = " · ".join(filter(None, (node.stage, node.tool)))
        about = "\n".join(filter(None, (node.type, node.class_name, origin)))
        inputs, outputs = ("\n".join(map(_line, ports)) for ports in (node.inputs, node.outputs))
        table.add_row(*map(escape, (about, inputs, outputs)))
    return table


def _setting(parameter: ParameterEntry) -> str:
    """A parameter, its default, and what it says to a search."""
    choices = parameter.constraints.get("allowed_values")
    said = ""
    if parameter.optimizable:
        tried = f" in {parameter.optimization_range!r:.100}" if parameter.optimization_range else ""
        said += f" (optimizable{tried or (f' among {choices!r:.200}' if choices else '')})"
    if parameter.is_objective:
        said += (
            f" (objective{f' in {parameter.objective_range!r:.100}' if parameter.objective_range else ''})"
        )
    return f"{parameter.name} = {parameter.default}{said}: {parameter.description}".removesuffix(": ")


def _line(port: PortEntry) -> str:
    return f"{port.name} {port.type}{_marks(port)}: {port.description}".removesuffix(": ")


def _marks(port: PortEntry) -> str:
    return (" (optional)" if port.optional else "") + (" (fan-in)" if port.fan_in else "")
