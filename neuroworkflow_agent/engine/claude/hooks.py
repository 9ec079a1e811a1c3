"""What Claude Code asks us before and after a tool use, and after a summary: the gate, the node checks, what is pinned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, assert_never

from claude_agent_sdk import (
    HookCallback,
    PermissionResultAllow,
    PermissionResultDeny,
    ToolPermissionContext,
)

from neuroworkflow_agent.config import Mode
from neuroworkflow_agent.engine.file_changes import WRITING_TOOLS, change_of
from neuroworkflow_agent.engine.node_checks import NodeChecks
from neuroworkflow_agent.engine.permissions import (
    MAX_SHOWN_CHARS,
    Allow,
    Ask,
    AskUser,
    Decision,
    Deny,
    UsersTool,
    can_be_shown,
    decide,
)
from neuroworkflow_agent.errors import OutsideWorkspaceError, ToolFailed
from neuroworkflow_agent.events import FileChange
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.text import show_invisible
from neuroworkflow_agent.tools.registry import Registry
from neuroworkflow_agent.tools.turn_watch import TurnWatch, Unwatched
from neuroworkflow_agent.tools.user_servers import UserServers
from neuroworkflow_agent.workspace import Workspace


class Gate:
    """The two adapters around `decide`, for one process.

    Parameters
    ----------
    workspace, mode
        As `decide`.
    ask_user
        Called when the user must decide.
    tools
        As `decide`.
    servers
        The user's own MCP servers.
    on_change
        Told of what a call that may go on would change in its file.
    before_answer
        Awaited before the model is answered, whether a call was done or not allowed.
    watch
        Told before and after a file is written.
    """

    def __init__(
        self,
        workspace: Workspace,
        mode: Mode,
        ask_user: AskUser,
        tools: Registry,
        servers: UserServers,
        on_change: Callable[[FileChange], None],
        before_answer: Callable[[], Awaitable[None]],
        watch: TurnWatch | None = None,
    ) -> None:
        self._workspace = workspace
        self._mode = mode
        self._ask_user = ask_user
        self._tools = tools
        self._servers = servers
        self._on_change = on_change
        self._before_answer = before_answer
        self._watch = watch or Unwatched()
        self._remembered: set[tuple[str, str]] = set()
        """Tools, and why they asked when the user allowed them for the session."""

    async def pre_tool_use(self, hook_input: Any, tool_use_id: str | None, _context: Any) -> Any:
        """The `PreToolUse` hook: forbid, send to the user, or leave to the CLI's own rules."""
        tool, tool_input = hook_input["tool_name"], hook_input["tool_input"]
        decision = await self._decide(tool, tool_input)
        if tool_use_id and not isinstance(decision, Deny):
            try:
                change = await self._change(ToolUseId(tool_use_id), tool, tool_input)
            except ToolFailed as refused:  # nobody is asked to allow what would be refused
                change, decision = None, Deny(str(refused)) if isinstance(decision, Ask) else decision
            if change is not None:
                self._on_change(change)
        if not isinstance(decision, Deny) and (path := self._written(tool, tool_input)) is not None:
            await self._watch.before_write(path)
        match decision:
            case Allow():
                return {}
            case Deny(reason):
                await self._main_agent_is_answered(hook_input)
                return _hook_output("deny", reason)
            case Ask(reason):
                return _hook_output("ask", reason)
            case _:
                assert_never(decision)

    async def post_tool_use(self, hook_input: Any, _tool_use_id: str | None, _context: Any) -> Any:
        """The hook for calls that were done, well or not."""
        if (path := self._written(hook_input["tool_name"], hook_input["tool_input"])) is not None:
            await self._watch.after_write(path)
        await self._main_agent_is_answered(hook_input)
        return {}

    def _written(self, tool: str, tool_input: dict[str, Any]) -> Path | None:
        """The file that a call writes, if it is one that may be written."""
        if tool not in WRITING_TOOLS:
            return None
        try:
            return self._workspace.resolve(str(tool_input.get("file_path")))
        except OutsideWorkspaceError:
            return None

    async def _main_agent_is_answered(self, hook_input: Any) -> None:
        if not hook_input.get("agent_id"):  # not one of its subagents
            await self._before_answer()

    async def can_use_tool(
        self, tool: str, tool_input: dict[str, Any], context: ToolPermissionContext
    ) -> PermissionResultAllow | PermissionResultDeny:
        """The final word on a call that the CLI's rules leave open."""
        decision = await self._decide(tool, tool_input)
        match decision:
            case Allow():
                return PermissionResultAllow()
            case Deny(reason):
                return PermissionResultDeny(message=reason)
            case Ask(reason, can_remember):
                answer = await self._ask_user(tool, context.tool_use_id, tool_input, decision)
                if not answer.allowed:
                    if not (answer.end_turn or context.agent_id):
                        await self._before_answer()
                    return PermissionResultDeny(message=answer.reason, interrupt=answer.end_turn)
                if answer.remember and can_remember:
                    self._remembered.add((tool, reason))
                updated = {**tool_input, "answers": answer.answers} if answer.answers else None
                return PermissionResultAllow(updated_input=updated)
            case _:
                assert_never(decision)

    async def _change(
        self, tool_use_id: ToolUseId, tool: str, tool_input: dict[str, Any]
    ) -> FileChange | None:
        """What a call would change in a file or in the notebook, as far as that can be told.

        Raises
        ------
        ToolFailed
            If the call would be refused as things are.
        """
        if tool in WRITING_TOOLS:
            return await asyncio.to_thread(change_of, tool_use_id, tool, tool_input, self._workspace)
        ours = self._tools.find(tool)
        preview = await ours.preview(tool_input) if ours is not None and ours.preview is not None else None
        if preview is None or len(show_invisible(preview.diff)) > MAX_SHOWN_CHARS:
            return None
        return FileChange(tool_use_id, preview.place, preview.diff)

    async def _decide(self, tool: str, tool_input: dict[str, Any]) -> Decision:
        users_tool = await self._users_tool(tool)
        decision = decide(tool, tool_input, self._workspace, self._mode, self._tools, users_tool)
        if isinstance(decision, Ask) and (tool, decision.reason) in self._remembered:
            return Allow()
        if isinstance(decision, Ask) and not can_be_shown(tool_input):
            return Deny(
                f"The user must see all of a call that they allow, and this one is longer than {MAX_SHOWN_CHARS:,} characters. "
                "Make it in smaller pieces."
            )
        return decision

    async def _users_tool(self, tool: str) -> UsersTool | None:
        server = self._servers.server_of(tool)
        if server is None:
            return None
        # Where every call asks, there is no need to look.
        return UsersTool(server, self._mode != "ask" and await self._servers.only_reads(tool))


def look_at_written_nodes(checks: NodeChecks) -> HookCallback:
    """The `PostToolUse` hook: the checker's findings, beside the tool's own result."""

    async def post_tool_use(hook_input: Any, _tool_use_id: str | None, _context: Any) -> Any:
        found = await checks.look_at(hook_input["tool_input"].get("file_path"))
        if not found:
            return {}
        return {"hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": found}}

    return post_tool_use


def give_again(pinned: Callable[[], Awaitable[str]]) -> HookCallback:
    """The `SessionStart` hook after a summary: what the user has pinned."""

    async def session_start(_hook_input: Any, _tool_use_id: str | None, _context: Any) -> Any:
        text = await pinned()
        if not text:
            return {}
        return {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": text}}

    return session_start


def _hook_output(decision: str, reason: str) -> dict[str, Any]:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        }
    }
