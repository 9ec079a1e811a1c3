"""The tool that runs the notebook anew in a fresh kernel, for the model and for a turn's end.

A `VerifyNotebook` belongs to its session; the kernel that it starts ends before its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.errors import AgentError, ToolFailed
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.text import clip, one_line, redact
from neuroworkflow_agent.tools.content import MAX_CHARS
from neuroworkflow_agent.tools.registry import VERIFY_NOTEBOOK, Block, Call, Tool

if TYPE_CHECKING:
    from neuroworkflow_agent.verification.verdicts import Verification

_DESCRIPTION = """\
Run the user's notebook from its top in a fresh kernel, on a copy, and compare the outputs with those it shows: which cells \
differ, fail, or need what is in no cell. The user's kernel and the notebook stay as they are; files that cells write are written. \
Takes as long as the notebook does. Call it when the user wants to know whether the notebook is reproducible."""
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "timeout_s": {"type": "number", "description": "Longest time for one cell; no limit by default."}
    },
    "required": [],
}
_REASON_CHARS = 500


class VerifyNotebook:
    """The tool of one session for one notebook.

    Parameters
    ----------
    document
        The notebook.
    environ
        Gives the environment of its fresh kernels.
    secrets
        Values to keep from the model, as they are when asked for.
    """

    def __init__(
        self,
        document: NotebookDocument,
        environ: Callable[[], Mapping[str, str]],
        secrets: Callable[[], Iterable[str]] = frozenset,
    ) -> None:
        self._document = document
        self._environ = environ
        self._secrets = secrets
        self._running: set[asyncio.Task[Verification]] = set()
        self._found: tuple[int, str] | None = None
        """How many edits there were when the notebook was run anew last, and what came of it."""
        self.tool = Tool(VERIFY_NOTEBOOK, _DESCRIPTION, _SCHEMA, self._answer)
        """What the model may call."""

    @property
    def is_running(self) -> bool:
        """Whether a notebook is being run anew."""
        return bool(self._running)

    @property
    def word(self) -> str:
        """What came of it, as for a closing line; empty if it was not run anew, or cells were edited since."""
        if self._found is None or self._found[0] != self._document.edit_count:
            return ""
        return self._found[1]

    def stop(self) -> None:
        """End what runs, at once."""
        for task in self._running:
            task.cancel()

    async def verify(
        self,
        *,
        timeout_s: float | None = None,
        on_cell: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Verification:
        """Run the notebook anew, as it is now.

        Raises
        ------
        AgentError
            If it cannot be read, or its kernel is not there.
        """
        task = asyncio.ensure_future(self._verified(timeout_s, on_cell))
        self._running.add(task)
        try:
            return await task
        finally:
            self._running.discard(task)

    async def _verified(self, timeout_s: float | None, on_cell: Callable[[int, int], None]) -> Verification:
        from neuroworkflow_agent.verification.fresh_run import verify

        edits = self._document.edit_count
        notebook = await self._document.whole()
        found = await verify(
            notebook,
            self._document.name,
            cwd=await self._document.folder(),
            environ=self._environ(),
            timeout_s=timeout_s,
            on_cell=on_cell,
        )
        self._found = (edits, found.word)
        return found

    async def _answer(self, call: Call) -> list[Block]:
        try:
            found = await self.verify(timeout_s=call.arguments.get("timeout_s"))
        except AgentError as error:
            raise ToolFailed(redact(str(error), self._secrets())) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ToolFailed("The user stopped the turn; the notebook was not run to its end.") from None
        return [{"type": "text", "text": self._told(found)}]

    def _told(self, found: Verification) -> str:
        lines = [found.summary]
        for each in found.cells:
            if each.is_bad or each.state == "skipped":
                why = one_line("; ".join(each.reasons), _REASON_CHARS)
                lines.append(f"Cell {each.number} · {each.cell} · {each.state}: {why}")
        lines += found.remarks
        return clip(redact("\n".join(lines), self._secrets()), MAX_CHARS)
