"""The command line's part for clients of the Agent Client Protocol."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from neuroworkflow_agent.cli_options import ModelOption
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.console import say_what_is_awaited


def add_commands(app: typer.Typer) -> None:
    """Give `app` the agent on standard input and output."""
    app.command("acp")(acp)


def acp(
    model: ModelOption = None,
    mode: Annotated[
        str | None, typer.Option("--mode", metavar="MODE", help="edit, ask, plan or read-only.")
    ] = None,
    client_servers: Annotated[
        bool, typer.Option("--client-servers", help="Use the MCP servers that the client passes.")
    ] = False,
) -> None:
    """Be the agent of a client of the Agent Client Protocol on standard input and output: Zed, jupyter-ai.

    Code runs in a kernel of the session's own, which ends with it. A client that says which notebook a session is
    about, as `notebook` in its `_meta`, has it run in that one's kernel.
    """
    if find_spec("acp") is None:
        raise ConfigError(
            "The Agent Client Protocol needs a package that is not installed: pip install 'neuroworkflow-agent[acp]'"
        )
    from neuroworkflow_agent.surfaces.acp.stdio import serve

    say_what_is_awaited("a client of the Agent Client Protocol")
    serve(model=model, mode=mode, takes_servers=client_servers)
