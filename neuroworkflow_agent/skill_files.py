"""Copies what others wrote as a skill: regular files inside it, a bounded number, and nothing else.

No link is followed by the system: a link's target is resolved first, must be inside, and is then opened part by part
from the folder without following links, so that what is exchanged meanwhile is refused and not read.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from neuroworkflow_agent.errors import AgentError

_MAX_ENTRIES = 2_000
_MAX_BYTES = 64 * 1024 * 1024
_CHUNK = 1024 * 1024
_IGNORED = "__pycache__"


class UnfitSkillError(AgentError):
    """A skill that cannot be taken; the message says what of it, as the end of a sentence."""


@dataclass(slots=True)
class Allowance:
    """How much the skills of one folder may still hold, together."""

    entries: int = _MAX_ENTRIES
    """Files and folders."""
    size: int = _MAX_BYTES
    """Bytes."""

    def take(self, entries: int, size: int) -> None:
        """Use some of it.

        Raises
        ------
        UnfitSkillError
            If that is more than is left.
        """
        self.entries -= entries
        self.size -= size
        if self.entries < 0 or self.size < 0:
            raise UnfitSkillError(
                f"holds too much: all skills together may have {_MAX_ENTRIES:,} files and {_MAX_BYTES // 2**20} MiB"
            )


def distrusted(found: os.stat_result) -> str | None:
    """Why a file or folder is not to be obeyed, as git's `safe.directory` has it; None if it may be."""
    if found.st_uid not in (os.getuid(), 0):
        return f"belongs to another user ({_user_name(found.st_uid)})"
    if found.st_mode & stat.S_IWOTH:
        return "can be written by everybody"
    if found.st_mode & stat.S_IWGRP and not _is_private_group(found.st_gid, found.st_uid):
        return "can be written by a group"
    return None


def real_path(path: Path) -> Path:
    """Where `path` leads; a loop of links is an `OSError`, as for the system (`Path.resolve` has a RuntimeError)."""
    return Path(os.path.realpath(path, strict=True))


def copy_skill(source: Path, inside: Path, target: Path, allowance: Allowance, *, trusted: bool) -> None:
    """Copy a skill.

    Parameters
    ----------
    source
        Its folder, or the flat Markdown file that becomes `SKILL.md`.
    inside
        The folder that nothing of it may lead out of.
    target
        Where to, a folder to be made.
    allowance
        What is left; lessened by what was copied.
    trusted
        Whether it may belong to anybody.

    Raises
    ------
    UnfitSkillError
        If something of it is not a regular file inside, or too much.
    OSError
        If it cannot be read or written.
    """
    real = real_path(source)
    if real.is_dir():
        if not real.is_relative_to(inside.resolve()):
            raise UnfitSkillError(f"is a link to '{real}', outside of the skills folder")
        _copy_folder(real, target, allowance, trusted=trusted)
    else:
        allowance.take(1, 0)
        target.mkdir(parents=True)
        _copy_file(source, inside.resolve(), target / "SKILL.md", allowance, trusted=trusted)


def _copy_folder(root: Path, target: Path, allowance: Allowance, *, trusted: bool) -> None:
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        if not trusted:
            refuse_distrusted(folder, folder.lstat())
        copy = target / folder.relative_to(root)
        copy.mkdir(parents=True)
        with os.scandir(folder) as entries:
            for entry in entries:
                allowance.take(1, 0)
                if entry.name.startswith(".") or entry.name == _IGNORED:
                    continue
                path = folder / entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    _copy_file(path, root, copy / entry.name, allowance, trusted=trusted)


def _copy_file(path: Path, root: Path, target: Path, allowance: Allowance, *, trusted: bool) -> None:
    with open_inside(path, root, trusted=trusted) as source, target.open("xb") as copy:
        while chunk := source.read(_CHUNK):
            allowance.take(0, len(chunk))
            copy.write(chunk)


@contextmanager
def open_inside(path: Path, root: Path, *, trusted: bool) -> Iterator[BinaryIO]:
    """A regular file below `root`, a real path, opened for reading; its links may not lead out of there.

    Parameters
    ----------
    trusted
        Whether it may belong to anybody.

    Raises
    ------
    UnfitSkillError
        If it is not such a file.
    OSError
        If it cannot be read.
    """
    real = real_path(path)
    if not real.is_relative_to(root):
        raise UnfitSkillError(f"has a link '{path.name}' that leads to '{real}', outside of it")
    if not stat.S_ISREG(real.lstat().st_mode):  # not opened at all: to open a device can do something
        raise UnfitSkillError(f"has '{path.name}', which is not a regular file")
    with os.fdopen(_open_below(root, real.relative_to(root).parts), "rb") as source:
        found = os.fstat(source.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UnfitSkillError(f"has '{path.name}', which is not a regular file")
        if not trusted:
            refuse_distrusted(real, found)
        yield source


def _open_below(root: Path, parts: tuple[str, ...]) -> int:
    """A file descriptor of `root/parts`, no part of which is a link."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
    finally:
        os.close(folder)


def refuse_distrusted(path: Path, found: os.stat_result) -> None:
    """Raise `UnfitSkillError` if a file or folder is not to be obeyed; see `distrusted`."""
    if why := distrusted(found):
        raise UnfitSkillError(f"is not trusted: '{path}' {why}")


def _is_private_group(gid: int, uid: int) -> bool:
    """Whether a group is the one that systems with umask 002 give each user, with nobody else in it."""
    try:
        group, owner = grp.getgrgid(gid), pwd.getpwuid(uid).pw_name
    except KeyError:
        return False
    return group.gr_name == owner and set(group.gr_mem) <= {owner}


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
