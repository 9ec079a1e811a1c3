"""A subkernel that dies while a cell's late outputs are waited for, and a sentence is held behind that cell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from neuroworkflow_agent.kernels.languages import language_named
from neuroworkflow_agent.surfaces.chat_kernel.doubts import Doubts
from neuroworkflow_agent.surfaces.chat_kernel.order import Order
from neuroworkflow_agent.surfaces.chat_kernel.outcomes import Outcomes
from neuroworkflow_agent.surfaces.chat_kernel.relay import Relay
from neuroworkflow_agent.surfaces.chat_kernel.wire import SILENT, Frames, Message, Signer

SIGNER = Signer(b"key")


def sent(code: str) -> Message:
    content = {**SILENT, "silent": False, "allow_stdin": True, "code": code}
    return SIGNER.new("execute_request", content)


def test_sentence_behind_it_is_asked_about_in_the_next_one() -> None:
    passed: list[Frames] = []
    socket = SimpleNamespace(send_multipart=lambda _frames: None)
    relay: Any = Relay.__new__(Relay)
    relay._signer, relay._open, relay._order = SIGNER, {}, Order()
    relay._front = front = SimpleNamespace(shell=socket, iopub=socket)
    relay._answers = answers = SimpleNamespace(forget_question=lambda: None)
    relay.keeper = SimpleNamespace(start=lambda: True, language="typescript")
    relay._outcomes = outcomes = Outcomes(
        front,  # type: ignore[arg-type]
        SIGNER, answers, lambda: language_named("typescript"), passed.append, relay._on_code_end,  # type: ignore[arg-type]
    )  # fmt: skip
    relay._doubts = Doubts(SIGNER, answers, passed.append, relay._on_known, relay._on_not_run)  # type: ignore[arg-type]
    code, sentence = sent("1"), sent("Plot the rates of all neurons")
    outcomes.begin(code)
    relay._order.begin(code)
    assert relay._order.holds(sentence, sentence.frames)
    outcomes.take_reply(SIGNER.new("execute_reply", {"status": "ok"}, parent=code.header))
    relay._fail_open("It died.")
    assert relay._order.request is sentence
    assert relay._doubts._cell is not None, "the cell would hold all others for ever"
    assert len(passed) == 1
