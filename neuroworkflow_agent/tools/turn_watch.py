"""Who is told of what a turn is about to change, so that it can be taken back. All methods are called on the engine's loop."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from neuroworkflow_agent.kernels.base import NameChanges


class TurnWatch(Protocol):
    """Told before and after each change; what it cannot remember ends no turn."""

    async def before_write(self, path: Path) -> None:
        """A tool is about to write a file of the workspace."""

    async def after_write(self, path: Path) -> None:
        """It has written it, or has failed to."""

    async def before_code(self) -> None:
        """Code is about to be handed to the kernel."""

    async def changes(self) -> NameChanges | None:
        """What the code that has just run did to names, where its kernel does not say; None if that is not known."""

    async def after_code(self) -> None:
        """It has ended."""


class Unwatched(TurnWatch):
    """Nobody remembers anything."""

    async def before_write(self, path: Path) -> None:
        pass

    async def after_write(self, path: Path) -> None:
        pass

    async def before_code(self) -> None:
        pass

    async def changes(self) -> None:
        pass

    async def after_code(self) -> None:
        pass
