"""Turns remembered while they run, and taken back, the latest first.

An `Undo` belongs to a `Chat`. It hears the turn's events and is told of files and code on the engine's loop, of the
namespace on the thread that runs code; plans and takes back on a thread that may wait. It owns nothing that runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import Event, ToolUse, TurnEnd, Waiting
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.kernels.base import NameChanges, NamespaceWatch
from neuroworkflow_agent.state import file_copies
from neuroworkflow_agent.state.effects import Effect, Plan, names_of
from neuroworkflow_agent.state.kernel_side import UNSEEN
from neuroworkflow_agent.state.turn_files import TurnFiles
from neuroworkflow_agent.state.turn_record import TurnRecord
from neuroworkflow_agent.state.turn_variables import VARIABLE_KEYS, TurnVariables, let_go
from neuroworkflow_agent.state.variables_elsewhere import AskedKernel, VariablesElsewhere
from neuroworkflow_agent.tools.registry import CELL_EXECUTE, RUN_CODE
from neuroworkflow_agent.tools.turn_watch import TurnWatch
from neuroworkflow_agent.workspace import Workspace

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.portal import Portal
    from neuroworkflow_agent.notebooks.document import NotebookDocument

MAX_TURNS = 20
"""Turns whose variables and cells are remembered; what they removed lives on meanwhile."""
_ELSEWHERE = "Variables of this kernel are not looked at: it is another process."


class LiveNames:
    """Where code of a turn runs: its names, and those of IPython's own.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    @property
    def names(self) -> MutableMapping[str, Any]:
        """All of them, as they are now."""
        names: MutableMapping[str, Any] = self._shell.user_ns
        return names

    @property
    def hidden(self) -> Mapping[str, Any]:
        """Those that were there before the user's first cell."""
        hidden: Mapping[str, Any] = self._shell.user_ns_hidden
        return hidden


class Undo(TurnWatch, NamespaceWatch):
    """What the turns of one chat have changed.

    Parameters
    ----------
    namespace
        Where code runs; None where that is another process.
    kernel
        That other process, to be asked for its variables; None where they are nobody's business.
    """

    def __init__(self, namespace: LiveNames | None = None, *, kernel: AskedKernel | None = None) -> None:
        self._namespace = namespace
        self._elsewhere = VariablesElsewhere(kernel) if kernel is not None else None
        self._asking: asyncio.Future[None] | None = None
        """What the kernel elsewhere is asked, and nobody waits for."""
        self._turns: dict[TurnId, TurnRecord] = {}
        self._current: TurnRecord | None = None
        self._coding: TurnRecord | None = None
        """The turn whose code runs, perhaps on after its end."""
        self._working: asyncio.Future[None] | None = None
        """What is read ahead, or written down at a turn's end, on another thread."""
        self._lock = threading.Lock()
        """Held while something is taken back."""

    # -- while a turn runs ----------------------------------------------------------------------------

    def begin(
        self,
        turn_id: TurnId,
        prompt: str,
        *,
        workspace: Path,
        document: NotebookDocument | None,
    ) -> None:
        """A turn begins."""
        files = TurnFiles(turn_id, Workspace(workspace))
        variables = TurnVariables() if self._namespace is not None else None
        cells = None
        if document is not None:  # which has brought nbformat along
            from neuroworkflow_agent.state.turn_cells import TurnCells

            cells = TurnCells(document)
        self._current = self._turns[turn_id] = TurnRecord(turn_id, prompt, files, variables, cells)
        for old in list(self._turns)[:-MAX_TURNS]:
            del self._turns[old]

    def handle(self, event: Event) -> None:
        """An event of the turn, on the engine's loop."""
        turn = self._current
        match event:
            case ToolUse() if turn is not None:
                turn.note(event)
            case Waiting("call", name) if turn is not None and name in (RUN_CODE, CELL_EXECUTE):
                self._expect_code(turn)
            case TurnEnd() if turn is not None:
                self._current = None
                if turn.cells is not None:
                    turn.cells.end()
                self._working = _in_thread(self._end, turn)
                if self._elsewhere is not None and turn.ran_elsewhere:
                    self._ask(self._elsewhere.end(turn.turn_id))
            case _:
                pass

    async def before_write(self, path: Path) -> None:
        """See `TurnWatch`."""
        if (turn := self._current) is not None:
            await asyncio.to_thread(turn.files.before_write, path)

    async def after_write(self, path: Path) -> None:
        """See `TurnWatch`."""
        if (turn := self._current) is not None:
            await asyncio.to_thread(turn.files.after_write, path)

    async def before_code(self) -> None:
        """See `TurnWatch`."""
        if (turn := self._current) is not None:
            await self._settled()
            self._coding = turn
            await asyncio.to_thread(turn.files.before_code)
            if self._elsewhere is not None:
                turn.ran_elsewhere = True
                await self._elsewhere.before_code(turn.turn_id, list(self._turns))

    async def changes(self) -> NameChanges | None:
        """See `TurnWatch`."""
        if self._elsewhere is None or self._coding is None:
            return None
        return await self._elsewhere.changes(self._coding.turn_id)

    async def after_code(self) -> None:
        """See `TurnWatch`."""
        turn, self._coding = self._coding, None
        if turn is not None:
            await asyncio.to_thread(turn.files.after_code)

    def before(self, namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> None:
        """See `NamespaceWatch`."""
        turn = self._coding
        if turn is not None and turn.variables is not None:
            with _said(turn):
                turn.variables.before(namespace, hidden)

    def after(self, namespace: Mapping[str, Any]) -> NameChanges | None:
        """See `NamespaceWatch`."""
        turn = self._coding
        if turn is not None and turn.variables is not None and turn.variables.is_watching:
            with _said(turn):
                return turn.variables.after(namespace)
        return None

    def _expect_code(self, turn: TurnRecord) -> None:
        """The model has begun to write code: copy and read ahead, once a turn."""
        if not turn.is_prepared:
            turn.is_prepared = True
            self._working = _in_thread(self._prepare, turn)
            if self._elsewhere is not None:
                self._ask(self._elsewhere.prepare(turn.turn_id))

    def _ask(self, asking: Coroutine[Any, Any, None]) -> None:
        self._asking = asyncio.ensure_future(asking)
        self._asking.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _prepare(self, turn: TurnRecord) -> None:
        turn.files.prepare()
        if turn.variables is not None and self._namespace is not None:
            with _said(turn):
                turn.variables.prepare(self._namespace.names, self._namespace.hidden)

    def _end(self, turn: TurnRecord) -> None:
        turn.end()
        let_go([each.variables for each in self._turns.values() if each.variables is not None])
        file_copies.sweep()

    # -- afterwards -----------------------------------------------------------------------------------

    def plan(self, turn_id: TurnId, prompt: str, *, workspace: Path, portal: Portal) -> Plan:
        """What taking a turn back would do, as things are. On a thread that may wait."""
        self._refuse_while_code_runs()
        portal.call(self._settled())
        turn = self._record(turn_id, prompt, workspace)
        variables, limits = self._variables_of(turn, portal)
        effects = (*turn.files.effects(), *portal.call(turn.cell_effects()), *variables)
        return Plan(turn_id, turn.prompt, effects, tuple(turn.limits(limits)), turn.is_partly_undone)

    def _variables_of(self, turn: TurnRecord, portal: Portal) -> tuple[list[Effect], list[str]]:
        """What would be done to its variables, and in sentences what cannot be."""
        if self._namespace is not None and turn.variables is not None:
            return turn.variables.effects(self._namespace.names), turn.variables.limits
        if self._elsewhere is not None and turn.ran_elsewhere:
            return portal.call(self._elsewhere.effects(turn.turn_id))
        is_unseen = self._namespace is None and self._elsewhere is None and turn.is_of_this_process
        return [], [_ELSEWHERE] if is_unseen and turn.has_run_code else []

    def take_back(
        self,
        turn_id: TurnId,
        keys: Collection[str],
        *,
        workspace: Path,
        portal: Portal,
        exclusively: Callable[[Callable[[], list[Effect]]], list[Effect]],
    ) -> list[Effect]:
        """Take things of a turn back; what became of each. On a thread that may wait.

        Variables come first: what could not be done to them for want of the kernel leaves everything as it is. A process
        that is killed in the middle leaves files that are as before or as the turn left them, never by half, and its
        variables are gone anyway.

        Parameters
        ----------
        keys
            Of effects.
        exclusively
            Calls a function while no code runs in the namespace.
        """
        self._refuse_while_code_runs()
        portal.call(self._settled())
        turn = self._record(turn_id, "", workspace)
        with self._lock:
            done: list[Effect] = []
            wants_variables = any(key.startswith(VARIABLE_KEYS) for key in keys)
            if (names := self._namespace) is not None and wants_variables:
                done += exclusively(lambda: turn.take_back_variables(names.names, keys))
            elif self._elsewhere is not None and wants_variables and turn.ran_elsewhere:
                done += portal.call(self._elsewhere.take_back(turn.turn_id, keys))
            if turn.cells is not None:
                turn.cells.note_changed(names_of(done))
                done += portal.call(turn.cells.take_back(keys))
            done += turn.files.take_back(keys)
            turn.is_partly_undone = True
        return done

    def forget(self, turn_id: TurnId) -> None:
        """Let go of a turn that was taken back as a whole."""
        self._turns.pop(turn_id, None)

    def _refuse_while_code_runs(self) -> None:
        if self._coding is not None:
            raise ConfigError("Code of the agent's still runs. Undo the turn when it has ended, or stop it.")

    async def _settled(self) -> None:
        if self._working is not None:
            await asyncio.wait([self._working])

    def _record(self, turn_id: TurnId, prompt: str, workspace: Path) -> TurnRecord:
        known = self._turns.get(turn_id)
        if known is None:
            files = TurnFiles.load(turn_id, Workspace(workspace))
            known = self._turns[turn_id] = TurnRecord(turn_id, prompt, files, is_of_this_process=False)
        return known


class _said(contextlib.AbstractContextManager[None]):  # noqa: N801 - used as a function
    """What goes wrong while we look ends no turn; it is said afterwards."""

    def __init__(self, turn: TurnRecord) -> None:
        self._turn = turn

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        if isinstance(error, Exception):
            gap = UNSEEN.format(error=type(error).__name__)
            if gap not in self._turn.files.gaps:
                self._turn.files.gaps.append(gap)
            return True
        return False


def _in_thread(function: Callable[[TurnRecord], None], turn: TurnRecord) -> asyncio.Future[None]:
    async def run() -> None:
        with contextlib.suppress(RuntimeError):  # at the interpreter's end there are no pools
            await asyncio.to_thread(function, turn)

    return asyncio.ensure_future(run())
