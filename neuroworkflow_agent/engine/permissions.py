"""What the agent may do: one pure `decide`.

`decide` is asked twice for most calls. The `PreToolUse` hook sees every call and can only forbid it or
send it to the user; `can_use_tool` sees the calls that the CLI's own rules leave open and gives the
final word. A call that `decide` allows is left to the CLI's own checks as well, so both locks must open.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, TypeAlias

from neuroworkflow_agent.config import AgentConfig, Mode
from neuroworkflow_agent.engine.protected import is_protected
from neuroworkflow_agent.errors import OutsideWorkspaceError
from neuroworkflow_agent.offer import EVERYTHING, Offer
from neuroworkflow_agent.text import show_invisible
from neuroworkflow_agent.tools.registry import CODE_STOP, CODE_WAIT, Registry, short_name
from neuroworkflow_agent.workspace import Workspace

QUESTION = "AskUserQuestion"

_READ_PATH = {"Read": "file_path", "Glob": "path", "Grep": "path"}
_WRITE_PATH = {"Write": "file_path", "Edit": "file_path"}
PLAN_TOOLS = ("TaskCreate", "TaskUpdate", "TaskList")
"""With which the model keeps a list of what it is about to do; they touch nothing of the user's."""
_HARMLESS = frozenset({"Skill", *PLAN_TOOLS})
_SWITCHED_ON = frozenset({"Bash", "Agent", "Task"})
_ALWAYS_ON = frozenset({QUESTION, *_HARMLESS, CODE_WAIT, CODE_STOP})
"""Tools that nobody names who says which ones they want."""


@dataclass(frozen=True, slots=True)
class Allow:
    """The call may run."""


@dataclass(frozen=True, slots=True)
class Deny:
    """The call may not run; the model reads why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The user decides; `reason` says why they are asked."""

    reason: str
    can_remember: bool = True
    """Whether the user may allow the like of it for the session."""


MAX_SHOWN_CHARS = 300_000
"""How much an approval shows; what is longer cannot be given."""

Decision: TypeAlias = Allow | Deny | Ask


@dataclass(frozen=True, slots=True)
class UsersTool:
    """A tool of an MCP server of the user's own."""

    server: str
    only_reads: bool
    """Whether the server says so."""


def offer_of(config: AgentConfig) -> Offer:
    """Which tools a session has, of those that its mode leaves."""
    return config.tools.beside(_ALWAYS_ON)


def offered_tools(
    mode: Mode,
    *,
    bash: bool = False,
    subagents: bool = False,
    skills: bool = False,
    offer: Offer = EVERYTHING,
) -> list[str]:
    """Built-in tools the model is told about in `mode`."""
    tools = ["Read", "Glob", "Grep", QUESTION, *PLAN_TOOLS]
    if mode != "read-only":
        tools += ["Write", "Edit"]
        tools += ["Bash"] if bash else []
        tools += ["Agent"] if subagents else []
    return [tool for tool in [*tools, *(["Skill"] if skills else [])] if offer.has(tool)]


def offers_run_code(mode: Mode) -> bool:
    """Whether code may be offered at all in `mode`."""
    return mode != "read-only"


def decide(
    tool: str,
    tool_input: dict[str, Any],
    workspace: Workspace,
    mode: Mode,
    tools: Registry,
    users_tool: UsersTool | None = None,
) -> Decision:
    """Whether the model may make this call.

    Parameters
    ----------
    tool
        Name as the SDK gives it.
    tool_input
        The call's input; any shape, since the model wrote it.
    workspace
        What file tools may touch.
    mode
        `edit`: files inside the workspace and code without asking; `ask`: every write and every code
        run asks; `plan`: nothing that changes anything; `read-only`: as `plan`, and not offered either.
    tools
        What we offer beside Claude Code's own tools.
    users_tool
        Where the tool comes from, if it is one of an MCP server of the user's.
    """
    if not tools.offer.has(short_name(tool)):
        return Deny(f"The tool {short_name(tool)!r} is switched off here.")
    if users_tool is not None:
        return _decide_users_tool(users_tool, tool, mode)
    ours = tools.find(tool)
    if tool in _HARMLESS or (ours is not None and not ours.changes(tool_input)):
        return Allow()
    if tool == QUESTION:
        return Ask("The agent has a question.", can_remember=False)
    if tool in _READ_PATH:
        return _decide_read(tool, tool_input, workspace)
    if ours is not None or tool in _WRITE_PATH or tool in _SWITCHED_ON:
        return _decide_change(tool, tool_input, workspace, mode)
    return Deny(f"The tool {tool!r} is not available here.")


def _decide_users_tool(users_tool: UsersTool, tool: str, mode: Mode) -> Decision:
    """Such a tool is unknown to us, but for whether its server says that it only reads."""
    of_whom = f"It is a tool of your MCP server {users_tool.server!r}"
    if mode == "ask":
        return Ask(f"{of_whom}, and every call of one asks in ask mode.")
    if users_tool.only_reads:
        return Allow() if mode == "edit" else Ask(f"{of_whom}, which says that it only reads.")
    return Ask(f"{of_whom}.") if mode == "edit" else _nothing_may_change(tool, mode)


def _nothing_may_change(tool: str, mode: Mode) -> Deny:
    return Deny(
        f"{short_name(tool)} is not allowed in {mode} mode, where nothing may change. "
        "Say what you would do instead; the user can switch the mode."
    )


def _decide_read(tool: str, tool_input: dict[str, Any], workspace: Workspace) -> Decision:
    paths = [tool_input.get(_READ_PATH[tool]) or "."]
    if tool == "Glob":
        paths.append(_fixed_part(tool_input.get("pattern")))
    return _inside(paths, workspace, for_reading=True, directories=tool != "Read")


def _decide_change(tool: str, tool_input: dict[str, Any], workspace: Workspace, mode: Mode) -> Decision:
    if mode in ("plan", "read-only"):
        return _nothing_may_change(tool, mode)
    if tool in _WRITE_PATH:
        path = tool_input.get(_WRITE_PATH[tool])
        inside = _inside([path], workspace, for_reading=False, directories=False)
        if not isinstance(inside, Allow):
            return inside
        try:
            is_obeyed = _run_by_other_programs(str(path), workspace)
        except OutsideWorkspaceError as error:  # a link was exchanged meanwhile
            return Deny(str(error))
        if is_obeyed:
            return Ask(f"{path!r} configures what other programs run.", can_remember=False)
    if mode == "ask":
        return Ask("Every change asks in ask mode.")
    if tool == "Bash":
        return Ask("A shell command can do whatever you can.")
    return Allow()


def _inside(paths: list[Any], workspace: Workspace, *, for_reading: bool, directories: bool) -> Decision:
    for path in paths:
        if not isinstance(path, str) or not path:
            return Deny(f"A path is needed, got {path!r}.")
        if not _can_be_named(path):
            return Deny(f"{path!r} cannot be the name of a file.")
        try:
            real = workspace.resolve(path, for_reading=for_reading)
        except OutsideWorkspaceError as error:
            return Deny(str(error))
        if trouble := _wrong_kind(real, directories=directories):
            return Deny(f"{path!r} {trouble}")
    return Allow()


def _can_be_named(path: str) -> bool:
    """Whether a file system takes the name; half a character of a pair, and NUL, it does not."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _wrong_kind(real: Path, *, directories: bool) -> str:
    """What is at a path if the file tools cannot take it; empty for a regular file and for nothing at all."""
    try:
        mode = real.stat().st_mode
    except OSError:
        return ""
    if stat.S_ISDIR(mode):
        return "" if directories else "is a directory. Name a file in it; Glob lists them."
    # Opening a pipe waits for its other end, and a device may have no end.
    return "" if stat.S_ISREG(mode) else "is not a regular file. Pipes, sockets and devices are left alone."


def _fixed_part(pattern: Any) -> Any:
    """The directories a glob pattern names before its first wildcard, `..` anywhere kept."""
    if not isinstance(pattern, str) or not pattern:
        return pattern
    parts = PurePath(pattern).parts
    if ".." in parts:
        return pattern
    fixed: list[str] = []
    for part in parts:
        if any(wild in part for wild in "*?[{"):
            break
        fixed.append(part)
    return str(PurePath(*fixed)) if fixed else "."


def _run_by_other_programs(path: str, workspace: Workspace) -> bool:
    """Whether git, Claude Code, an editor or a shell obeys the file, under the name given or under its real one."""
    root = os.path.realpath(workspace.root)
    named = os.path.normpath(workspace.root / Path(path).expanduser())
    places = (os.path.relpath(place, root) for place in (named, workspace.resolve(path)))
    return any(is_protected(PurePath(place).parts) for place in places)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user, or whoever speaks for them, said to an `Ask`."""

    allowed: bool
    reason: str = ""
    remember: bool = False
    """Do not ask again for this tool and this reason in this session."""
    answers: dict[str, str] = field(default_factory=dict)
    """For a question: question text to the chosen answer."""
    end_turn: bool = False
    """Nobody can be asked: end the turn."""


AskUser: TypeAlias = Callable[[str, str | None, dict[str, Any], Ask], Awaitable[Answer]]
"""(tool, tool_use_id, input, what is asked) → what the user said."""


def can_be_shown(tool_input: dict[str, Any]) -> bool:
    """Whether a person can be shown all of a call's input."""
    whole = json.dumps(tool_input, ensure_ascii=False, default=str)
    return len(whole) <= MAX_SHOWN_CHARS and len(show_invisible(whole)) <= MAX_SHOWN_CHARS
