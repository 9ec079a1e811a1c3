"""The command line's part for standing instructions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuroworkflow_agent import instructions
from neuroworkflow_agent.cli_help import App
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.console import echo
from neuroworkflow_agent.text import show_invisible
from neuroworkflow_agent.trusted_text import UnfitFileError

app = App(help="Standing instructions: what the agent follows in every session.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE")]


@app.command("list")
def instructions_list() -> None:
    """Say which instructions are followed in this workspace, and which are not and why."""
    found = instructions.find_instructions(AgentConfig.from_env().workspace)
    for notice in found.notices:
        echo(notice)
    if not found.notices:
        echo(f"None. Yours would be in {instructions.users_file() or 'a home directory'}.")


@app.command("approve")
def instructions_approve(
    file: FileArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; you have read the file.")] = False,
) -> None:
    """Show a workspace's AGENTS.md or CLAUDE.md, and follow it as long as it stays as it is."""
    path = _of_workspace(file)
    try:
        text = instructions.read_instructions(path)
    except FileNotFoundError:
        raise ConfigError(f"There is no file '{file}'.") from None
    except UnfitFileError as error:
        raise ConfigError(f"'{file}' {error}.") from None
    if not yes:
        echo(show_invisible(text))
        typer.confirm("Should the agent follow this?", abort=True)
    instructions.APPROVED.add(path, text)
    echo(f"The agent follows {path.name} from its next session on, until the file changes.")


@app.command("revoke")
def instructions_revoke(file: FileArgument) -> None:
    """Follow a file no longer."""
    path = _of_workspace(file)
    was_approved = instructions.APPROVED.remove(path)
    echo(f"{path.name} is no longer followed." if was_approved else f"{path.name} was not approved.")


def _of_workspace(file: Path) -> Path:
    path = file.absolute()
    if path.name not in instructions.OF_WORKSPACE:
        raise ConfigError(f"Only {' and '.join(instructions.OF_WORKSPACE)} can be approved, not '{file}'.")
    return path
