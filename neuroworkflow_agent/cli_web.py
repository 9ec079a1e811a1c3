"""The command line's part for the web page."""

from __future__ import annotations

from typing import Annotated

import typer

from neuroworkflow_agent.cli_options import ModelOption
from neuroworkflow_agent.config import AgentConfig, Mode


def add_commands(app: typer.Typer) -> None:
    """Give `app` the web page."""
    app.command("web")(web)


def web(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; the first free one from 8899 on.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name under which the server may be called."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    log_requests: Annotated[
        bool, typer.Option("--log-requests", help="Print a line for each request.")
    ] = False,
    model: ModelOption = None,
    mode: Annotated[Mode | None, typer.Option(help="What the agent may do unasked.")] = None,
) -> None:
    """Chat with the agent in a browser, without a notebook; it works in the current directory.

    Prints the page's address with a token. Each chat has a kernel of its own. What a browser shows is the server's: a page may be
    closed while the agent works.
    """
    from neuroworkflow_agent.surfaces.web.server import serve

    serve(
        AgentConfig.from_env(model=model, mode=mode),
        host=host,
        port=port,
        names=allow_host or (),
        opens_browser=not no_browser,
        logs_requests=log_requests,
    )
