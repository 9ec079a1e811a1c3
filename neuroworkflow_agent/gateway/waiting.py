"""What requests ask of the ledger, from when they ask until they are told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.gateway.reservations import Reservation
from neuroworkflow_agent.gateway.store import Done, StoreUnavailableError
from neuroworkflow_agent.gateway.totals import Decided, Entry, Totals


@dataclass(slots=True)
class Pending:
    """What has been asked for and not done yet."""

    reservations: list[tuple[Reservation, asyncio.Future[Decided]]] = field(default_factory=list)
    questions: list[tuple[str, asyncio.Future[Totals]]] = field(default_factory=list)
    proofs: list[asyncio.Future[None]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    unkept: list[Entry] = field(default_factory=list)

    def answer(self, done: Done) -> list[str]:
        """Tell whoever asked; gives the ids of reservations that nobody waits for any more."""
        left = []
        for (reservation, waiting), decided in zip(self.reservations, done.decided, strict=True):
            if not waiting.done():
                waiting.set_result(decided)
            elif decided.is_granted:
                left.append(reservation.id)
        for account, question in self.questions:
            if not question.done():
                question.set_result(done.totals[account])
        for proof in self.proofs:
            if not proof.done():
                proof.set_result(None)
        return left

    def fail(self, why: str) -> None:
        """Tell whoever asked that nobody can say."""
        asked: list[asyncio.Future[Any]] = [each for _, each in self.reservations]
        asked += [each for _, each in self.questions]
        for waiting in asked + list(self.proofs):
            if not waiting.done():
                waiting.set_exception(StoreUnavailableError(why))
                waiting.exception()  # whoever waited may have gone


class Waiting:
    """What is asked of the ledger until it is done, and what is being done."""

    def __init__(self) -> None:
        self.reservations: list[tuple[Reservation, asyncio.Future[Decided]]] = []
        self.questions: list[tuple[str, asyncio.Future[Totals]]] = []
        self.proofs: list[asyncio.Future[None]] = []
        self.released: set[str] = set()
        self.unkept: list[Entry] = []
        """Entries that the journal did not take."""
        self._in_hand = Pending()
        self._written: dict[str, asyncio.Future[None]] = {}

    @property
    def has_jobs(self) -> bool:
        return bool(self.reservations or self.questions or self.proofs or self.released or self.unkept)

    def when_written(self, entry_id: str) -> asyncio.Future[None]:
        """Done when an entry is in the database, or nobody is to wait for that."""
        return self._written.setdefault(entry_id, asyncio.get_running_loop().create_future())

    def take(self, most: int) -> Pending:
        """Everything, but no more than `most` releases."""
        released = sorted(self.released)[:most]
        self.released.difference_update(released)
        self._in_hand = Pending(self.reservations, self.questions, self.proofs, released, self.unkept)
        self.reservations, self.questions, self.proofs, self.unkept = [], [], [], []
        return self._in_hand

    def take_back(self, pending: Pending, why: str) -> None:
        """It was not done, or nobody knows: a reservation may be there that nobody waits for."""
        pending.fail(why)
        self.released.update(pending.released, (reservation.id for reservation, _ in pending.reservations))
        self.unkept = [*pending.unkept, *self.unkept]

    def are_written(self, entries: list[Entry]) -> None:
        for entry in entries:
            written = self._written.pop(entry.id, None)
            if written is not None and not written.done():
                written.set_result(None)

    def fail(self, why: str) -> None:
        """Let nobody wait: questions have no answer, and entries are kept."""
        self._in_hand.fail(why)
        Pending(self.reservations, self.questions, self.proofs).fail(why)
        self.reservations, self.questions, self.proofs = [], [], []
        for written in self._written.values():
            if not written.done():
                written.set_result(None)
        self._written.clear()
