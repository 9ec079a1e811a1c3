"""(config, endpoint, skills) → `PlainOptions`, and with tools and gate → `ClaudeAgentOptions`. Pure.

The plain part is enough to start `claude` with, which need not wait until the SDK is imported.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.file_changes import WRITING_TOOLS
from neuroworkflow_agent.engine.permissions import offer_of, offered_tools
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.mcp_config import McpServers
from neuroworkflow_agent.skills import SkillSet
from neuroworkflow_agent.text import map_texts

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions, McpSdkServerConfig, SdkPluginConfig

    from neuroworkflow_agent.engine.claude.hooks import Gate
    from neuroworkflow_agent.engine.node_checks import NodeChecks

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
"""One line of the CLI's output; results with many figures are echoed on one."""
# Where Bash is offered, the CLI would run a skill's !`command` as it loads the skill, with no call of a tool
# that the gate could see; commands that it takes for reading it runs unasked in every mode.
_SETTINGS = {"disableSkillShellExecution": True}

_PLAIN = ("type", "command")
"""Of a server, what is no secret and is to be read on a command line."""
_ENVIRONMENT = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    # A downloaded folder's CLAUDE.md, and memory of other projects, are nobody's wish here.
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_CODE_DISABLE_BUNDLED_SKILLS": "1",
    "CLAUDE_CODE_DISABLE_FILE_CHECKPOINTING": "1",
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",
    "MAX_MCP_OUTPUT_TOKENS": "250000",
    "MCP_TOOL_TIMEOUT": str(7 * 24 * 3600 * 1000),
}

_SPECIAL = re.compile(r"[][()*?{}!\\]")
"""What means something else in a rule's pattern, and is not taken as itself by a backslash everywhere."""


class PlainOptions(TypedDict):
    """What `claude` is started with, under the names of `ClaudeAgentOptions`."""

    tools: list[str]
    system_prompt: str
    mcp_servers: dict[str, Any]
    """Of ours, only their names."""
    strict_mcp_config: bool
    setting_sources: list[Literal["user", "project", "local"]]
    settings: str
    skills: list[str]
    plugins: list[SdkPluginConfig]
    permission_mode: Literal["default"]
    cwd: Path
    model: str | None
    max_turns: int | None
    max_budget_usd: float | None
    cli_path: Path | None
    include_partial_messages: bool
    env: dict[str, str]
    session_id: str | None
    resume: str | None
    fork_session: bool


def plain_options(
    config: AgentConfig,
    endpoint: Mapping[str, str],
    skills: SkillSet,
    *,
    model: str | None,
    cli_path: Path | None,
    system_prompt: str,
    servers: Collection[str],
    key_file: Path | None,
    session_id: SessionId,
    resume: SessionId | None,
) -> PlainOptions:
    """Options of one `claude` process, as far as they are data.

    Parameters
    ----------
    endpoint
        Variables that lead the CLI to it.
    model
        What the endpoint calls the model; None for the CLI's default.
    cli_path
        What to start; None lets the SDK look for it.
    servers
        Names of the MCP servers of our in-process tools.
    key_file
        A file that Grep passes over, too; None where there is no place for one.
    session_id
        The session's id.
    resume
        The session to load: the same id to go on with it, another to fork from it, None to begin.
    """
    users_servers, variables = _without_values(config.mcp_servers)
    return {
        "tools": offered_tools(
            config.mode,
            bash=config.allow_bash,
            subagents=config.allow_subagents,
            skills=bool(skills.names),
            offer=offer_of(config),
        ),
        "system_prompt": system_prompt,
        "mcp_servers": {**users_servers, **{name: {"type": "sdk", "name": name} for name in servers}},
        "strict_mcp_config": True,
        "setting_sources": [],
        "settings": json.dumps({**_SETTINGS, **_closed(key_file)}),
        "skills": list(skills.names),
        "plugins": [{"type": "local", "path": str(skills.plugin_dir)}] if skills.plugin_dir else [],
        "permission_mode": "default",
        "cwd": config.workspace,
        "model": model,
        "max_turns": config.max_turns,
        "max_budget_usd": config.max_budget_usd,
        "cli_path": cli_path,
        "include_partial_messages": True,
        "env": {**_ENVIRONMENT, **variables, **endpoint},
        "session_id": None if resume == session_id else session_id,
        "resume": resume,
        "fork_session": resume not in (None, session_id),
    }


def build_options(
    plain: PlainOptions,
    gate: Gate,
    servers: Mapping[str, McpSdkServerConfig],
    node_checks: NodeChecks,
    pinned: Callable[[], Awaitable[str]],
) -> ClaudeAgentOptions:
    """The plain options with what `claude` asks this process for. Imports the SDK.

    Parameters
    ----------
    servers
        Our in-process tools, by the name of their MCP server.
    node_checks
        Looks at node files after they are written.
    pinned
        Gives what the model is to know word by word after a summary.
    """
    from claude_agent_sdk import ClaudeAgentOptions, HookMatcher

    from neuroworkflow_agent.engine.claude.hooks import give_again, look_at_written_nodes

    options = ClaudeAgentOptions(
        **plain,
        can_use_tool=gate.can_use_tool,
        hooks={
            "PreToolUse": [HookMatcher(hooks=[gate.pre_tool_use], on_failure="block")],
            "PostToolUse": [
                HookMatcher(matcher="|".join(WRITING_TOOLS), hooks=[look_at_written_nodes(node_checks)]),
                HookMatcher(hooks=[gate.post_tool_use]),
            ],
            "PostToolUseFailure": [HookMatcher(hooks=[gate.post_tool_use])],
            # The CLI asks for it, though the SDK's list of events does not name it (seen: 0.2.186).
            "SessionStart": [HookMatcher(matcher="compact", hooks=[give_again(pinned)])],  # type: ignore[dict-item]
        },
        max_buffer_size=MAX_MESSAGE_BYTES,
    )
    options.mcp_servers = {**plain["mcp_servers"], **servers}
    # A session that goes on under other settings is to be told of these, not of those that it began with.
    options.system_prompt = {"type": "custom", "prompt": plain["system_prompt"], "snapshot": False}
    return options


def _without_values(servers: McpServers) -> tuple[dict[str, Any], dict[str, str]]:
    """The user's servers with variables in place of what they are given, and these variables.

    The SDK puts servers on the command line, which everybody on the machine can read. The CLI fills variables in.
    """
    variables: dict[str, str] = {}

    def hidden(value: str) -> str:
        name = f"NEUROWORKFLOW_MCP_VALUE_{len(variables)}"
        variables[name] = value
        return f"${{{name}}}"

    stand_ins = {
        name: map_texts(dict(server), hidden, _PLAIN.__contains__) for name, server in servers.items()
    }
    return stand_ins, variables


def _closed(file: Path | None) -> dict[str, Any]:
    """Rules that keep a file from the CLI's own tools: Grep leaves out what may not be read.

    Source: https://code.claude.com/docs/en/permissions, "Read and Edit"; two slashes begin an absolute path.
    """
    if file is None:
        return {}
    names = {_SPECIAL.sub("?", name) for name in (str(file), os.path.realpath(file))}
    return {
        "permissions": {"deny": [f"{tool}(/{name})" for tool in ("Read", "Edit") for name in sorted(names)]}
    }
