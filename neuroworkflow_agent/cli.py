"""The command line: parses, calls, prints. One short function a command."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from neuroworkflow_agent import (
    cli_acp,
    cli_batch,
    cli_drafts,
    cli_export,
    cli_instructions,
    cli_nodes,
    cli_runs,
    cli_sign_in,
    cli_tools,
    cli_web,
)
from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.cli_help import App
from neuroworkflow_agent.cli_options import (
    InputsOption,
    JsonOption,
    ModelOption,
    ParameterOption,
    QuietOption,
)
from neuroworkflow_agent.cli_runs import RecordOption
from neuroworkflow_agent.config import AgentConfig, Mode
from neuroworkflow_agent.directories import user_home
from neuroworkflow_agent.errors import AgentError, ConfigError
from neuroworkflow_agent.surfaces.console import SafeConsole, echo, say
from neuroworkflow_agent.surfaces.terminal_colours import GREEN, RED

app = App(
    name="neuroworkflow-agent",
    help="An agent that lives in your Jupyter kernel.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
sessions = App(help="Sessions of this workspace; Claude Code shows the same ones.", no_args_is_help=True)
app.add_typer(sessions, name="sessions")
gateway = App(
    help="Serve the gateway: it holds the key of the Messages API, and kernels show it their own tokens.",
    invoke_without_command=True,
)
app.add_typer(gateway, name="gateway")
app.add_typer(cli_instructions.app, name="instructions")
app.add_typer(cli_runs.app, name="runs")

_BAD_INPUT = 2
_HOMELESS = "This user has no home directory, and Jupyter needs one. Set HOME to a directory of yours that can be written."


def _show_version(wanted: bool) -> None:
    if wanted:
        echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Options without a command."""


@app.command()
def run(
    notebook: Annotated[Path, typer.Argument(help="The notebook file.")],
    prompt: Annotated[
        str | None, typer.Argument(help="What the agent should do; - reads standard input.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Save here instead of replacing NOTEBOOK.")] = None,
    no_execute: Annotated[
        bool, typer.Option("--no-execute", help="Do not run the notebook's cells first.")
    ] = False,
    kernel: Annotated[str | None, typer.Option(help="Kernelspec, instead of the notebook's own.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds one cell, and the turn, may take.")] = None,
    start_timeout: Annotated[
        float, typer.Option(help="Seconds the kernel may take to start and answer.")
    ] = 120.0,
    mode: Annotated[Mode | None, typer.Option(help="What the agent may do unasked.")] = None,
    model: ModelOption = None,
    max_turns: Annotated[int | None, typer.Option(help="Most model calls in the turn.")] = None,
    max_budget_usd: Annotated[float | None, typer.Option(help="Most the turn may cost.")] = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Convert older notebooks, and give their cells ids.")
    ] = False,
    no_scratch: Annotated[
        bool, typer.Option("--no-scratch", help="Keep code that the agent only tried out of the notebook.")
    ] = False,
    allow_errors: Annotated[
        bool, typer.Option("--allow-errors", help="Go on after a cell that failed, as nbclient does.")
    ] = False,
    allow_context: Annotated[
        bool,
        typer.Option(
            "--allow-context", help="Let contexts of chat kernels run code that you have not approved."
        ),
    ] = False,
    parameter: ParameterOption = None,
    record: RecordOption = None,
    inputs: InputsOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="Run what was recorded before, and keep both.")
    ] = False,
    checks: Annotated[
        Path | None,
        typer.Option(help="A task's YAML file: its checks, side effects and values are looked at."),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Run the result anew in a fresh kernel and compare the outputs; without PROMPT do only that, and save nothing.",
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="With --verify: an HTML page of what differs, side by side.", metavar="FILE"),
    ] = None,
    as_json: JsonOption = False,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="Print each event as a line of JSON as it comes, then the summary."),
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Run NOTEBOOK's cells, then let the agent do what PROMPT says, in the same kernel.

    Without PROMPT only the cells run; `%%chat` cells among them are served by the agent. The file is saved
    after every cell. Exit codes: 0 complete, 1 error (a kernel that did not start included), 2 bad input, 3 the agent needed an answer, 4 the model
    went away, 5 a limit was reached, 6 not verified, 130 interrupted.
    """
    from neuroworkflow_agent.surfaces import headless
    from neuroworkflow_agent.surfaces.progress import ConsoleProgress

    if prompt == "-":
        prompt = sys.stdin.read()
    config = AgentConfig.from_env(
        model=model,
        mode=mode,
        max_turns=max_turns,
        max_budget_usd=max_budget_usd,
        allow_context=allow_context or None,
    )
    job = headless.Job(
        notebook,
        prompt,
        output=output,
        execute=not no_execute,
        kernel=kernel,
        timeout_s=timeout,
        upgrade=upgrade,
        allow_errors=allow_errors,
        scratch=not no_scratch,
        start_timeout_s=start_timeout,
        parameters=cli_runs.parameters_of(parameter or ()),
        verify=verify,
        report=report,
    )
    with ConsoleProgress(quiet=quiet) as console:
        progress = cli_runs.with_event_lines(console.progress, config) if jsonl else console.progress
        if record is not None or checks is not None:
            if verify and prompt is None:
                raise ConfigError("--record goes with a PROMPT: without one, --verify saves nothing to keep.")
            wanted = cli_runs.recording(record, config, inputs=inputs or (), again=again, checks=checks)
            raise typer.Exit(
                cli_runs.run_recorded(job, config, wanted, progress, as_json=as_json, as_lines=jsonl)
            )
        summary = headless.run(job, config, progress)
    as_json = as_json or jsonl
    if as_json:
        echo(json.dumps({**dataclasses.asdict(summary), "exit_code": summary.exit_code}))
    elif summary.answer:
        from neuroworkflow_agent.surfaces.terminal_style import print_markdown

        print_markdown(summary.answer)
    if not as_json:
        for line in summary.verified_lines:
            echo(line)
    was_run = not verify or prompt is not None
    if summary.end == "complete" and was_run and not (as_json or quiet):
        cells = "1 cell" if summary.cells_executed == 1 else f"{summary.cells_executed} cells"
        ran = f"Ran {cells} in {summary.duration_s:.1f} s; saved" if prompt is None else "Saved"
        say(f"{ran} in {summary.notebook}.", err=True)
    told = summary.end if summary.message in ("", "Stopped.") else summary.message
    if summary.end != "complete" and not as_json and not console.has_just_said(told):
        echo(f"{summary.end.replace('_', ' ')}: {summary.message}", err=True)
    raise typer.Exit(summary.exit_code)


@app.command()
def doctor(model: ModelOption = None, as_json: JsonOption = False) -> None:
    """Say what is installed and whether a turn could run; exit 1 if not, with the one thing to do."""
    from neuroworkflow_agent.surfaces.doctor import examine

    findings = examine(lambda: AgentConfig.from_env(model=model))
    wrong = next((finding for finding in findings if not finding.ok), None)
    if as_json:
        report: dict[str, Any] = {"ok": wrong is None, "findings": [dataclasses.asdict(f) for f in findings]}
        echo(json.dumps(report))
    else:
        for finding in findings:
            mark = ("ok ", GREEN) if finding.ok else ("NO ", f"bold {RED}")
            say(mark, " ", (finding.name, "bold"), f": {finding.detail}")
        say(f"\n{wrong.advice or wrong.detail}" if wrong else "\nA turn can run here.")
    raise typer.Exit(0 if wrong is None else 1)


cli_sign_in.add_commands(app)
cli_nodes.add_commands(app)
cli_tools.add_commands(app)
cli_acp.add_commands(app)
cli_web.add_commands(app)
cli_batch.add_commands(app)
cli_drafts.add_commands(app)
cli_export.add_commands(app)


@sessions.command("list")
def sessions_list(as_json: JsonOption = False) -> None:
    """List sessions, newest first."""
    from neuroworkflow_agent.engine.claude import transcripts

    found = transcripts.sessions(AgentConfig.from_env())
    if as_json:
        rows = [{**dataclasses.asdict(c), "modified": c.modified.isoformat()} for c in found]
        echo(json.dumps(rows))
        return
    if not found:
        echo("No sessions in this workspace yet.", err=True)
    for session in found:
        when = f"{session.modified.astimezone():%Y-%m-%d %H:%M}"
        echo(f"{session.session_id}  {when}  {session.title[:80]}")


@sessions.command("show")
def sessions_show(
    session_id: Annotated[str, typer.Argument(metavar="ID")], as_json: JsonOption = False
) -> None:
    """Print what was seen of a session, turn by turn; with --json its events."""
    from neuroworkflow_agent.engine.history import history
    from neuroworkflow_agent.events import encode
    from neuroworkflow_agent.surfaces.terminal_view import on_standard_output

    events = history(session_id, AgentConfig.from_env())
    if as_json:
        echo(json.dumps([encode(event) for event in events]))
        return
    on_standard_output().show(events)


@sessions.command("fork")
def sessions_fork(session_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Copy a session and print the copy's id."""
    from neuroworkflow_agent.engine.claude import transcripts

    echo(transcripts.fork(session_id, AgentConfig.from_env()))


@sessions.command("rename")
def sessions_rename(session_id: Annotated[str, typer.Argument(metavar="ID")], title: str) -> None:
    """Give a session a title."""
    from neuroworkflow_agent.engine.claude import transcripts

    echo(transcripts.rename(session_id, title, AgentConfig.from_env()))


@sessions.command("undo")
def sessions_undo(
    session_id: Annotated[str, typer.Argument(metavar="ID")],
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[WHAT]...", help="Files by their names; all by default.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a session's last turn back: its files, and the agent's memory of it. Variables went with their kernel."""
    from neuroworkflow_agent.surfaces.chat_line import ChatLine
    from neuroworkflow_agent.surfaces.input_prompt import ask_on_terminal
    from neuroworkflow_agent.surfaces.stored_session import StoredSession
    from neuroworkflow_agent.surfaces.undo_line import UndoLine

    session = StoredSession(session_id, AgentConfig.from_env())
    undoing = UndoLine(session, ChatLine(undo=tuple(what or ()), yes=yes), lambda shown: echo(shown.text))
    undoing.prepare()
    if undoing.is_wanted(ask_on_terminal if sys.stdin.isatty() else None):
        undoing.do()
        undoing.tell()
        echo(session.session_id)


@sessions.command("delete")
def sessions_delete(session_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Delete a session for good."""
    from neuroworkflow_agent.state.forgetting import delete_session

    echo(delete_session(session_id, AgentConfig.from_env()))


@gateway.callback()
def gateway_serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8090 by default.")] = None,
) -> None:
    """Serve the gateway. Its settings are variables, NEUROWORKFLOW_GATEWAY_…; docs/hub.md names them all."""
    if context.invoked_subcommand is not None:
        return
    with _gateway_extra():
        from neuroworkflow_agent.gateway.server import serve
        from neuroworkflow_agent.gateway.settings import load_settings

    serve(load_settings(host=host, port=port))


@gateway.command("usage")
def gateway_usage(
    days: Annotated[int, typer.Option(min=1, help="How many days, up to today (UTC).")] = 1,
    account: Annotated[str | None, typer.Option(help="Only this one, such as hub:alice.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what was used, by day, account and model."""
    with _gateway_extra():
        from neuroworkflow_agent.gateway.report import as_rows, as_table

    rows = as_rows(days, account)
    if as_json:
        echo(json.dumps(rows))
    else:
        SafeConsole().print(as_table(rows))


@contextlib.contextmanager
def _gateway_extra() -> Iterator[None]:
    """Say what to install where one of the gateway's packages is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'The gateway needs {error.name}: pip install "neuroworkflow-agent[gateway]".'
        ) from error


def main() -> NoReturn:
    """The console script: errors of ours become one sentence and exit code 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except AgentError as error:
        echo(str(error), err=True)
        sys.exit(_BAD_INPUT)
    except RuntimeError:
        if user_home() is not None:
            raise
        # Jupyter asks pathlib for it, a user id without a name and without HOME has none, and the error has no class of its own.
        echo(_HOMELESS, err=True)
        sys.exit(_BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
