"""The chats of one workspace, as pages see them: listed, begun, opened, renamed, pinned, copied, deleted.

`Chats` lives on the engine's loop until `aclose`. It owns the chats that are open and the task that looks after them: those that
nobody has used for long lose their kernels, or are closed; they come back when they are needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude.memory import is_memory_short
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import AgentError, ConfigError, SessionBusyError
from neuroworkflow_agent.ids import SessionId, new_session_id
from neuroworkflow_agent.surfaces.chat import BUSY
from neuroworkflow_agent.surfaces.session_kernel import Running, kernel_of_session, running_of_user
from neuroworkflow_agent.surfaces.web.kept import KeptFile
from neuroworkflow_agent.surfaces.web.listing import delete_chat, list_chats, stored_chat
from neuroworkflow_agent.surfaces.web.places import Place, Places
from neuroworkflow_agent.surfaces.web.streams import Stream, encode
from neuroworkflow_agent.surfaces.web.web_chat import WebChat
from neuroworkflow_agent.text import redact

Row = dict[str, Any]

MAX_OPEN = 50
IDLE_S = 3600.0
"""After which an unused chat's kernel is ended."""
MAX_READY = 8
"""How many idle chats have a process of the agent's that waits for the next message; one takes over 200 MB."""
_SHORT_IDLE_S = 600.0
"""As `IDLE_S`, where memory is short."""
_LOOK_EVERY_S = 30.0
_MAX_TITLE_CHARS = 200
_GATHERED_S = 0.2
"""How long changes of the list are gathered."""


class Chats:
    """All chats of a workspace.

    Parameters
    ----------
    config
        Their settings.
    portal
        The worker thread.
    running
        Tells of notebooks that have kernels; by default those on servers of this user's.
    idle_s
        As `IDLE_S`.
    most
        How many there may be open.
    """

    def __init__(
        self,
        config: AgentConfig,
        portal: Portal,
        *,
        running: Running | None = None,
        idle_s: float = IDLE_S,
        most: int = MAX_OPEN,
    ) -> None:
        self._config = config
        self._portal = portal
        self._idle_s = idle_s
        self._most = most
        self._running = running or running_of_user(config)
        self._places = Places(config.workspace, self._running)
        self._kept = KeptFile(config.workspace)
        self._open: list[WebChat] = []
        self._streams: set[Stream] = set()
        self._opening = asyncio.Lock()
        self._telling: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking = asyncio.ensure_future(self._look_after())

    # -- one of them ----------------------------------------------------------------------------------

    async def places(self) -> dict[str, Any]:
        """Where the code of a new chat may run."""
        kernels, notebooks = await asyncio.gather(
            asyncio.to_thread(self._places.kernels), asyncio.to_thread(self._places.notebooks)
        )
        return {"kernels": kernels, "notebooks": notebooks}

    async def begin(self, place: Place = Place()) -> WebChat:  # noqa: B008 - it is frozen
        """A new chat; one in which nothing was said yet and that nobody looks at is taken again.

        Raises
        ------
        ConfigError
            If too many are at work, or its code cannot run there.
        """
        if place != Place():
            await asyncio.to_thread(self._places.checked, place)
        async with self._opening:
            for chat in self._open:
                if chat.place == place and not (chat.title or chat.is_busy or chat.is_shown):
                    return chat
            return await self._add(new_session_id(), place, is_stored=False)

    async def get(self, session_id: str) -> WebChat:
        """The chat with this session.

        Raises
        ------
        SessionNotFoundError
            If there is none.
        ConfigError
            If too many are at work.
        """
        async with self._opening:
            if (chat := self._find(session_id)) is not None:
                return chat
            stored = await asyncio.to_thread(stored_chat, session_id, self._config)
            place = (await asyncio.to_thread(self._kept.read)).place(session_id)
            return await self._add(
                SessionId(session_id), place, is_stored=stored.has_transcript, told=stored.told
            )

    async def fork(self, session_id: str, message_id: str | None) -> SessionId:
        """Copy a chat up to a message, or all of it; returns the copy's id."""
        chat = await self.get(session_id)
        copied = await chat.copy(message_id)
        await asyncio.to_thread(self._kept.begin, copied, chat.place)
        self._tell_soon()
        return copied

    async def rename(self, session_id: str, title: str) -> None:
        """Give a chat a title."""
        from neuroworkflow_agent.engine.claude import transcripts

        await asyncio.to_thread(transcripts.rename, session_id, title, self._config)
        if (chat := self._find(session_id)) is not None:
            await chat.tell_title()
        self._tell_soon()

    async def pin(self, session_id: str, *, is_pinned: bool) -> None:
        """Have a chat stand first, or no longer."""
        await asyncio.to_thread(stored_chat, session_id, self._config)
        await asyncio.to_thread(self._kept.pin, session_id, is_pinned=is_pinned)
        self._tell_soon()

    async def delete(self, session_id: str) -> None:
        """Delete a chat for good.

        Raises
        ------
        SessionBusyError
            If a turn runs.
        """
        # Else a page could open it again amid its deletion, and its log would come back.
        async with self._opening:
            chat = self._find(session_id)
            if chat is not None and chat.is_busy:
                raise SessionBusyError(BUSY)
            if chat is not None:
                await self._close(chat)
                chat.tell(encode("gone", {"id": session_id}))
            await asyncio.to_thread(delete_chat, session_id, self._config)
            await asyncio.to_thread(self._kept.forget, session_id)
        self._tell_soon()

    # -- all of them ----------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs in one of them. On any thread."""
        return any(chat.is_busy for chat in self._open)

    async def rows(self, words: str = "") -> list[Row]:
        """What a list of them shows, those that are pinned first, then the newest.

        Parameters
        ----------
        words
            Looked for in what was said; rows say where they are.
        """
        kept = await asyncio.to_thread(self._kept.read)
        listed = await asyncio.to_thread(list_chats, self._config, kept, words)
        known = {each.session_id for each in listed}
        chats = {chat.session_id: chat for chat in self._open}
        new = [chat for chat in self._open if chat.title and chat.session_id not in known]
        rows = [
            *(
                _row(chat.session_id, self._hide(chat.title), chat, where=chat.place.label)
                for chat in reversed(new)
            ),
            *(
                _row(
                    each.session_id,
                    self._hide(each.title),
                    chats.get(SessionId(each.session_id)),
                    is_pinned=each.is_pinned,
                    said=self._hide(each.place),
                    where=kept.place(each.session_id).label,
                )
                for each in listed
            ),
        ]
        return sorted(rows, key=lambda row: not row["pinned"])

    def follow(self, stream: Stream) -> None:
        """Send the list to a page, now and when it has changed."""
        self._streams.add(stream)
        self._tell_soon()

    def leave(self, stream: Stream) -> None:
        """Do so no longer."""
        self._streams.discard(stream)

    def end_streams(self) -> None:
        """Have pages know that there will be nothing more."""
        for stream in self._streams:
            stream.close()

    async def aclose(self) -> None:
        """End all of them. Idempotent."""
        self.end_streams()
        self._looking.cancel()
        if self._telling is not None:
            self._telling.cancel()
        closing, self._open = self._open, []
        await asyncio.gather(*(chat.aclose() for chat in closing), return_exceptions=True)

    # -- small parts ----------------------------------------------------------------------------------

    def _find(self, session_id: str) -> WebChat | None:
        return next((chat for chat in self._open if chat.session_id == session_id), None)

    async def _add(self, session_id: SessionId, place: Place, *, is_stored: bool, told: str = "") -> WebChat:
        await self._make_room()
        notebook = self._places.path(place)
        kernel = kernel_of_session(
            self._config, notebook, name=place.kernel, running=self._running, is_attached=notebook is not None
        )
        chat = WebChat(
            self._config,
            self._portal,
            session_id,
            is_stored=is_stored,
            told=told,
            on_change=self._on_change,
            on_said=self._note_said,
            place=place,
            kernel=kernel,
        )
        self._open.append(chat)
        self._end_processes()
        return chat

    async def _make_room(self) -> None:
        """Close those that were not used for longest where there are too many."""
        while len(self._open) >= self._most:
            idle = [chat for chat in self._open if chat.idle_s > 0 and not chat.is_shown]
            if not idle:
                raise ConfigError(f"{self._most} chats are open or at work. Close a page, or stop one.")
            await self._close(max(idle, key=lambda chat: chat.idle_s))

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_EVERY_S, self._idle_s))
            self._end_processes()
            idle_s = min(self._idle_s, _SHORT_IDLE_S) if is_memory_short() else self._idle_s
            for chat in list(self._open):
                # The end of the one before has taken its time.
                if chat in self._open and chat.idle_s > idle_s:
                    with contextlib.suppress(AgentError, OSError):
                        await (chat.rest() if chat.is_shown else self._close(chat))

    def _end_processes(self) -> None:
        """Of idle chats those that were used last keep one."""
        idle = sorted((chat for chat in self._open if chat.idle_s > 0), key=lambda chat: chat.idle_s)
        for chat in idle[MAX_READY:]:
            chat.end_process()

    async def _close(self, chat: WebChat) -> None:
        if chat in self._open:  # nobody else closes it
            self._open.remove(chat)
            await chat.aclose()

    async def _note_said(self, chat: WebChat) -> None:
        await asyncio.to_thread(self._kept.begin, chat.session_id, chat.place)

    def _hide(self, text: str) -> str:
        return redact(text, self._config.secrets)

    def _on_change(self) -> None:
        self._end_processes()
        self._tell_soon()

    def _tell_soon(self) -> None:
        if self._telling is None and self._streams:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(_GATHERED_S, self._tell)

    def _tell(self) -> None:
        self._telling = None

        async def tell() -> None:
            event = encode("chats", await self.rows())
            for stream in self._streams:
                stream.put(event)

        task = asyncio.ensure_future(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _row(
    session_id: str, title: str, chat: WebChat | None, *, where: str, is_pinned: bool = False, said: str = ""
) -> Row:
    """A chat as pages list it."""
    is_busy = chat is not None and chat.is_busy
    return {
        "id": session_id,
        "title": title[:_MAX_TITLE_CHARS],
        "busy": is_busy,
        "pinned": is_pinned,
        "place": said,
        "where": where,
    }
