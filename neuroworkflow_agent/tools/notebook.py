"""Tools for the notebook's own cells: seen, searched, edited, moved and run.

`NotebookTools` belongs to its session and owns what the model has read of each cell: a cell is written over or
deleted only as it was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from neuroworkflow_agent.errors import EditRefusedError, NotebookError, ToolFailed
from neuroworkflow_agent.kernels.letting_go import wait_in_any_case
from neuroworkflow_agent.notebooks.cells import digest
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import (
    Applied,
    Delete,
    Edit,
    Insert,
    Move,
    Place,
    Replace,
    SetOutputs,
    SetSource,
    TakeBack,
)
from neuroworkflow_agent.notebooks.outline import CellLine
from neuroworkflow_agent.outputs import OutputList
from neuroworkflow_agent.text import Redaction, clip
from neuroworkflow_agent.tools.cell_answers import cell_head
from neuroworkflow_agent.tools.cell_preview import preview, preview_of_run
from neuroworkflow_agent.tools.content import MAX_CHARS, encode_outputs, plain_outputs
from neuroworkflow_agent.tools.notebook_specs import DATA, EDITING, EXECUTE, READING
from neuroworkflow_agent.tools.registry import Answer, Block, Call, Handler, Preview, Previewer, Spec, Tool
from neuroworkflow_agent.tools.run_code import RunCode

_MAX_MATCHES = 100
_CURRENT_CHARS = 8_000
_LIVE_S = 0.5
_LIVE_CHARS = 100_000
_CHANGED_MEANWHILE = (
    "Somebody changed the text of this cell while its code ran; its outputs are of the text it had before."
)
_LAST_CHARS = 100
"""What saying that there is more may take."""


class NotebookTools:
    """The tools of one session for one notebook.

    Parameters
    ----------
    document
        The notebook.
    code
        Runs cells; None offers no `cell_execute`.
    secrets
        Values to keep from the model, as they are when asked for.
    """

    def __init__(
        self,
        document: NotebookDocument,
        code: RunCode | None,
        secrets: Callable[[], Iterable[str]] = frozenset,
    ) -> None:
        self._document = document
        self._code = code
        self._secrets = secrets
        self._read: dict[str, str] = {}
        """Digests of the texts that the model has seen whole, by cell."""
        self._so_far = OutputList()
        """Of the cell that runs, or ran last."""
        self._veiled: set[str] = set()
        """Cells that hold a secret, which the model did not see."""
        self._hide = Redaction(secrets)
        """Takes known secrets out of a text; before it is cut, since half a secret is not known any more."""

    @property
    def offered(self) -> tuple[Tool, ...]:
        """What the model may call, in the order in which it is told."""
        handlers = (self._get, self._search, self._cell_get)
        reading = [self._tool(spec, handler) for spec, handler in zip(READING, handlers, strict=True)]
        editing = [self._editing(spec) for spec in EDITING]
        running = [self._tool(EXECUTE, self._execute, self._shown_before_run)] if self._code else []
        return (*reading, *editing, *running)

    def _tool(self, spec: Spec, answer: Handler, preview: Previewer | None = None) -> Tool:
        async def handler(call: Call) -> list[Block] | Answer:
            try:
                return await answer(call)
            except EditRefusedError as refused:
                raise self._refusal(refused) from refused
            except NotebookError as error:
                raise ToolFailed(self._hide(str(error))) from error

        return spec.tool(handler, preview)

    def _refusal(self, refused: EditRefusedError) -> ToolFailed:
        """What the model is told of an edit that was not made, with the text that it did not know."""
        if refused.current is None:
            return ToolFailed(str(refused))
        current = clip(self._hide(refused.current), _CURRENT_CHARS)
        return ToolFailed(f"{refused}\nThe cell now says:\n{current}")

    # -- reading --------------------------------------------------------------------------------------

    async def _get(self, call: Call) -> Answer:
        cells = await self._document.cells(hide=self._hide)
        head = f"{self._document.name}: {len(cells)} cells {DATA}"
        if not call.arguments.get("sources"):
            listing = "\n".join([head, *(_outlined(line) for line, _ in cells)])
            return await self._listed(listing, [_line_value(line) for line, _ in cells])
        texts, values = [head], list[dict[str, Any]]()
        room = MAX_CHARS - len(head)
        for number, (line, cell) in enumerate(cells):
            source = clip(self._hide(cell.source), max(500, room // 4))
            text = f"{_outlined(line, with_first=False)}\n{source}"
            room -= len(text) + 2
            if room < _LAST_CHARS:
                texts.append(f"[… {len(cells) - number} more cells; read them with cell_get]")
                break
            self._note_read(line, cell.source, text)
            texts.append(text)
            values.append({**_line_value(line), "source": source})
        return await self._listed("\n\n".join(texts), values)

    async def _listed(self, text: str, cells: list[dict[str, Any]]) -> Answer:
        blocks = await encode_outputs(text, (), secrets=self._secrets())
        return Answer(blocks, {"notebook": self._hide(self._document.name), "cells": cells})

    async def _search(self, call: Call) -> Answer:
        found = await self._document.search(call.arguments["pattern"], hide=self._hide)
        lines = [
            f"{cell_head(each.cell.index, each.cell.address)} · line {each.number}: {each.line}"
            for each in found
        ]
        rest = [f"[… {len(lines) - _MAX_MATCHES} more]"] if len(lines) > _MAX_MATCHES else []
        said = "\n".join([*lines[:_MAX_MATCHES], *rest]) or "No cell has such a line."
        matches = [
            {"id": each.cell.address, "index": each.cell.index, "line": each.number, "text": each.line}
            for each in found[:_MAX_MATCHES]
        ]
        return Answer(await encode_outputs(said, (), secrets=self._secrets()), {"matches": matches})

    async def _cell_get(self, call: Call) -> Answer:
        wanted = await self._range(call.arguments)
        shown = [await self._shown(line, cell, MAX_CHARS // len(wanted)) for line, cell in wanted]
        return self._together(shown)

    def _together(self, shown: Iterable[Answer]) -> Answer:
        """What was answered of several cells, as one answer."""
        cells = list(shown)
        return Answer(
            [block for each in cells for block in each.blocks],
            {"notebook": self._hide(self._document.name), "cells": [each.structured for each in cells]},
        )

    async def _shown(self, line: CellLine, cell: Any, budget: int) -> Answer:
        """A cell; remembered as read if its text is whole."""
        source = clip(self._hide(cell.source), budget * 2 // 3)
        self._note_read(line, cell.source, source)
        head = f"{_outlined(line, with_first=False)} hash {line.digest} {DATA}\n{source}"
        outputs = cell.get("outputs", ())
        if outputs:
            head += "\nOutputs:"
        secrets = frozenset(self._secrets())
        value = {
            **_line_value(line),
            "source": source,
            "is_cut": source != cell.source,
            "outputs": plain_outputs(outputs, secrets=secrets, max_chars=budget),
        }
        return Answer(await encode_outputs(head, outputs, secrets=secrets, max_chars=budget), value)

    def _note_read(self, line: CellLine, source: str, shown: str) -> None:
        """Remember a cell whose text was shown as it is: whole, and without anything kept from the model."""
        self._read.pop(line.address, None)
        self._veiled.discard(line.address)
        if self._hide(source) != source:
            self._veiled.add(line.address)
        elif source in shown:
            self._read[line.address] = line.digest

    async def _range(self, arguments: Mapping[str, Any]) -> list[tuple[CellLine, Any]]:
        return await self._document.cells(
            str(arguments["cell"]), str(arguments.get("last") or ""), with_outputs=True
        )

    # -- editing --------------------------------------------------------------------------------------

    def _editing(self, spec: Spec) -> Tool:
        async def answer(call: Call) -> Answer:
            (applied,) = await self._document.edit(self._edit(spec.name, call.arguments))
            return await self._told(applied)

        async def show(arguments: Mapping[str, Any]) -> Preview | None:
            try:
                return await preview(self._document, self._edit(spec.name, arguments), self._hide)
            except EditRefusedError as refused:
                raise self._refusal(refused) from refused
            except (NotebookError, KeyError, TypeError):
                return None  # the call itself will say why

        return self._tool(spec, answer, show)

    def _edit(self, name: str, given: Mapping[str, Any]) -> Edit:
        """What a call asks for.

        Raises
        ------
        ToolFailed
            If it names no place, or a cell that was not read.
        """
        cell = str(given.get("cell"))
        match name:
            case "cell_insert":
                return Insert(given["source"], _place(given), given.get("cell_type") or "code")
            case "cell_edit":
                return Replace(cell, given["old"], given["new"])
            case "cell_update":
                return SetSource(cell, given["source"], self._digest(given))
            case "cell_move":
                return Move(cell, _place(given))
            case _:
                return Delete(cell, self._digest(given))

    def _digest(self, given: Mapping[str, Any]) -> str:
        if given["cell"] in self._veiled:
            raise ToolFailed(
                f"The cell {given['cell']!r} holds a value that is kept from you, and would lose it. Change a part with cell_edit."
            )
        found = given.get("hash") or self._read.get(given["cell"])
        if not found:
            raise ToolFailed(
                f"Read the cell {given['cell']!r} first, with cell_get: nothing is written over unseen."
            )
        return str(found)

    async def _told(self, applied: Applied) -> Answer:
        """What was done, with the cell's place now; what the model has written itself it need not read."""
        edit, before = applied.edit, applied.undo
        if not applied.cell:
            return self._done(
                "",
                "The code is proposed as one new cell, below the one that asked, for the user to run. It shows when that cell "
                "ends, and has no id: it cannot be read, changed or run from here.",
            )
        known = self._read.pop(getattr(edit, "cell", ""), None)
        if isinstance(edit, Delete):
            return self._done(applied.cell, f"The cell {applied.cell} is deleted.")
        try:
            ((line, _),) = await self._document.cells(applied.cell, hide=self._hide)
        except EditRefusedError as unclear:  # but done it is: a cell like others, in a notebook without ids
            return self._done(applied.cell, f"Done. {unclear}")
        knew_all = known is not None and isinstance(before, TakeBack) and known == digest(before.source)
        if isinstance(edit, Insert | SetSource) or knew_all or known == line.digest:
            self._read[applied.cell] = line.digest
        return self._done(
            applied.cell, f"Done. {_outlined(line)}", {"index": line.index, "hash": line.digest}
        )

    def _done(self, cell: str, said: str, more: Mapping[str, Any] | None = None) -> Answer:
        said = self._hide(said)
        return Answer([_text(said)], {"id": cell, "done": said, **(more or {})})

    async def _shown_before_run(self, arguments: Mapping[str, Any]) -> Preview | None:
        try:
            return await preview_of_run(
                self._document, str(arguments["cell"]), str(arguments.get("last") or ""), self._hide
            )
        except (NotebookError, KeyError):
            return None  # the call itself will say why

    # -- running --------------------------------------------------------------------------------------

    async def _execute(self, call: Call) -> list[Block] | Answer:
        assert self._code is not None
        self._code.detachments.refuse_if_busy()
        begun = asyncio.Event()
        return await self._code.detachments.answer(
            self._execute_all(call, begun), lambda: self._so_far.outputs, begun
        )

    async def _execute_all(self, call: Call, begun: asyncio.Event) -> list[Block] | Answer:
        assert self._code is not None
        wanted, timeout_s = await self._range(call.arguments), call.arguments.get("timeout_s")
        if call.arguments.get("restart"):
            await self._code.restart()
        shown: list[Answer] = []
        budget = MAX_CHARS // len(wanted)
        for number, (line, _) in enumerate(wanted):
            if line.cell_type != "code":
                continue
            try:
                source, is_fine = await self._run(line.address, timeout_s, begun)
                ((now, cell),) = await self._document.cells(line.address, with_outputs=True)
            except (ToolFailed, NotebookError) as failure:
                told = [*self._together(shown).blocks, _text(f"{line.address}: {failure}")]
                if isinstance(failure, NotebookError) and self._so_far.outputs:  # which are in no cell then
                    told += await encode_outputs(
                        "Its outputs:",
                        self._so_far.outputs,
                        secrets=frozenset(self._secrets()),
                        max_chars=budget,
                    )
                raise ToolFailed(str(failure), told) from failure
            shown.append(await self._shown(now, cell, budget))
            if cell.source != source:
                self._document.staleness.note_ran(line.address, cell.get("execution_count"), source)
                shown[-1].blocks.append(_text(_CHANGED_MEANWHILE))
            if not is_fine:
                blocks = self._together(shown).blocks
                if left := len(wanted) - number - 1:
                    blocks.append(_text(f"The {left} cells after it were not run."))
                raise ToolFailed("The cell did not run to its end.", blocks)
        answer = self._together(shown)
        return (
            answer
            if shown
            else replace(answer, blocks=[_text("There is no code cell among them; nothing was run.")])
        )

    async def _run(self, cell: str, timeout_s: float | None, begun: asyncio.Event) -> tuple[str, bool]:
        """Run one cell and put what came of it into it; the text that was run, and whether it went well."""
        assert self._code is not None
        outputs, numbers = OutputList(), list[int]()
        self._so_far = outputs
        async with self._document.runs(cell):
            source = (await self._document.cell(cell)).source  # which nothing of ours edits from here on
            showing = asyncio.create_task(self._keep_showing(cell, outputs))
            try:
                execution = await self._code.run(
                    source,
                    timeout_s=timeout_s,
                    on_start=begun.set,
                    on_output=outputs.apply,
                    as_cell=True,
                    on_number=numbers.append,
                )
                if execution.execution_count is not None:
                    numbers.append(execution.execution_count)
            finally:  # also what a stopped cell has shown until then, and its number
                showing.cancel()
                await wait_in_any_case(showing)
                count = numbers[-1] if numbers else None
                # Also where a person has changed the text meanwhile, as after any run in a page.
                shown = SetOutputs(cell, _numbered(outputs.outputs, count), count)
                putting = asyncio.ensure_future(self._document.show_outputs(shown))
                await wait_in_any_case(putting)
                failure = putting.exception() if putting.done() else None
            if failure is not None:
                raise failure
        return source, execution.status == "ok"

    async def _keep_showing(self, cell: str, outputs: OutputList) -> None:
        """Show what a cell puts out while it runs, until that is much; else ends by being cancelled."""
        shown: tuple[Any, ...] = ()
        while True:
            await asyncio.sleep(_LIVE_S)
            now = outputs.outputs
            if now == shown:
                continue
            if len(str(now)) > _LIVE_CHARS:  # which takes a while to find out, from code that runs
                return
            shown = now
            await self._document.show_so_far(cell, now)


def _numbered(outputs: Iterable[Any], count: int | None) -> tuple[Any, ...]:
    """Outputs of a run, its result with the run's number."""
    return tuple(
        {**each, "execution_count": count} if each["output_type"] == "execute_result" else each
        for each in outputs
    )


def _line_value(line: CellLine) -> dict[str, Any]:
    """A line of the outline, for programs."""
    return {
        "id": line.address,
        "index": line.index,
        "cell_type": line.cell_type,
        "state": line.state,
        "lines": line.lines,
        "hash": line.digest,
        "first_line": line.first_line,
        "outputs": line.outputs,
        "may_be_stale": line.may_be_stale,
    }


def _place(given: Mapping[str, Any]) -> Place:
    after, index = given.get("after"), given.get("index")
    if (after is None) == (index is None):
        raise ToolFailed(
            "Say where the cell is to go: after, the id of a cell, or index (-1 is the end); one of them."
        )
    return Place(str(after)) if after is not None else Place(index=int(index or 0))


def _outlined(line: CellLine, *, with_first: bool = True) -> str:
    about = [cell_head(line.index, line.address), line.cell_type, line.state, f"{line.lines} lines"]
    if line.outputs:
        about.append(f"{line.outputs} outputs")
    if line.may_be_stale:
        about.append("may be out of date")
    head = " · ".join(each for each in about if each)
    return f"{head}: {line.first_line}" if with_first and line.first_line else head


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
