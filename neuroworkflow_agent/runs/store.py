"""Where runs are kept: a directory for each key, and in it one for each start.

    agent-runs/3f9c0a2b41d87e65/1.part    a start that runs, or was killed
    agent-runs/3f9c0a2b41d87e65/1         one that ended and is not the result
    agent-runs/3f9c0a2b41d87e65/run       the result

Only renames of whole directories, which exist on every file system: `run` is there as a whole or not at all, and once
there no other can take its place. A `Store` owns nothing but the path.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuroworkflow_agent.errors import RunError

DIRECTORY = "agent-runs"
"""Its name in a workspace."""
RESULT = "run"
_PART = ".part"
_KEY = re.compile(r"[0-9a-f]{16}")
_ID = re.compile(r"([0-9a-f]{4,16})(?:\.(\d+))?")
_START = re.compile(r"(\d+)(\.part)?")


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of one start of a run."""

    path: Path

    @property
    def key(self) -> str:
        """Of what was asked."""
        return self.path.parent.name

    @property
    def run_id(self) -> str:
        """What a person calls it: the key, and for all but the result the number of the start."""
        return self.key if self.is_result else f"{self.key}.{self.path.name.removesuffix(_PART)}"

    @property
    def is_result(self) -> bool:
        """Whether it is what counts for its key."""
        return self.path.name == RESULT

    @property
    def has_ended(self) -> bool:
        """Whether all there is to be is there."""
        return not self.path.name.endswith(_PART)


class Store:
    """Runs below one directory.

    Parameters
    ----------
    root
        Made when the first run begins.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def result(self, key: str) -> Place | None:
        """The run that counts for a key; None if there is none yet."""
        place = Place(self.root / key / RESULT)
        return place if place.path.is_dir() else None

    def starts(self, key: str) -> int:
        """How often a run with this key was begun."""
        number = 0
        for name in _names(self.root / key):
            number += bool(_START.fullmatch(name)) or name == RESULT
        return number

    def begin(self, key: str) -> Place:
        """A new directory for a start; nobody else has it. Something has to be put into it before it is accepted.

        Raises
        ------
        RunError
            If it cannot be made.
        """
        home = self.root / key
        try:
            home.mkdir(parents=True, exist_ok=True)
            taken = [int(found[1]) for name in _names(home) if (found := _START.fullmatch(name))]
            number = max([*taken, len(_names(home))], default=0) + 1
            while True:
                with contextlib.suppress(FileExistsError):
                    (home / f"{number}{_PART}").mkdir(mode=0o700)
                    return Place(home / f"{number}{_PART}")
                number += 1
        except OSError as error:
            raise RunError(
                f"A run cannot be kept in '{self.root}': {error.strerror}. Give another directory."
            ) from error

    def accept(self, place: Place, *, again: bool = False) -> Place:
        """Make a start that has ended the result of its key, unless there is one; gives where it is now.

        Parameters
        ----------
        again
            Whether it takes the place of an earlier result, which is kept beside it.
        """
        result = place.path.with_name(RESULT)
        if again and result.is_dir():
            self._put_aside(result)
        try:
            place.path.rename(result)
            return Place(result)
        except OSError:  # there is one
            return self.put_aside(place)

    def put_aside(self, place: Place) -> Place:
        """Keep a start that has ended and does not count; gives where it is now."""
        return Place(place.path.rename(place.path.with_name(place.path.name.removesuffix(_PART))))

    def _put_aside(self, result: Path) -> None:
        number = 1
        while True:
            target = result.with_name(str(number))
            if not target.exists() and not result.with_name(f"{number}{_PART}").exists():
                with contextlib.suppress(OSError):
                    result.rename(target)
                    return
            if not result.is_dir():
                return
            number += 1

    def find(self, run_id: str) -> Place:
        """The run with this id, or the beginning of one.

        Raises
        ------
        RunError
            If there is none, or more than one.
        """
        found = _ID.fullmatch(run_id)
        keys = [name for name in self._keys() if found and name.startswith(found[1])]
        if len(keys) > 1:
            raise RunError(f"{run_id!r} is the beginning of {len(keys)} runs. Give more of it.")
        places = self.places(keys[0]) if keys else []
        chosen = [p for p in places if found and p.run_id.partition(".")[2] == (found[2] or "")]
        # Where there is no result, a key means its last start.
        if not chosen and (found is None or found[2] or not places):
            raise RunError(f"No run {run_id!r} in '{self.root}'. List them with 'runs list'.")
        return chosen[0] if chosen else places[-1]

    def places(self, key: str) -> list[Place]:
        """All starts of a key, the result last."""
        names = [n for n in _names(self.root / key) if n == RESULT or _START.fullmatch(n)]
        names.sort(key=lambda name: (name == RESULT, int(name.removesuffix(_PART)) if name != RESULT else 0))
        return [Place(self.root / key / name) for name in names]

    def newest(self, limit: int | None = None) -> Iterator[Place]:
        """Runs, those that were last begun or ended first."""
        changed: list[tuple[int, str]] = []
        for key in self._keys():
            with contextlib.suppress(OSError):
                changed.append(((self.root / key).stat().st_mtime_ns, key))
        count = 0
        for _, key in sorted(changed, reverse=True):
            for place in reversed(self.places(key)):
                if limit is not None and count >= limit:
                    return
                count += 1
                yield place

    def remove(self, place: Place) -> None:
        """Delete a run for good."""
        # Out of the way first, so that nobody sees half of it.
        doomed = place.path.with_name(f".{place.path.name}.{os.getpid()}.removed")
        place.path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
        with contextlib.suppress(OSError):
            place.path.parent.rmdir()

    def _keys(self) -> list[str]:
        return [name for name in _names(self.root) if _KEY.fullmatch(name)]


def _names(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(directory)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RunError(f"'{directory}' cannot be read: {error.strerror}.") from error
