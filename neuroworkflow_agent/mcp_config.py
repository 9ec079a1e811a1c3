"""The user's own MCP servers: what a file of theirs names, checked.

The file is as Claude Code has it: `{"mcpServers": {NAME: {"command": …, "args": …, "env": …}}}`, or `{"type": "http",
"url": …, "headers": …}` for one that runs elsewhere; `${NAME}` and `${NAME:-default}` stand for variables. It names
programs to start, so it is never one of a workspace.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.text import map_texts
from neuroworkflow_agent.trusted_text import UnfitFileError, read_trusted_text

McpServers: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Settings of MCP servers by their names."""

_MAX_BYTES = 1_000_000
_NAME = re.compile(r"(?!.*__)[A-Za-z0-9_-]{1,50}")
_OURS = ("neuroworkflow", "workflow")
_REMOTE = ("http", "sse")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_MIN_SECRET_CHARS = 8


def read_mcp_servers(path: Path, environ: Mapping[str, str], workspace: Path) -> McpServers:
    """The servers that a file names.

    Parameters
    ----------
    environ
        Where its variables are looked up.
    workspace
        Whose files are not taken.

    Raises
    ------
    ConfigError
        If it cannot be used; the message names the file.
    """
    where = f"NEUROWORKFLOW_MCP_CONFIG: {path}"
    if path.resolve().is_relative_to(workspace):
        raise ConfigError(
            f"{where} is inside the workspace, where whoever made the folder could name programs to start. "
            "Keep the file in a directory of your own, such as ~/.config/neuroworkflow-agent/mcp.json."
        )
    if _is_open_to_all(path.resolve().parent):
        raise ConfigError(f"{where} is in a directory that everybody can write to.")
    try:
        found = json.loads(read_trusted_text(path, _MAX_BYTES, follow_link=True))
    except FileNotFoundError:
        raise ConfigError(f"{where} is not there.") from None
    except UnfitFileError as error:
        raise ConfigError(f"{where} {error}.") from None
    except ValueError as error:
        raise ConfigError(f"{where} is not JSON: {error}.") from None
    servers = found.get("mcpServers") if isinstance(found, dict) else None
    if not isinstance(servers, dict):
        raise ConfigError(f'{where} has no servers. It looks like {{"mcpServers": {{"NAME": …}}}}.')
    try:
        return checked_servers({name: _filled(server, environ) for name, server in servers.items()})
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _is_open_to_all(directory: Path) -> bool:
    """Whether anybody could put another file in a file's place."""
    try:
        mode = directory.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def checked_servers(servers: McpServers) -> McpServers:
    """The same servers, if each can work.

    Raises
    ------
    ConfigError
        If one cannot; the message names it.
    """
    for name, server in servers.items():
        if not _NAME.fullmatch(name) or name in _OURS:
            raise ConfigError(
                f"{name!r} cannot be the name of an MCP server. It takes letters, digits, - and single _, at most 50, "
                f"and is neither {_OURS[0]!r} nor {_OURS[1]!r}."
            )
        if trouble := _trouble(server):
            raise ConfigError(f"MCP server {name!r} {trouble}.")
    return servers


def secrets_of(servers: McpServers) -> frozenset[str]:
    """What its servers are given in variables and headers: keys, mostly."""
    values = [
        value
        for server in servers.values()
        for given in (server.get("env"), server.get("headers"))
        for value in (given or {}).values()
    ]
    tokens = [value.rsplit(" ", 1)[-1] for value in values]  # `Bearer …`
    return frozenset(value for value in (*values, *tokens) if len(value) >= _MIN_SECRET_CHARS)


def _trouble(server: Any) -> str:
    if not isinstance(server, Mapping):
        return 'has no settings, such as {"command": "uvx", "args": ["NAME"]}'
    kind = server.get("type", "stdio")
    if kind in _REMOTE:
        url = server.get("url")
        if not isinstance(url, str) or not re.match(r"https?://[^/]", url):
            return "needs a url that begins with https:// or http://"
        return "" if _is_texts(server.get("headers", {})) else "has headers that are not texts"
    if kind != "stdio":
        return f"is of type {kind!r}; there are stdio, {' and '.join(_REMOTE)}"
    if not isinstance(server.get("command"), str) or not server["command"]:
        return "needs a command, or a type and a url"
    args = server.get("args", [])
    if not isinstance(args, list) or not all(isinstance(each, str) for each in args):
        return "has args that are not a list of texts"
    return "" if _is_texts(server.get("env", {})) else "has an env that is not of texts"


def _is_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(each, str) for pair in value.items() for each in pair
    )


def _filled(value: Any, environ: Mapping[str, str]) -> Any:
    """`value` with variables filled in, as Claude Code does."""
    return map_texts(value, lambda text: _VARIABLE.sub(lambda found: _look_up(found, environ), text))


def _look_up(found: re.Match[str], environ: Mapping[str, str]) -> str:
    value = environ.get(found[1], found[2])
    if value is None:
        raise ConfigError(f"the variable {found[1]} is not set.")
    return value
