"""A workflow with everything wrong with it, which draws itself in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroworkflow_agent.nodes.drawing import workflow_as_svg
from neuroworkflow_agent.nodes.findings import Finding, count, plural, summarise
from neuroworkflow_agent.nodes.noqa import keep, noqas_in
from neuroworkflow_agent.nodes.reports import as_text
from neuroworkflow_agent.nodes.rules import workflow as rules
from neuroworkflow_agent.nodes.rules.code import check_names
from neuroworkflow_agent.nodes.selection import Selections
from neuroworkflow_agent.nodes.workflow_reader import read_workflows
from neuroworkflow_agent.nodes.workflows import Script, Workflow


@dataclass(frozen=True)
class WorkflowReport:
    """What checking a workflow gave."""

    script: Script
    """What the file builds."""
    findings: list[Finding]
    """Sorted by file, place and code."""
    silenced: int = 0
    """How many more a `noqa` has taken."""
    ignored: int = 0
    """How many more the project does not want."""

    @property
    def workflow(self) -> Workflow:
        """The workflow as its file says it; the largest one if there are several."""
        return self.script.main

    @property
    def errors(self) -> int:
        return count(self.findings, "error")

    @property
    def summary(self) -> str:
        """One line: `2 nodes, 1 connection: 0 errors, 0 warnings`."""
        workflows = self.script.workflows
        nodes = sum(len(each.nodes) for each in workflows)
        connections = sum(len(each.connections) for each in workflows)
        several = f"{plural(len(workflows), 'workflow')}, " if len(workflows) > 1 else ""
        looked_at = f"{several}{plural(nodes, 'node')}, {plural(connections, 'connection')}"
        return f"{looked_at}: {summarise(self.findings, self.silenced, self.ignored)}"

    def __str__(self) -> str:
        return f"{as_text(self.findings)}{self.summary}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """In a notebook: the drawing, and what is wrong as text."""
        return {"text/plain": str(self), "image/svg+xml": workflow_as_svg(self.workflow)}


def check_workflow(path: Path, folders: tuple[Path, ...] = ()) -> WorkflowReport:
    """Read a workflow and say everything that is wrong with it.

    Parameters
    ----------
    folders
        As `read_workflows`.

    Raises
    ------
    Unreadable
        With the finding that says why.
    ConfigError
        If the project's selection of findings cannot work.
    """
    script = read_workflows(path, folders)
    noqas = {script.source.path: noqas_in(script.source)}
    found = sorted({*script.findings, *rules.check(script), *check_names(script.source)})
    kept = keep(found, noqas, Selections(), lambda code: code.startswith("NW7") or code == "NW015")
    return WorkflowReport(script, script.source.in_file(kept.findings), kept.silenced, kept.ignored)
