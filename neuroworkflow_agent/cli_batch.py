"""The command line's part for many runs: parses, calls, prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroworkflow_agent.cli_options import (
    InputsOption,
    JsonOption,
    ModelsOption,
    ParameterOption,
    QuietOption,
    RunsOption,
)
from neuroworkflow_agent.cli_runs import parameters_of, store_at
from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.surfaces.console import echo, say

if TYPE_CHECKING:
    from neuroworkflow_agent.runs.batch import Tally

DaskOption = Annotated[
    str | None,
    typer.Option("--dask", metavar="ADDRESS", help="Run the jobs on the cluster of this Dask scheduler."),
]
SlurmOption = Annotated[bool, typer.Option("--slurm", help="Run the jobs as a Slurm array.")]
SbatchOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sbatch", metavar="OPTION", help="An option of sbatch, such as --mem=2G; may be given again."
    ),
]
ParallelOption = Annotated[
    int | None, typer.Option("--max-parallel", min=1, help="Most jobs at once; as many as fit by default.")
]
BudgetOption = Annotated[
    float | None,
    typer.Option("--budget-usd", min=0, help="Once results have cost so much, nothing more is started."),
]


def add_commands(app: typer.Typer) -> None:
    """Give `app` the commands for many runs."""
    app.command("batch")(batch)
    app.command("eval")(evaluate)
    app.command("batch-job", hidden=True)(batch_job)


def batch(
    what: Annotated[
        str, typer.Argument(metavar="TASK.yaml|NOTEBOOKS", help="A task's or a suite's file, or a pattern.")
    ],
    prompt: Annotated[str | None, typer.Argument(help="What the agent should do with each notebook.")] = None,
    model: ModelsOption = None,
    times: Annotated[int | None, typer.Option(min=1, help="Repetitions of every job.")] = None,
    parameter: ParameterOption = None,
    parameters: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV with a head, or YAML with a list: one run for each row."),
    ] = None,
    inputs: InputsOption = None,
    max_parallel: ParallelOption = None,
    budget_usd: BudgetOption = None,
    dask: DaskOption = None,
    slurm: SlurmOption = False,
    sbatch: SbatchOption = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="With --slurm: submit, and look at the results later.")
    ] = False,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Only plan, and say what is done already.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Save the summary here, too.")] = None,
    runs: RunsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run each notebook with each row of parameters, each model and repetition, and keep every run.

    Every run has a kernel and a session of its own. The same line goes on where it was left: what has a result is not run again. Exit 0 if all are complete and passed
    their checks, else 1.
    """
    from neuroworkflow_agent.surfaces import batches
    from neuroworkflow_agent.surfaces.batch_progress import BatchProgress

    store = store_at(runs)
    where = batches.Where(dask, slurm, tuple(sbatch or ()), max_parallel, no_wait, budget_usd)
    tasks = batches.tasks_of(
        what, prompt, given=parameters_of(parameter or ()), rows=parameters, inputs=inputs or ()
    )
    plan = batches.plan(tasks, store, models=model or (), times=times, isolated=False)
    with BatchProgress(quiet=quiet) as progress:
        tally = batches.looked_at(plan) if plan_only else batches.run(plan, where, progress.report)
    files = batches.write_summary(plan, tally, csv)
    if as_json:
        echo(
            json.dumps({**tally.as_json(), "plan": str(plan.path), "summary": [str(path) for path in files]})
        )
    else:
        _say(tally, files)
    raise typer.Exit(0 if tally.is_complete or plan_only or no_wait else 1)


def evaluate(
    suite: Annotated[Path, typer.Argument(metavar="SUITE.yaml", help="A file with tasks, or one task.")],
    model: ModelsOption = None,
    times: Annotated[int | None, typer.Option(min=1, help="Runs of each task by each model.")] = None,
    html: Annotated[Path | None, typer.Option(help="Save the page with plots here, too.")] = None,
    max_parallel: ParallelOption = None,
    budget_usd: BudgetOption = None,
    dask: DaskOption = None,
    slurm: SlurmOption = False,
    sbatch: SbatchOption = None,
    runs: RunsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a suite with each model, and compare: pass rates with intervals, pass^k, falsehoods, cost, time.

    Each run works in a directory of its own with copies of its notebook and inputs. Exit 0 if every run has a result.
    """
    from neuroworkflow_agent.runs.evaluation import evaluate as look
    from neuroworkflow_agent.runs.task import read_tasks, suite_models
    from neuroworkflow_agent.surfaces import batches, eval_page
    from neuroworkflow_agent.surfaces.batch_progress import BatchProgress
    from neuroworkflow_agent.surfaces.console import SafeConsole

    chosen = model or suite_models(suite)
    plan = batches.plan(read_tasks(suite), store_at(runs), models=chosen, times=times, isolated=True)
    where = batches.Where(dask, slurm, tuple(sbatch or ()), max_parallel, budget_usd=budget_usd)
    with BatchProgress(quiet=quiet) as progress:
        tally = batches.run(plan, where, progress.report)
    found = look(plan)
    files = batches.write_evaluation(plan, tally, found, suite.stem, html)
    if as_json:
        echo(
            json.dumps({**found.as_json(), "batch": tally.as_json(), "files": [str(path) for path in files]})
        )
    else:
        SafeConsole().print(eval_page.as_table(found))
        if found.differences:
            echo(eval_page.differences_text(found))
        _say(tally, files)
    raise typer.Exit(0 if tally.done == tally.total else 1)


def batch_job(
    plan: Annotated[Path, typer.Argument(help="The plan's directory.")],
    indexes: Annotated[list[int], typer.Argument(metavar="NUMBER…")],
    with_parent: Annotated[bool, typer.Option("--with-parent", help="End when standard input ends.")] = False,
) -> None:
    """Run jobs of a plan, one after the other; what executors call."""
    from neuroworkflow_agent.runs.plan import Plan
    from neuroworkflow_agent.surfaces.batch_job import end_with_parent, run_job

    if with_parent:
        end_with_parent()
    made = Plan(plan)
    worst = 0
    for index in indexes:
        try:
            worst = max(worst, run_job(made, index))
        except AgentError as error:
            echo(str(error), err=True)
            worst = max(worst, 2)
    raise typer.Exit(worst)


def _say(tally: Tally, files: list[Path]) -> None:
    from neuroworkflow_agent.surfaces.batch_progress import progress_line

    say(progress_line(tally))
    for reason, count in tally.without.most_common(10):
        say(f"{count:,} without a result: {reason}", err=True)
    if tally.stopped:
        say(tally.stopped, err=True)
    for path in files:
        say(f"Summary: {path}", err=True)
