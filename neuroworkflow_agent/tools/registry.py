"""A tool as a value, and the tools of a session by the names the model calls them.

The MCP server, what each mode offers, the gate's classes and the documentation derive from these values.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.offer import EVERYTHING, Offer

MCP_SERVER = "neuroworkflow"
"""Name of the in-process MCP server."""
RUN_CODE = "run_code"
"""Name of the tool that runs code in the kernel."""
CODE_WAIT, CODE_STOP = "code_wait", "code_stop"
"""Names of the tools that wait for code that runs on, and stop it."""
CELL_EXECUTE = "cell_execute"
"""Name of the tool that runs cells of the notebook."""
CELL_EDITS = ("cell_insert", "cell_edit", "cell_update", "cell_move", "cell_delete")
"""Names of the tools that change cells of the notebook."""
VERIFY_NOTEBOOK = "verify_notebook"
"""Name of the tool that runs the notebook anew in a fresh kernel."""
WORKFLOW_SERVER = "workflow"
"""Name of the in-process MCP server with the workflow tools of a hub."""

Block: TypeAlias = dict[str, Any]
"""A content block of MCP: text, or an image."""


Reporter: TypeAlias = Callable[[float, str], Awaitable[None]]
"""Is told how many seconds a call has taken so far, and what there is to say of it."""


async def report_to_nobody(_seconds: float, _message: str) -> None:
    """Where nobody asked for progress."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    arguments: dict[str, Any]
    """As the tool's schema has them."""
    tool_use_id: ToolUseId
    """The model's tool use that this answers; empty if the client did not say."""
    client: object = field(default=None, repr=False, compare=False)
    """Who calls, where several may; the same object for all calls of one client."""
    report: Reporter = field(default=report_to_nobody, repr=False, compare=False)
    """Tells the client how far it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave, for readers and for programs."""

    blocks: list[Block]
    structured: dict[str, Any]
    """As the tool's `output` has it."""


Handler: TypeAlias = Callable[[Call], Awaitable[list[Block] | Answer]]


def blocks_of(answer: list[Block] | Answer) -> list[Block]:
    """What readers are given of an answer."""
    return answer.blocks if isinstance(answer, Answer) else answer


@dataclass(frozen=True, slots=True)
class Preview:
    """What a call is about to change, for the person who is shown it."""

    place: str
    """What is changed."""
    diff: str
    """As `diff -u` has it, without a head of file names."""


Previewer: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Preview | None]]


@dataclass(frozen=True, slots=True)
class Tool:
    """Something the model can call."""

    name: str
    description: str
    """For the model."""
    schema: dict[str, Any]
    """JSON schema of the arguments, an object."""
    handler: Handler = field(repr=False, compare=False)
    """Answers a call, on the engine's loop; raises `ToolFailed` with what the model should know."""
    reads_only: bool = False
    """Whether it changes nothing; such a tool is offered in every mode and never asked about."""
    changes_with: str = ""
    """An argument with which a tool that otherwise only reads changes something."""
    output: dict[str, Any] | None = field(default=None, repr=False)
    """JSON schema of what an answer holds for programs; None if there is only text."""
    destroys: bool = True
    """Whether a tool that changes something may take something away; else it only adds."""
    repeatable: bool = False
    """Whether the same call made again changes nothing more."""
    preview: Previewer | None = field(default=None, repr=False, compare=False)
    """Tells what a call with these arguments would change; None where that cannot be told. Raises `ToolFailed` for one that would be refused."""

    def changes(self, arguments: Mapping[str, Any]) -> bool:
        """Whether a call may change something."""
        return not self.reads_only or bool(self.changes_with and arguments.get(self.changes_with))


@dataclass(frozen=True, slots=True)
class Spec:
    """A tool without what answers its calls: enough to list it, and quick to import."""

    name: str
    description: str
    properties: Mapping[str, Any]
    """JSON schema of each argument."""
    required: Sequence[str] = ()
    output: dict[str, Any] | None = None
    """See `Tool`."""
    reads_only: bool = False
    changes_with: str = ""
    destroys: bool = True
    repeatable: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments."""
        return {"type": "object", "properties": dict(self.properties), "required": list(self.required)}

    def tool(self, handler: Handler, preview: Previewer | None = None) -> Tool:
        """The tool that `handler` answers for."""
        return Tool(
            self.name,
            self.description,
            self.schema,
            handler,
            self.reads_only,
            self.changes_with,
            self.output,
            self.destroys,
            self.repeatable,
            preview,
        )


class Registry:
    """The tools of a session.

    Parameters
    ----------
    servers
        Tools by the name of the MCP server that offers them.
    offer
        Which of them the session has; of other servers' tools, and of Claude Code's, too.
    """

    def __init__(self, servers: Mapping[str, Iterable[Tool]], offer: Offer = EVERYTHING) -> None:
        self.offer = offer
        self.servers = {
            name: tuple(tool for tool in tools if offer.has(tool.name)) for name, tools in servers.items()
        }
        self._by_called_name = {
            called_name(server, tool.name): tool for server, tools in self.servers.items() for tool in tools
        }

    def find(self, called: str) -> Tool | None:
        """The tool that the model calls so, if it is one of ours."""
        return self._by_called_name.get(called)

    def for_reading(self) -> Registry:
        """Those that can be called without a change."""
        return Registry(
            {name: (tool for tool in tools if tool.reads_only) for name, tools in self.servers.items()},
            self.offer,
        )


def called_name(server: str, tool: str) -> str:
    """The name by which the model calls a tool of an MCP server."""
    return f"mcp__{server}__{tool}"


def short_name(called: str) -> str:
    """The name people see: without the prefix of our own servers, and `server:tool` for a tool of another one."""
    server, separator, tool = called.removeprefix("mcp__").partition("__")
    if not (separator and called.startswith("mcp__")):
        return called
    return tool if server in (MCP_SERVER, WORKFLOW_SERVER) else f"{server}:{tool}"
