"""What the file does besides defining a node: at import, to the simulator, and to the disk."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from neuroworkflow_agent.nodes.body import Body
from neuroworkflow_agent.nodes.contract import IMPORTED_FROM
from neuroworkflow_agent.nodes.expressions import dotted_name
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import NodeClass, imported_names
from neuroworkflow_agent.nodes.source import Source

_QUIET_CALLS = (
    "warnings.filterwarnings", "warnings.simplefilter", "logging.getLogger", "matplotlib.use", "plt.switch_backend",
    "sys.path.append", "sys.path.insert", "load_dotenv", "nest.set_verbosity",
)  # fmt: skip
"""Calls that set something up for the process and are usual at the top of a file."""
_WORK = (
    "open", "print", "input", "exec", "eval", "urlopen", "system", "run", "Popen", "check_output", "check_call",
    "mkdir", "makedirs", "load", "loadtxt", "genfromtxt", "read_csv", "read_json", "read_pickle", "read_hdf", "read_excel",
    "read_text", "read_bytes", "write_text", "write_bytes", "save", "savefig", "savez", "to_csv", "urlretrieve", "sleep",
    "Simulate", "Create", "Connect", "simulate", "fit",
)  # fmt: skip
"""Last names of calls that read, write, wait or compute."""
_SIMULATORS = frozenset({"nest", "requests", "subprocess", "socket"})
_WRITERS = {
    "open": 0, "savefig": 0, "save": 0, "savez": 0, "savez_compressed": 0, "savetxt": 0, "savemat": 0, "to_csv": 0, "to_json": 0,
    "to_pickle": 0, "to_parquet": 0, "to_hdf": 0, "to_excel": 0, "imsave": 0, "imwrite": 0, "makedirs": 0, "mkdir": 0, "File": 0,
}  # fmt: skip
"""Calls that write, and which argument is the place."""
_PATH_WRITERS = frozenset({"write_text", "write_bytes", "mkdir", "touch"})


def check(node: NodeClass) -> Iterator[Finding]:
    yield from _check_resets(node)
    for name, body in node.bodies.items():
        if name != "__init__":
            yield from _check_writes(node, body)


def check_module(source: Source) -> Iterator[Finding]:
    """What the file does outside its functions."""
    yield from _check_imports(source)
    for statement in _at_import(source.tree.body):
        what = _work(statement)
        if what == "nest.ResetKernel":
            yield source.find(
                "NW502",
                statement,
                "nest.ResetKernel() at import throws away what other nodes made.",
                "Call it in a step, behind a boolean parameter.",
            )
        elif what:
            yield source.find(
                "NW501",
                statement,
                f"Importing the file does work: {what}.",
                "Move it into a step; the GUI, the checks and every workflow import the file.",
            )


def _check_imports(source: Source) -> Iterator[Finding]:
    imported = imported_names(source)
    if "*" in imported:
        return
    bound = {
        each.name
        for each in source.tree.body
        if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    seen: set[str] = set()
    for node in source.walked.nodes:
        if isinstance(node, ast.Name) and node.id in IMPORTED_FROM and isinstance(node.ctx, ast.Load):
            name = node.id
            if name not in imported and name not in bound and name not in seen:
                seen.add(name)
                yield source.find(
                    "NW011",
                    node,
                    f"{name} is used and not imported.",
                    f"Write from {IMPORTED_FROM[name]} import {name}.",
                )


def _at_import(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the file is imported, those in class bodies and branches too."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If):
            if not _is_main_guard(statement.test):
                yield from _at_import(statement.body)
            yield from _at_import(statement.orelse)
        elif isinstance(statement, ast.Try | ast.TryStar):
            for part in (statement.body, statement.orelse, statement.finalbody):
                yield from _at_import(part)
            optional_import = all(
                isinstance(each, ast.Import | ast.ImportFrom) for each in statement.body[:1]
            )
            for handler in statement.handlers:
                # Saying that an optional package is missing is no work.
                told = [each for each in handler.body if not (optional_import and _tells(each))]
                yield from _at_import(told)
        elif isinstance(statement, ast.ClassDef):
            yield from _at_import(statement.body)
        else:
            yield statement


def _tells(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and _call_name(statement.value).split(".")[-1] in (
        "print",
        "warn",
        "warning",
        "info",
    )


def _work(statement: ast.stmt) -> str:
    """What a statement does that importing should not; empty for nothing."""
    if isinstance(statement, ast.For | ast.While | ast.With | ast.AsyncFor | ast.AsyncWith):
        reset = next((c for c in ast.walk(statement) if _call_name(c) == "nest.ResetKernel"), None)
        return "nest.ResetKernel" if reset else f"a {type(statement).__name__.lower()} statement"
    for node in _outside_functions(statement):
        name = _call_name(node)
        if not name or name in _QUIET_CALLS:
            continue
        if name == "nest.ResetKernel":
            return name
        if (
            isinstance(statement, ast.Expr)
            or name.split(".")[-1] in _WORK
            or name.split(".")[0] in _SIMULATORS
        ):
            return f"{name}(…)"
    return ""


def _outside_functions(statement: ast.stmt) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.Lambda):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _check_resets(node: NodeClass) -> Iterator[Finding]:
    find = node.source.find
    for name, body in node.bodies.items():
        for called, call in body.calls:
            if called != "nest.ResetKernel":
                continue
            if name == "__init__":
                yield find(
                    "NW502",
                    call,
                    "nest.ResetKernel() in __init__ throws away what other nodes made.",
                    "Call it in a step, behind a boolean parameter.",
                )
            elif not _is_behind_a_switch(body, call):
                yield find(
                    "NW503",
                    call,
                    "nest.ResetKernel() runs whenever the step does.",
                    "Put it behind a boolean parameter, such as if self._parameters['reset_kernel'].",
                )


def _is_behind_a_switch(body: Body, call: ast.AST) -> bool:
    for node in body.every(ast.If):
        if any(each is call for part in node.body for each in ast.walk(part)):
            names = {each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)}
            switches = ["_parameters" in ast.dump(node.test)]
            for name in names:
                switches += [
                    "_parameters" in ast.dump(v) for v in body.assigned.get(name, []) if v is not None
                ]
            if any(switches):
                return True
    return False


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
        elif _depends_on_results(place, body) and _call_name(call).split(".")[-1] not in (
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
    name = _call_name(call)
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
    is_method = isinstance(call.func, ast.Attribute) and not _call_name(call).startswith(
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
        case ast.Call(args=[first, *_]) if _call_name(place).split(".")[-1] in (
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


def _is_main_guard(test: ast.AST) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _call_name(node: ast.AST) -> str:
    """The dotted name of what is called; empty if it is no call, or has no name."""
    return dotted_name(node.func) if isinstance(node, ast.Call) else ""
