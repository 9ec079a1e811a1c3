"""What a person types is a yes, a no, or a reason; a word that is neither is asked about."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from neuroworkflow_agent.engine.permissions import QUESTION, Answer
from neuroworkflow_agent.events import ApprovalRequest
from neuroworkflow_agent.surfaces.input_prompt import ask


def request(name: str = "run_code", given: dict[str, Any] | None = None) -> ApprovalRequest:
    return ApprovalRequest("r1", None, name, given or {"code": "x"}, "Every change asks in ask mode.")


@pytest.mark.parametrize(
    ("replies", "answer"),
    [
        (["y"], Answer(True)),
        ([" YES "], Answer(True)),
        (["a"], Answer(True, remember=True)),
        (["n"], Answer(False, "The user said no.")),
        ([""], Answer(False, "The user said no.")),
        (["use pandas instead"], Answer(False, "The user said no: use pandas instead")),
        (["maybe", "hm", "y"], Answer(True)),
        (["maybe", "n"], Answer(False, "The user said no.")),
    ],
)
def test_a_reply_is_taken_or_asked_about(replies: list[str], answer: Answer) -> None:
    prompts: list[str] = []

    def reply(prompt: str) -> str:
        prompts.append(prompt)
        return replies[len(prompts) - 1]

    assert ask(request(), reply) == answer
    assert len(prompts) == len(replies)
    assert all("neither yes nor no" in prompt for prompt in prompts[1:])


def test_what_was_typed_before_the_question_is_no_answer() -> None:
    leader, follower = pty.openpty()
    script = (
        "import sys, time; from neuroworkflow_agent.surfaces.input_prompt import prompt_of\n"
        "print('ready', flush=True); time.sleep(1)\n"
        "print('got', prompt_of(None)('Allow? '), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        seen = b""
        while b"ready" not in seen:
            seen += os.read(leader, 1000)
        os.write(leader, b"y\n")
        while b"Allow?" not in seen:
            seen += os.read(leader, 1000)
        os.write(leader, b"n\n")
        while b"got" not in seen or not seen.endswith(b"\n"):  # the line may come in pieces
            seen += os.read(leader, 1000)
        assert b"got n" in seen
        process.wait(10)
    os.close(leader)


@pytest.mark.parametrize("error", [KeyboardInterrupt, EOFError])
def test_an_interrupt_is_a_refusal_that_ends_the_turn(error: type[BaseException]) -> None:
    def interrupted(_prompt: str) -> str:
        raise error

    assert ask(request(), interrupted).end_turn
    assert not ask(request(), interrupted).allowed
    assert not ask(request(), None).allowed


def test_questions_are_answered_by_number_or_in_words() -> None:
    asked = [
        {"question": "Which?", "options": [{"label": "V1"}, {"label": "MT"}]},
        {"question": "Also?", "options": [{"label": "A"}, {"label": "B"}], "multiSelect": True},
        {"question": "Why?", "options": []},
    ]
    replies = iter(["2", "1, 2", "because"])
    answer = ask(request(QUESTION, {"questions": asked}), lambda _prompt: next(replies))
    assert answer.answers == {"Which?": "MT", "Also?": "A, B", "Why?": "because"}
