"""All that is remembered of one turn, so that it can be taken back."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.engine.permissions import QUESTION
from neuroworkflow_agent.events import ToolUse
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.state.effects import Effect
from neuroworkflow_agent.state.turn_files import TurnFiles
from neuroworkflow_agent.state.turn_variables import TurnVariables
from neuroworkflow_agent.tools.registry import CELL_EDITS, CELL_EXECUTE, RUN_CODE

if TYPE_CHECKING:
    from neuroworkflow_agent.state.turn_cells import TurnCells

_HARMLESS = frozenset(
    {
        "Read", "Glob", "Grep", "Skill", "Write", "Edit", RUN_CODE, *CELL_EDITS, QUESTION, "notebook_get", "notebook_search", "cell_get",
        "check_node", "list_nodes", "check_connection", "check_workflow", "lint_notebook", "inspect_variables", "verify_notebook", "code_wait", "code_stop", "ExitPlanMode", "TodoWrite", "TaskCreate", "TaskUpdate",
        "TaskGet", "TaskList", "Agent", "Task",
    }
)  # fmt: skip
"""Tools that change nothing, or only what is remembered."""
_OUTSIDE = "What code did outside the workspace's files and the kernel's variables is not looked at: network, other processes, other directories."
_NOTEBOOKS = "Notebook files that code wrote, and files below directories whose names begin with a dot, are not looked at."
_GONE = "The kernel that ran this turn is gone: cells and variables cannot be taken back, only files."


@dataclass(slots=True)
class TurnRecord:
    """One turn."""

    turn_id: TurnId
    prompt: str
    files: TurnFiles
    variables: TurnVariables | None = None
    """None where the turn was another process's, or code runs in another process."""
    cells: TurnCells | None = None
    is_of_this_process: bool = True
    calls: dict[str, None] = field(default_factory=dict)
    """Names of the tools it called."""
    is_prepared: bool = False
    """Whether something was read ahead."""
    ran_elsewhere: bool = False
    """Whether code of it was handed to a kernel that is asked for its variables."""
    is_partly_undone: bool = False

    def note(self, use: ToolUse) -> None:
        """It has called a tool."""
        self.calls[use.name] = None

    def end(self) -> None:
        """It has ended; waits for the disk."""
        self.files.end()
        if self.variables is not None:
            self.variables.end()

    @property
    def has_run_code(self) -> bool:
        """Whether it has called a tool that runs code."""
        return RUN_CODE in self.calls or CELL_EXECUTE in self.calls

    def limits(self, of_variables: Sequence[str]) -> list[str]:
        """What cannot be taken back, or was not looked at, in sentences; those about variables are given."""
        said = [*self.files.gaps, *of_variables]
        if not self.is_of_this_process:
            said.append(_GONE)
        if CELL_EXECUTE in self.calls:
            said.append("Outputs and numbers of the cells that were run stay.")
        if self.has_run_code:
            said.append(_NOTEBOOKS)
            said.append(_OUTSIDE)
        others = [name for name in self.calls if name not in _HARMLESS and name != CELL_EXECUTE]
        if others:
            said.append(f"What these tools did cannot be taken back: {', '.join(others)}.")
        return said

    async def cell_effects(self) -> list[Effect]:
        """Of its cells, on the engine's loop."""
        return await self.cells.effects() if self.cells is not None else []

    def take_back_variables(self, namespace: MutableMapping[str, Any], keys: Collection[str]) -> list[Effect]:
        """Put variables back; see `TurnVariables.take_back`."""
        return self.variables.take_back(namespace, keys) if self.variables is not None else []
