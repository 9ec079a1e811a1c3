"""What is said at the end of a turn of a small model's, from what its code did and not from what it thinks. Pure.

A model this small puts results into words wrongly: with another unit, another name, another number. So the output
itself is the answer, and everything else here is known without the model.
"""

from __future__ import annotations

from neuroworkflow_agent.models.local.claims import is_invented
from neuroworkflow_agent.models.local.conversation import Run, SmallPrompt
from neuroworkflow_agent.models.local.looking import is_look
from neuroworkflow_agent.models.local.request import missing_file
from neuroworkflow_agent.text import clip

_OUTPUT_CHARS = 1_500
NO_ANSWER = "I have no answer to this: no code that I wrote could be run."
INVENTED = "Its numbers stand in the code itself; nothing computed them, so they are no answer."
COMPUTE = "Those numbers stand in the code itself. Compute them from the variables or files that exist."


def closing_words(prompt: SmallPrompt) -> str | None:
    """The end of the turn; None if code has to be written first, or the model has to talk."""
    request = prompt.request
    if not prompt.runs:
        return request.explanation if request.asks_why else None
    last = prompt.runs[-1]
    if last.has_failed:
        return _failure(prompt, last)
    if is_look(last.code):
        return None if prompt.may_run else outcome(last)
    if is_invented(last.code, last.printed, prompt.asked):
        was_told = sum(is_invented(run.code, run.printed, prompt.asked) for run in prompt.runs) > 1
        return f"{outcome(last)}\n\n{INVENTED}" if was_told or not prompt.may_run else None
    return outcome(last)


def outcome(run: Run) -> str:
    """What code did that ran without an error."""
    drawn = (
        ""
        if not run.pictures
        else " and drew a picture"
        if run.pictures == 1
        else f" and drew {run.pictures} pictures"
    )
    if run.printed:
        return f"The code ran{drawn}. Its output:\n\n```text\n{clip(run.printed, _OUTPUT_CHARS)}\n```"
    return f"The code ran{drawn}." if drawn else "The code ran and printed nothing."


def last_words(prompt: SmallPrompt) -> str:
    """The end of a turn in which the model writes no more code that may be run."""
    if not prompt.runs:
        return NO_ANSWER
    last = prompt.runs[-1]
    return _given_up(last) if last.has_failed else f"{outcome(last)}\n\n{INVENTED}"


def _failure(prompt: SmallPrompt, last: Run) -> str | None:
    file = missing_file(last.printed)
    if file and (file in prompt.request.text or not prompt.may_run):
        return f"The file `{file}` does not exist, so nothing was read from it."
    return None if prompt.may_run else _given_up(last)


def _given_up(last: Run) -> str:
    error = last.printed.splitlines()[-1] if last.printed else ""
    said = "The code fails, and I found no way around it."
    return f"{said} The error:\n\n```text\n{error}\n```" if error else said
