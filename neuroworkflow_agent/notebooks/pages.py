"""The pages in which the kernel's notebook is open, and what is asked of them.

`Pages` belongs to a kernel and lives on the engine's loop. Messages go to every page, as Jupyter sends them; what is
asked names the one page that is meant. It owns the questions that wait for an answer, and nothing that has to be closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from neuroworkflow_agent.errors import NotebookError
from neuroworkflow_agent.text import one_line

_FIRST_S = (10.0,)
"""How long a page may take that was told of us, and has to load our module first."""
_UNLIKELY_S = (2.0,)
"""The same, where nobody may be there."""
_LOST_S = (2.0, 4.0, 8.0)
"""The same, where a page has answered before: it may be loading, and is told each time."""
_WHO_S = 2.0
_OTHERS_S = 0.3
"""How long a page is waited for beside others that have answered, where it may not be there."""
_ANSWER_S = 4.0
_LONGEST_S = 30.0
_TROUBLE_CHARS = 200
_PART_CHARS = 400_000
_PART_PAUSE_S = 0.5
"""A Jupyter server drops what comes faster than about 1 MB/s."""

NOBODY = (
    "No page of the notebook answers. Its cells can be edited while it is open in JupyterLab or Notebook 7."
)

Message = dict[str, Any]


class NoPageError(NotebookError):
    """No page answers that shows the notebook."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Where a request of the user's came from, as far as that is known."""

    client: str = ""
    """Id of the page's connection to the kernel."""
    cell: str = ""
    """Id of the cell that asks; it runs meanwhile."""
    is_page: bool = False
    """Whether it was surely a page, which answers once it has loaded our module."""


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A page that has answered."""

    page: str
    client: str
    path: str
    """Of its notebook, on the server."""
    used_at: float
    """When a person last did something there, in ms."""
    has_cell: bool
    """Whether the notebook has the cell that was asked about."""


class Pages:
    """The pages of one kernel.

    Parameters
    ----------
    send
        Sends a message to every page; from the engine's loop. Raises `NoPageError` if there is no way to.
    announce
        Has every page load our module, and say that it is there.
    """

    def __init__(self, send: Callable[[Message], None], announce: Callable[[], Awaitable[None]]) -> None:
        self._send = send
        self._announce = announce
        self._waiting: dict[str, asyncio.Queue[Message]] = {}
        self.arrived = asyncio.Event()
        """Set when a page has said that it is there since it was last announced to."""
        self._has_answered = self._was_told = False
        self._silent: set[str] = set()
        """Clients that have asked and have not answered, as where their page was loaded anew."""

    def receive(self, message: Message) -> None:
        """Take in a message of a page's; on the engine's loop."""
        if message.get("type") == "here":
            self._silent.discard(str(message.get("client")))
            self._has_answered = self._has_answered or bool(message.get("is_notebook"))
            self.arrived.set()
        queue = self._waiting.get(str(message.get("request")))
        if queue is not None:
            queue.put_nowait(message)

    async def find(self, asker: Asker, path: str = "") -> OpenPage:
        """The page that a request came from, or else the one of its notebook that was used last.

        Parameters
        ----------
        asker
            Where the request came from.
        path
            The notebook that is meant, once that is known; else it is the one that holds the cell that asks.

        Raises
        ------
        NoPageError
            If no page of that notebook answers.
        """
        # A page that is loaded while a cell runs learns of us only by being told anew.
        for wait_s in self._patience_s(asker):
            if self.arrived.is_set() and (meant := await self._meant(asker, path)) is not None:
                return meant
            self.arrived.clear()
            await self._announce()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.arrived.wait()
        meant = await self._meant(asker, path) if self.arrived.is_set() else None
        if meant is None:
            self._has_answered = False  # so that the next one to ask need not wait as long
            raise NoPageError(NOBODY)
        return meant

    def _patience_s(self, asker: Asker) -> tuple[float, ...]:
        if self._has_answered:
            return _LOST_S
        was_told, self._was_told = self._was_told, True
        return _FIRST_S if asker.is_page and not was_told else _UNLIKELY_S

    async def _meant(self, asker: Asker, path: str) -> OpenPage | None:
        """Ask who is there; the page that is meant, if it is."""
        loop = asyncio.get_running_loop()
        found: list[OpenPage] = []
        deadline = loop.time() + _WHO_S
        # Two tabs show one notebook, and the one that asked may be the slower one.
        is_expected = asker.is_page and asker.client not in self._silent
        with _Question(self._waiting) as question:
            self._send({"type": "who", "request": question.name, "cell": asker.cell})
            while (left := deadline - loop.time()) > 0:
                try:
                    async with asyncio.timeout(left):
                        message = await question.answers.get()
                except TimeoutError:
                    break
                if message.get("type") != "here" or not message.get("is_notebook"):
                    continue
                page = _read(message)
                if _is_meant(page, asker, path) and page.client == asker.client:
                    return page
                if not found and not is_expected:
                    deadline = min(deadline, loop.time() + _OTHERS_S)
                found.append(page)
        if found and is_expected:
            self._silent.add(asker.client)
        meant = [page for page in found if _is_meant(page, asker, path)]
        if len({page.path for page in meant}) > 1:  # notebooks may share a kernel
            return None
        return max(meant, key=lambda page: page.used_at, default=None)

    async def ask(self, page: OpenPage, kind: str, **fields: Any) -> Message:
        """Ask something of one page.

        Raises
        ------
        NoPageError
            If it is gone, or does not answer.
        NotebookError
            If it cannot do that.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LONGEST_S
        with _Question(self._waiting) as question:
            await self._put({"type": kind, "request": question.name, "page": page.page, **fields})
            while loop.time() < deadline:
                try:
                    async with asyncio.timeout(_ANSWER_S):
                        answer = await question.answers.get()
                except TimeoutError:
                    await self._require(page)  # it may be slow
                    continue
                if "trouble" in answer:
                    trouble = one_line(str(answer["trouble"]), _TROUBLE_CHARS)
                    raise NotebookError(f"The page cannot do that: {trouble}.")
                return answer
        raise NoPageError(NOBODY)

    async def _require(self, page: OpenPage) -> None:
        found = await self._meant(Asker(page.client, is_page=True), page.path)
        if found is None or found.page != page.page:
            raise NoPageError(NOBODY)

    async def _put(self, message: Message) -> None:
        text = json.dumps(message)
        if len(text) <= _PART_CHARS:
            self._send(message)
            return
        name, page = uuid.uuid4().hex, message["page"]
        for start in range(0, len(text), _PART_CHARS):
            if start:
                await asyncio.sleep(_PART_PAUSE_S)
            part, is_last = text[start : start + _PART_CHARS], start + _PART_CHARS >= len(text)
            self._send({"type": "part", "page": page, "id": name, "text": part, "is_last": is_last})


class _Question:
    """A question, while answers to it are waited for."""

    def __init__(self, waiting: dict[str, asyncio.Queue[Message]]) -> None:
        self._waiting = waiting
        self.name = uuid.uuid4().hex
        self.answers: asyncio.Queue[Message] = asyncio.Queue()

    def __enter__(self) -> Self:
        self._waiting[self.name] = self.answers
        return self

    def __exit__(self, *_exception: object) -> None:
        del self._waiting[self.name]


def _read(message: Message) -> OpenPage:
    used_at = message.get("used_at")
    return OpenPage(
        str(message.get("page")),
        str(message.get("client")),
        str(message.get("path")),
        used_at if isinstance(used_at, int | float) else 0.0,
        bool(message.get("has_cell")),
    )


def _is_meant(page: OpenPage, asker: Asker, path: str) -> bool:
    """Whether a page shows the notebook that is meant."""
    if path:
        return page.path == path
    return page.has_cell or not asker.cell
