"""The command line's part for nodes, workflows and what makes a notebook doubtful: parses, calls, prints."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroworkflow_agent.cli_options import JsonOption
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.surfaces.console import SafeConsole, echo, echo_whole, say
from neuroworkflow_agent.surfaces.terminal_colours import BLUE, GREEN, ORANGE, RED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuroworkflow_agent.nodes.findings import Finding

_SEVERITIES = {"error": f"bold {RED}", "warning": ORANGE, "info": BLUE}
"""Styles, where there are colours."""


class FindingsFormat(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    github = "github"
    sarif = "sarif"


class ListFormat(StrEnum):
    """How nodes are printed."""

    table = "table"
    text = "text"
    json = "json"
    mermaid = "mermaid"


NodesOption = Annotated[
    list[Path] | None,
    typer.Option("--nodes", help="Folder or file with nodes; may be given again.", exists=True),
]
FormatOption = Annotated[
    FindingsFormat,
    typer.Option(
        "--format", help="text, json, github (annotations of a pull request) or sarif (code scanning)."
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Give `app` the commands for nodes."""
    app.command("check-node")(check_node)
    app.command("list-nodes")(list_nodes)
    app.command("check-connection")(check_connection)
    app.command("check-workflow")(check_workflow)
    app.command("lint")(lint)


def check_node(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE_OR_FOLDER", help="Node files, or folders with them.")
    ],
    output: FormatOption = FindingsFormat.text,
    as_json: JsonOption = False,
    run: Annotated[
        bool,
        typer.Option("--run", help="Also import each node and run its example, in a process of its own."),
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds one node's run may take.")] = 60.0,
    fix: Annotated[bool, typer.Option("--fix", help="Put right what leaves nothing to decide.")] = False,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Print what --fix would change, and change nothing; exit 1 if it would."),
    ] = False,
    skip_others: Annotated[
        bool, typer.Option("--skip-others", help="Pass over named files without a node, as in folders.")
    ] = False,
) -> None:
    """Say what is wrong with node files. Nothing is imported or run without --run. Exit 1 on errors.

    With --run, X.example.json beside X.py gives what to run on: {"parameters": {…}, "inputs": {…}}.
    """
    from neuroworkflow_agent.nodes.checker import check_paths, try_nodes

    report = check_paths(paths, jobs=None, need_nodes=not skip_others)
    if diff:
        raise typer.Exit(_print_diffs(report.findings) or (1 if report.errors else 0))
    fixed = _fix(report.findings) if fix else 0
    if fix:
        report = check_paths(paths, jobs=None, need_nodes=not skip_others)
    if run:
        report = try_nodes(report, AgentConfig.from_env().harmless_environ, timeout_s=timeout)
    chosen = FindingsFormat.json if as_json else output
    if chosen is FindingsFormat.text:
        _say_findings(report.findings)
        _say_summary(report.summary, report.errors)
    else:
        counts = {"files": report.files, "nodes": len(report.nodes), "errors": report.errors}
        counts |= {"silenced": report.silenced, "ignored": report.ignored, "fixed": fixed}
        _print_for_programs(report.findings, chosen, **counts)
    raise typer.Exit(1 if report.errors else 0)


def list_nodes(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER", help="Where to look; the nodes around here without one.", exists=True
        ),
    ] = None,
    output: Annotated[
        ListFormat, typer.Option("--format", help="table, text, json or mermaid.")
    ] = ListFormat.table,
    as_json: JsonOption = False,
) -> None:
    """List nodes: type, class, stage, tool, and ports with their types and descriptions."""
    from neuroworkflow_agent.nodes import catalogue, drawing

    nodes = catalogue.list_nodes(folders or [_nodes_here()])
    match ListFormat.json if as_json else output:
        case ListFormat.json:
            echo(json.dumps([node.as_dict() for node in nodes], ensure_ascii=False))
        case ListFormat.mermaid:
            echo(drawing.nodes_as_mermaid(nodes), nl=False)
        case ListFormat.text:
            echo(catalogue.as_text(nodes))
        case ListFormat.table:
            SafeConsole().print(catalogue.as_table(nodes) if nodes else "No nodes here.")


def check_connection(
    output: Annotated[str, typer.Argument(metavar="NODE.OUTPUT", help="By class name or type.")],
    into: Annotated[str, typer.Argument(metavar="NODE.INPUT", help="By class name or type.")],
    nodes: NodesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether an output fits an input, by type and by meaning, and why. Exit 1 if not."""
    from neuroworkflow_agent.nodes import catalogue, connections

    known = catalogue.list_nodes(nodes or [_nodes_here()])
    _, given = connections.find_port(known, output, "output")
    _, wanted = connections.find_port(known, into, "input")
    fit = connections.check_ports(given, wanted)
    if as_json:
        echo(json.dumps({"verdict": fit.verdict, "reason": fit.reason, "ok": fit.ok}))
    else:
        echo(f"{fit.verdict}: {fit.reason}")
    raise typer.Exit(0 if fit.ok else 1)


def check_workflow(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A script or a notebook that builds a workflow.")
    ],
    nodes: NodesOption = None,
    output: FormatOption = FindingsFormat.text,
    as_json: JsonOption = False,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print the workflow as Mermaid instead.")
    ] = False,
    svg: Annotated[Path | None, typer.Option(help="Also draw the workflow into this SVG file.")] = None,
) -> None:
    """Say what is wrong with a workflow, without running it: nodes, connections, cycles, inputs. Exit 1 on errors."""
    from neuroworkflow_agent.nodes import drawing
    from neuroworkflow_agent.nodes.source import Unreadable
    from neuroworkflow_agent.nodes.workflow_report import check_workflow

    chosen = FindingsFormat.json if as_json else output
    try:
        report = check_workflow(file, tuple(nodes or ()))
    except Unreadable as unreadable:
        if chosen is FindingsFormat.text or mermaid:
            _say_findings([unreadable.finding], err=True)
        else:
            _print_for_programs([unreadable.finding], chosen, name="", errors=1, nodes=[], connections=[])
        raise typer.Exit(1) from None
    workflow = report.workflow
    if svg is not None:
        svg.write_text(drawing.workflow_as_svg(workflow), encoding="utf-8")
    if mermaid:
        echo(drawing.workflow_as_mermaid(workflow), nl=False)
        _say_findings(report.findings, err=True)
    elif chosen is FindingsFormat.text:
        _say_findings(report.findings)
        _say_summary(report.summary, report.errors)
    else:
        facts = {
            "nodes": workflow.order or list(workflow.nodes),
            "connections": [c.names for c in workflow.connections],
            "silenced": report.silenced,
            "ignored": report.ignored,
        }
        _print_for_programs(report.findings, chosen, name=workflow.name, errors=report.errors, **facts)
    raise typer.Exit(1 if report.errors else 0)


def lint(
    notebook: Annotated[
        Path, typer.Argument(metavar="NOTEBOOK", help="A notebook, or a script.", exists=True, dir_okay=False)
    ],
    output: FormatOption = FindingsFormat.text,
    as_json: JsonOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings, too.")] = False,
) -> None:
    """Say what makes the results of a notebook doubtful. Nothing is imported or run. Exit 1 on errors.

    Results and numbers in the text that no cell computes, random numbers without a seed, data that is loaded and never
    used, errors passed over in silence.
    """
    from neuroworkflow_agent.nodes.lint.report import lint_notebook
    from neuroworkflow_agent.nodes.source import Unreadable

    chosen = FindingsFormat.json if as_json else output
    try:
        report = lint_notebook(notebook)
    except Unreadable as unreadable:
        if chosen is FindingsFormat.text:
            _say_findings([unreadable.finding], err=True)
        else:
            _print_for_programs([unreadable.finding], chosen, cells=0, errors=1)
        raise typer.Exit(1) from None
    if chosen is FindingsFormat.text:
        _say_findings(report.findings)
        _say_summary(report.summary, report.errors)
    else:
        counts = {"cells": report.cells, "errors": report.errors}
        counts |= {"silenced": report.silenced, "ignored": report.ignored}
        _print_for_programs(report.findings, chosen, **counts)
    raise typer.Exit(1 if report.errors or (strict and report.findings) else 0)


def _print_for_programs(findings: Sequence[Finding], chosen: FindingsFormat, **summary: Any) -> None:
    """Findings on stdout in a form that is none for people; JSON has the summary, too."""
    from neuroworkflow_agent.nodes import reports

    if chosen is FindingsFormat.json:
        echo(reports.as_json(findings, **summary))
    elif chosen is FindingsFormat.github:
        echo(reports.as_github(findings), nl=False)
    else:
        echo(reports.as_sarif(findings))


def _print_diffs(findings: Sequence[Finding]) -> int:
    """Print what fixing would change; 1 if it would change anything."""
    from neuroworkflow_agent.nodes.fixing import fix_files

    would_change = 0
    for each in fix_files(findings):
        would_change = 1
        echo_whole(each.diff)
    return would_change


def _fix(findings: Sequence[Finding]) -> int:
    """Put right what can be, and say so; how many findings that were."""
    from neuroworkflow_agent.nodes.findings import plural
    from neuroworkflow_agent.nodes.fixing import fix_files

    saved: list[int] = []
    for each in fix_files(findings):
        if refused := each.save():
            say((refused, "yellow"), err=True)
        else:
            saved.append(each.count)
    if saved:
        say((f"{plural(sum(saved), 'finding')} fixed in {plural(len(saved), 'file')}", "green"), err=True)
    return sum(saved)


def _say_findings(findings: Sequence[Finding], *, err: bool = False) -> None:
    from neuroworkflow_agent.nodes import reports

    for finding in findings:
        place, severity, rest = reports.as_text([finding]).rstrip("\n").partition(f": {finding.severity} ")
        say(place, (severity, _SEVERITIES[finding.severity]), rest, err=err)


def _say_summary(summary: str, errors: int) -> None:
    say((summary, RED if errors else GREEN), err=True)


def _nodes_here() -> Path:
    """The tree of nodes around the current directory, or that directory."""
    from neuroworkflow_agent.nodes.layout import detect_layout

    layout = detect_layout(Path.cwd())
    return layout.nodes if layout.kind != "bare folder" else layout.root
