"""The inside of a trial's process: `python -m neuroworkflow_agent.nodes.trial_process REQUEST`."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from neuroworkflow_agent.nodes.contract import LIBRARY_MARK, PORT_TYPES, SHAPES

_FITS: dict[str, tuple[type, ...]] = {"float": (float, int), "int": (int,), "str": (str,), "bool": (bool,), "list": (list,), "dict": (dict,)}  # fmt: skip


class _Trial:
    """Does one step after another and writes each down, so that a crash can be placed."""

    def __init__(self, request: dict[str, str]) -> None:
        self._request = request
        self._path = Path(request["path"])
        self._result: list[dict[str, Any]] = []

    def run(self) -> None:
        if self._request["library"]:
            sys.path.insert(0, self._request["library"])
        if not _has_library():
            self._find(
                "NW609",
                "The library neuroworkflow is not importable here, so the node was not run.",
                "Install it from github.com/oist/neuro-workflow; the one on PyPI is another project.",
            )
        else:
            self._try_all()
        self._step("end")

    def _try_all(self) -> None:
        from importlib import import_module

        base = import_module(LIBRARY_MARK).Node
        self._step("the import")
        try:
            module = self._import()
        except BaseException as error:  # noqa: BLE001 - the file may raise anything, SystemExit too
            self._find(
                "NW601",
                f"Importing the file fails: {_told(error)}.",
                _how_to_import(error),
                self._line(error),
            )
            return
        for cls in list(vars(module).values()):  # running one may add names
            if inspect.isclass(cls) and issubclass(cls, base) and cls.__module__ == module.__name__:
                self._try(cls)

    def _import(self) -> ModuleType:
        name = f"node_on_trial_{self._path.stem}"  # a file may be called like a module that is needed here
        spec = importlib.util.spec_from_file_location(name, self._path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def _try(self, cls: Any) -> None:
        self._step(f"{cls.__name__}('trial')")
        try:
            node = cls("trial")
        except Exception as error:  # noqa: BLE001 - told as a finding
            self._find(
                "NW602",
                f"{cls.__name__}('trial') fails: {_told(error)}.",
                "Nodes are made with a name alone.",
                self._line(error),
            )
            return
        self._step("get_info()")
        try:
            info = node.get_info()
            if not isinstance(info, dict):
                raise TypeError(f"it gives a {type(info).__name__}, not a dict")
        except Exception as error:  # noqa: BLE001 - told as a finding
            self._find("NW603", f"get_info() fails: {_told(error)}.", "", self._line(error))
            return
        self._run_example(cls, node)

    def _run_example(self, cls: Any, node: Any) -> None:
        file = Path(self._request["example"])
        needed = [name for name, port in node._input_ports.items() if not port.optional]
        if not file.is_file():
            if needed:
                self._find(
                    "NW609",
                    f"The node was not run: it needs {', '.join(needed)}, and there is no {file.name}.",
                    'Write it beside the node: {"parameters": {…}, "inputs": {…}}, small and with values that make sense.',
                )
                return
            example: dict[str, Any] = {}
        else:
            try:
                example = json.loads(file.read_text(encoding="utf-8"))
                node.configure(**example.get("parameters", {}))
                for name, value in example.get("inputs", {}).items():
                    node.set_input(name, value)
            except Exception as error:  # noqa: BLE001 - told as a finding
                self._find(
                    "NW608",
                    f"{file.name} does not fit {cls.__name__}: {_told(error)}.",
                    "Correct the example.",
                )
                return
        results = Path(self._request["results"])
        results.mkdir(exist_ok=True)
        node._context["results_path"] = str(results)
        self._step("the run")
        if not node.validate():
            self._find(
                "NW608",
                f"{file.name} leaves a required input empty. It said: {{said}}",
                f"It needs {', '.join(needed)}.",
            )
        elif not node.process():
            self._find(
                "NW604",
                f"{cls.__name__} fails on its example. It said: {{said}}",
                "Fix the step that is named.",
            )
        else:
            self._look_at_outputs(cls, node)

    def _look_at_outputs(self, cls: Any, node: Any) -> None:
        for name, port in node._output_ports.items():
            if port.value is None:
                if not getattr(cls.NODE_DEFINITION.outputs[name], "optional", False):
                    self._find(
                        "NW605",
                        f"The output {name!r} is None after the run.",
                        "Return a value for it, or mark the port optional.",
                    )
                continue
            declared = PORT_TYPES.get(getattr(port.port_type, "name", "ANY"), "object")
            if declared in _FITS and not _is_one(port.value, declared):
                self._find(
                    "NW311",
                    f"The output {name!r} is declared {port.port_type.name}, and its value is a {type(port.value).__name__}.",
                    f"Return a {declared}.",
                )

    def _line(self, error: BaseException) -> int:
        """The last line of the node's own file that the error passed through."""
        if isinstance(error, SyntaxError) and error.filename == str(self._path):
            return error.lineno or 1
        frames = traceback.extract_tb(error.__traceback__)
        return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(self._path)), 1)

    def _find(self, code: str, message: str, remedy: str, line: int = 1) -> None:
        self._result.append({"code": code, "message": message, "remedy": remedy, "line": line})
        self._write()

    def _step(self, step: str) -> None:
        self._result.append({"step": step})
        self._write()

    def _write(self) -> None:
        Path(self._request["result"]).write_text(json.dumps(self._result), encoding="utf-8")


_OLD_LIBRARY = (
    "The library here may be older than this field: update it, from github.com/oist/neuro-workflow."
)


def _how_to_import(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"Install {error.name}, or import it in the method that needs it."
    return _OLD_LIBRARY if _is_about_a_field(error) else "It has to import in a fresh process."


def _is_about_a_field(error: BaseException) -> bool:
    """Whether the library's schema does not know an argument that the contract has."""
    found = (
        re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if isinstance(error, TypeError)
        else None
    )
    return found is not None and any(found.group(1) in shape.keywords for shape in SHAPES.values())


def _is_one(value: Any, declared: str) -> bool:
    if declared in ("float", "int") and hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()  # a NumPy scalar is as good
    return isinstance(value, _FITS[declared]) and not (declared == "float" and isinstance(value, bool))


def _has_library() -> bool:
    try:
        return importlib.util.find_spec(LIBRARY_MARK) is not None
    except Exception:  # noqa: BLE001 - looking for it imports its package, and another one of that name may raise anything
        return False


def _told(error: BaseException) -> str:
    """The error on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:400]


if __name__ == "__main__":
    _Trial(json.loads(sys.argv[1])).run()
