"""Asking the user on the kernel's own input prompt, or on the terminal's."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.engine.permissions import QUESTION, Answer
from neuroworkflow_agent.events import ApprovalRequest
from neuroworkflow_agent.text import show_invisible

_CHOICES = "Allow? [y]es, [a]lways in this session, [n]o, or say why not: "
_CHOICES_ONCE = "Allow? [y]es, [n]o, or say why not: "
_AGAIN = "That is neither yes nor no. Allow? [y]es, [n]o, or why not in more than one word: "
_NOBODY = "Nobody can be asked here: this front end takes no input."


def prompt_of(shell: Any) -> Callable[[str], str] | None:
    """How to ask the user at this shell; None where nobody can be asked."""
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        return kernel.raw_input if getattr(kernel, "_allow_stdin", False) else None
    return ask_on_terminal if sys.stdin is not None and sys.stdin.isatty() else None


def ask_on_terminal(prompt: str) -> str:
    """As `input`; what was typed before the question was there is no answer to it."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import termios

        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    return input(prompt)


def ask(request: ApprovalRequest, prompt: Callable[[str], str] | None) -> Answer:
    """Ask about `request` and wait for the reply; an interrupt is a refusal.

    Parameters
    ----------
    request
        What waits.
    prompt
        Shows a prompt and returns the reply; None if nobody can be asked.
    """
    if prompt is None:
        return Answer(False, _NOBODY)
    try:
        if request.name == QUESTION:
            return _ask_questions(request.input.get("questions", []), prompt)
        question = _CHOICES if request.can_remember else _CHOICES_ONCE
        while (answer := _read_choice(prompt(question))) is None:
            question = _AGAIN
        return answer
    except (KeyboardInterrupt, EOFError):
        return Answer(False, "The user did not answer.", end_turn=True)


def _read_choice(reply: str) -> Answer | None:
    """What a reply says; None for a single word that says nothing, as `maybe`."""
    word = reply.strip().casefold()
    if word in ("y", "yes"):
        return Answer(True)
    if word in ("a", "always"):
        return Answer(True, remember=True)
    if word in ("", "n", "no"):
        return Answer(False, "The user said no.")
    return Answer(False, f"The user said no: {reply.strip()}") if " " in word else None


def _ask_questions(questions: list[dict[str, Any]], prompt: Callable[[str], str]) -> Answer:
    answers = {}
    for question in questions:
        labels = [str(option.get("label", "")) for option in question.get("options", [])]
        reply = prompt(
            f"{show_invisible(str(question.get('question', '')))} [1-{len(labels)} or your own words]: "
        ).strip()
        picks = [part.strip() for part in reply.split(",")] if question.get("multiSelect") else [reply]
        chosen = [labels[int(p) - 1] if p.isdecimal() and 0 < int(p) <= len(labels) else p for p in picks]
        answers[str(question.get("question", ""))] = ", ".join(chosen)
    return Answer(True, answers=answers)
