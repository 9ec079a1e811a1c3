"""The tools of `vocabulary`, answered: what they do for a client with the notebooks of one server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from neuroworkflow_agent.errors import AgentError, KernelError, ToolFailed
from neuroworkflow_agent.kernels.variables.elsewhere import list_variables
from neuroworkflow_agent.notebooks.edits import SetOutputs
from neuroworkflow_agent.surfaces.mcp.executions import Executions
from neuroworkflow_agent.surfaces.mcp.notebooks import Notebooks
from neuroworkflow_agent.surfaces.mcp.served_notebook import ServedNotebook
from neuroworkflow_agent.surfaces.mcp.vocabulary import CELL_SPECS, offered
from neuroworkflow_agent.text import clip, redact
from neuroworkflow_agent.tools.content import MAX_CHARS
from neuroworkflow_agent.tools.nodes import NodeTools
from neuroworkflow_agent.tools.registry import Answer, Call, Tool, blocks_of

_CELL_TOOLS = frozenset(spec.name for spec in CELL_SPECS)
_ONLY_HERE = ("path", "cell_id", "index", "wait_s")
"""Arguments that the agent's own tools do not have, or call otherwise."""
_WATCH_S = 30.0
_MAX_WATCHERS, _MAX_WATCHERS_OF_ONE = 64, 16
Answerer = Callable[[Call], Awaitable[Answer]]


class ServedTools:
    """The tools of one server.

    Parameters
    ----------
    notebooks
        What they work on; belongs to the caller.
    nodes
        Answers about nodes.
    secrets
        Values to keep from clients, as they are when asked for.
    """

    def __init__(self, notebooks: Notebooks, nodes: NodeTools, secrets: Callable[[], frozenset[str]]) -> None:
        self._notebooks = notebooks
        self._nodes = {tool.name: tool for tool in nodes.offered}
        self._secrets = secrets
        self._executions = Executions(secrets)
        self._watchers: list[object] = []
        """The clients whose calls watch a notebook, one that left among them until its time is over."""

    def tools(self, *, read_only: bool) -> tuple[Tool, ...]:
        """What clients may call."""
        return tuple(spec.tool(self._handler(spec.name)) for spec in offered(read_only=read_only))

    async def aclose(self) -> None:
        """Stop what runs. Idempotent."""
        await self._executions.aclose()

    def _handler(self, name: str) -> Answerer:
        """What answers a tool's calls; errors of ours are for the client's model to read."""
        if name in self._nodes:
            answer: Answerer = lambda call: self._about_nodes(name, call)  # noqa: E731
        elif name == "cell_execute":
            answer = self._cell_execute
        elif name in _CELL_TOOLS:
            answer = lambda call: self._about_cells(name, call)  # noqa: E731
        else:
            answer = getattr(self, f"_{name}")

        async def handler(call: Call) -> Answer:
            try:
                return await answer(call)
            except ToolFailed:
                raise
            except AgentError as error:
                raise ToolFailed(redact(str(error), self._secrets())) from error

        return handler

    async def _opened(self, call: Call) -> ServedNotebook:
        return await self._notebooks.open(str(call.arguments["path"]))

    # -- notebooks ------------------------------------------------------------------------------------

    async def _notebook_list(self, call: Call) -> Answer:
        found, is_cut = await asyncio.to_thread(
            self._notebooks.listed, str(call.arguments.get("folder") or "")
        )
        rows = []
        for place in found:
            notebook = self._notebooks.is_open(place)
            state = await notebook.kernel.state() if notebook and notebook.kernel.is_started else ""
            rows.append({"path": self._notebooks.name_of(place), **({"kernel": state} if state else {})})
        lines = [row["path"] + (f" · kernel {row['kernel']}" if "kernel" in row else "") for row in rows]
        more = ["[… more]"] if is_cut else []
        return self._said(
            "\n".join([*lines, *more]) or "There is no notebook.", notebooks=rows, is_cut=is_cut
        )

    async def _notebook_create(self, call: Call) -> Answer:
        cells = call.arguments.get("cells") or []
        name = await asyncio.to_thread(
            self._notebooks.create, call.arguments["path"], cells, call.arguments.get("kernel") or "python3"
        )
        return self._said(f"Created {name} with {len(cells)} cells.", path=name, cells=len(cells))

    async def _notebook_watch(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        if len(self._watchers) >= _MAX_WATCHERS:
            raise ToolFailed(f"{_MAX_WATCHERS} calls watch notebooks already. Try later.")
        if self._watchers.count(call.client) >= _MAX_WATCHERS_OF_ONE:
            raise ToolFailed(f"{_MAX_WATCHERS_OF_ONE} calls of yours watch notebooks already. Wait for one.")
        self._watchers.append(call.client)
        try:
            changed = await notebook.document.watch(float(call.arguments.get("timeout_s") or _WATCH_S))
        finally:
            self._watchers.remove(call.client)
        said = f"Changed: {', '.join(changed)}" if changed else "Nothing has changed."
        return self._said(said, changed=changed, timed_out=not changed)

    async def _notebook_list_users(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        users = await _users_of(notebook)
        held_as = "room" if users is not None else "file"
        said = ", ".join(user["name"] for user in users or []) or "Nobody is known to have it open."
        return self._said(said, held_as=held_as, users=users or [])

    async def _room_list(self, _call: Call) -> Answer:
        rooms = [
            {"path": notebook.name, "users": len(users), "idle_s": notebook.idle_s}
            for notebook in self._notebooks.all_open()
            if (users := await _users_of(notebook)) is not None
        ]
        said = "\n".join(f"{room['path']} · {room['users']} users" for room in rooms) or "There is no room."
        return self._said(said, rooms=rooms)

    # -- cells ----------------------------------------------------------------------------------------

    async def _about_cells(self, name: str, call: Call) -> Answer:
        return await self._ask(await self._opened(call), name, call)

    async def _ask(self, notebook: ServedNotebook, name: str, call: Call) -> Answer:
        """Have the agent's own tool answer, in its own terms."""
        spec = next(spec for spec in CELL_SPECS if spec.name == name)
        has_place = "index" in spec.properties and "after" in spec.properties
        left_out = {each for each in _ONLY_HERE if not (has_place and each == "index")}
        given = {key: value for key, value in call.arguments.items() if key not in left_out}
        if "cell_id" in spec.properties:
            given["cell"] = await self._cell(notebook, call, may_be_index=not has_place)
        answer = await notebook.tools_of(call.client)[name].handler(Call(given, call.tool_use_id))
        return answer if isinstance(answer, Answer) else Answer(blocks_of(answer), {})

    async def _cell(self, notebook: ServedNotebook, call: Call, *, may_be_index: bool) -> str:
        """The id of the cell that a call means, as the notebook is now."""
        cell_id, index = call.arguments.get("cell_id"), call.arguments.get("index")
        if cell_id is not None or not may_be_index:
            if may_be_index and index is not None:
                raise ToolFailed("Name the cell by cell_id or by index, not by both.")
            return str(cell_id)
        if index is None:
            raise ToolFailed("Name the cell: by cell_id, or by index.")
        lines = await notebook.document.outline()
        if not -len(lines) <= index < len(lines):
            raise ToolFailed(f"{index} is no index of a cell: there are {len(lines)}, from 0.")
        address: str = lines[index].address
        return address

    async def _outputs_clear(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        only = str(call.arguments.get("cell_id") or "")
        lines = [line for line, _ in await notebook.document.cells(only)]
        wanted = [line.address for line in lines if line.cell_type == "code"]
        if only and not wanted:
            raise ToolFailed(f"The cell {only!r} is not a code cell, and has no outputs.")
        await notebook.document.edit(*(SetOutputs(cell) for cell in wanted))
        return self._said(f"Cleared {len(wanted)} cells.", cleared=wanted)

    # -- running --------------------------------------------------------------------------------------

    async def _cell_execute(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        cell = await self._cell(notebook, call, may_be_index=True)
        arguments = {key: value for key, value in call.arguments.items() if key != "index"}
        asked = Call({**arguments, "cell_id": cell}, call.tool_use_id, call.client)
        return await self._run(notebook, f"The cell {cell}", self._ask(notebook, "cell_execute", asked), call)

    async def _notebook_run_all(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        lines = await notebook.document.outline()
        if not lines:
            raise ToolFailed("The notebook has no cells.")
        given = _only(call, "restart", "timeout_s")
        ends = {"path": notebook.name, "cell_id": lines[0].address, "last": lines[-1].address}
        asked = Call({**ends, **given}, call.tool_use_id, call.client)
        return await self._run(notebook, "The notebook", self._ask(notebook, "cell_execute", asked), call)

    async def _run_code(self, call: Call) -> Answer:
        notebook = await self._opened(call)

        async def work() -> Answer:
            given = _only(call, "code", "timeout_s")
            blocks = blocks_of(await notebook.code.tool.handler(Call(given, call.tool_use_id)))
            text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
            return Answer(blocks, {"outputs": text})

        return await self._run(notebook, "The code", work(), call)

    async def _run(self, notebook: ServedNotebook, what: str, work: Any, call: Call) -> Answer:
        return await self._executions.run(notebook.name, what, notebook.kernel, work, call)

    async def _execution_get(self, call: Call) -> Answer:
        return await self._executions.get(call.arguments["execution"], call)

    async def _execution_stop(self, call: Call) -> Answer:
        stopped = await self._executions.stop(call.arguments["execution"])
        return self._said("Stopped." if stopped else "It had ended already.", stopped=stopped)

    # -- kernels --------------------------------------------------------------------------------------

    async def _kernel_status(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        state, name = await notebook.kernel.state(), await notebook.kernel.spec_name()
        going_on = self._executions.of(notebook.name)
        running = f"; executions {', '.join(going_on)}" if going_on else ""
        return self._said(
            f"{name}: {state}{running}",
            kernel=name,
            state=state,
            language=notebook.kernel.language,
            executions=going_on,
        )

    async def _kernel_interrupt(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        await notebook.kernel.interrupt()
        state = await notebook.kernel.state()
        return self._said(f"Interrupted; the kernel is {state}.", state=state)

    async def _kernel_restart(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        await notebook.code.restart()
        return self._said("Restarted; its variables are gone.", state=await notebook.kernel.state())

    async def _kernel_variables(self, call: Call) -> Answer:
        notebook = await self._opened(call)
        if await notebook.kernel.state() == "not started":
            raise KernelError("The notebook's kernel is not started, so there are no variables.")
        secrets = self._secrets()
        found = [
            {key: redact(text, secrets) for key, text in each.items()}
            for each in await list_variables(await notebook.kernel.started())
        ]
        lines = [" · ".join(each.values()) for each in found]
        return self._said(clip("\n".join(lines), MAX_CHARS) or "There are none.", variables=found)

    # -- nodes ----------------------------------------------------------------------------------------

    async def _about_nodes(self, name: str, call: Call) -> Answer:
        blocks = blocks_of(await self._nodes[name].handler(call))
        return Answer(blocks, {"report": "\n".join(block["text"] for block in blocks)})

    def _said(self, text: str, **structured: Any) -> Answer:
        return Answer([{"type": "text", "text": redact(text, self._secrets())}], structured)


def _only(call: Call, *names: str) -> dict[str, Any]:
    """The arguments of these names that a call gives."""
    return {name: call.arguments[name] for name in names if name in call.arguments}


async def _users_of(notebook: ServedNotebook) -> list[dict[str, Any]] | None:
    """Who is in a notebook's room; None if it is held as a file."""
    users = getattr(notebook.holder, "users", None)
    return await users() if users is not None else None
