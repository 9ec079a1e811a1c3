"""Where the methods write files."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from neuroworkflow_agent.nodes.body import Body
from neuroworkflow_agent.nodes.expressions import call_name
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import NodeClass

_WRITERS = {
    "open": 0, "savefig": 0, "save": 0, "savez": 0, "savez_compressed": 0, "savetxt": 0, "savemat": 0, "to_csv": 0, "to_json": 0,
    "to_pickle": 0, "to_parquet": 0, "to_hdf": 0, "to_excel": 0, "imsave": 0, "imwrite": 0, "makedirs": 0, "mkdir": 0, "File": 0,
}  # fmt: skip
"""Calls that write, and which argument is the place."""
_PATH_WRITERS = frozenset({"write_text", "write_bytes", "mkdir", "touch"})


def check(node: NodeClass) -> Iterator[Finding]:
    for name, body in node.bodies.items():
        if name != "__init__":
            yield from _check_writes(node, body)


def _check_writes(node: NodeClass, body: Body) -> Iterator[Finding]:
    writes_results = False
    for _, call in body.calls:
        place = _written_place(call)
        if place is None:
            continue
        if fixed := _fixed_place(place, body):
            yield node.source.find(
                "NW504",
                call,
                f"A file is written to the fixed place {fixed!r:.100}.",
                "Write below self._context.get('results_path', 'results'), and create that folder first.",
            )
        elif _depends_on_results(place, body) and call_name(call).split(".")[-1] not in (
            "mkdir",
            "makedirs",
        ):
            writes_results = True
    made = any(called.split(".")[-1] in ("mkdir", "makedirs") for called, _ in body.calls)
    helped = bool(body.self_calls)  # a method of its own may create it
    if writes_results and not made and not helped:
        yield node.source.find(
            "NW505",
            body.function,
            f"{body.function.name} writes into the results folder and does not create it.",
            "Create it first, such as Path(folder).mkdir(parents=True, exist_ok=True).",
        )


def _written_place(call: ast.Call) -> ast.AST | None:
    """The path argument of a call that writes; None for any other."""
    name = call_name(call)
    last = name.split(".")[-1]
    if last in _PATH_WRITERS and isinstance(call.func, ast.Attribute) and name.split(".")[0] != "os":
        return call.func.value
    if last not in _WRITERS:
        return None
    if last in ("open", "File") and not _opens_for_writing(call):
        return None
    if (
        last == "open"
        and isinstance(call.func, ast.Attribute)
        and name not in ("io.open", "gzip.open", "bz2.open")
    ):
        return call.func.value  # Path(…).open("w")
    if call.args:
        return call.args[_WRITERS[last]]
    return next((k.value for k in call.keywords if k.arg in ("fname", "path_or_buf", "file", "path")), None)


def _opens_for_writing(call: ast.Call) -> bool:
    is_method = isinstance(call.func, ast.Attribute) and not call_name(call).startswith(
        ("io.", "gzip.", "bz2.", "h5py.")
    )
    modes = call.args[0:1] if is_method else call.args[1:2]
    modes = [*modes, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return any(
        isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set(mode.value) & set("wax+")
        for mode in modes
    )


def _fixed_place(place: ast.AST, body: Body, depth: int = 0) -> str:
    """The constant a path begins with, if no setting, argument or context decides it; empty if one may."""
    match place:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str() as text), *rest]):
            decided = any(_is_decided_elsewhere(each, body) for each in rest) and not text.startswith(
                ("/", "~")
            )
            return "" if decided and "/" not in text else text
        case ast.BinOp(left=left, op=ast.Div() | ast.Add()):
            return _fixed_place(left, body, depth)
        case ast.Call(args=[first, *_]) if call_name(place).split(".")[-1] in (
            "Path",
            "PurePath",
            "join",
            "expanduser",
            "str",
        ):
            return _fixed_place(first, body, depth)
        case ast.Attribute(value=value, attr="parent"):
            return _fixed_place(value, body, depth)
        case ast.Name(id=name) if depth < 5 and name not in body.arguments:
            values = body.assigned.get(name, [])
            if len(values) == 1 and values[0] is not None:
                return _fixed_place(values[0], body, depth + 1)
    return ""


def _is_decided_elsewhere(node: ast.AST, body: Body) -> bool:
    text = ast.dump(node)
    if "_parameters" in text or "_context" in text:
        return True
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return any(
        name in body.arguments
        or any(
            v is not None and ("_context" in (d := ast.dump(v)) or "_parameters" in d)
            for v in body.assigned.get(name, [])
        )
        for name in names
    )


def _depends_on_results(place: ast.AST, body: Body, depth: int = 0) -> bool:
    if "'results_path'" in ast.dump(place):
        return True
    names = {each.id for each in ast.walk(place) if isinstance(each, ast.Name)}
    return depth < 4 and any(
        value is not None and _depends_on_results(value, body, depth + 1)
        for name in names
        for value in body.assigned.get(name, [])
    )
