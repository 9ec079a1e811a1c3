"""The command line's part for notebooks: the MCP server, and each of its tools as a command, made from the vocabulary."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroworkflow_agent import cli_kernel
from neuroworkflow_agent.cli_help import App
from neuroworkflow_agent.cli_options import JsonOption
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import ConfigError, ToolFailed
from neuroworkflow_agent.surfaces.console import echo, say_what_is_awaited
from neuroworkflow_agent.surfaces.mcp.vocabulary import CHECK_NODE, LIST_NODES, SPECS
from neuroworkflow_agent.tools.registry import Spec

_GROUPS = {
    "notebook": "Notebooks: listed, created, read, watched, run.",
    "cell": "Cells of a notebook: read, edited, moved, run.",
    "room": "Rooms of real-time collaboration.",
    "outputs": "Outputs of cells.",
    "kernel": "Kernels of notebooks, and chat kernels: installed, listed, removed.",
    "execution": "Code that goes on at a Jupyter server.",
}
_HAVE_COMMANDS = (CHECK_NODE.name, LIST_NODES.name)
"""Tools whose commands take more than the tools do."""
_TYPES: dict[str, Any] = {"string": str, "integer": int, "number": float}
_WAIT = "wait_s"
_FROM_INPUT = ("source", "code", "new")
_ARGUMENTS = ("path", "execution", "folder")

RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="Folder of the notebooks; NEUROWORKFLOW_WORKSPACE_ROOT or the current one by default.",
        exists=True,
        file_okay=False,
    ),
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="A Jupyter server with this package, instead of files of this machine.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="JUPYTER_TOKEN", help="Of that server; the variable is not seen by other users."
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Give `app` the server and the tools."""
    app.command("mcp")(mcp)
    groups = {name: App(help=text, no_args_is_help=True) for name, text in _GROUPS.items()}
    for group in groups:
        app.add_typer(groups[group], name=group)
    cli_kernel.add_commands(groups["kernel"])
    for spec in SPECS:
        if spec.name not in _HAVE_COMMANDS:
            group, _, name = spec.name.partition("_")
            target, called = (groups[group], name) if group in groups else (app, spec.name)
            target.command(called.replace("_", "-"))(_command(spec))


def mcp(
    root: RootOption = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Offer only tools that change nothing.")
    ] = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Serve notebooks to an MCP client on standard input and output: Claude Code, Cursor, VS Code, Claude Desktop.

    Kernels are started here and end with the client. With --server, notebooks, kernels and rooms are those of a
    Jupyter server, which decides what is offered.
    """
    if server is not None:
        from neuroworkflow_agent.surfaces.mcp.bridge import bridge

        if read_only:
            raise ConfigError(
                "--read-only cannot be asked of a server. Start it with c.NotebooksOverMcp.read_only."
            )
        say_what_is_awaited("an MCP client")
        bridge(server, token or "")
        return
    from neuroworkflow_agent.surfaces.mcp.stdio import serve

    config = AgentConfig.from_env(workspace=root)
    say_what_is_awaited("an MCP client")
    serve(config, read_only=read_only)


def _command(spec: Spec) -> Callable[..., None]:
    """A tool as a function that Typer can read."""

    def command(
        root: Path | None, server: str | None, token: str | None, as_json: bool, **given: Any
    ) -> None:
        arguments = {
            name: _value(name, text, spec.properties[name])
            for name, text in given.items()
            if text is not None and text != [] and text is not False
        }
        try:
            answer = _answer(spec.name, arguments, root, server, token)
        except ToolFailed as failure:
            blocks = failure.blocks or [{"type": "text", "text": str(failure)}]
            echo(json.dumps({"error": _text(blocks)}) if as_json else _text(blocks), err=not as_json)
            raise typer.Exit(1) from failure
        echo(json.dumps(answer.structured) if as_json else _text(answer.blocks))

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in sorted(_parameters(spec).items(), key=lambda each: each[1][1] is not ...)
    ]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            each.replace(default=inspect.Parameter.empty) if each.default is ... else each
            for each in parameters
        ]
    )
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__doc__ = spec.description
    return command


def _parameters(spec: Spec) -> dict[str, tuple[Any, Any]]:
    """Annotation and default of each parameter of a tool's command; `...` for none."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, schema in spec.properties.items():
        if name == _WAIT:  # a command waits for the end
            continue
        is_required = name in spec.required
        kind = _kind(schema)
        text = schema.get("description")
        if name in _FROM_INPUT:
            text = f"{text or 'A text.'} - reads standard input."
        if name in _ARGUMENTS:
            about: Any = typer.Argument(help=text, metavar=name.upper())
        else:
            about = typer.Option(f"--{name.replace('_', '-')}", help=text)
        if kind is bool:
            found[name] = (Annotated[bool, about], False)
        else:
            found[name] = (
                Annotated[kind if is_required else kind | None, about],
                ... if is_required else None,
            )
    return {
        **found,
        "root": (RootOption, None),
        "server": (ServerOption, None),
        "token": (TokenOption, None),
        "as_json": (JsonOption, False),
    }


def _kind(schema: Mapping[str, Any]) -> Any:
    if schema["type"] == "array":
        return list[str] if schema["items"]["type"] == "string" else str
    return bool if schema["type"] == "boolean" else _TYPES[schema["type"]]


def _value(name: str, given: Any, schema: Mapping[str, Any]) -> Any:
    """An argument as the tool takes it."""
    if name in _FROM_INPUT and given == "-":
        return sys.stdin.read()
    if schema["type"] == "array" and isinstance(given, str):
        try:
            return json.loads(given)
        except ValueError as error:
            raise ConfigError(f"--{name} takes JSON, got {given!r:.100}: {error}.") from error
    return given


def _answer(
    name: str, arguments: dict[str, Any], root: Path | None, server: str | None, token: str | None
) -> Any:
    from neuroworkflow_agent.surfaces.mcp.command import call_here, call_there

    if server is not None:
        return call_there(name, arguments, server, token or "")
    return call_here(name, arguments, AgentConfig.from_env(workspace=root))


def _text(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(
        block["text"] if block["type"] == "text" else f"({block.get('mimeType', block['type'])})"
        for block in blocks
    )
