"""Variables of turns whose code runs in another process: asked of that one, by expressions that it evaluates in silence.

A `VariablesElsewhere` belongs to its `Undo`, lives on the engine's loop and owns nothing. What it asks is `kernel_side`, in the kernel's
process, and that only where it is this very package: a package of the same name in the kernel's folder is never imported.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from neuroworkflow_agent.errors import ConfigError, KernelError
from neuroworkflow_agent.kernels.base import NameChanges
from neuroworkflow_agent.state.effects import Effect

GONE = "The kernel knows nothing of this turn any more, so its variables cannot be taken back."
_OTHER_LANGUAGE = "Variables of this kernel are not looked at: its language is {language!r}."
_OTHER_ENVIRONMENT = "Variables of this kernel are not looked at: it is another process, in an environment without this package."
_NONSENSE = "The kernel's answer about its variables makes no sense, so they are not looked at."
_BUSY = "The kernel runs code. Undo the turn when that has ended, or stop it."
_TOLD_S = 2.0
"""How long the model waits to be told of names; somebody else's cell may be next in the kernel."""
_LOOKED_S = 10.0
_HOME = str(Path(__file__).resolve().parents[1] / "__init__.py")
_ASKED = """
def asked(shell, home, what, given):
    import os
    from importlib.util import find_spec
    spec = find_spec("neuroworkflow_agent")
    if spec is None or os.path.realpath(spec.origin or "") != home:
        return "null"
    from neuroworkflow_agent.state.kernel_side import asked
    return '{"answer": ' + asked(shell, what, given) + "}"
"""


class AskedKernel(Protocol):
    """A kernel that evaluates expressions."""

    @property
    def language(self) -> str:
        """As its kernelspec names it, lower case."""

    @property
    def is_started(self) -> bool:
        """Whether there is a process to ask."""

    async def evaluate(self, expression: str) -> str:
        """What an expression is; see `ClientKernel`."""

    async def mention(self, expression: str) -> None:
        """Have an expression evaluated; see `ClientKernel`."""


class VariablesElsewhere:
    """Of one chat.

    Parameters
    ----------
    kernel
        Where its code runs.
    """

    def __init__(self, kernel: AskedKernel) -> None:
        self._kernel = kernel
        self._chat = uuid.uuid4().hex
        """By which the kernel tells us from other chats."""
        self._pieces: dict[str, int] = {}
        """How many pieces of code were handed to the kernel, by their turn."""
        self.trouble = ""
        """Why they are not looked at, in a sentence; empty if they are, as far as is known."""

    async def prepare(self, turn_id: str) -> None:
        """The model has begun to write code."""
        await self._mention("prepare", turn=turn_id)

    async def before_code(self, turn_id: str, remembered: Sequence[str]) -> None:
        """Code of a turn is about to be handed to the kernel; it waits for nothing.

        Parameters
        ----------
        remembered
            The turns that may still be undone.
        """
        self.trouble = ""
        if self._kernel.language != "python":
            self.trouble = _OTHER_LANGUAGE.format(language=self._kernel.language)
            return
        self._pieces = {each: count for each, count in self._pieces.items() if each in remembered}
        self._pieces[turn_id] = self._pieces.get(turn_id, 0) + 1
        armed = _expression("arm", turn=turn_id, chat=self._chat, remembered=list(remembered))
        with contextlib.suppress(KernelError):  # who runs the code hears of it, too
            await self._kernel.mention(armed)

    async def changes(self, turn_id: str) -> NameChanges | None:
        """What the code of a turn that has just run did to names; None if that is not known."""
        with contextlib.suppress(KernelError, TimeoutError, AttributeError, TypeError):
            found = await self._ask(_TOLD_S, "changes", turn=turn_id)
            return _changes(found) if found is not None else None
        return None

    async def end(self, turn_id: str) -> None:
        """A turn has ended."""
        await self._mention("end", turn=turn_id)

    async def effects(self, turn_id: str) -> tuple[list[Effect], list[str]]:
        """What taking a turn back would do, and in sentences what it cannot.

        Raises
        ------
        ConfigError
            If the kernel is busy.
        """
        if not self._kernel.is_started:
            return [], [GONE]
        try:
            pieces = self._pieces.get(turn_id, 0)
            found = await self._ask(_LOOKED_S, "effects", turn=turn_id, pieces=pieces)
            if found is None:
                return [], [self.trouble or GONE]
            return _effects(found["effects"]), [str(each) for each in found["limits"]]
        except TimeoutError:
            raise ConfigError(_BUSY) from None
        except KernelError as error:
            return [], [str(error)]
        except (KeyError, TypeError):
            return [], [_NONSENSE]

    async def take_back(self, turn_id: str, keys: Collection[str]) -> list[Effect]:
        """Put variables of a turn back; what became of each.

        Raises
        ------
        KernelError
            If the kernel has ended.
        """
        return _effects(await self._ask(None, "take_back", turn=turn_id, keys=sorted(keys)) or [])

    # -- small parts ----------------------------------------------------------------------------------

    async def _mention(self, what: str, **given: Any) -> None:
        if self._kernel.is_started and self._kernel.language == "python":
            with contextlib.suppress(KernelError):
                await self._kernel.mention(_expression(what, **given))

    async def _ask(self, limit_s: float | None, what: str, **given: Any) -> Any:
        """The answer; None, and a `trouble`, where nobody can be asked."""
        if self._kernel.language != "python":
            self.trouble = _OTHER_LANGUAGE.format(language=self._kernel.language)
            return None
        async with asyncio.timeout(limit_s):
            text = await self._kernel.evaluate(_expression(what, **given))
        try:
            answer = json.loads(ast.literal_eval(text))
            self.trouble = _OTHER_ENVIRONMENT if answer is None else ""
            return answer["answer"] if answer is not None else None
        except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
            raise KernelError(_NONSENSE) from None


def _expression(what: str, **given: Any) -> str:
    """What the kernel evaluates; it leaves no name behind."""
    return (
        f"(lambda space: (exec({_ASKED!r}, space), "
        f"space['asked'](get_ipython(), {_HOME!r}, {what!r}, {json.dumps(given)!r}))[1])({{}})"
    )


def _effects(found: list[dict[str, Any]]) -> list[Effect]:
    """Effects as the kernel tells them: whatever it is, it speaks of variables."""
    return [
        Effect("variables", *(str(each[part]) for part in ("key", "name", "verb", "obstacle")))
        for each in found
    ]


def _changes(found: dict[str, Any]) -> NameChanges:
    kinds = [field.name for field in fields(NameChanges)]
    return NameChanges(**{kind: tuple(map(str, found.get(kind) or ())) for kind in kinds})
