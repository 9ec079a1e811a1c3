"""The directory tree the agent's file tools may touch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from neuroworkflow_agent.errors import KeyFileError, OutsideWorkspaceError


@dataclass(frozen=True, slots=True)
class Workspace:
    """One directory tree, and places beside it that may be read."""

    root: Path
    """Resolved, existing directory."""
    readable: tuple[Path, ...] = ()
    """Resolved directories that may be read but not written, such as the skills in use."""
    key_file: Path | None = None
    """A file that is never read or written, wherever it is."""

    def resolve(self, path: str, *, for_reading: bool = False) -> Path:
        """The real place `path` leads to, if that is inside.

        Symlinks, `..`, `~` and relative paths are resolved first, also where the last parts do not
        exist yet; relative paths start at the root. `..` behind a link is read in both ways that are in
        use, and both have to stay inside: the operating system follows the link first, while the CLI drops
        the link's name together with the `..`; what is returned is the CLI's reading.

        Raises
        ------
        OutsideWorkspaceError
            If the real place is outside, or the text cannot be a path.
        KeyFileError
            If it is `key_file`.
        """
        roots = (self.root, *self.readable) if for_reading else (self.root,)
        # Whoever exchanges links meanwhile makes this fail, in any of its steps.
        try:
            written = self.root / Path(path).expanduser()
            real, followed = (Path(os.path.realpath(p)) for p in (os.path.normpath(written), written))
            are_inside = all(any(_contains(root, place) for root in roots) for place in (real, followed))
        except (OSError, ValueError, RuntimeError) as error:
            raise OutsideWorkspaceError(path, self.root) from error
        if not are_inside:
            raise OutsideWorkspaceError(path, self.root)
        if self.key_file is not None and (
            _contains(self.key_file, real) or _contains(self.key_file, followed)
        ):
            raise KeyFileError(path, self.root)
        return real


def _contains(root: Path, path: Path) -> bool:
    """Whether `path` is `root` or below it, letter case as the platform compares it."""
    real_root, real_path = (os.path.normcase(os.path.realpath(p)) for p in (root, path))
    return real_path == real_root or real_path.startswith(real_root.rstrip(os.sep) + os.sep)
