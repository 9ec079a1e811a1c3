"""Which connections there are, from whom, and which of them has to go when there are too many.

A connection on which an identified caller's request runs stays. Any other may be closed for a newer one: the
oldest goes first, so that whoever opens many loses their own, and whoever sends a request at once is served.
"""

from __future__ import annotations

import sys
from typing import Protocol

if sys.platform != "win32":
    import resource

_MOST_DESCRIPTORS = 65_536
_OTHER_DESCRIPTORS = 128
"""For the database, the Hub, and what else a process has open."""
_MOST_BACKLOG = 2_048


class Closable(Protocol):
    """A connection, as `Peers` sees it."""

    def make_way(self) -> None:
        """Close, for a newer one."""
        ...


class Peers:
    """The connections of a server.

    Parameters
    ----------
    most
        At once, in all.
    most_of_one
        From one address, of those that may be closed.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._peers: dict[Closable, str] = {}
        # Dicts for their order: the first is the oldest.
        self._closable: dict[str, dict[Closable, None]] = {}

    def admit(self, connection: Closable, peer: str) -> bool:
        """Whether a new connection may stay; another is closed for it if need be."""
        if len(self._closable.get(peer, ())) >= self._most_of_one:
            self._close_oldest(peer)
        elif len(self._peers) >= self._most:
            if not self._closable:
                return False
            self._close_oldest(max(self._closable, key=lambda each: len(self._closable[each])))
        self._peers[connection] = peer
        self.release(connection)
        return True

    def _close_oldest(self, peer: str) -> None:
        oldest = next(iter(self._closable[peer]))
        self.leave(oldest)
        oldest.make_way()

    def keep(self, connection: Closable) -> None:
        """An identified caller's request runs on it."""
        peer = self._peers.get(connection)
        if peer is not None and peer in self._closable:
            self._closable[peer].pop(connection, None)
            if not self._closable[peer]:
                del self._closable[peer]

    def release(self, connection: Closable) -> None:
        """None does, or none does any more."""
        peer = self._peers.get(connection)
        if peer is not None:
            self._closable.setdefault(peer, {})[connection] = None

    def leave(self, connection: Closable) -> None:
        """It is closed, or about to be."""
        self.keep(connection)
        self._peers.pop(connection, None)


def raise_descriptor_limit() -> None:
    """Let this process have as many descriptors as it may, within reason."""
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def backlog() -> int:
    """How many connections may wait to be accepted: all that do may come at one go."""
    return min(_MOST_BACKLOG, _descriptors() // 4)


def most_connections(wanted: int) -> int:
    """So many of `wanted` as this process has descriptors for: two each, one of them to the upstream."""
    return max(1, min(wanted, (_descriptors() - _OTHER_DESCRIPTORS - backlog()) // 2))


def _descriptors() -> int:
    if sys.platform == "win32":
        return _MOST_DESCRIPTORS
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
