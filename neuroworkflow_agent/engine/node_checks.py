"""Node files of a turn are checked as soon as they are written, and the model is told in the same turn.

`NodeChecks` belongs to its session; it remembers what the current turn has checked, for its closing line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import OutsideWorkspaceError, ToolFailed
from neuroworkflow_agent.nodes.files import may_hold_node
from neuroworkflow_agent.nodes.findings import plural
from neuroworkflow_agent.text import one_line
from neuroworkflow_agent.tools.nodes import NodeTools
from neuroworkflow_agent.workspace import Workspace

_MAX_NOTICE_CHARS = 300


@dataclass(frozen=True, slots=True)
class _Checked:
    errors: int
    warnings: int
    state: tuple[int, int] | None
    """Time and size of the file as it was checked."""


class NodeChecks:
    """What is known of the node files of a turn.

    Parameters
    ----------
    workspace
        Where the files are.
    environ, secrets
        As `NodeTools`.
    tell
        Called with what the user should know of a file that was written.
    """

    def __init__(
        self,
        workspace: Workspace,
        environ: Callable[[], Mapping[str, str]],
        secrets: Callable[[], frozenset[str]] = frozenset,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._workspace = workspace
        self._tell = tell
        self.tools = NodeTools(workspace, environ, secrets, self.remember)
        """What the model may call; what they check is remembered too."""
        self._checked: dict[Path, _Checked] = {}

    def begin(self) -> None:
        """Forget the last turn."""
        self._checked.clear()

    def remember(self, path: Path, errors: int, warnings: int) -> None:
        """Note what the checker found in a file."""
        self._checked[path] = _Checked(errors, warnings, _state(path))

    @property
    def summary(self) -> str:
        """For the turn's closing line, such as `checked: 0 errors`; empty if no node was written or checked."""
        there = {path: each for path, each in self._checked.items() if _state(path) is not None}
        if not there:
            return ""
        parts = [plural(sum(each.errors for each in there.values()), "error")]
        if warnings := sum(each.warnings for each in there.values()):
            parts.append(plural(warnings, "warning"))
        if changed := sum(_state(path) != each.state for path, each in there.items()):
            parts.append(f"{plural(changed, 'file')} changed since")
        return f"checked: {', '.join(parts)}"

    async def look_at(self, path: Any) -> str:
        """What the model should know of a file it has written; empty if it is not a node."""
        file = self._node_file(path)
        if file is None or not await asyncio.to_thread(may_hold_node, file):
            return ""
        try:
            found = await self.tools.look_at_file(file)
        except ToolFailed as error:
            found = str(error)
        if not found:
            return ""
        checked = self._checked.get(file)
        if checked is None or checked.errors or checked.warnings:
            self._tell(one_line(f"The checker: {found.splitlines()[0]}", _MAX_NOTICE_CHARS))
        return _for_the_model(file, found)

    def _node_file(self, path: Any) -> Path | None:
        try:
            found = self._workspace.resolve(path) if isinstance(path, str) else None
        except OutsideWorkspaceError:
            return None
        return found if found is not None and found.suffix == ".py" else None


def _for_the_model(path: Path, found: str) -> str:
    return (
        f"The node checker looked at {path.name} (NeuroWorkflow, without running it):\n{found}\n"
        "Fix every error, and every warning you can, before you say that it is done. "
        "Whether a finding is silenced, by a noqa or in pyproject.toml, is for the user to decide."
    )


def _state(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
