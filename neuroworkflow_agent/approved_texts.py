"""Texts that the user has read and approved, kept by their hashes in the user's state directory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.errors import ConfigError, sentence
from neuroworkflow_agent.private_files import one_at_a_time, write_private

_MAX_KEPT = 50
"""Texts of one file, the latest."""


class ApprovedTexts:
    """The approved texts of one kind, each of one file.

    Parameters
    ----------
    kind
        Names the file that they are kept in.
    """

    def __init__(self, kind: str) -> None:
        self._name = f"approved-{kind}.json"

    def has(self, path: Path, text: str) -> bool:
        """Whether the user has approved a file with this text."""
        return _hash(text) in self._read().get(os.path.realpath(path), ())

    def add(self, path: Path, text: str) -> None:
        """Keep that they have; the same text is not asked about again, whatever the file holds meanwhile.

        Raises
        ------
        ConfigError
            If that cannot be kept.
        """

        def added(approved: dict[str, list[str]]) -> None:
            name, one = os.path.realpath(path), _hash(text)
            others = [each for each in approved.get(name, ()) if each != one]
            approved[name] = [*others, one][-_MAX_KEPT:]

        self._change(added)

    def remove(self, path: Path) -> bool:
        """Forget every text of a file; says whether anything was approved.

        Raises
        ------
        ConfigError
            If that cannot be kept.
        """
        name = os.path.realpath(path)
        was_approved = name in self._read()
        if was_approved:
            self._change(lambda approved: approved.pop(name, None))
        return was_approved

    def _read(self) -> dict[str, list[str]]:
        """The hashes of each file's approved texts."""
        try:
            found = json.loads((state_directory() / self._name).read_text(encoding="utf-8"))
        except (OSError, ValueError, ConfigError, RecursionError):
            return {}
        given = found.items() if isinstance(found, dict) else ()
        return {str(key): [str(each) for each in _listed(value)] for key, value in given}

    def _change(self, change: Callable[[dict[str, list[str]]], object]) -> None:
        try:
            with one_at_a_time(state_directory()):
                approved = self._read()
                change(approved)
                write_private(state_directory() / self._name, json.dumps(approved, indent=1).encode())
        except OSError as error:
            raise ConfigError(f"The approval cannot be kept: {sentence(error)}") from error


def _listed(value: object) -> list[object]:
    """Several hashes, or the one that was kept in their place before."""
    return value if isinstance(value, list) else [value]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
