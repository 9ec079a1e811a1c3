"""The command line's part for chat kernels."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Annotated

import typer

from neuroworkflow_agent.cli_options import JsonOption
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.console import echo


def add_commands(app: typer.Typer) -> None:
    """Give `app`, the commands about kernels, those for chat kernels."""
    app.command("install")(install)
    app.command("list")(list_)
    app.command("remove")(remove)


def install(
    subkernel: Annotated[
        str, typer.Option(help="Kernelspec in which code runs, as 'jupyter kernelspec list' names it.")
    ] = "python3",
    name: Annotated[str | None, typer.Option(help="Name of the new kernelspec.")] = None,
    user: Annotated[bool, typer.Option("--user", help="For this user alone.")] = False,
    sys_prefix: Annotated[bool, typer.Option("--sys-prefix", help="For this Python environment.")] = False,
) -> None:
    """Install a chat kernel: a Jupyter kernel in which cells that begin with %chat are for the agent, and all others code.

    Without --user and --sys-prefix for this environment if it is a virtual one, else for this user.
    """
    from neuroworkflow_agent.surfaces.chat_kernel.install import install

    if user and sys_prefix:
        raise ConfigError("--user and --sys-prefix exclude each other.")
    is_here = sys_prefix or (not user and sys.prefix != sys.base_prefix)
    folder = install(subkernel, name, user=not is_here, prefix=sys.prefix if is_here else None)
    echo(f"Installed {folder.name!r} in {folder}.")


def list_(as_json: JsonOption = False) -> None:
    """List the chat kernels that can be chosen, and the kernels in which they run code."""
    from neuroworkflow_agent.surfaces.chat_kernel.install import installed

    found = installed()
    if as_json:
        echo(json.dumps([{**dataclasses.asdict(each), "folder": str(each.folder)} for each in found]))
        return
    for each in found:
        missing = "" if each.has_subkernel else ", which is not installed"
        echo(f"{each.name}: {each.display_name}; code runs in {each.subkernel!r}{missing}")
    if not found:
        echo("There are none. Install one with 'neuroworkflow-agent kernel install'.")


def remove(name: Annotated[str, typer.Argument(help="Its name, as 'kernel list' has it.")]) -> None:
    """Remove a chat kernel; the kernel in which it ran code stays."""
    from neuroworkflow_agent.surfaces.chat_kernel.install import remove

    echo(f"Removed {remove(name)}.")
