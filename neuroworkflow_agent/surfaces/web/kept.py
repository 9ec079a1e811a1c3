"""What is kept of a workspace's chats beside their sessions: which stand first, which were begun here, and where their code runs.

That a chat was begun is written before its first message goes on: if the server is killed then, the chat is still listed, by its log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.private_files import one_at_a_time, write_private
from neuroworkflow_agent.surfaces.web.places import Place, decoded

_MAX_BYTES = 1_000_000
_MAX_PLACES = 500
_MAX_BEGUN = 200
"""The newest; those that have a transcript are found by that."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the file says; sessions by their ids."""

    pinned: tuple[str, ...] = ()
    """Chats that stand first."""
    begun: tuple[str, ...] = ()
    """Chats in which something was said, the latest last."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where the code of chats runs, but for the usual place, the latest last."""

    def place(self, session_id: str) -> Place:
        """Where the code of a chat runs."""
        return self.places.get(session_id, Place())


class KeptFile:
    """Reads and writes a file of the user's own, beside other servers that do. From any thread that may wait.

    Parameters
    ----------
    workspace
        Whose chats.
    """

    def __init__(self, workspace: Path) -> None:
        self._name = hashlib.sha256(str(workspace).encode()).hexdigest()

    def read(self) -> Kept:
        """What it says; nothing where it cannot be read."""
        try:
            with self._path().open("rb") as file:
                given: Any = json.loads(file.read(_MAX_BYTES))
            places = {str(name): decoded(place) for name, place in given.get("places", {}).items()}
            return Kept(tuple(map(str, given["pinned"])), tuple(map(str, given["begun"])), places)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return Kept()

    def pin(self, session_id: str, *, is_pinned: bool) -> None:
        """Have a chat stand first, or no longer.

        Raises
        ------
        OSError
            If that cannot be written.
        ConfigError
            If there is no place for it.
        """
        with one_at_a_time(state_directory("web")):
            before = self.read()
            others = _without(before.pinned, session_id)
            self._write(before, replace(before, pinned=(*others, session_id) if is_pinned else others))

    def begin(self, session_id: str, place: Place = Place()) -> None:  # noqa: B008 - it is frozen
        """Something is about to be said in a chat whose code runs there; raises as `pin`."""
        with one_at_a_time(state_directory("web")):
            before = self.read()
            begun = (*_without(before.begun, session_id), session_id)
            places = {name: each for name, each in before.places.items() if name != session_id}
            if place != Place():
                places[session_id] = place
            latest = dict(list(places.items())[-_MAX_PLACES:])
            self._write(before, replace(before, begun=begun[-_MAX_BEGUN:], places=latest))

    def forget(self, session_id: str) -> None:
        """A chat was deleted; raises as `pin`."""
        with one_at_a_time(state_directory("web")):
            before = self.read()
            places = {name: each for name, each in before.places.items() if name != session_id}
            self._write(
                before, Kept(_without(before.pinned, session_id), _without(before.begun, session_id), places)
            )

    def _write(self, before: Kept, after: Kept) -> None:
        if after != before:
            places = {name: place.encoded() for name, place in after.places.items()}
            told = {"pinned": after.pinned, "begun": after.begun, "places": places}
            write_private(self._path(), json.dumps(told).encode())

    def _path(self) -> Path:
        return state_directory("web") / f"{self._name}.json"


def _without(ids: tuple[str, ...], session_id: str) -> tuple[str, ...]:
    return tuple(each for each in ids if each != session_id)
