"""What a client can read and be told of without a tool: resources as values, and who is told of their changes.

`Subscriptions` owns a task for each resource that a client has asked to be told of. It ends with `remove`, with its
client, which is only held weakly, or with `aclose`.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from neuroworkflow_agent.errors import AgentError, ToolFailed

_MAX_OF_ONE = 100
_MAX = 1000
_LOOK_S = 30.0
"""How often a subscription looks whether its client is still there."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that can be read."""

    uri: str
    """Or a template of it, as RFC 6570 has it."""
    name: str
    mime_type: str
    description: str = ""


class Resources(Protocol):
    """What a server offers to be read."""

    templates: Sequence[Resource]

    async def listed(self) -> list[Resource]:
        """Those there are now."""

    async def read(self, uri: str) -> tuple[str, str]:
        """Mime type and text of one; raises `ToolFailed` if there is none."""

    async def changed(self, uri: str, timeout_s: float) -> bool:
        """Wait until it changes; False if it did not in time. Raises `ToolFailed` if there is none."""


Notify = Callable[[Any, str], Awaitable[None]]
"""Tells a client that a resource has changed."""


class Subscriptions:
    """Who is told of which resources.

    Parameters
    ----------
    resources
        What may change.
    notify
        Called with a client and the resource's URI after each change.
    """

    def __init__(self, resources: Resources, notify: Notify) -> None:
        self._resources = resources
        self._notify = notify
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}

    async def add(self, client: object, uri: str) -> None:
        """Tell `client` of changes from now on.

        Raises
        ------
        ToolFailed
            If there is no such resource, or the client asks for too many.
        """
        key = (id(client), uri)
        if key in self._tasks:
            return
        await self._resources.read(uri)
        of_client = sum(1 for owner, _ in self._tasks if owner == id(client))
        if of_client >= _MAX_OF_ONE or len(self._tasks) >= _MAX:
            raise ToolFailed(
                f"There are {of_client} subscriptions of this client, and {len(self._tasks)} of all. End some first."
            )
        task = asyncio.create_task(self._follow(weakref.ref(client), uri))
        self._tasks[key] = task
        task.add_done_callback(lambda ended: self._forget(key, ended))

    def remove(self, client: object, uri: str) -> None:
        """Tell `client` no more of it."""
        if task := self._tasks.pop((id(client), uri), None):
            task.cancel()

    async def aclose(self) -> None:
        """End all. Idempotent."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, client: weakref.ref[Any], uri: str) -> None:
        while client() is not None:
            try:
                has_changed = await self._resources.changed(uri, _LOOK_S)
            except AgentError:  # gone: who wants to know why reads it
                has_changed = True
            there = client()
            if there is None:
                return
            if has_changed:
                await self._notify(there, uri)
            del there
            await asyncio.sleep(0.05)

    def _forget(self, key: tuple[int, str], ended: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is ended:
            del self._tasks[key]
        if not ended.cancelled():
            ended.exception()  # a client that is gone is told nothing
