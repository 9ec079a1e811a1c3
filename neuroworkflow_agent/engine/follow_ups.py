"""Messages of the user's for the turn that runs, on their way into it.

Claude Code takes a user message in between two requests to its model, after the results of tools; one that it holds when a
turn ends becomes a turn of its own. So a message is kept here until a tool use is about to be answered, which another request
is sure to follow, and is the process's only from then on. A `FollowUps` belongs to its session, which says when a turn has ended.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.events import FollowUp

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.claude.process import ClaudeProcess


@dataclass(frozen=True, slots=True)
class _Message:
    event: FollowUp
    blocks: list[dict[str, Any]]


class FollowUps:
    """What the running turn is still to take in; from any thread, but for `hand_over`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = False
        self._waiting: list[_Message] = []
        self._given: dict[str, _Message] = {}
        """With the process, by the ids it knows them by, until it says that its model gets them."""

    def begin(self) -> None:
        """A turn begins."""
        with self._lock:
            self._is_open = True

    def add(self, event: FollowUp, blocks: list[dict[str, Any]]) -> bool:
        """Keep a message for the next tool use that is answered; False if no turn runs.

        Parameters
        ----------
        event
            What is told once it was taken in.
        blocks
            Its content blocks.
        """
        with self._lock:
            if self._is_open:
                self._waiting.append(_Message(event, blocks))
            return self._is_open

    def withdraw(self, message_id: str) -> bool:
        """Take a message back; False if the process has it."""
        with self._lock:
            self._waiting = [each for each in self._waiting if each.event.message_id != message_id]
            return all(each.event.message_id != message_id for each in self._given.values())

    async def hand_over(self, process: ClaudeProcess) -> None:
        """Give the process all of them, and return when it has them: a tool use is answered only then."""
        with self._lock:
            given = {str(uuid.uuid4()): message for message in self._waiting}
            self._given |= given
            self._waiting = []
        for process_id, message in given.items():
            process.send_user_message(message.blocks, follow_up=process_id)
        if given:
            await process.sent()

    async def get_back(self, process: ClaudeProcess) -> None:
        """Have the process drop what it was given, before something that ends the turn."""
        with self._lock:
            given, self._given = self._given, {}
        for process_id in given:
            process.cancel(process_id)
        if given:
            await process.sent()

    def take(self, process_ids: Iterable[str]) -> Iterator[FollowUp]:
        """What is to be told of those that the model now gets."""
        for process_id in process_ids:
            with self._lock:
                message = self._given.pop(process_id, None)
            if message is not None:
                yield message.event

    def end(self) -> bool:
        """Forget the rest, as the turn has ended; True if the process still has some of it."""
        with self._lock:
            has_some = bool(self._given)
            self._is_open, self._waiting, self._given = False, [], {}
        return has_some
