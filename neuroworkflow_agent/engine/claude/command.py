"""The command line and the environment of `claude`, as the SDK makes them of the same options, without importing it.

A test compares the two; where another version of the SDK makes something else, `transport.adopt` notices.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping

from neuroworkflow_agent.engine.claude.options import PlainOptions


def command(plain: PlainOptions) -> list[str]:
    """What to execute; the program first.

    Source: `SubprocessCLITransport._build_command` of claude-agent-sdk 0.2.189.
    """
    return [
        str(plain["cli_path"]),
        *("--output-format", "stream-json", "--verbose"),
        *("--system-prompt", plain["system_prompt"]),
        *("--tools", ",".join(plain["tools"])),
        *_given("--allowedTools", ",".join(f"Skill({name})" for name in plain["skills"])),
        *_given("--max-turns", plain["max_turns"] or None),
        *_given("--max-budget-usd", plain["max_budget_usd"]),
        *_given("--model", plain["model"]),
        *("--permission-prompt-tool", "stdio"),
        *("--permission-mode", plain["permission_mode"]),
        *([f"--resume={plain['resume']}"] if plain["resume"] else []),
        *([f"--session-id={plain['session_id']}"] if plain["session_id"] else []),
        *("--settings", plain["settings"]),
        *_given("--mcp-config", _servers(plain)),
        *(["--include-partial-messages"] if plain["include_partial_messages"] else []),
        *(["--strict-mcp-config"] if plain["strict_mcp_config"] else []),
        *(["--fork-session"] if plain["fork_session"] else []),
        f"--setting-sources={','.join(plain['setting_sources'])}",
        *(word for plugin in plain["plugins"] for word in ("--plugin-dir", plugin["path"])),
        *("--input-format", "stream-json"),
    ]


def environment(plain: PlainOptions, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the process.

    Source: `SubprocessCLITransport.connect` of claude-agent-sdk 0.2.189.
    """
    given = {
        **{name: value for name, value in environ.items() if name != "CLAUDECODE"},
        "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
        **plain["env"],
        "CLAUDE_AGENT_SDK_VERSION": importlib.metadata.version("claude-agent-sdk"),
    }
    given.pop("CLAUDE_AGENT_SDK_DERIVED_CLIENT_APP", None)
    if not any(name.upper() == "CLAUDE_CODE_SDK_READS_SESSION_STATE" for name in given):
        given["CLAUDE_CODE_SDK_READS_SESSION_STATE"] = "1"
    return {**given, "PWD": str(plain["cwd"])}


def _given(name: str, value: object) -> list[str]:
    return [name, str(value)] if value not in (None, "") else []


def _servers(plain: PlainOptions) -> str:
    return json.dumps({"mcpServers": plain["mcp_servers"]}) if plain["mcp_servers"] else ""
