"""The agent in one shell: what `%chat` and `chat()` stand on.

`KernelChat` belongs to the shell that loaded the extension and owns its `Chat`, the queue to the main
thread, and the watch over what the user does. A turn is served by the cell that asked, on the main thread;
events cross from the engine's thread through the same queue as the agent's code, so what a person sees is
in the order in which it happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import AgentError, SessionBusyError
from neuroworkflow_agent.kernels.activity import Activity
from neuroworkflow_agent.kernels.cell_kernel import CellKernel
from neuroworkflow_agent.kernels.contexts import keep_context
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.state.undo import LiveNames, Undo
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.chat_line import ChatLine
from neuroworkflow_agent.surfaces.input_prompt import prompt_of
from neuroworkflow_agent.surfaces.line_answers import operate
from neuroworkflow_agent.surfaces.notebook_page import asker_of
from neuroworkflow_agent.surfaces.preparation import Preparation
from neuroworkflow_agent.surfaces.shown_turns import ShownTurns
from neuroworkflow_agent.surfaces.to_main_thread import ToMainThread, View
from neuroworkflow_agent.surfaces.turn_errors import TurnStoppedError, completed
from neuroworkflow_agent.text import Redaction

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.prompts import Attachment
    from neuroworkflow_agent.engine.turn import Turn
    from neuroworkflow_agent.notebooks.document import NotebookDocument
    from neuroworkflow_agent.notebooks.pages import Asker
    from neuroworkflow_agent.render.parts import Rendered
    from neuroworkflow_agent.surfaces.open_notebook import OpenNotebook
    from neuroworkflow_agent.surfaces.undo_line import UndoLine
    from neuroworkflow_agent.verification.verdicts import Verification

T = TypeVar("T")
_CONTEXT_CHARS = 12_000


class KernelChat:
    """The agent in one shell.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    make_view
        Makes the view of a turn.
    """

    def __init__(self, shell: Any, make_view: Callable[[], View]) -> None:
        self.shell = shell
        """The `InteractiveShell`."""
        self._make_view = make_view
        self._queue = MainThreadQueue()
        self._hide = Redaction(lambda: self.chat.secrets)
        self._undo = Undo(LiveNames(shell))
        self._kernel = CellKernel(shell, self._queue, self._hide, self._undo)
        self._notebook: OpenNotebook | None = None
        """The notebook that the user has open, once a session was made."""
        self.chat = Chat(
            kernel=self._kernel, document=self._document, follows_environment=True, undo=self._undo
        )
        """Its sessions and settings."""
        self._is_first = True
        """Whether the next turn is the one that brings the SDK."""
        self._preparation: Preparation | None = None
        self._shown = ShownTurns()
        self._activity = Activity(shell)
        self._activity.attach()

    def prewarm(self) -> None:
        """Get ready in the background, between the user's cells; where memory is short, with the first message.

        The SDK is left for the first message: it is large, and slows the user's first cells while it is imported.
        """
        if self._preparation is None:
            self._preparation = Preparation(self.shell, self._start_process, self._make_view)

    def _start_process(self) -> None:
        with contextlib.suppress(AgentError):  # a machine without an endpoint hears of it at the first turn
            self.chat.prewarm(with_sdk=False)

    def hide(self, text: str) -> str:
        """`text` without known secrets."""
        return self._hide(text)

    def close(self) -> None:
        """End the session and stop watching. Idempotent."""
        if self._preparation is not None:
            self._preparation.close()
        self._activity.detach()
        self.chat.close()
        if self._notebook is not None:
            self._notebook.close()

    def _document(self) -> NotebookDocument | None:
        """The cells of the user's notebook; None in a script. On whichever thread makes the session: it imports much."""
        from neuroworkflow_agent.notebooks.document import NotebookDocument
        from neuroworkflow_agent.surfaces.open_notebook import has_notebook

        return NotebookDocument(self._opened()) if has_notebook(self.shell) else None

    def _opened(self) -> OpenNotebook:
        from neuroworkflow_agent.surfaces.open_notebook import OpenNotebook

        if self._notebook is None:
            self._notebook = OpenNotebook(self.shell, lambda: self.chat.config.environ, in_cell=True)
        return self._notebook

    async def select(self, line: ChatLine) -> None:
        """Go to the session that the options ask for, without blocking the kernel."""
        if line.changes:
            await asyncio.to_thread(self.chat.select, **line.changes)

    async def operate(self, line: ChatLine) -> None:
        """Take out, edit or pin the turn that the options name, without blocking the kernel."""
        if line.turn is not None:
            await asyncio.to_thread(self.operate_blocking, line)

    def operate_blocking(self, line: ChatLine) -> None:
        """As `operate`, for a plain call."""
        operate(self.chat, line)

    def select_blocking(self, line: ChatLine) -> None:
        """As `select`, for a plain call."""
        self.chat.select(**line.changes)

    async def run(self, prompt: str, *, verify: bool = False) -> Turn:
        """Run a turn in the cell that awaits this; `verify` as for `Session.start`.

        Raises
        ------
        TurnFailedError
            If the turn did not complete; the cell has shown why.
        """
        asker, attached = asker_of(self.shell), None
        if "@" in prompt:
            with self._looking(self._pointed_at(prompt, asker)) as (looking, stop, on_tick):
                await self._queue.serve(on_interrupt=stop, on_tick=on_tick)
            attached = self._found(looking)
        return await self._serve(
            *self._start(asker, attached, self._sending(prompt, attached, verify=verify))
        )

    async def compact(self) -> Turn:
        """Have a summary stand for what was said so far, as `run` in the cell that awaits this."""
        return await self._serve(*self._start(asker_of(self.shell), None, self.chat.compact))

    async def _serve(self, turn: Turn, view: View) -> Turn:
        keep_context(self.shell)
        with self._kernel.turn(turn.interrupt, view.tick) as on_tick:
            await self._queue.serve(on_interrupt=turn.interrupt, on_tick=on_tick)
        return completed(turn)

    def run_blocking(self, prompt: str, *, verify: bool = False) -> Turn:
        """As `run`, blocking the calling thread."""
        asker, attached = asker_of(self.shell), None
        if "@" in prompt:
            with self._looking(self._pointed_at(prompt, asker)) as (looking, stop, on_tick):
                self._queue.serve_blocking(on_interrupt=stop, on_tick=on_tick)
            attached = self._found(looking)
        sending = self._sending(prompt, attached, verify=verify)
        return self._serve_blocking(*self._start(asker, attached, sending))

    def compact_blocking(self) -> Turn:
        """As `compact`, blocking the calling thread."""
        return self._serve_blocking(*self._start(asker_of(self.shell), None, self.chat.compact))

    def _serve_blocking(self, turn: Turn, view: View) -> Turn:
        keep_context(self.shell)
        with self._kernel.turn(turn.interrupt, view.tick) as on_tick:
            self._queue.serve_blocking(on_interrupt=turn.interrupt, on_tick=on_tick)
        return completed(turn)

    async def verify(self) -> Verification:
        """Run the notebook anew in a fresh kernel; the cell waits, and may be stopped."""
        with self._looking(self._verified(asker_of(self.shell))) as (looking, stop, on_tick):
            await self._queue.serve(on_interrupt=stop, on_tick=on_tick)
        return self._found(looking)

    def verify_blocking(self) -> Verification:
        """As `verify`, blocking the calling thread."""
        with self._looking(self._verified(asker_of(self.shell))) as (looking, stop, on_tick):
            self._queue.serve_blocking(on_interrupt=stop, on_tick=on_tick)
        return self._found(looking)

    async def _verified(self, asker: Asker) -> Verification:
        """On the engine's thread."""
        from neuroworkflow_agent.notebooks.document import NotebookDocument
        from neuroworkflow_agent.tools.verify import VerifyNotebook

        notebook = self._opened()
        notebook.begin(asker)
        return await VerifyNotebook(NotebookDocument(notebook), lambda: self.chat.config.environ).verify()

    # -- taken back -----------------------------------------------------------------------------------

    async def undo(self, line: ChatLine, show: Callable[[Rendered], None]) -> None:
        """Take the last turn back, after the user was asked; without blocking the kernel meanwhile."""
        undoing = self._undoing(line, show)
        await asyncio.to_thread(undoing.prepare)
        if undoing.is_wanted(prompt_of(self.shell)):
            await asyncio.to_thread(undoing.do)
            undoing.tell()

    def undo_blocking(self, line: ChatLine, show: Callable[[Rendered], None]) -> None:
        """As `undo`, for a plain call."""
        undoing = self._undoing(line, show)
        undoing.prepare()
        if undoing.is_wanted(prompt_of(self.shell)):
            undoing.do()
            undoing.tell()

    def _undoing(self, line: ChatLine, show: Callable[[Rendered], None]) -> UndoLine:
        from neuroworkflow_agent.surfaces.undo_line import UndoLine

        if self._queue.is_open:
            raise SessionBusyError("The agent is at work in another cell; wait for it, or interrupt it.")
        if self._notebook is not None:
            self._notebook.begin(asker_of(self.shell))
        return UndoLine(self.chat, line, show, self._shown)

    # -- cells that the message names -----------------------------------------------------------------

    @contextlib.contextmanager
    def _looking(
        self, work: Coroutine[Any, Any, T]
    ) -> Iterator[tuple[Future[T], Callable[[], None], Callable[[], None]]]:
        """Look at the notebook while the block serves; that may take a while, in which the user can stop it."""
        try:
            self._open_queue()
        except BaseException:
            work.close()
            raise
        portal = shared_portal()
        looking = portal.submit(work)

        def stop() -> None:
            portal.post(looking.cancel)  # not here: a signal handler must not wait for the queue's lock

        try:
            looking.add_done_callback(lambda _done: self._queue.finish())
            self._kernel.begin(on_interrupt=stop, on_clear=None)
            with self._kernel.turn(stop, lambda: None) as on_tick:
                yield looking, stop, on_tick
        finally:
            looking.cancel()
            self._queue.close()

    def _found(self, looking: Future[T]) -> T:
        if looking.cancelled():
            raise TurnStoppedError("Stopped.", end="interrupted", session_id=self.chat.session_id)
        return looking.result(0)

    async def _pointed_at(self, prompt: str, asker: Asker) -> Sequence[Attachment]:
        """On the engine's thread: the cells that the message names."""
        from neuroworkflow_agent.notebooks.document import NotebookDocument
        from neuroworkflow_agent.surfaces.cell_mentions import attach_cells

        notebook = self._opened()
        notebook.begin(asker)
        return await attach_cells(prompt, NotebookDocument(notebook), secrets=self.chat.config.secrets)

    # -- one turn -------------------------------------------------------------------------------------

    def _open_queue(self) -> None:
        if self._queue.is_open:
            raise SessionBusyError("The agent is at work in another cell; wait for it, or interrupt it.")
        self._queue.open()

    def _sending(
        self, prompt: str, attached: Sequence[Attachment] | None, *, verify: bool
    ) -> Callable[[], Turn]:
        return lambda: self.chat.send(
            prompt,
            context=self._activity.take(_CONTEXT_CHARS, self._hide),
            attachments=attached or (),
            verify=verify,
        )

    def _start(
        self, asker: Asker, attached: Sequence[Attachment] | None, begin: Callable[[], Turn]
    ) -> tuple[Turn, View]:
        """Begin a turn; the notebook has begun with what the message names, if that was looked for."""
        self._open_queue()
        try:
            return self._begun(asker, attached, begin)
        except BaseException:
            self._queue.close()
            raise

    def _begun(
        self, asker: Asker, attached: Sequence[Attachment] | None, begin: Callable[[], Turn]
    ) -> tuple[Turn, View]:
        if self._preparation is not None:
            self._preparation.hurry()
        view = self._make_view()
        self.chat.ready()
        if self._notebook is not None and attached is None:
            self._notebook.begin(asker)
        self._kernel.begin(on_interrupt=self.chat.stop, on_clear=getattr(view, "replay", None))
        turn = begin()
        self._shown.keep(turn.turn_id, view)
        ToMainThread(self.shell, self._queue, view).follow(turn, is_first=self._is_first)
        self._is_first = False
        return turn, view
