"""The directory tree the agent's file tools may touch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from neuroworkflow_agent.errors import OutsideWorkspaceError


@dataclass(frozen=True, slots=True)
class Workspace:
    """One directory tree, and places beside it that may be read."""

    root: Path
    """Resolved, existing directory."""
    readable: tuple[Path, ...] = ()
    """Resolved directories that may be read but not written, such as the skills in use."""

    def resolve(self, path: str, *, for_reading: bool = False) -> Path:
        """The real place `path` leads to, if that is inside.

        Symlinks, `..`, `~` and relative paths are resolved first, also where the last parts do not
        exist yet; relative paths start at the root.

        Raises
        ------
        OutsideWorkspaceError
            If the real place is outside, or the text cannot be a path.
        """
        roots = (self.root, *self.readable) if for_reading else (self.root,)
        # Whoever exchanges links meanwhile makes this fail, in any of its steps.
        try:
            real = Path(os.path.realpath(self.root / Path(path).expanduser()))
            is_inside = any(_contains(root, real) for root in roots)
        except (OSError, ValueError, RuntimeError) as error:
            raise OutsideWorkspaceError(path, self.root) from error
        if not is_inside:
            raise OutsideWorkspaceError(path, self.root)
        return real


def _contains(root: Path, path: Path) -> bool:
    """Whether `path` is `root` or below it, letter case as the platform compares it."""
    real_root, real_path = (os.path.normcase(os.path.realpath(p)) for p in (root, path))
    return real_path == real_root or real_path.startswith(real_root.rstrip(os.sep) + os.sep)
