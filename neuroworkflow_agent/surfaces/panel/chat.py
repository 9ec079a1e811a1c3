"""What the page asks for, done.

`PanelChat` lives on the engine's loop from `open` to `close`. It knows no widget: messages come in through
`receive`, from any thread, and what there is to say goes out through the function it is given. It owns the
session, what it is beside, and the uploads on their way. Slow work (disk, looking for
models) runs on the loop's pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from neuroworkflow_agent.config import MODES, AgentConfig
from neuroworkflow_agent.credentials import KINDS
from neuroworkflow_agent.engine.log_search import search_logs
from neuroworkflow_agent.engine.past_turns import PastTurn
from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.errors import AgentError, ConfigError, NotebookError, sentence
from neuroworkflow_agent.events import TurnEnd
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.models.names import model_names
from neuroworkflow_agent.models.sign_in import sign_in
from neuroworkflow_agent.notebooks.pages import Asker
from neuroworkflow_agent.state.effects import lines
from neuroworkflow_agent.surfaces import cell_mentions
from neuroworkflow_agent.surfaces.chat import QueuedMessage
from neuroworkflow_agent.surfaces.panel import attachments
from neuroworkflow_agent.surfaces.panel.outbox import SNAPSHOT_PAUSE_S, Send
from neuroworkflow_agent.surfaces.panel.session_view import SessionView
from neuroworkflow_agent.surfaces.panel.surroundings import Surroundings
from neuroworkflow_agent.surfaces.panel.uploads import Uploads
from neuroworkflow_agent.surfaces.turn_items import Item
from neuroworkflow_agent.text import Redaction, one_line

_CONTEXT_CHARS = 12_000
_MAX_SESSIONS = 100
_MAX_WORDS_CHARS = 200
_MAX_COMPLETIONS = 12
_MAX_QUEUED = 20
_MAX_PROMPT_CHARS = 200
_CELLS_S = 1.0
_CELLS_ASKED_S = 5.0
"""Where `@cell` is typed, so that cells are what is wanted."""
_MAX_ERROR_CHARS = 300
_FIX = "Fix this error."
_GO_ON = "Go on where you were cut off."
_CUT_OFF = "The turn before this one was cut off, perhaps before you had its message, which was:\n\n{prompt}"

Message = dict[str, Any]


class PanelChat:
    """The agent behind one panel.

    Parameters
    ----------
    beside
        What the chat is beside.
    config
        Settings to begin with.
    portal
        The worker thread.
    send
        Sends a message and its buffers to every view.
    keep
        Given the items of the transcript, on the engine's loop, when they will stay as they are for a while.
    new_id
        As for `Chat`.
    pause_s
        As for `Outbox`.
    """

    def __init__(
        self,
        beside: Surroundings,
        config: AgentConfig,
        *,
        portal: Portal,
        send: Send,
        keep: Callable[[Sequence[Item]], None] = lambda _items: None,
        new_id: SessionId | None = None,
        pause_s: float = SNAPSHOT_PAUSE_S,
    ) -> None:
        self._beside = beside
        self._portal = portal
        self._view = SessionView(
            beside,
            config,
            portal=portal,
            send=send,
            on_turn_end=self._after_turn,
            keep=keep,
            new_id=new_id,
            pause_s=pause_s,
        )
        self._chat = self._view.chat
        self._outbox = self._view.outbox
        beside.attach(
            on_interrupt=self._view.interrupt,
            on_cell=lambda: portal.post(self._tell_of_cell),
            hide=Redaction(lambda: self._config.secrets),
        )
        self._asker = Asker()
        """The page that a message came from last."""
        self._sends_cells = True
        self._uploads = Uploads()
        self._tasks: set[asyncio.Task[None]] = set()
        self._undo_on_stop = portal.on_stop(self._close)

    # -- for the widget, on any thread ----------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """The current session; None before it has begun."""
        return self._chat.session_id

    def hide(self, text: str) -> str:
        """`text` without known secrets."""
        return self._view.hide(text)

    def link_to(self, path: str) -> str:
        """The target of a link to a file, from the notebook; empty where there is none."""
        return self._view.link_to(path)

    def open(self, resume: str | None = None, *, fork: bool = False, or_new: bool = False) -> None:
        """Begin in the background: with the named session, the latest (`""`), or a new one (None).

        Parameters
        ----------
        resume
            The session.
        fork
            Whether to go on with a copy of it.
        or_new
            Whether a new one will do where there is no such session any more.
        """
        self._portal.post(lambda: self._spawn(self._begin(resume, fork=fork, or_new=or_new), {}))

    def receive(self, message: Any, buffers: list[Any] | None = None) -> None:
        """Take in a message of the browser's."""
        if isinstance(message, dict):
            asker = self._beside.asker()
            self._portal.post(self._accept, message, [bytes(each) for each in buffers or []], asker)

    def send_along(self, *, cells: bool, variables: bool) -> None:
        """Say what goes with each message, beside what it points at: what cells did, what variables are."""
        self._sends_cells = cells
        self._chat.tells_variables = variables

    def close(self) -> None:
        """End the session and stop watching. Idempotent."""
        self._beside.detach()
        if self._portal.is_alive:
            self._portal.submit(self._close())

    async def aclose(self) -> None:
        """As `close`, on the engine's loop; returns when all has ended."""
        self._beside.detach()
        await self._close()

    async def copy(self, up_to: str | None) -> SessionId:
        """Copy the current session, on the engine's loop; see `Chat.copy`."""
        return await asyncio.to_thread(self._chat.copy, up_to=up_to)

    def rest(self) -> None:
        """Have the session's process end while no turn runs; the next message has another one."""
        self._chat.rest()

    def tell_model(self, text: str) -> None:
        """Have the model be told something with the next message."""
        self._chat.tell_beside(text)

    def note(self, text: str) -> None:
        """Say something in the transcript, on the engine's loop."""
        self._view.note(text)

    async def tell_title(self) -> None:
        """Say what the session is called now, on the engine's loop."""
        await self._view.tell_title()

    # -- messages -------------------------------------------------------------------------------------

    def _accept(self, message: Message, buffers: list[bytes], asker: Asker) -> None:
        if message.get("type") in ("ask", "edit", "queued", "complete", "undo_plan", "undo"):
            self._asker = asker
        handler = self._HANDLERS.get(str(message.get("type")))
        if handler is not None:
            self._spawn(handler(self, {**message, "buffers": buffers}), message)

    def _spawn(self, work: Awaitable[None], message: Message) -> None:
        async def run() -> None:
            try:
                await work
            except AgentError as error:
                self._problem(str(error), message)
            except OSError as error:
                self._problem(f"That did not work: {sentence(error)}", message)
            except Exception as error:  # who asked waits for an answer, whatever goes wrong
                self._problem(f"That did not work: {type(error).__name__}: {error}", message)
                if not isinstance(error, ValueError | TypeError | AttributeError | LookupError):
                    raise  # a mistake of ours: asyncio logs it

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _problem(self, text: str, message: Message) -> None:
        """Tell the one who asked."""
        self._outbox.post(
            {"type": "problem", "text": self._view.hide(text), "request": message.get("request")}
        )

    async def _on_hello(self, message: Message) -> None:
        self._view.tell_clock()
        self._outbox.post_snapshot(self._view.snapshot, str(message.get("view")))

    async def _on_ask(self, message: Message) -> None:
        prompt, chips = _said(message)
        if self._view.is_busy:
            if len(self._chat.queue) >= _MAX_QUEUED:
                raise ConfigError(f"{_MAX_QUEUED} messages wait already. Send this one when they are done.")
            self._chat.queue.append(QueuedMessage(prompt, chips))
            self._view.tell_queue()
        else:
            await self._send(prompt, chips)
        if any(chip.get("kind") == "error" for chip in chips):
            self._outbox.set_state(error="")  # it is being dealt with
        self._outbox.post({"type": "accepted", "request": message.get("request")})

    async def _on_go_on(self, message: Message) -> None:
        """Go on with a turn that was cut off."""
        if not self._view.is_busy:
            self._chat.tell_beside(_CUT_OFF.format(prompt=self._view.last_prompt))
            await self._send(_GO_ON, [])
        self._outbox.post({"type": "accepted", "request": message.get("request")})

    async def _send(self, prompt: str, chips: list[Message]) -> None:
        self._beside.begin(self._asker)
        await self._view.start(
            prompt,
            context=self._context,
            attached=lambda: self._attach(prompt, chips),
        )

    def _context(self) -> str:
        """What the user's cells did since the last turn, if that is to be sent along."""
        done = self._beside.take_activity(_CONTEXT_CHARS)
        return done if self._sends_cells else ""

    async def _on_queued(self, message: Message) -> None:
        """Send a message that waits, into the running turn or as the next one, or take it back."""
        message_id = str(message.get("id"))
        match message.get("action"):
            case "send" if self._view.is_busy:
                await self._send_now(message_id)
            case "send":
                await self._send_queued(message_id)
            case _:
                self._chat.take_back(message_id)
                self._view.tell_queue()
        self._outbox.post({"type": "changed", "request": message.get("request")})

    async def _send_now(self, message_id: str) -> None:
        waits = next((each for each in self._chat.queue if each.message_id == message_id), None)
        if waits is not None:
            await self._view.send_now(message_id, await self._attach(waits.prompt, waits.attached))

    async def _send_queued(self, message_id: str | None = None) -> None:
        queued = None if self._view.is_busy else self._chat.take_queued(message_id)
        if queued is None:
            return
        self._view.tell_queue()
        try:
            await self._send(queued.prompt, queued.attached)
        except BaseException:
            self._chat.queue.insert(0, queued)
            self._view.tell_queue()
            raise

    async def _attach(self, prompt: str, chips: list[Message]) -> list[Attachment]:
        selection = next((chip["value"] for chip in chips if chip.get("kind") == "selection"), None)
        pointed = [
            await attachments.attach(
                str(chip.get("kind")),
                str(chip.get("value")),
                workspace=self._config.workspace,
                beside=self._beside,
                hide=self._view.hide,
            )
            for chip in chips
            if chip.get("kind") != "selection"
        ]
        if (document := self._beside.document) is None:
            return pointed
        cells = await cell_mentions.attach_cells(
            prompt, document, selection=selection, secrets=self._config.secrets
        )
        return [*pointed, *cells]

    async def _on_stop(self, _message: Message) -> None:
        self._outbox.post({"type": "stopping"})
        self._view.stop()

    async def _on_answer(self, message: Message) -> None:
        answers = {str(k): str(v) for k, v in dict(message.get("answers") or {}).items()}
        allowed = bool(message.get("allowed"))
        reason = str(message.get("reason") or "").strip()
        said = "" if allowed else f"The user said no: {reason}" if reason else "The user said no."
        answer = Answer(allowed, said, bool(message.get("remember")), answers)
        self._chat.answer(str(message.get("request_id")), answer)

    async def _on_sessions(self, message: Message) -> None:
        found = await asyncio.to_thread(self._chat.sessions, _MAX_SESSIONS)
        words = " ".join(str(message.get("words") or "").split())[:_MAX_WORDS_CHARS]
        places = (
            await asyncio.to_thread(search_logs, [each.session_id for each in found], words) if words else {}
        )
        rows = [
            {
                "id": each.session_id,
                "title": each.title[:200],
                "modified": each.modified.isoformat(),
                "place": self._view.hide(places.get(each.session_id, "")),
            }
            for each in found
        ]
        self._outbox.post({"type": "sessions", "sessions": rows, "request": message.get("request")})

    async def _on_new(self, _message: Message) -> None:
        await self._view.go_to(new=True)

    async def _on_resume(self, message: Message) -> None:
        await self._view.go_to(resume=str(message.get("id")))

    async def _on_fork(self, message: Message) -> None:
        await self._view.go_to(fork=True, up_to=str(message.get("message_id") or "") or None)
        self._view.note("This is a copy of the session up to here; the other one stays as it is.")

    async def _on_undo_plan(self, message: Message) -> None:
        self._beside.begin(self._asker)
        plan = await self._view.undo_plan(str(message.get("turn")))
        effects = [
            {"key": each.key, "kind": each.kind, "text": self._view.hide(line), "can": each.can_be_undone}
            for each, line in zip(plan.effects, lines(plan.effects), strict=True)
        ]
        told = {"prompt": self._view.hide(plan.prompt), "effects": effects}
        limits = [self._view.hide(each) for each in plan.limits]
        self._outbox.post({"type": "undo_plan", **told, "limits": limits, "request": message.get("request")})

    async def _on_undo(self, message: Message) -> None:
        self._beside.begin(self._asker)
        keys = message.get("keys")
        await self._view.undo(str(message.get("turn")), None if keys is None else set(map(str, keys)))
        self._outbox.post({"type": "changed", "request": message.get("request")})

    async def _on_account(self, message: Message) -> None:
        account = await asyncio.to_thread(self._chat.surgery.account)
        turns = [
            {
                "id": turn.turn_id,
                "prompt": self._view.hide(one_line(turn.prompt, _MAX_PROMPT_CHARS)),
                "about": _about(turn),
                "pinned": turn.is_pinned,
            }
            for turn in account.turns
        ]
        told = {
            "head": account.head,
            "context": self._outbox.state("context_tokens") or "",
            "parts": [{"what": what, "tokens": tokens} for what, tokens in account.parts],
        }
        self._outbox.post({"type": "account", **told, "turns": turns, "request": message.get("request")})

    async def _on_pin(self, message: Message) -> None:
        await self._view.pin(str(message.get("turn")), is_pinned=bool(message.get("pinned")))
        self._outbox.post({"type": "changed", "request": message.get("request")})

    async def _on_drop(self, message: Message) -> None:
        await self._view.go_before(str(message.get("turn")), hand_on=True)
        self._view.note(
            "This is a copy of the session without that turn; the other one stays as it is. "
            "What was said after it, if anything, goes along with your next message, as text."
        )
        self._outbox.post({"type": "changed", "request": message.get("request")})

    async def _on_edit(self, message: Message) -> None:
        """Go on from before a turn with another message."""
        prompt, chips = _said(message)
        self._beside.begin(self._asker)
        attached = await self._attach(prompt, chips)
        await self._view.go_before(str(message.get("turn")), hand_on=False)
        await self._view.start(prompt, context=self._context, attached=lambda: _ready(attached))
        self._outbox.post({"type": "accepted", "request": message.get("request")})

    async def _on_compact(self, message: Message) -> None:
        await self._view.compact()
        self._outbox.post({"type": "accepted", "request": message.get("request")})

    async def _on_rename(self, message: Message) -> None:
        title = str(message.get("title") or "")
        renamed = await asyncio.to_thread(self._chat.rename, str(message.get("id")), title)
        if renamed == self.session_id:
            self._outbox.set_state(title=" ".join(title.split()))
        await self._on_sessions(message)

    async def _on_delete(self, message: Message) -> None:
        wanted = str(message.get("id"))
        if wanted == self.session_id:
            await self._view.go_to(new=True)  # and show that
        await asyncio.to_thread(self._chat.delete, wanted)
        await self._on_sessions(message)

    async def _on_settings(self, message: Message) -> None:
        await self._view.change(model=message.get("model"), mode=message.get("mode"))
        self._outbox.post({"type": "changed", "request": message.get("request")})

    async def _on_sign_in(self, message: Message) -> None:
        kind = str(message.get("kind"))
        if kind not in KINDS:
            raise ConfigError(f"Choose one of {', '.join(KINDS)}.")
        key, url = str(message.get("key") or ""), str(message.get("url") or "").strip()
        kept = await asyncio.to_thread(sign_in, kind, key, url)
        self._chat.use_sign_in(kept)
        await self._view.renew()
        self._outbox.post({"type": "changed", "request": message.get("request")})
        self._view.note(f"You are signed in to {kept.url}. Send your message.")
        self._outbox.set_state(models=await asyncio.to_thread(model_names, self._config))

    async def _on_complete(self, message: Message) -> None:
        text = str(message.get("text") or "")
        if text.startswith("/"):
            found = await asyncio.to_thread(attachments.find_commands, text, self._config)
            self._outbox.post({"type": "completions", "request": message.get("request"), "items": found})
            return
        query = text.removeprefix("@")
        names = await self._beside.find_variables(query, _MAX_COMPLETIONS // 2)
        files = await asyncio.to_thread(
            attachments.find_files, query, self._config.workspace, _MAX_COMPLETIONS - len(names)
        )
        found = [{"kind": "variable", "value": name, "detail": kind} for name, kind in names]
        found += [{"kind": "file", "value": path, "detail": ""} for path in files]
        cells = await self._find_cells(query)
        found = [*cells, *found] if query.startswith("cell") else [*found, *cells]
        self._outbox.post({"type": "completions", "request": message.get("request"), "items": found})

    async def _find_cells(self, query: str) -> list[dict[str, str]]:
        """Mentions of cells; none where the notebook is not known, or does not answer soon."""
        if (document := self._beside.document) is None:
            return []
        if not self._view.is_busy:
            self._beside.begin(self._asker)
        try:
            async with asyncio.timeout(_CELLS_ASKED_S if query.startswith("cell") else _CELLS_S):
                return await cell_mentions.completions(document, query, _MAX_COMPLETIONS)
        except (NotebookError, TimeoutError):
            return []

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

    async def _on_variables(self, message: Message) -> None:
        if message.get("watch"):
            self._beside.watch_variables(self._outbox.post)
        else:
            self._beside.leave_variables()

    async def _on_picture(self, message: Message) -> None:
        self._view.post_picture(str(message.get("key")))

    _HANDLERS: ClassVar[dict[str, Callable[[PanelChat, Message], Awaitable[None]]]] = {
        "hello": _on_hello,
        "ask": _on_ask,
        "go_on": _on_go_on,
        "queued": _on_queued,
        "stop": _on_stop,
        "answer": _on_answer,
        "sessions": _on_sessions,
        "new": _on_new,
        "resume": _on_resume,
        "fork": _on_fork,
        "undo_plan": _on_undo_plan,
        "undo": _on_undo,
        "account": _on_account,
        "pin": _on_pin,
        "drop": _on_drop,
        "edit": _on_edit,
        "compact": _on_compact,
        "rename": _on_rename,
        "delete": _on_delete,
        "settings": _on_settings,
        "sign_in": _on_sign_in,
        "complete": _on_complete,
        "upload": _on_upload,
        "variables": _on_variables,
        "picture": _on_picture,
    }

    # -- what happens beside --------------------------------------------------------------------------

    @property
    def _config(self) -> AgentConfig:
        return self._chat.config

    async def _begin(self, resume: str | None, *, fork: bool, or_new: bool) -> None:
        config = self._config
        if or_new and resume is not None and not await asyncio.to_thread(self._chat.has_stored, resume):
            resume = None
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
            error=self._error_name(),  # a cell may have failed since the panel was asked for
            queue=[],
            needs_key=False,
        )
        await self._view.go_to(new=resume is None, resume=resume, fork=fork)
        self._outbox.set_state(models=await asyncio.to_thread(model_names, config))

    def _after_turn(self, end: TurnEnd) -> None:
        """The session may have got a title, a message may wait, and other settings may have been asked for."""
        self._spawn(self._view.tell_title(), {})
        # After a Stop, or what went wrong, the user decides about what waits.
        is_next = end.end == "complete" and bool(self._chat.queue)
        self._spawn(self._send_queued() if is_next else self._view.renew(), {})

    def _tell_of_cell(self) -> None:
        """A cell of the user's has ended."""
        self._outbox.set_state(error=self._error_name())

    def _error_name(self) -> str:
        """What the user's last cell failed with; empty if it did not."""
        return self._view.hide(self._beside.error_name)[:_MAX_ERROR_CHARS]

    async def _close(self) -> None:
        self._undo_on_stop()
        await self._view.close()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()


def _said(message: Message) -> tuple[str, list[Message]]:
    """The text of a message and what it points at.

    Raises
    ------
    ConfigError
        If it cannot be sent.
    """
    prompt, chips = str(message.get("text") or "").strip(), list(message.get("chips") or [])
    if not prompt and any(chip.get("kind") == "error" for chip in chips):
        prompt = _FIX
    if not prompt:
        raise ConfigError("The message is empty; say what the agent should do.")
    if len(chips) > attachments.MAX_ATTACHMENTS:
        raise ConfigError(f"A message takes {attachments.MAX_ATTACHMENTS} attachments at most.")
    return prompt, chips


def _about(turn: PastTurn) -> str:
    """What a turn cost, and whether it is summarized, in a few words."""
    cost = turn.end.cost_usd if turn.end is not None else None
    said = [f"${cost:.4f}" if cost else "", "summarized" if turn.is_summarized else ""]
    return " · ".join(filter(None, said))


async def _ready(attached: list[Attachment]) -> list[Attachment]:
    return attached
