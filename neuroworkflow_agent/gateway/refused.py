"""Connections that are refused before a request of theirs reaches the app, or given up: counted all, logged a few.

Anybody can have as many of them refused as they like, so a line is written for each reason at most every some
seconds, with how many there were.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Literal, TypeAlias

from prometheus_client import CollectorRegistry, Counter

Reason: TypeAlias = Literal[
    "crowded", "headers", "http", "late", "length", "pipelined", "target", "unread", "version"
]
_EVERY_S = 10.0

_access = logging.getLogger("neuroworkflow_agent.gateway.access")


@dataclass(slots=True)
class _Told:
    """What was last said of a reason."""

    at: float
    since: int = 0
    """How many there were since then."""


class RefusedConnections:
    """Counts and logs them.

    Parameters
    ----------
    registry
        Where they are counted for Prometheus.
    now_text
        The time, as the log has it.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        now_text: Callable[[], str],
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._counter = Counter(
            "neuroworkflow_gateway_connections_refused",
            "Connections that were refused or given up.",
            ["reason"],
            registry=registry,
        )
        self._now_text = now_text
        self._timer = timer
        self._told: dict[str, _Told] = {}

    def add(self, reason: Reason, status: int, peer: str) -> None:
        """One more.

        Parameters
        ----------
        reason
            Why, one word.
        status
            What its caller was told, if anything could be said.
        peer
            Its address.
        """
        self._counter.labels(reason).inc()
        now = self._timer()
        last = self._told.get(reason)
        if last is not None and now - last.at < _EVERY_S:
            last.since += 1
            return
        count = 1 + (last.since if last is not None else 0)
        self._told[reason] = _Told(now)
        fields = {
            "time": self._now_text(),
            "purpose": "connection",
            "peer": peer,
            "status": status,
            "outcome": "refused",
            "reason": reason,
            "count": count,
        }
        _access.info("%s", json.dumps(fields))
