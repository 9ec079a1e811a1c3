"""Which cell is next or served, and the cells that wait behind it. Pure.

A prompt holds the cells behind it until the agent is done; so does code whose failure its kernel hides, until it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroworkflow_agent.surfaces.chat_kernel.cell import Cell
from neuroworkflow_agent.surfaces.chat_kernel.wire import Frames, Message


class Order:
    """One such cell at a time."""

    def __init__(self) -> None:
        self.request: Message | None = None
        """What was sent; None while there is none."""
        self.cell: Cell | None = None
        """The prompt, if it is one."""
        self.reply: Message | None = None
        """What the subkernel has said to the prompt; from then on the agent serves it."""
        self.idle: Frames | None = None
        """Its word that it is done with it."""
        self._held: list[tuple[Message, Frames]] = []

    @property
    def is_served(self) -> bool:
        """Whether the agent is at the prompt."""
        return self.cell is not None and self.reply is not None

    def begin(self, request: Message, cell: Cell | None = None) -> None:
        """Another one is next; a prompt with its cell."""
        self.request, self.cell, self.reply, self.idle = request, cell, None, None

    def is_about(self, header: Mapping[str, Any]) -> bool:
        """Whether this is its header."""
        return self.request is not None and header.get("msg_id") == self.request.id

    def is_about_prompt(self, header: Mapping[str, Any]) -> bool:
        """Whether this is its header, and it is a prompt."""
        return self.cell is not None and self.is_about(header)

    def holds(self, message: Message, frames: Frames) -> bool:
        """Keep a cell behind it; False if there is none."""
        if self.request is not None:
            self._held.append((message, frames))
        return self.request is not None

    def end(self) -> list[tuple[Message, Frames]]:
        """It is done with; the cells behind it."""
        self.request = self.cell = self.reply = self.idle = None
        held, self._held = self._held, []
        return held
