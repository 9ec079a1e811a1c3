"""What a panel sends to the browser: few messages, small ones, in order.

An `Outbox` lives on the engine's loop. The first change after a pause is sent at once, so that a person does
not wait for it; what follows is gathered for `_INTERVAL_S`. `close` ends its timer and its tasks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.render.outputs import ShownPicture
from neuroworkflow_agent.surfaces.panel.patches import Item, Op

_INTERVAL_S = 0.042
"""At most 24 messages a second."""
_SNAPSHOT_CHARS = 400_000
SNAPSHOT_PAUSE_S = 0.5
"""A Jupyter server drops what comes faster than about 1 MB/s."""

Send = Callable[[dict[str, Any], list[bytes]], None]


class Outbox:
    """The way to every view of one panel.

    Parameters
    ----------
    send
        Sends a message to every view; from any thread.
    take_patch
        Gives what has changed since the last call.
    pause_s
        Between parts of a transcript.
    """

    def __init__(
        self, send: Send, take_patch: Callable[[], list[Op]], *, pause_s: float = SNAPSHOT_PAUSE_S
    ) -> None:
        self._pause_s = pause_s
        self._send = send
        self._take_patch = take_patch
        self._state: dict[str, Any] = {}
        self._changed: dict[str, Any] = {}
        self._seq = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()

    def set_state(self, **fields: Any) -> None:
        """Change what the panel says of itself."""
        for name, value in fields.items():
            if name not in self._state or self._state[name] != value:
                self._state[name] = self._changed[name] = value
        self.touch()

    def state(self, name: str) -> Any:
        """What the panel says of itself now."""
        return self._state.get(name)

    def touch(self) -> None:
        """Something has changed: send it soon."""
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait_s = max(0.0, self._sent_at + _INTERVAL_S - loop.time())
        self._timer = loop.call_later(wait_s, self.flush)

    def flush(self) -> None:
        """Send what has changed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ops, changed = self._take_patch(), self._changed
        if not ops and not changed:
            return
        self._changed = {}
        self._seq += 1
        self.post({"type": "patch", "seq": self._seq, "ops": ops, "state": changed})
        self._sent_at = asyncio.get_running_loop().time()

    def post(self, message: dict[str, Any], *buffers: bytes) -> None:
        """Send a message of another kind, at once."""
        self._send(message, list(buffers))

    def post_picture(self, picture: ShownPicture) -> None:
        """Send a picture."""
        message = {"type": "picture", "key": picture.key, "media_type": picture.media_type}
        self.post(message, picture.data)

    def post_snapshot(self, take: Callable[[], list[Item]], view: str | None) -> None:
        """Send the whole transcript to a view, or to all if `view` is None.

        Parameters
        ----------
        take
            Gives the items as of the last patch.
        """
        self.flush()
        task = asyncio.ensure_future(self._post_parts(take(), self._seq, dict(self._state), view))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Send nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    async def _post_parts(self, items: list[Item], seq: int, state: dict[str, Any], view: str | None) -> None:
        pieces = _pieces(items)
        for index, piece in enumerate(pieces):
            if index:
                await asyncio.sleep(self._pause_s)
            message = {"type": "snapshot", "view": view, "seq": seq, "part": index, "of": len(pieces)}
            self.post({**message, "items": piece, "state": state})


def _pieces(items: list[Item]) -> list[list[Item]]:
    """The items in runs that a server lets through."""
    pieces: list[list[Item]] = [[]]
    room = _SNAPSHOT_CHARS
    for item in items:
        size = len(json.dumps(item, default=str))
        if size > room and pieces[-1]:
            pieces.append([])
            room = _SNAPSHOT_CHARS
        pieces[-1].append(item)
        room -= size
    return pieces
