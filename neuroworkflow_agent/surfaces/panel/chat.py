"""The conversation behind a panel: what the browser asks for, done; what happens, shown.

`PanelChat` lives on the engine's loop from `open` to `close` and owns a `Session`, the way to the kernel's
main thread, and the transcript. It knows no widget: messages come in through `receive`, from any thread, and
go out through the function it is given. Slow work (disk, looking for models) runs on the loop's pool.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

from neuroworkflow_agent.config import MODES, AgentConfig
from neuroworkflow_agent.engine import conversations
from neuroworkflow_agent.engine.history import history
from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.engine.running import RunningTurn
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.errors import AgentError, ConfigError, SessionBusyError
from neuroworkflow_agent.events import Event, Notice, TurnEnd, TurnStart
from neuroworkflow_agent.kernels.activity import Activity
from neuroworkflow_agent.kernels.own import OwnKernel
from neuroworkflow_agent.models.catalogue import model_names
from neuroworkflow_agent.render.outputs import ShownPicture
from neuroworkflow_agent.surfaces.panel import attachments
from neuroworkflow_agent.surfaces.panel.items import Op, Transcript
from neuroworkflow_agent.surfaces.panel.outbox import Outbox, Send
from neuroworkflow_agent.surfaces.panel.uploads import Uploads
from neuroworkflow_agent.text import redact

_CONTEXT_CHARS = 12_000
_MAX_SESSIONS = 100
_MAX_COMPLETIONS = 12
_LIVE_PICTURE_BYTES = 1_000_000
_FIX = "Fix this error."

Message = dict[str, Any]


class PanelChat:
    """The agent behind one panel.

    Parameters
    ----------
    shell
        The shell of the kernel.
    config
        Settings to begin with.
    portal
        The worker thread.
    send
        Sends a message and its buffers to every view.

    Raises
    ------
    KernelError
        If there is no Jupyter kernel.
    """

    def __init__(self, shell: Any, config: AgentConfig, *, portal: Portal, send: Send) -> None:
        self._shell = shell
        self._config = config
        self._portal = portal
        self._kernel = OwnKernel(shell, on_interrupt=self._interrupt, hide=self._hide)
        self._activity = Activity(shell)
        self._activity.on_cell = lambda: portal.post(self._tell_of_cell)
        self._activity.attach()
        self._pictures: dict[str, ShownPicture] = {}
        self._transcript = Transcript(self._keep_picture, config.workspace)
        self._outbox = Outbox(send, self._take_patch)
        self._uploads = Uploads()
        self._session: Session | None = None
        self._settings: tuple[str | None, str] | None = None
        """Model and mode that the session was made with."""
        self._introduction = ""
        self._turn: RunningTurn | None = None
        self._is_starting = False
        self._stop_wanted = False
        self._lock = asyncio.Lock()
        """Held while the conversation begins a turn or becomes another."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._undo_on_stop = portal.on_stop(self._close)

    # -- for the widget, on any thread ----------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """The conversation of the moment; None before it has begun."""
        return self._session.session_id if self._session is not None else None

    def open(self, resume: str | None = None, *, fork: bool = False) -> None:
        """Begin in the background: with the named conversation, the latest (`""`), or a new one (None)."""
        self._portal.post(lambda: self._spawn(self._begin(resume, fork=fork), {}))

    def receive(self, message: Any, buffers: list[Any] | None = None) -> None:
        """Take in a message of the browser's."""
        if isinstance(message, dict):
            self._portal.post(self._accept, message, [bytes(each) for each in buffers or []])

    def close(self) -> None:
        """End the conversation and stop watching. Idempotent."""
        self._activity.detach()
        if self._portal.is_alive:
            self._portal.submit(self._close())

    # -- messages -------------------------------------------------------------------------------------

    def _accept(self, message: Message, buffers: list[bytes]) -> None:
        handler = self._HANDLERS.get(str(message.get("type")))
        if handler is not None:
            self._spawn(handler(self, {**message, "buffers": buffers}), message)

    def _spawn(self, work: Awaitable[None], message: Message) -> None:
        async def run() -> None:
            try:
                await work
            except AgentError as error:
                self._problem(str(error), message)
            except (OSError, ValueError, TypeError, KeyError) as error:
                self._problem(f"That did not work: {type(error).__name__}: {error}", message)

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _problem(self, text: str, message: Message) -> None:
        """Tell the one who asked."""
        self._outbox.post({"type": "problem", "text": self._hide(text), "request": message.get("request")})

    async def _on_hello(self, message: Message) -> None:
        self._outbox.post_snapshot(self._transcript.snapshot, str(message.get("view")))

    async def _on_ask(self, message: Message) -> None:
        prompt, chips = str(message.get("text") or "").strip(), list(message.get("chips") or [])
        if not prompt and any(chip.get("kind") == "error" for chip in chips):
            prompt = _FIX
        if not prompt:
            raise ConfigError("The message is empty; say what the agent should do.")
        if len(chips) > attachments.MAX_ATTACHMENTS:
            raise ConfigError(f"A message takes {attachments.MAX_ATTACHMENTS} attachments at most.")
        async with self._changing():
            self._is_starting, self._stop_wanted = True, False
            self._outbox.set_state(busy=True)
            try:
                attached = [await self._attach(str(c.get("kind")), str(c.get("value"))) for c in chips]
                session = await self._ready_session()
                self._turn = session.start(
                    prompt,
                    context=self._activity.take(_CONTEXT_CHARS),
                    attachments=attached,
                    listener=self._on_event,
                )
            finally:
                self._is_starting = False
                self._outbox.set_state(busy=self._turn is not None, session=self.session_id)
        self._outbox.post({"type": "accepted", "request": message.get("request")})
        if self._stop_wanted:
            self._interrupt()

    async def _attach(self, kind: str, value: str) -> Attachment:
        return await attachments.attach(
            kind,
            value,
            workspace=self._config.workspace,
            shell=self._shell,
            kernel=self._kernel,
            activity=self._activity,
        )

    async def _on_stop(self, _message: Message) -> None:
        self._outbox.post({"type": "stopping"})
        self._stop_wanted = self._is_starting
        self._interrupt()

    async def _on_answer(self, message: Message) -> None:
        if self._turn is None:
            raise ConfigError("Nothing waits for an answer any more; the turn has ended.")
        request_id = str(message.get("request_id"))
        answers = {str(k): str(v) for k, v in dict(message.get("answers") or {}).items()}
        allowed = bool(message.get("allowed"))
        reason = str(message.get("reason") or "").strip()
        said = "" if allowed else f"The user said no: {reason}" if reason else "The user said no."
        if answers:
            self._transcript.answered(request_id, answers)
        self._turn.answer(request_id, Answer(allowed, said, bool(message.get("remember")), answers))

    async def _on_sessions(self, message: Message) -> None:
        found = await asyncio.to_thread(conversations.conversations, self._config, limit=_MAX_SESSIONS)
        rows = [
            {"id": c.session_id, "title": c.title[:200], "modified": c.modified.isoformat()} for c in found
        ]
        self._outbox.post({"type": "sessions", "sessions": rows, "request": message.get("request")})

    async def _on_new(self, _message: Message) -> None:
        async with self._changing():
            await self._go_to(None)

    async def _on_resume(self, message: Message) -> None:
        async with self._changing():
            await self._go_to(str(message.get("id")))

    async def _on_fork(self, message: Message) -> None:
        async with self._changing():
            if self._session is None:
                raise ConfigError("There is nothing to fork yet.")
            up_to = str(message.get("message_id") or "") or None
            copy = await asyncio.to_thread(
                conversations.fork, self._session.session_id, self._config, up_to=up_to
            )
            await self._go_to(copy)
            self._note("This is a copy of the conversation up to here; the other one stays as it is.")

    async def _on_rename(self, message: Message) -> None:
        title = str(message.get("title") or "")
        renamed = await asyncio.to_thread(conversations.rename, str(message.get("id")), title, self._config)
        if renamed == self.session_id:
            self._outbox.set_state(title=" ".join(title.split()))
        await self._on_sessions(message)

    async def _on_delete(self, message: Message) -> None:
        wanted = str(message.get("id"))
        if wanted == self.session_id:
            async with self._changing():
                # The process that writes it goes first.
                await self._go_to(None)
        await asyncio.to_thread(conversations.delete, wanted, self._config)
        await self._on_sessions(message)

    async def _on_settings(self, message: Message) -> None:
        changed = self._config.with_changes(model=message.get("model"), mode=message.get("mode"))
        self._config = changed
        self._outbox.set_state(model=changed.model or "auto", mode=changed.mode)
        await self._renew_session()

    async def _on_complete(self, message: Message) -> None:
        query = str(message.get("text") or "")
        names = attachments.find_variables(query, self._shell, _MAX_COMPLETIONS // 2)
        files = await asyncio.to_thread(
            attachments.find_files, query, self._config.workspace, _MAX_COMPLETIONS - len(names)
        )
        found = [{"kind": "variable", "value": name, "detail": kind} for name, kind in names]
        found += [{"kind": "file", "value": path, "detail": ""} for path in files]
        self._outbox.post({"type": "completions", "request": message.get("request"), "items": found})

    async def _on_upload(self, message: Message) -> None:
        data = self._uploads.add(
            str(message.get("id")), int(message["part"]), int(message["of"]), b"".join(message["buffers"])
        )
        stored: str | None = None
        if data is not None:
            stored = await asyncio.to_thread(
                attachments.store_upload, str(message.get("name")), data, self._config.workspace
            )
        reply = {"type": "uploaded", "id": message.get("id"), "part": message["part"], "path": stored}
        self._outbox.post({**reply, "request": message.get("request")})

    async def _on_picture(self, message: Message) -> None:
        picture = self._pictures.get(str(message.get("key")))
        if picture is not None:
            self._outbox.post_picture(picture)

    _HANDLERS: ClassVar[dict[str, Callable[[PanelChat, Message], Awaitable[None]]]] = {
        "hello": _on_hello,
        "ask": _on_ask,
        "stop": _on_stop,
        "answer": _on_answer,
        "sessions": _on_sessions,
        "new": _on_new,
        "resume": _on_resume,
        "fork": _on_fork,
        "rename": _on_rename,
        "delete": _on_delete,
        "settings": _on_settings,
        "complete": _on_complete,
        "upload": _on_upload,
        "picture": _on_picture,
    }

    # -- the conversation -----------------------------------------------------------------------------

    async def _begin(self, resume: str | None, *, fork: bool) -> None:
        config = self._config
        self._outbox.set_state(
            busy=False,
            title="",
            session=None,
            model=config.model or "auto",
            models=[config.model or "auto"],
            mode=config.mode,
            modes=list(MODES),
            max_upload_bytes=attachments.MAX_UPLOAD_BYTES,
            workspace=str(config.workspace),
            error="",
        )
        async with self._changing():
            try:
                await self._go_to(await asyncio.to_thread(_wanted, resume, config, fork=fork))
            except AgentError as error:
                # No view is there yet to be told.
                await self._go_to(None)
                self._note(str(error), failed=True)
        self._outbox.set_state(models=await asyncio.to_thread(model_names, config))

    @contextlib.asynccontextmanager
    async def _changing(self) -> Any:
        """Alone with the conversation, while no turn runs."""
        if self._turn is not None or self._is_starting:
            raise SessionBusyError("The agent is at work. Wait for it to end, or stop it.")
        async with self._lock:
            if self._turn is not None:
                raise SessionBusyError("The agent is at work. Wait for it to end, or stop it.")
            yield

    async def _go_to(self, session_id: str | None) -> None:
        """Show and continue a stored conversation, or begin a new one."""
        events: list[Event] = []
        title = ""
        if session_id is not None:
            found = await asyncio.to_thread(conversations.find, session_id, self._config)
            session_id, title = found.session_id, found.title
            events = await asyncio.to_thread(history, session_id, self._config)
        self._pictures.clear()
        self._introduction = ""
        self._transcript = Transcript(self._keep_picture, self._config.workspace)
        for event in events:
            self._transcript.handle(event)
        self._transcript.patch()
        session, self._session = self._session, None
        if session is not None:
            session.close_soon()
        try:
            await self._ready_session(session_id)
        except ConfigError as error:
            self._note(str(error), failed=True)
        self._outbox.set_state(title=title, session=self.session_id)
        self._outbox.post_snapshot(self._transcript.snapshot, None)

    async def _ready_session(self, resume: str | None = None) -> Session:
        """The session, made anew if there is none or its settings are others than the user wants now."""
        wanted = (self._config.model, self._config.mode)
        before = self._session
        if before is not None and self._settings == wanted:
            return before
        if before is not None and before.has_history:
            resume = before.session_id
        made = await asyncio.to_thread(
            lambda: Session(self._config, kernel=self._kernel, resume=resume, portal=self._portal)
        )
        self._session, self._settings = made, wanted
        if before is not None:
            await before.aclose()
        made.prewarm()
        return made

    def _on_event(self, event: Event) -> None:
        """On the engine's loop, as everything here."""
        if isinstance(event, Notice) and self._is_old_introduction(event):
            return
        self._transcript.handle(event)
        self._outbox.touch()
        if isinstance(event, TurnStart) and self._outbox.state("title") == "":
            self._outbox.set_state(title=" ".join(event.prompt.split())[:200])
        if isinstance(event, TurnEnd):
            self._turn = None
            self._outbox.set_state(busy=False)
            self._spawn(self._after_turn(), {})

    def _is_old_introduction(self, notice: Notice) -> bool:
        """Each session says which model serves; a person wants to hear of it when it changes."""
        if self._session is None or notice.message != self._session.introduction:
            return False
        before, self._introduction = self._introduction, notice.message
        return before == notice.message

    async def _after_turn(self) -> None:
        """The conversation may have got a title, and other settings may have been asked for."""
        if (session_id := self.session_id) is not None:
            with contextlib.suppress(AgentError):
                found = await asyncio.to_thread(conversations.find, session_id, self._config)
                if session_id == self.session_id:
                    self._outbox.set_state(title=found.title)
        await self._renew_session()

    async def _renew_session(self) -> None:
        """Get ready for the settings of the moment, unless a turn runs; its end does it then."""
        if self._session is not None:
            with contextlib.suppress(SessionBusyError):
                async with self._changing():
                    await self._ready_session()

    def _note(self, text: str, *, failed: bool = False) -> None:
        """Say something in the transcript."""
        self._transcript.note(self._hide(text), failed=failed)
        self._outbox.touch()

    def _take_patch(self) -> list[Op]:
        return self._transcript.patch()

    def _interrupt(self) -> None:
        """Also from a signal handler on the main thread."""
        if (session := self._session) is not None:
            session.interrupt()

    def _tell_of_cell(self) -> None:
        """A cell of the user's has ended."""
        self._outbox.set_state(error=self._hide(self._activity.last_error_name)[:300])

    def _keep_picture(self, picture: ShownPicture) -> None:
        if picture.key not in self._pictures:
            self._pictures[picture.key] = picture
            if self._turn is not None and len(picture.data) <= _LIVE_PICTURE_BYTES:
                self._outbox.post_picture(picture)

    def _hide(self, text: str) -> str:
        return redact(text, self._config.secrets)

    async def _close(self) -> None:
        self._undo_on_stop()
        session, self._session = self._session, None
        if session is not None:
            await session.aclose()
        self._outbox.close()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        await self._kernel.aclose()


def _wanted(resume: str | None, config: AgentConfig, *, fork: bool) -> str | None:
    """The conversation with this id, the latest one for an empty id, a copy of it, or None for a new one."""
    if resume is None:
        return None
    if resume:
        found = conversations.find(resume, config).session_id
    else:
        latest = conversations.conversations(config, limit=1)
        if not latest:
            raise ConfigError("There is no conversation to resume in this workspace yet.")
        found = latest[0].session_id
    return conversations.fork(found, config) if fork else found


def summary(workspace: Path) -> str:
    """What a saved notebook says in the place of a panel."""
    return (
        f"Chat with the agent in {workspace}. Run this cell to open the panel; earlier conversations are "
        "under Sessions there, and in ChatPanel(resume=ID)."
    )
