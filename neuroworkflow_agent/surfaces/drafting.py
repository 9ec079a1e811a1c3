"""Tasks drafted and refined by the agent: it proposes YAML, which is checked against the schema; a person accepts it.

The session has no kernel and only reads; nothing is written here but what `save` is told to.
"""

from __future__ import annotations

import re
from pathlib import Path

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.diffs import unified_diff
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.errors import RunError, TurnFailedError
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.models.probe import require_willing
from neuroworkflow_agent.notebooks.reading import parse_notebook, read_text, summarise
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.runs.event_file import read_events
from neuroworkflow_agent.runs.record import RunRecord
from neuroworkflow_agent.runs.task import SCHEMA, checked, judging_of
from neuroworkflow_agent.surfaces.run_list import folded, head_of
from neuroworkflow_agent.surfaces.terminal_view import TerminalView
from neuroworkflow_agent.text import clip
from neuroworkflow_agent.yaml_files import parse_yaml

_TRIES = 2
_MAX_CHARS = 20_000
_FENCE = re.compile(r"```(?:ya?ml)?\s*\n(.*?)```", re.DOTALL)
_RULES = """\
Answer with one YAML block and nothing else. It has to be valid by this JSON schema:

{schema}

Write the prompt so that it says what should come out, with names, units and file names; put what varies into parameters; \
write checks that a wrong result would fail, over the names and files that the prompt asks for; list in side_effects what may be \
written. Read files of the workspace if that helps."""


def design(wish: str, source: Path | None, config: AgentConfig) -> str:
    """A task for what should happen, as YAML.

    Parameters
    ----------
    source
        Notes or a notebook that it should come from; None for none.

    Raises
    ------
    RunError, TurnFailedError
        If no valid task came of it.
    """
    context = _read(source) if source is not None else ""
    return _asked(f"Draft a task for this: {wish}\n\n{_rules()}", context, config)


def refine(task: Path, record: RunRecord, config: AgentConfig) -> tuple[str, str]:
    """A change of a task that follows from a run of it.

    Returns
    -------
    (str, str)
        The task's file as it is, and as it is proposed.

    Raises
    ------
    RunError, TurnFailedError
        If no valid task came of it.
    """
    before = read_text(task)
    checked(parse_yaml(before, str(task)), task)
    told: list[str] = []
    TerminalView(told.append).show(folded(read_events(record.place.path)))
    context = f"The task '{task.name}':\n\n{before}\n\nA run of it:\n\n{head_of(record)}\n\n{clip(''.join(told), _MAX_CHARS)}"
    wanted = "Improve the task by what its run shows: what the prompt left open, checks that judged nothing or the wrong thing."
    return before, _asked(
        f"{wanted} Change nothing else, and keep its comments.\n\n{_rules()}", context, config
    )


def as_patch(before: str, after: str, name: str) -> str:
    """The change as `patch` takes it; empty if there is none."""
    diff = unified_diff(before, after)
    return f"--- {name}\n+++ {name}\n{diff}\n" if diff else ""


def save(text: str, path: Path, *, before: str | None) -> None:
    """Put an accepted text into its file.

    Parameters
    ----------
    before
        What the file has to say until now; None if it must not be there.

    Raises
    ------
    RunError
        If it says something else.
    """
    now = read_text(path) if path.exists() else None
    if now != before:
        raise RunError(f"'{path}' is not as it was. Look at it, and ask anew.")
    try:
        write_private(path, text.encode())
    except OSError as error:
        raise RunError(f"'{path}' cannot be written: {error.strerror}.") from error


def _rules() -> str:
    return _RULES.format(schema=SCHEMA.read_text(encoding="utf-8"))


def _asked(prompt: str, context: str, config: AgentConfig) -> str:
    """The YAML of the agent's answer; what is wrong with it is told it once."""
    config = config.with_changes(mode="read-only")
    require_willing(choose_endpoint(config))
    with Session(config, can_ask=False) as session:
        for number in range(1, _TRIES + 1):
            turn = session.run(prompt, context=context)
            ended = turn.result()
            if ended.end != "complete":
                raise TurnFailedError(ended.message, end=ended.end, session_id=ended.session_id)
            try:
                return _valid(turn.text)
            except RunError as error:
                if number == _TRIES:
                    raise RunError(f"The agent drafted no valid task. {error}") from error
                prompt, context = f"That is not valid: {error}. Answer with the whole YAML block again.", ""
    raise AssertionError("unreachable")


def _valid(answer: str) -> str:
    found = _FENCE.findall(answer)
    text = (found[-1] if found else answer).strip() + "\n"
    judging_of(checked(parse_yaml(text, "the draft"), "the draft"))
    return text


def _read(source: Path) -> str:
    text = read_text(source)
    if source.suffix == ".ipynb":
        notebook = summarise(parse_notebook(text, str(source)), _MAX_CHARS)
        return f"The notebook '{source.name}':\n\n{notebook}"
    return f"The file '{source.name}':\n\n{clip(text, _MAX_CHARS)}"
