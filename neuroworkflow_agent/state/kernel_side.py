"""Variables of turns, watched in the kernel's own process for an agent that lives in another one.

A `KernelSide` is an attribute of its shell and ends with that; nothing of it is in the user's namespace. The agent asks it by silent
requests, on the kernel's main thread. It arms it before each piece of code, and what is looked at is the next cell of the agent's own
wire session, whoever else runs cells there. Several chats may share a kernel.
"""

from __future__ import annotations

import ast
import contextlib
import json
import signal
import threading
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from neuroworkflow_agent.kernels.base import NameChanges
from neuroworkflow_agent.state.effects import Effect
from neuroworkflow_agent.state.turn_variables import TurnVariables, let_go

UNSEEN = "Variables could not be looked at: {error}."
_ATTRIBUTE = "_neuroworkflow_agent_side"
_MAX_TURNS = 100
"""Of all chats: those of an agent that was killed are forgotten by nobody."""
_STOPPED = "Stopped before it ran."
_MAX_EFFECTS = 2_000
_PARTLY = "Not all code of this turn was seen to run; what the rest changed stays."
_MORE = "{count:,} more names that this turn changed are not listed, and stay."


@dataclass(eq=False)
class _Turn(contextlib.AbstractContextManager["_Turn"]):
    """A turn. What goes wrong while it is looked at ends no cell; it is said afterwards."""

    variables: TurnVariables = field(default_factory=TurnVariables)
    chat: str = ""
    seen: int = 0
    """How many pieces of its code were seen to run."""
    changes: NameChanges | None = None
    """What the last of them did to names."""
    gaps: list[str] = field(default_factory=list)

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        if not isinstance(error, Exception):
            return False
        if (said := UNSEEN.format(error=type(error).__name__)) not in self.gaps:
            self.gaps.append(said)
        return True


class _Undisturbed:
    """A time in which an interrupt is only noted, on the main thread."""

    def __init__(self) -> None:
        self.was_interrupted = False
        self._before: Any = None

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is not None:  # else it could not be put back
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, *_signal: object) -> None:
        self.was_interrupted = True


class _Refusal(ast.NodeTransformer):
    """Has IPython not run the next code, once.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def visit(self, _node: ast.AST) -> ast.AST:
        """See `ast.NodeTransformer`."""
        from IPython.core.error import InputRejected

        self._shell.ast_transformers.remove(self)
        raise InputRejected(_STOPPED)


class KernelSide:
    """Of one shell.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._turns: dict[str, _Turn] = {}
        """By their ids, the oldest first."""
        self._armed: dict[str, _Turn] = {}
        """The turn whose code comes next from a wire session."""
        self._running: _Turn | None = None
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    # -- asked for by the agent -----------------------------------------------------------------------

    def prepare(self, turn: str) -> None:
        """Copy arrays ahead, while the model writes its code."""
        with self._of(turn) as known:
            known.variables.prepare(self._shell.user_ns, self._shell.user_ns_hidden)

    def arm(self, turn: str, chat: str, remembered: list[str]) -> None:
        """The next cell of this request's session is code of a turn; forget those that its chat does not remember."""
        armed = self._of(turn)
        armed.chat, armed.changes = chat, None
        gone = [known for known, each in self._turns.items() if each.chat == chat and known not in remembered]
        for known in [*gone, *[each for each in self._turns if each not in gone][:-_MAX_TURNS]]:
            del self._turns[known]
        self._armed[self._session()] = armed

    def changes(self, turn: str) -> dict[str, Any] | None:
        """What its last cell did to names; None if nobody looked."""
        known = self._turns.get(turn)
        return asdict(known.changes) if known is not None and known.changes is not None else None

    def end(self, turn: str) -> None:
        """A turn has ended: keep what can be put back, within the budget for all."""
        if turn in self._turns:
            self._turns[turn].variables.end()
            let_go([each.variables for each in self._turns.values()])

    def effects(self, turn: str, pieces: int) -> dict[str, Any] | None:
        """What taking a turn back would do, and what it cannot; None if nothing is known of it here.

        Parameters
        ----------
        pieces
            How many pieces of code its agent has sent.
        """
        known = self._turns.get(turn)
        if known is None:
            return None
        found = known.variables.effects(self._shell.user_ns)
        more = len(found) - _MAX_EFFECTS
        limits = [*known.gaps, *known.variables.limits]
        limits += [_PARTLY] if known.seen < pieces else []
        limits += [_MORE.format(count=more)] if more > 0 else []
        return {"effects": _as_json(found[:_MAX_EFFECTS]), "limits": limits}

    def take_back(self, turn: str, keys: Collection[str]) -> list[dict[str, str]]:
        """Put variables of a turn back; what became of each."""
        known = self._turns.get(turn)
        if known is None:
            return []
        with _Undisturbed():
            return _as_json(known.variables.take_back(self._shell.user_ns, set(keys)))

    # -- around each cell -----------------------------------------------------------------------------

    def _before(self, _info: object = None) -> None:
        if not self._armed or (armed := self._armed.pop(self._session(), None)) is None:
            return
        self._running = armed
        with _Undisturbed() as undisturbed, armed:
            armed.variables.before(self._shell.user_ns, self._shell.user_ns_hidden)
            armed.seen += 1
        if undisturbed.was_interrupted:  # the code must not run: IPython goes on whatever is raised here
            self._shell.ast_transformers.append(_Refusal(self._shell))

    def _after(self, _result: object = None) -> None:
        # Code that is no Python comes to no transformer, and the next cell may be the user's.
        left = [each for each in self._shell.ast_transformers if isinstance(each, _Refusal)]
        for each in left:
            self._shell.ast_transformers.remove(each)
        ran, self._running = self._running, None
        if ran is not None and ran.variables.is_watching:
            with _Undisturbed(), ran:
                ran.changes = ran.variables.after(self._shell.user_ns)

    # -- small parts ----------------------------------------------------------------------------------

    def _of(self, turn: str) -> _Turn:
        return self._turns.setdefault(turn, _Turn())

    def _session(self) -> str:
        """The wire session of the request that is served."""
        parent = self._shell.get_parent() if hasattr(self._shell, "get_parent") else {}
        return str(((parent or {}).get("header") or {}).get("session"))


def asked(shell: Any, what: str, given: str) -> str:
    """Answer a request of the agent's.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    what
        Name of a method.
    given
        Its arguments, as JSON.

    Returns
    -------
    str
        What it returned, as JSON.
    """
    side = vars(shell).get(_ATTRIBUTE)
    if side is None:
        side = KernelSide(shell)
        setattr(shell, _ATTRIBUTE, side)
    answer = {
        "prepare": side.prepare,
        "arm": side.arm,
        "changes": side.changes,
        "end": side.end,
        "effects": side.effects,
        "take_back": side.take_back,
    }[what]
    return json.dumps(answer(**json.loads(given)))


def _as_json(effects: list[Effect]) -> list[dict[str, str]]:
    return [asdict(each) for each in effects]
