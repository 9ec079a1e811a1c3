"""The command line's part for drafted tasks: asks, calls, prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from neuroworkflow_agent.cli_options import ModelOption, RunsOption
from neuroworkflow_agent.cli_runs import store_at
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.surfaces.console import echo, echo_whole, say


def add_commands(app: typer.Typer) -> None:
    """Give `app` the commands for drafts."""
    app.command("design")(design)
    app.command("refine")(refine)


def design(
    wish: Annotated[str | None, typer.Argument(metavar="WISH", help="What should happen.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Notes or a notebook that it should come from."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Save the draft here once you have accepted it.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of tasks instead.")] = False,
    model: ModelOption = None,
) -> None:
    """Have the agent draft a task: prompt, parameters and checks, as YAML. Nothing is saved that you have not accepted."""
    from neuroworkflow_agent.runs.task import SCHEMA
    from neuroworkflow_agent.surfaces import drafting

    if schema:
        echo_whole(SCHEMA.read_text(encoding="utf-8"))
        return
    if not (wish or "").strip():
        raise RunError(
            'Say what should happen: neuroworkflow-agent design "the mean rate of each unit, as a CSV file".'
        )
    _require_somebody(output)
    text = drafting.design(wish or "", source, AgentConfig.from_env(model=model))
    echo_whole(text)
    if output is not None and _accepts(f"Save it as '{output}'?"):
        drafting.save(text, output, before=None)
        say(f"Saved as {output}.", err=True)


def refine(
    task: Annotated[Path, typer.Argument(metavar="TASK.yaml")],
    source: Annotated[str, typer.Option("--from", metavar="RUN", help="A run of it, as 'runs list' has it.")],
    runs: RunsOption = None,
    model: ModelOption = None,
) -> None:
    """Have the agent propose a change of a task by what a run of it shows, as a diff. You decide whether it is made."""
    from neuroworkflow_agent.runs.record import read_record
    from neuroworkflow_agent.surfaces import drafting

    record = read_record(store_at(runs).find(source))
    before, after = drafting.refine(task, record, AgentConfig.from_env(model=model))
    patch = drafting.as_patch(before, after, str(task))
    if not patch:
        echo("The agent proposes no change.", err=True)
        return
    echo_whole(patch)
    if sys.stdin.isatty() and _accepts(f"Change '{task}' so?"):
        drafting.save(after, task, before=before)
        say(f"Changed {task}.", err=True)


def _require_somebody(output: Path | None) -> None:
    if output is not None and not sys.stdin.isatty():
        raise RunError("Nobody can accept a draft here. Leave --output out, and look at what is printed.")
    if output is not None and output.exists():
        raise RunError(f"'{output}' is there already. Name another file, or refine that one.")


def _accepts(question: str) -> bool:
    return typer.confirm(question, default=False, err=True)
