"""Tools for NeuroWorkflow nodes: the checker and its kin, asked in a process of their own.

Each call owns its process and ends it before it returns, also when the turn is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import OutsideWorkspaceError, ToolFailed
from neuroworkflow_agent.nodes.layout import detect_layout
from neuroworkflow_agent.nodes.trial import python_path
from neuroworkflow_agent.text import clip, redact, strip_control
from neuroworkflow_agent.tools.content import MAX_CHARS
from neuroworkflow_agent.workspace import Workspace

_STATIC_TIMEOUT_S = 60.0
_LOOK_TIMEOUT_S = 20.0
"""For one file, after a Write: the turn waits for it."""
_MAX_RUN_TIMEOUT_S = 600.0
_END_TIMEOUT_S = 3.0

_PATHS = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Files or folders in the workspace; those of its nodes by default.",
}


@dataclass(frozen=True, slots=True)
class NodeTool:
    """A tool as the model sees it."""

    name: str
    description: str
    properties: dict[str, Any]
    required: tuple[str, ...] = ()
    reads_only: bool = True

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "object", "properties": self.properties, "required": list(self.required)}


NODE_TOOLS = (
    NodeTool(
        "check_node",
        "Check NeuroWorkflow node files: each finding with its code, place and what would be right. Reads only, unless "
        "run is true: then each node is imported and run on X.example.json beside it, in a fresh process.",
        {
            "paths": _PATHS,
            "run": {"type": "boolean", "description": "Also import and run the nodes."},
            "timeout_s": {"type": "number", "description": "Limit of one node's run; 60 by default."},
        },
        reads_only=False,
    ),
    NodeTool(
        "list_nodes",
        "List the NeuroWorkflow nodes there are: type, class, ports with types and meaning, parameters.",
        {"paths": _PATHS},
    ),
    NodeTool(
        "check_connection",
        "Say whether an output fits an input, by type and by meaning and units. Ports are NODE.PORT, the node by class or type.",
        {"output": {"type": "string"}, "input": {"type": "string"}, "paths": _PATHS},
        ("output", "input"),
    ),
    NodeTool(
        "check_workflow",
        "Check the workflow that a script or notebook builds, without running it: nodes, ports, cycles, inputs without a source.",
        {"path": {"type": "string", "description": "The script or notebook."}, "paths": _PATHS},
        ("path",),
    ),
)
"""In the order in which they are offered."""


class NodeTools:
    """The tools of one session.

    Parameters
    ----------
    workspace
        What may be looked at.
    environ
        Gives the environment of processes, without secrets.
    secrets
        Values to keep from the model, as they are when asked for.
    on_checked
        Told of each node file that was checked: its errors and warnings.
    """

    def __init__(
        self,
        workspace: Workspace,
        environ: Callable[[], Mapping[str, str]],
        secrets: Callable[[], frozenset[str]] = frozenset,
        on_checked: Callable[[Path, int, int], None] = lambda *_: None,
    ) -> None:
        self._workspace = workspace
        self._environ = environ
        self._secrets = secrets
        self._on_checked = on_checked

    async def call(self, name: str, given: Mapping[str, Any]) -> str:
        """Answer a call of the model.

        Raises
        ------
        ToolFailed
            With what the model should know.
        """
        arguments = {key: value for key, value in given.items() if value is not None}
        try:
            arguments["paths"] = self._resolve(arguments.get("paths"))
            if "path" in arguments:
                arguments["path"] = str(self._workspace.resolve(str(arguments["path"]), for_reading=True))
        except OutsideWorkspaceError as error:
            raise ToolFailed(str(error)) from error
        timeout_s = _STATIC_TIMEOUT_S
        if arguments.get("run"):
            timeout_s = min(_MAX_RUN_TIMEOUT_S, timeout_s + 10 * _seconds(arguments.get("timeout_s")))
        return await self._ask(name, arguments, timeout_s)

    async def look_at_file(self, path: Path) -> str:
        """What is wrong with the nodes and the workflow of one file; empty if it has neither. Raises as `call`."""
        return await self._ask("look_at_file", {"path": str(path)}, _LOOK_TIMEOUT_S)

    def _resolve(self, paths: Any) -> list[str]:
        if not paths:
            layout = detect_layout(self._workspace.root)
            inside = layout.nodes.is_relative_to(self._workspace.root) and layout.nodes.is_dir()
            return [str(layout.nodes if inside else self._workspace.root)]
        listed = [paths] if isinstance(paths, str) else paths
        if not isinstance(listed, list):
            raise ToolFailed(f"paths must be a list of paths, got {paths!r:.100}.")
        return [str(self._workspace.resolve(str(path), for_reading=True)) for path in listed]

    async def _ask(self, question: str, arguments: dict[str, Any], timeout_s: float) -> str:
        request = {"question": question, "arguments": {**arguments, "folder": str(self._workspace.root)}}
        answer = await _run(json.dumps(request), self._environ(), self._workspace.root, timeout_s)
        for path, (errors, warnings) in answer.get("checked", {}).items():
            self._on_checked(Path(path), errors, warnings)
        told = clip(
            redact(strip_control(str(answer.get("failed") or answer["text"])), self._secrets()), MAX_CHARS
        )
        if "failed" in answer:
            raise ToolFailed(told)
        return told


async def _run(request: str, environ: Mapping[str, str], folder: Path, timeout_s: float) -> dict[str, Any]:
    """Ask the process; it is gone when this returns."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "neuroworkflow_agent.nodes",
        cwd=folder,
        env={**environ, "PYTHONPATH": python_path(environ), "PYTHONIOENCODING": "utf-8"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # The user's Ctrl-C reaches the foreground's whole group; this process is ended by us.
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(request.encode()), timeout_s)
        answer: dict[str, Any] = json.loads(output)
    except TimeoutError:
        raise ToolFailed(
            f"The check took longer than {timeout_s:g} s and was ended. Check fewer files at once."
        ) from None
    except ValueError:
        raise ToolFailed(f"The checker's process ended early, with exit code {process.returncode}.") from None
    else:
        return answer
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it end what it runs, and then itself."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _END_TIMEOUT_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 60.0
