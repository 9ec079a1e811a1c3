"""Nodes and workflows as Mermaid text and as SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from neuroworkflow_agent.nodes.catalogue import NodeEntry
from neuroworkflow_agent.nodes.connections import check_ports
from neuroworkflow_agent.nodes.workflows import Workflow
from neuroworkflow_agent.text import strip_control

_CHAR_PX = 7.2
_LINE_PX = 18
_GAP_X_PX, _GAP_Y_PX, _PAD_PX = 90, 26, 10


@dataclass(frozen=True)
class _Box:
    """A node's place in the drawing."""

    x: float
    y: float
    width: float
    height: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def nodes_as_mermaid(nodes: Sequence[NodeEntry]) -> str:
    """The nodes, one box each, and a dotted arrow wherever an output fits an input in type and meaning."""
    lines = ["flowchart LR"]
    for number, node in enumerate(nodes):
        inputs = "<br/>".join(f"◂ {port.name}: {port.type}" for port in node.inputs)
        outputs = "<br/>".join(f"{port.name}: {port.type} ▸" for port in node.outputs)
        title = _label(f"<b>{_shown(node.class_name)}</b><br/>{inputs}<br/>{outputs}")
        lines.append(f"    n{number}[{title}]")
    for a, source in enumerate(nodes):
        for b, target in enumerate(nodes):
            fits = [
                f"{given.name} → {wanted.name}"
                for given in source.outputs
                for wanted in target.inputs
                if a != b and check_ports(given, wanted).verdict == "fits"
            ]
            if fits:
                lines.append(f"    n{a} -. {_label('<br/>'.join(fits))} .-> n{b}")
    return "\n".join(lines) + "\n"


def workflow_as_mermaid(workflow: Workflow) -> str:
    """The nodes and connections of a workflow."""
    numbers = {name: number for number, name in enumerate(_names(workflow))}
    lines = ["flowchart LR"]
    for name, number in numbers.items():
        node = workflow.nodes.get(name)
        kind = node.class_name if node else "?"
        lines.append(f"    n{number}[{_label(f'<b>{_shown(name)}</b><br/>{_shown(kind)}')}]")
    lines += [
        f"    n{numbers[c.from_node]} -- {_label(f'{c.from_port} → {c.to_port}')} --> n{numbers[c.to_node]}"
        for c in workflow.connections
    ]
    return "\n".join(lines) + "\n"


def workflow_as_svg(workflow: Workflow) -> str:
    """The same as an SVG, which is read aloud as its connections."""
    boxes = _place(workflow)
    width = max((box.x + box.width for box in boxes.values()), default=0) + _PAD_PX
    height = max((box.y + box.height for box in boxes.values()), default=0) + _PAD_PX
    listed = "; ".join(map(str, workflow.connections)) or "no connections"
    title = _shown(f"Workflow {workflow.name or ''}: {listed}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        'role="img" style="max-width:100%;height:auto;color:#1f2328" font-family="system-ui,sans-serif" font-size="12">',
        f"<title>{title}</title>",
        # Notebooks show an SVG as a picture, which knows nothing of their theme: it brings its own ground.
        '<rect width="100%" height="100%" rx="6" fill="#fff"/>',
        '<defs><marker id="nw-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="currentColor"/></marker></defs>',
    ]
    parts += [_draw_connection(boxes, c.names) for c in workflow.connections]
    parts += [_draw_box(name, box, workflow) for name, box in boxes.items()]
    return "".join([*parts, "</svg>"])


def _names(workflow: Workflow) -> list[str]:
    """Every node that is added or named by a connection, in the order in which they run."""
    mentioned = [name for c in workflow.connections for name in (c.from_node, c.to_node)]
    return list(dict.fromkeys([*workflow.order, *workflow.nodes, *mentioned]))


def _place(workflow: Workflow) -> dict[str, _Box]:
    """Columns by the longest way from a source, rows as they come."""
    names = _names(workflow)
    column = dict.fromkeys(names, 0)
    for _ in names:  # at most as many rounds as a way is long; a cycle ends with them too
        for c in workflow.connections:
            if column[c.to_node] <= column[c.from_node] < len(names):
                column[c.to_node] = column[c.from_node] + 1
    boxes: dict[str, _Box] = {}
    x = float(_PAD_PX)
    for level in sorted(set(column.values())):
        members = [name for name in names if column[name] == level]
        y, widest = float(_PAD_PX), 0.0
        for name in members:
            boxes[name] = _box(workflow, name, x, y)
            y += boxes[name].height + _GAP_Y_PX
            widest = max(widest, boxes[name].width)
        x += widest + _GAP_X_PX
    return boxes


def _box(workflow: Workflow, name: str, x: float, y: float) -> _Box:
    node = workflow.nodes.get(name)
    declared_in = [port.name for port in node.entry.inputs] if node and node.entry else []
    declared_out = [port.name for port in node.entry.outputs] if node and node.entry else []
    used_in = [c.to_port for c in workflow.connections if c.to_node == name]
    used_out = [c.from_port for c in workflow.connections if c.from_node == name]
    inputs = tuple(dict.fromkeys([*declared_in, *used_in]))
    outputs = tuple(dict.fromkeys([*declared_out, *used_out]))
    rows = max(len(inputs), len(outputs))
    wide = max((len(a) + len(b) + 4 for a, b in _rows(inputs, outputs)), default=0)
    kind = node.class_name if node else "not added"
    width = _CHAR_PX * max(wide, len(name) + 2, len(kind) + 2) + 2 * _PAD_PX
    return _Box(x, y, width, _LINE_PX * (rows + 2) + 2 * _PAD_PX, inputs, outputs)


def _rows(inputs: Sequence[str], outputs: Sequence[str]) -> Iterable[tuple[str, str]]:
    for row in range(max(len(inputs), len(outputs))):
        yield (inputs[row] if row < len(inputs) else "", outputs[row] if row < len(outputs) else "")


def _draw_box(name: str, box: _Box, workflow: Workflow) -> str:
    node = workflow.nodes.get(name)
    kind = node.class_name if node else "not added"
    dashed = "" if node else ' stroke-dasharray="4 3"'
    middle = box.x + box.width / 2
    parts = [
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6" '
        f'fill="#f6f8fa" stroke="currentColor"{dashed}/>',
        f'<text x="{middle:.1f}" y="{box.y + _LINE_PX:.1f}" text-anchor="middle" font-weight="600" fill="currentColor">{_shown(name)}</text>',
        f'<text x="{middle:.1f}" y="{box.y + 2 * _LINE_PX:.1f}" text-anchor="middle" opacity=".7" fill="currentColor">{_shown(kind)}</text>',
    ]
    for row, (given, made) in enumerate(_rows(box.inputs, box.outputs)):
        y = _port_y(box, row) + 4
        if given:
            parts.append(f'<text x="{box.x + 8:.1f}" y="{y:.1f}" fill="currentColor">{_shown(given)}</text>')
        if made:
            parts.append(
                f'<text x="{box.x + box.width - 8:.1f}" y="{y:.1f}" text-anchor="end" fill="currentColor">{_shown(made)}</text>'
            )
    return "".join(parts)


def _draw_connection(boxes: dict[str, _Box], names: tuple[str, str, str, str]) -> str:
    source, target = boxes[names[0]], boxes[names[2]]
    x1, y1 = source.x + source.width, _port_y(source, source.outputs.index(names[1]))
    x2, y2 = target.x, _port_y(target, target.inputs.index(names[3]))
    bend = max(40.0, abs(x2 - x1) / 2)
    return (
        f'<path d="M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}" '
        'fill="none" stroke="currentColor" stroke-width="1.4" marker-end="url(#nw-arrow)"/>'
    )


def _port_y(box: _Box, row: int) -> float:
    return box.y + _PAD_PX + _LINE_PX * (row + 2.4)


def _shown(text: str) -> str:
    """Text for a page; XML has no place for control characters."""
    return escape(strip_control(text))


def _label(text: str) -> str:
    """A quoted label; a quote in it would end it."""
    return '"' + re.sub(r"[\"\n\r`]", "'", strip_control(text)) + '"'
