"""What the agent asks about nodes, answered as text for a model and as numbers for us. Synchronous."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.nodes import catalogue, drawing
from neuroworkflow_agent.nodes.checker import check_paths, try_nodes
from neuroworkflow_agent.nodes.connections import check_ports, find_port
from neuroworkflow_agent.nodes.findings import SEVERITIES, UNREADABLE, Finding, count
from neuroworkflow_agent.nodes.lint.report import lint_notebook
from neuroworkflow_agent.nodes.reports import as_text
from neuroworkflow_agent.nodes.source import Unreadable
from neuroworkflow_agent.nodes.workflow_report import check_workflow

_MAX_FINDINGS = 60
"""Shown of one call; fixing these comes first anyway."""

Answer: TypeAlias = dict[str, Any]
"""`text`, and `checked`: errors and warnings of each file that was checked."""


def answer(question: str, arguments: Mapping[str, Any], environ: Mapping[str, str]) -> Answer:
    """Answer one question.

    Parameters
    ----------
    question
        `check_node`, `look_at_file`, `list_nodes`, `check_connection`, `check_workflow` or `lint_notebook`.
    arguments
        `folder`, the one paths are given relative to, and what the question needs; paths are absolute.
    environ
        For processes that run nodes.

    Raises
    ------
    AgentError
        With what would work.
    """
    return _ANSWERS[question](arguments, environ)


def _check_node(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> Answer:
    folder = arguments["folder"]
    report = check_paths([Path(path) for path in arguments["paths"]], jobs=None)
    if arguments.get("run"):
        report = try_nodes(report, environ, timeout_s=float(arguments.get("timeout_s") or 60.0))
    checked = {path: [0, 0] for path, _ in report.nodes}
    for finding in report.findings:
        counts = checked.setdefault(finding.path, [0, 0])
        counts[0] += finding.severity == "error"
        counts[1] += finding.severity == "warning"
    return {"text": f"{_as_lines(report.findings, folder)}{report.summary}", "checked": checked}


def _look_at_file(arguments: Mapping[str, Any], _environ: Mapping[str, str]) -> Answer:
    """A file that was just written: its nodes and its workflow, if it has any; no text if it has neither."""
    folder, path = arguments["folder"], Path(arguments["path"])
    report = check_paths([path], need_nodes=False)
    findings, texts = list(report.findings), [report.summary] if report.nodes or report.findings else []
    if not any(finding.code in UNREADABLE for finding in findings):
        flow = check_workflow(path)
        if flow.workflow.nodes:
            texts.append(flow.summary)
            findings = sorted({*findings, *flow.findings})
    if not texts:
        return {"text": ""}
    counts = [count(findings, "error"), count(findings, "warning")]
    return {"text": _as_lines(findings, folder) + "\n".join(texts), "checked": {str(path): counts}}


def _list_nodes(arguments: Mapping[str, Any], _environ: Mapping[str, str]) -> Answer:
    text = catalogue.as_text(catalogue.list_nodes([Path(path) for path in arguments["paths"]]))
    return {"text": _relative(text, arguments["folder"])}


def _check_connection(arguments: Mapping[str, Any], _environ: Mapping[str, str]) -> Answer:
    known = catalogue.list_nodes([Path(path) for path in arguments["paths"]])
    _, given = find_port(known, str(arguments["output"]), "output")
    _, wanted = find_port(known, str(arguments["input"]), "input")
    fit = check_ports(given, wanted)
    return {"text": f"{fit.verdict}: {fit.reason}\noutput: {given.description}\ninput: {wanted.description}"}


def _check_workflow(arguments: Mapping[str, Any], _environ: Mapping[str, str]) -> Answer:
    folder = arguments["folder"]
    try:
        report = check_workflow(Path(arguments["path"]), tuple(map(Path, arguments["paths"])))
    except Unreadable as unreadable:
        return {"text": _as_lines([unreadable.finding], folder)}
    drawn = drawing.workflow_as_mermaid(report.workflow)
    return {"text": f"{_as_lines(report.findings, folder)}{report.summary}\n\n{drawn}"}


def _lint_notebook(arguments: Mapping[str, Any], _environ: Mapping[str, str]) -> Answer:
    folder = arguments["folder"]
    try:
        report = lint_notebook(Path(arguments["path"]))
    except Unreadable as unreadable:
        return {"text": _as_lines([unreadable.finding], folder)}
    return {"text": f"{_as_lines(report.findings, folder)}{report.summary}"}


_ANSWERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Answer]] = {
    "check_node": _check_node,
    "look_at_file": _look_at_file,
    "list_nodes": _list_nodes,
    "check_connection": _check_connection,
    "check_workflow": _check_workflow,
    "lint_notebook": _lint_notebook,
}


def _as_lines(findings: list[Finding], folder: str) -> str:
    """The gravest findings, one a line."""
    ranked = sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), finding))
    more = f"… and {len(ranked) - _MAX_FINDINGS} more\n" if len(ranked) > _MAX_FINDINGS else ""
    return _relative(as_text(ranked[:_MAX_FINDINGS]), folder) + more


def _relative(text: str, folder: str) -> str:
    return text.replace(f"{folder.rstrip('/')}/", "")


def failed(error: Exception) -> str:
    """What is told where a question cannot be answered."""
    return str(error) if isinstance(error, AgentError) else f"{type(error).__name__}: {error}"
