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
from neuroworkflow_agent.nodes.selection import Selections
from neuroworkflow_agent.nodes.workflows import Workflow, read_workflow


@dataclass(frozen=True)
class WorkflowReport:
    """What checking a workflow gave."""

    workflow: Workflow
    """The workflow as its file says it."""
    findings: list[Finding]
    """Sorted by file, place and code."""
    silenced: int = 0
    """How many more a `noqa` has taken."""
    ignored: int = 0
    """How many more the project does not want."""

    @property
    def errors(self) -> int:
        return count(self.findings, "error")

    @property
    def summary(self) -> str:
        """One line: `2 nodes, 1 connection: 0 errors, 0 warnings`."""
        nodes, connections = self.workflow.nodes, self.workflow.connections
        looked_at = f"{plural(len(nodes), 'node')}, {plural(len(connections), 'connection')}"
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
        As `read_workflow`.

    Raises
    ------
    Unreadable
        With the finding that says why.
    ConfigError
        If the project's selection of findings cannot work.
    """
    workflow = read_workflow(path, folders)
    noqas = {workflow.source.path: noqas_in(workflow.source)}
    found = sorted({*workflow.findings, *rules.check(workflow)})
    kept = keep(found, noqas, Selections(), lambda code: code.startswith("NW7"))
    return WorkflowReport(workflow, kept.findings, kept.silenced, kept.ignored)
