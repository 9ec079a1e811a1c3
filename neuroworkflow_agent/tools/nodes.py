"""Tools for NeuroWorkflow nodes: the checker and its kin, asked in a process of their own.

Each call owns its process and ends it before it returns, also when the turn is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import OutsideWorkspaceError, ToolFailed
from neuroworkflow_agent.nodes.layout import detect_layout
from neuroworkflow_agent.nodes.trial import python_path
from neuroworkflow_agent.text import clip, redact, strip_control
from neuroworkflow_agent.tools.content import MAX_CHARS
from neuroworkflow_agent.tools.registry import Block, Call, Tool
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


_CHECK_NODE = """\
Check NeuroWorkflow node files: each finding with its code, place and what would be right. Reads only, unless \
run is true: then each node is imported and run on X.example.json beside it, in a fresh process."""
_LIST_NODES = "List the NeuroWorkflow nodes there are: type, class, ports with types and meaning, parameters."
_CHECK_CONNECTION = """\
Say whether an output fits an input, by type and by meaning and units. Ports are NODE.PORT, the node by class or type."""
_LINT_NOTEBOOK = """\
Say what makes a notebook's results doubtful, as it is saved: results and numbers in the text that no cell computes, random \
numbers without a seed, data loaded and never used, errors passed over in silence."""
_CHECK_WORKFLOW = """\
Check the workflow that a script or notebook builds, without running it: nodes, ports, cycles, inputs without a source."""


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

    @property
    def offered(self) -> tuple[Tool, ...]:
        """What the model may call, in the order in which it is told."""
        run = {"type": "boolean", "description": "Also import and run the nodes."}
        timeout_s = {"type": "number", "description": "Limit of one node's run; 60 by default."}
        script = {"type": "string", "description": "The script or notebook."}
        notebook = {"type": "string", "description": "The notebook."}
        port = {"type": "string"}
        return (
            self._tool("check_node", _CHECK_NODE, {"run": run, "timeout_s": timeout_s}, changes_with="run"),
            self._tool("list_nodes", _LIST_NODES, {}),
            self._tool(
                "check_connection", _CHECK_CONNECTION, {"output": port, "input": port}, ["output", "input"]
            ),
            self._tool("check_workflow", _CHECK_WORKFLOW, {"path": script}, ["path"]),
            self._tool("lint_notebook", _LINT_NOTEBOOK, {"path": notebook}, ["path"]),
        )

    def _tool(
        self,
        name: str,
        description: str,
        properties: dict[str, Any],
        required: Sequence[str] = (),
        changes_with: str = "",
    ) -> Tool:
        async def answer(call: Call) -> list[Block]:
            return [{"type": "text", "text": await self._answer(name, call.arguments)}]

        schema = {
            "type": "object",
            "properties": {**properties, "paths": _PATHS},
            "required": list(required),
        }
        return Tool(name, description, schema, answer, reads_only=True, changes_with=changes_with)

    async def _answer(self, name: str, given: Mapping[str, Any]) -> str:
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
        """What is wrong with the nodes and the workflow of one file; empty if it has neither.

        Raises
        ------
        ToolFailed
            With what the model should know.
        """
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
        report = clip(
            redact(strip_control(str(answer.get("failed") or answer["text"])), self._secrets()), MAX_CHARS
        )
        if "failed" in answer:
            raise ToolFailed(report)
        return report


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
