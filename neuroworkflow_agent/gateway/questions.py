"""Whose question to the Hub is next, when many want to know whose a token is.

Questions about tokens that were good a while ago go first; others in turn by the address they came from, so that
made-up tokens hold up those who sent them. An address that shows many wrong ones is asked about slowly.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from cachetools import LRUCache

from neuroworkflow_agent.gateway.api_errors import ApiError

_AT_ONCE = 32
_AT_ONCE_OF_ONE = 8
_MAX_WAITING = 1_000
_WRONG_AT_ONCE = 50
_WRONG_PER_S = 5.0
_MAX_PEERS = 10_000
_KNOWN = ""
"""In place of an address, for tokens that were good a while ago."""


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A question's place in the queue."""

    peer: str
    turn: asyncio.Future[None]
    """Done when it may be asked."""


class Questions:
    """A bounded queue, fair to every address.

    Parameters
    ----------
    waiting_of_one
        Most questions of one address that wait.
    """

    def __init__(self, waiting_of_one: int, timer: Callable[[], float] = monotonic) -> None:
        self._waiting_of_one = waiting_of_one
        self._queues: OrderedDict[str, deque[Place]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._timer = timer
        self._wrong: LRUCache[str, tuple[float, float]] = LRUCache(_MAX_PEERS)

    def enter(self, peer: str | None) -> Place:
        """A place for a question of `peer`, to be left with `leave`; None if its token was good a while ago.

        Raises
        ------
        ApiError
            503 if too many wait, 429 if too many of this address do or were wrong.
        """
        if peer is not None:
            self._check(peer)
        place = Place(_KNOWN if peer is None else peer, asyncio.get_running_loop().create_future())
        self._queues.setdefault(place.peer, deque()).append(place)
        self._let_next()
        return place

    async def wait(self, place: Place) -> None:
        """Return when it may be asked.

        Raises
        ------
        ApiError
            429 if too many of its address were wrong meanwhile.
        """
        await place.turn
        self._check_wrong(place.peer)

    def leave(self, place: Place) -> None:
        """It is answered, or nobody wants to know any more."""
        if place in (queue := self._queues.get(place.peer, deque())):
            queue.remove(place)
            if not queue:
                del self._queues[place.peer]
        else:
            self._running[place.peer] -= 1
            if not self._running[place.peer]:
                del self._running[place.peer]
            self._let_next()

    def was_wrong(self, place: Place) -> None:
        """Its token is nobody's."""
        self._wrong[place.peer] = self._count_of_wrong(place.peer) + 1, self._timer()

    def _check(self, peer: str) -> None:
        self._check_wrong(peer)
        if len(self._queues.get(peer, ())) >= self._waiting_of_one:
            raise _refused(429, "Too many tokens of this address are being checked; try again soon.", 2)
        if sum(map(len, self._queues.values())) >= _MAX_WAITING:
            raise _refused(503, "Too many tokens are being checked; try again soon.", 2)

    def _check_wrong(self, peer: str) -> None:
        if peer != _KNOWN and self._count_of_wrong(peer) >= _WRONG_AT_ONCE:
            raise _refused(429, "Too many unknown tokens came from this address; try again soon.", 1)

    def _count_of_wrong(self, peer: str) -> float:
        """How many there were, each forgotten after a while."""
        count, since = self._wrong.get(peer, (0.0, 0.0))
        return max(0.0, count - (self._timer() - since) * _WRONG_PER_S)

    def _let_next(self) -> None:
        """Give turns to whoever may have one now."""
        while self._running.total() < _AT_ONCE and (peer := self._next()) is not None:
            queue = self._queues.pop(peer)
            if not (place := queue.popleft()).turn.done():
                place.turn.set_result(None)
            self._running[peer] += 1
            if queue:  # behind the others
                self._queues[peer] = queue

    def _next(self) -> str | None:
        if _KNOWN in self._queues:
            return _KNOWN
        return next((peer for peer in self._queues if self._running[peer] < _AT_ONCE_OF_ONE), None)


def _refused(status: int, message: str, retry_s: int) -> ApiError:
    return ApiError(status, message, reason="questions", headers={"retry-after": str(retry_s)})
