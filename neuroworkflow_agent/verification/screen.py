"""What a run of a whole notebook puts on the screen, where a cell may change what one above it shows. Pure."""

from __future__ import annotations

from neuroworkflow_agent.outputs import OutputChange, OutputList


class Screen:
    """The outputs of cells that run one after the other."""

    def __init__(self) -> None:
        self._cells: list[OutputList] = []

    def below(self) -> OutputList:
        """The outputs of the next cell, which from now on gets what is new."""
        self._cells.append(OutputList())
        return self._cells[-1]

    def apply(self, change: OutputChange) -> None:
        """Take in one change; new content of a display goes to every cell that shows it."""
        for each in self._cells if change["op"] == "update" else self._cells[-1:]:
            each.apply(change)
