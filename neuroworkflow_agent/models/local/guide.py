"""Leading a small model through one answer: code first, then what the code showed. Owns nothing that outlives the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass

from neuroworkflow_agent.models.local.claims import LEFT_OUT, ProseGate
from neuroworkflow_agent.models.local.code import objection, with_imports, with_result
from neuroworkflow_agent.models.local.conversation import Message, SmallPrompt
from neuroworkflow_agent.models.local.fence import FenceReader
from neuroworkflow_agent.models.local.looking import NEXT, first_look, is_look
from neuroworkflow_agent.models.local.plan import UNTOLD, PlanReader
from neuroworkflow_agent.models.local.words import COMPUTE, closing_words, last_words
from neuroworkflow_agent.models.messages import MessageWriter

_FENCE = "```python\n"
_TRIES = 3
_CHANCE = 0.7
"""Temperature of all tries but the first."""
QUIET_S = 2.0
"""How long nothing may be said while the model reads."""


@dataclass(frozen=True, slots=True)
class Try:
    """One text asked of the model."""

    messages: list[Message]
    """A last message of the assistant's is a text to go on with."""
    temperature: float = 0.0
    seed: int = 1


Stream = Callable[[Try], AsyncIterator[str]]
"""The model's text as it is written; leaving the iteration stops it."""


async def answer(
    prompt: SmallPrompt, messages: list[Message], writer: MessageWriter, stream: Stream
) -> AsyncIterator[str]:
    """The events of one answer: words that need no model, or prose that is supported, or one tool use.

    Parameters
    ----------
    prompt
        What the answer may be.
    messages
        What the model is given, fitted to its context.
    writer
        Makes events of it.
    stream
        Asks the model.
    """
    yield writer.start()
    words = closing_words(prompt)
    if words is not None:
        yield writer.text(words)
    elif prompt.may_run and (prompt.runs or prompt.request.needs_code):
        code = "" if prompt.runs else first_look(prompt.request.reads)
        if not code:
            coder = _Coder(prompt, messages, writer, stream)
            async for event in coder.events():
                yield event
            code = coder.code
        if code:
            yield _call(prompt, code, writer)
            return
        yield writer.text(last_words(prompt))
    else:
        async for event in _talk(prompt, messages, writer, stream):
            yield event
        return
    yield writer.end("end_turn")


def _call(prompt: SmallPrompt, code: str, writer: MessageWriter) -> str:
    """Both ends of a message that runs code."""
    assert prompt.run_code is not None
    return writer.tool_use(prompt.run_code, {"code": with_result(with_imports(code))}) + writer.end(
        "tool_use"
    )


class _Coder:
    """Asks for code that may be run, a few times; says while the first is written what it is going to compute."""

    def __init__(
        self, prompt: SmallPrompt, messages: list[Message], writer: MessageWriter, stream: Stream
    ) -> None:
        self._prompt = prompt
        self._messages = messages
        self._writer = writer
        self._stream = stream
        self.code = ""
        """What may be run; empty if the model writes none."""

    async def events(self) -> AsyncIterator[str]:
        advice = self._first_advice()
        explanation = "" if self._prompt.runs else self._prompt.request.repaired
        if explanation:
            yield self._writer.text(f"{explanation}\n\n")
        for number in range(_TRIES):
            reader = FenceReader()
            reader.feed(_FENCE)
            is_silent = bool(number or explanation or self._is_repair)
            plan = PlanReader(self._prompt.asked, is_silent, "" if self._prompt.runs else UNTOLD)
            async with contextlib.aclosing(_with_pause(self._written(advice, number), QUIET_S)) as written:
                async for delta in written:
                    if told := plan.hurry() if delta is None else plan.feed(delta):
                        yield self._writer.text(told)
                    reader.feed(delta or "")
                    if reader.is_done:
                        break
            reader.finish()
            if told := plan.finish():
                yield self._writer.text(told)
            code = reader.code or ""
            advice = objection(code, self._prompt) if code else "Write one Python block."
            if not advice:
                self.code = code
                return

    @property
    def _is_repair(self) -> bool:
        return bool(self._prompt.runs) and not is_look(self._prompt.runs[-1].code)

    def _first_advice(self) -> str:
        runs = self._prompt.runs
        if not runs or runs[-1].has_failed:
            return ""
        return NEXT if is_look(runs[-1].code) else COMPUTE

    async def _written(self, advice: str, number: int) -> AsyncIterator[str]:
        """What the model writes behind the fence."""
        asked = [*_advised(self._messages, advice), {"role": "assistant", "content": _FENCE}]
        async for delta in self._stream(Try(asked, _CHANCE if number else 0.0, number + 1)):
            self._writer.output_tokens += 1
            yield delta


async def _with_pause(texts: AsyncIterator[str], quiet_s: float) -> AsyncGenerator[str | None, None]:
    """The same texts, and None before the first if that takes longer."""
    first: asyncio.Future[str] = asyncio.ensure_future(anext(texts))
    try:
        await asyncio.wait({first}, timeout=quiet_s)
        if not first.done():
            yield None
        with contextlib.suppress(StopAsyncIteration):
            yield await first
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    async for text in texts:
        yield text


async def _talk(
    prompt: SmallPrompt, messages: list[Message], writer: MessageWriter, stream: Stream
) -> AsyncIterator[str]:
    """Prose, sentence by sentence, without what the model made up; code beside it is run only if there are cells it may be about."""
    gate, reader, said = ProseGate(prompt.asked), FenceReader(), False
    async for delta in stream(Try(messages)):
        writer.output_tokens += 1
        prose = gate.feed(reader.feed(delta) if prompt.run_code else delta)
        said = said or bool(prose.strip())
        if prose:
            yield writer.text(prose)
        if reader.is_done:
            break
    if prose := gate.feed(reader.finish()) + gate.finish():
        said = said or bool(prose.strip())
        yield writer.text(prose)
    if reader.code and prompt.may_run and prompt.request.cells and not objection(reader.code, prompt):
        yield _call(prompt, reader.code, writer)
        return
    if reader.code:
        yield writer.text(f"\n{_FENCE}{reader.code}\n```\n")
    elif not said:
        yield writer.text(LEFT_OUT)
    yield writer.end("end_turn")


def _advised(messages: list[Message], advice: str) -> list[Message]:
    if not advice:
        return messages
    last = messages[-1]
    return [*messages[:-1], {"role": last["role"], "content": f"{last['content']}\n\n{advice}"}]
