"""Folders of a `.claude` that are used: skills, contexts. A workspace's where nobody else can write them, and ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from neuroworkflow_agent.directories import user_home
from neuroworkflow_agent.skill_files import distrusted, real_path


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """What the search for a workspace's folder came to."""

    directory: Path | None
    """The one to be used; None if there is none."""
    skipped: tuple[str, ...]
    """Those that were passed over and why, a sentence each."""


def find_claude_folder(workspace: Path, name: str, *, advice: str = "") -> FoundFolder:
    """The nearest trusted `.claude/NAME`, from the workspace up to its repository's root or the user's home.

    Where neither is above the workspace, only the workspace itself is looked at.

    Parameters
    ----------
    name
        What is in it, such as `skills`.
    advice
        Said of each that is passed over.
    """
    skipped: list[str] = []
    for directory in _searched(workspace):
        candidate = directory / ".claude" / name
        try:
            if not candidate.is_dir():
                continue
            why = _unusable(candidate, directory)
        except OSError as error:
            why = f"cannot be read ({error.strerror})"
        if why is None:
            return FoundFolder(candidate, tuple(skipped))
        skipped.append(f"{name.capitalize()} in '{candidate}' were skipped: it {why}. {advice}".rstrip())
    return FoundFolder(None, tuple(skipped))


def bundled_folder(name: str) -> Path | None:
    """What comes with this package: inside it where it was installed, beside it in its repository."""
    package = Path(__file__).parent
    places = (package / f"bundled_{name}", package.parent / ".claude" / name)
    return next((place for place in places if place.is_dir()), None)


def _searched(workspace: Path) -> list[Path]:
    home = user_home()
    home = home.resolve() if home else None
    upwards = [workspace, *workspace.parents]
    for count, directory in enumerate(upwards, 1):
        if directory == home or os.path.lexists(directory / ".git"):
            return upwards[:count]
    return [workspace]


def _unusable(candidate: Path, directory: Path) -> str | None:
    real = real_path(candidate)
    if not real.is_relative_to(directory.resolve()):
        return f"is a link to '{real}'"
    if not os.access(real, os.R_OK | os.X_OK):
        return "cannot be read"
    return distrusted(candidate.parent.stat()) or distrusted(real.stat())
