"""The command line's part for recorded runs: parses, calls, prints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroworkflow_agent.cli_help import App
from neuroworkflow_agent.cli_options import JsonOption, QuietOption, RunsOption
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.surfaces.console import SafeConsole, echo, say

if TYPE_CHECKING:
    from neuroworkflow_agent.runs.record import RunRecord
    from neuroworkflow_agent.runs.store import Store
    from neuroworkflow_agent.surfaces.headless import Job, Progress
    from neuroworkflow_agent.surfaces.recorded import Recording

app = App(help="Recorded runs: looked at, compared, run again.", no_args_is_help=True)

RecordOption = Annotated[
    str | None,
    typer.Option(
        "--record",
        metavar="[=DIR]",
        help="Keep a record of the run in DIR, else in agent-runs of the workspace.",
    ),
]
RunId = Annotated[str, typer.Argument(metavar="ID", help="As 'runs list' has it, or its beginning.")]


def store_at(directory: Path | str | None, config: AgentConfig | None = None) -> Store:
    """The runs in a directory; of the workspace without one."""
    from neuroworkflow_agent.runs.store import DIRECTORY, Store

    return Store(Path(directory) if directory else (config or AgentConfig.from_env()).workspace / DIRECTORY)


def recording(
    directory: str | None, config: AgentConfig, *, inputs: Sequence[str], again: bool, checks: Path | None
) -> Recording:
    """How `run --record` keeps a run."""
    from neuroworkflow_agent.runs.task import Judging, read_judging
    from neuroworkflow_agent.surfaces.recorded import Recording

    judging = read_judging(checks) if checks is not None else Judging()
    return Recording(store_at(directory, config), inputs=tuple(inputs), again=again, judging=judging)


def parameters_of(given: Sequence[str]) -> dict[str, Any]:
    """Values by name, from `NAME=VALUE` with VALUE as in YAML."""
    from neuroworkflow_agent.yaml_files import parse_value

    pairs = [text.partition("=") for text in given]
    if wrong := next((name for name, sign, _ in pairs if not sign), None):
        raise RunError(f"{wrong!r} sets nothing. Give NAME=VALUE, such as rate_hz=22.5.")
    return {name: parse_value(value) for name, _, value in pairs}


def with_event_lines(progress: Progress, config: AgentConfig) -> Progress:
    """Progress that also prints every event on stdout."""
    from dataclasses import replace

    from neuroworkflow_agent.events import Event, encode
    from neuroworkflow_agent.text import Redaction, map_texts

    hide = Redaction(lambda: config.secrets)

    def on_event(event: Event) -> None:
        echo(json.dumps(map_texts(encode(event), hide)))
        progress.on_event(event)

    return replace(progress, on_event=on_event)


def run_recorded(
    job: Job, config: AgentConfig, wanted: Recording, progress: Progress, *, as_json: bool, as_lines: bool
) -> int:
    """Run and keep a job, say what came of it; its exit code."""
    from neuroworkflow_agent.surfaces import recorded

    record, is_new = recorded.run_recorded(job, config, wanted, progress)
    told = record.told
    if as_json or as_lines:
        echo(json.dumps({"new": is_new, **record.as_json()}))
    else:
        _say_answer(record)
        for each in told.get("checks") or ():
            say(f"check {each['name']}: {each['outcome']} {each['detail']}".rstrip(), err=True)
        how = "Kept as run" if is_new else "This was run before and is not run again without --again: run"
        say(f"{how} {record.place.run_id}, {record.state.replace('_', ' ')}.", err=True)
    if not is_new and job.output is not None:
        recorded.copy_after(record, job.output)
    return int(told.get("exit_code", 1))


def _say_answer(record: RunRecord) -> None:
    from neuroworkflow_agent.surfaces.terminal_style import print_markdown

    if answer := record.told.get("answer"):
        print_markdown(str(answer))


@app.command("list")
def runs_list(
    runs: RunsOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Most runs to list.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List runs, those last begun or ended first."""
    from neuroworkflow_agent.runs.record import read_record
    from neuroworkflow_agent.surfaces.run_list import as_table

    records = [read_record(place) for place in store_at(runs).newest(limit)]
    if as_json:
        echo(json.dumps([record.as_json() for record in records]))
    elif records:
        SafeConsole().print(as_table(records))
    else:
        echo("No runs are kept here yet. 'run … --record' keeps one.", err=True)


@app.command("show")
def runs_show(
    run_id: RunId,
    runs: RunsOption = None,
    full: Annotated[
        bool, typer.Option("--full", help="All that code printed, not its head and tail.")
    ] = False,
    as_json: JsonOption = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print the events, a line of JSON each.")] = False,
) -> None:
    """Print what happened in a run; what code printed is folded where it is long."""
    from neuroworkflow_agent.events import encode
    from neuroworkflow_agent.runs.event_file import read_events
    from neuroworkflow_agent.surfaces.run_list import folded, head_of
    from neuroworkflow_agent.surfaces.terminal_view import on_standard_output

    record = _found(run_id, runs)
    if as_json:
        echo(json.dumps(record.as_json()))
        return
    events = read_events(record.place.path)
    if jsonl:
        for event in events:
            echo(json.dumps(encode(event)))
        return
    echo(head_of(record))
    on_standard_output().show(events if full else folded(events))


@app.command("export")
def runs_export(
    run_id: RunId,
    runs: RunsOption = None,
    as_html: Annotated[bool, typer.Option("--html", help="One page that needs nothing beside it.")] = False,
    as_md: Annotated[bool, typer.Option("--md", help="Markdown.")] = False,
    output: Annotated[Path | None, typer.Option(help="Save here instead of printing.")] = None,
) -> None:
    """Print a run as one page for a colleague, or as Markdown."""
    from neuroworkflow_agent.surfaces import run_page

    if as_html == as_md:
        raise RunError("Say how to export it: --html or --md.")
    record = _found(run_id, runs)
    write_out(run_page.as_html(record) if as_html else run_page.as_markdown(record), output)


@app.command("diff")
def runs_diff(
    one: Annotated[str, typer.Argument(metavar="A")],
    other: Annotated[str, typer.Argument(metavar="B")],
    runs: RunsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs: how they ended, answers, cells, files, cost. Exit 1 if their effects differ."""
    from neuroworkflow_agent.runs.comparing import compare

    comparison = compare(_found(one, runs), _found(other, runs))
    echo(json.dumps(comparison.as_json()) if as_json else comparison.as_text())
    raise typer.Exit(0 if comparison.has_same_effects else 1)


@app.command("replay")
def runs_replay(
    run_id: RunId,
    runs: RunsOption = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Let its code work in the workspace itself, not in a copy.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give a run's answers again to today's code and data, and say where the effects differ. Exit 1 if they do.

    The notebook is the recorded one; the workspace is copied as it is now, and the copy is thrown away.
    """
    from neuroworkflow_agent.surfaces.progress import ConsoleProgress
    from neuroworkflow_agent.surfaces.replay import replay

    config = AgentConfig.from_env()
    with ConsoleProgress(quiet=quiet) as console:
        record = _found(run_id, runs)
        again, comparison = replay(record, config, store_at(runs), console.progress, in_place=in_place)
    if as_json:
        told: Mapping[str, Any] = {"replay": again.place.run_id, **comparison.as_json()}
        echo(json.dumps(told))
    else:
        echo(comparison.as_text())
        say(f"Kept as run {again.place.run_id}.", err=True)
    raise typer.Exit(0 if comparison.has_same_effects else 1)


@app.command("rm")
def runs_rm(run_ids: Annotated[list[str], typer.Argument(metavar="ID…")], runs: RunsOption = None) -> None:
    """Delete runs for good."""
    for run_id in run_ids:
        record = _found(run_id, runs)
        if record.state == "running":
            raise RunError(f"The run {record.place.run_id} goes on. Stop it first.")
        store_at(runs).remove(record.place)
        echo(record.place.run_id)


@app.command("verdict")
def runs_verdict(
    run_id: RunId,
    verdict: Annotated[str, typer.Argument(metavar="pass|fail|unsure")],
    runs: RunsOption = None,
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Say what you think of a run. Verdicts are kept with who and when; the latest counts."""
    from neuroworkflow_agent.runs.verdicts import add_verdict

    given = add_verdict(_found(run_id, runs).place, verdict, note)
    say(f"Kept: {given.verdict}, by {given.who}.", err=True)


@app.command("review")
def runs_review(
    runs: RunsOption = None,
    all_runs: Annotated[bool, typer.Option("--all", help="Also runs that have a verdict.")] = False,
) -> None:
    """Go through runs that nobody has judged, one by one; at the end: how far checks and people agree."""
    from neuroworkflow_agent.surfaces.review import review

    review(store_at(runs), with_judged=all_runs)


def write_out(text: str, output: Path | None) -> None:
    """Print text for a program, or save it."""
    from neuroworkflow_agent.surfaces.console import echo_whole

    if output is None:
        echo_whole(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"'{output}' cannot be written: {error.strerror}.") from error


def _found(run_id: str, runs: Path | None) -> RunRecord:
    from neuroworkflow_agent.runs.record import read_record

    return read_record(store_at(runs).find(run_id))
