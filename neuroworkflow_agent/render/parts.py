"""The pieces of a transcript that are not the answer: tool cards, notices, the closing line. Pure."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from neuroworkflow_agent.diffs import part_diff
from neuroworkflow_agent.events import FileChange, TurnEnd, TurnUndone
from neuroworkflow_agent.outputs import Output
from neuroworkflow_agent.render.markdown import highlight, sanitize
from neuroworkflow_agent.text import INVISIBLE, clip, one_line, overwrite, strip_control

_MAX_CODE_CHARS = 20_000
_MAX_LINE_CHARS = 200
_MAX_OPEN_LINES = 40
_CELL_VERBS = {
    "notebook_get": "Read the notebook",
    "notebook_search": "Search the notebook for",
    "cell_get": "Read cell",
    "cell_insert": "Add a cell",
    "cell_edit": "Edit cell",
    "cell_update": "Rewrite cell",
    "cell_move": "Move cell",
    "cell_delete": "Delete cell",
    "cell_execute": "Run cell",
    "verify_notebook": "Run the notebook anew in a fresh kernel",
    "code_wait": "Wait for",
    "code_stop": "Stop",
}
_PLACE_VERBS = {
    "cell_insert": "Add to",
    "cell_edit": "Edit",
    "cell_update": "Rewrite",
    "cell_move": "Move in",
    "cell_delete": "Delete from",
    "cell_execute": "Run",
}
"""Before a notebook's name and which cell."""
_STEP_SIGNS = {"pending": "☐", "in_progress": "▸", "completed": "☑"}
_MAX_RESULT_CHARS = 2_000
_MAX_QUESTION_CHARS = 2_000
_INVISIBLE = re.compile(f"[{INVISIBLE}]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One piece, for a browser and for a terminal."""

    html: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolCard:
    """A tool use: a heading, and what it is given."""

    title: str
    html: str
    """Its input, safe to place in a page; empty where the title says it all."""
    text: str
    is_open: bool
    """Whether a reader wants to see the input at once."""
    language: str = ""
    """Of the text, for a terminal that has colours."""


def tool_card(
    name: str,
    tool_input: dict[str, Any],
    root: PurePath | None = None,
    change: FileChange | None = None,
) -> ToolCard:
    """What the agent is about to do, in its parts.

    Parameters
    ----------
    root
        Paths below it are named from there.
    change
        What it does to its file; without it, lines have no numbers.
    """
    if change is not None:
        restarted = _restarted(tool_input) if name == "cell_execute" else ""
        card = _diff(f"{_PLACE_VERBS.get(name, name)} {_name(change.path)}{restarted}", change.diff)
        if name == "cell_execute":  # what is run stands in the notebook
            return dataclasses.replace(card, is_open=False, text="", language="")
        return card
    if root is not None:
        tool_input = {**tool_input, **_below(root, tool_input)}
    match name, tool_input:
        case "run_code", {"code": str(code)}:
            shown = clip(code.strip("\n"), _MAX_CODE_CHARS)
            return ToolCard(
                "Run code",
                sanitize(highlight(shown, "python")),
                _indented(shown),
                is_open=True,
                language="python",
            )
        case "Write", {"file_path": path, "content": str(content)}:
            return _diff(f"Write {_name(path)}", part_diff("", content.removesuffix("\n")))
        case "Edit", {"file_path": path, "old_string": str(old), "new_string": str(new)}:
            return _diff(f"Edit {_name(path)}", part_diff(old.removesuffix("\n"), new.removesuffix("\n")))
        case "Bash", {"command": str(command)}:
            shown = clip(command, _MAX_CODE_CHARS)
            markup = sanitize(highlight(shown, "bash"))
            return ToolCard("Run a shell command", markup, _indented(shown), is_open=True, language="bash")
        case (("Read" | "Glob" | "Grep" | "Skill"), _):
            wanted = ("file_path", "pattern", "path", "skill")
            about = " ".join(_name(tool_input[key]) for key in wanted if tool_input.get(key))
            return ToolCard(one_line(f"{name} {about}", _MAX_LINE_CHARS * 2), "", "", is_open=False)
        case "AskUserQuestion", _:
            asked = " ".join(each["question"] for each in questions(tool_input))
            return ToolCard(one_line(f"Ask: {asked}", _MAX_LINE_CHARS * 2), "", "", is_open=False)
        case (("check_node" | "list_nodes" | "check_connection" | "check_workflow" | "lint_notebook"), _):
            title = one_line(_node_title(name, tool_input), _MAX_LINE_CHARS * 2)
            return ToolCard(title, "", "", is_open=False)
        case _ if name in _CELL_VERBS:
            return ToolCard(
                one_line(_cell_title(name, tool_input), _MAX_LINE_CHARS * 2), "", "", is_open=False
            )
        case _:
            return ToolCard(
                one_line(
                    f"{name} {json.dumps(tool_input, ensure_ascii=False, default=str)}", _MAX_LINE_CHARS * 2
                ),
                "",
                "",
                is_open=False,
            )


def _cell_title(name: str, given: dict[str, Any]) -> str:
    """What a tool for the notebook's cells is about."""
    first, last = given.get("cell") or given.get("pattern") or given.get("code") or "", given.get("last")
    verb = f"{_CELL_VERBS[name]}s" if last else _CELL_VERBS[name]
    return f"{verb} {_name(first)}{f' to {_name(last)}' if last else ''}{_restarted(given)}".strip()


def _restarted(given: dict[str, Any]) -> str:
    return ", the kernel restarted first" if given.get("restart") else ""


def _node_title(name: str, given: dict[str, Any]) -> str:
    """What a tool for nodes looks at."""
    listed = given.get("paths")
    where = " ".join(map(str, listed)) if isinstance(listed, list) else str(listed or "")
    match name:
        case "check_connection":
            return f"Check {given.get('output')} → {given.get('input')}"
        case "check_workflow":
            return f"Check workflow {given.get('path')}"
        case "lint_notebook":
            return f"Look for doubtful results in {given.get('path')}"
        case "list_nodes":
            return f"List nodes {where}".strip()
    return f"{'Check and run' if given.get('run') else 'Check'} nodes {where}".strip()


def _below(root: PurePath, tool_input: dict[str, Any]) -> dict[str, str]:
    paths = {key: PurePath(str(tool_input[key])) for key in ("file_path", "path") if tool_input.get(key)}
    return {key: str(path.relative_to(root)) for key, path in paths.items() if path.is_relative_to(root)}


def tool_use(
    name: str, tool_input: dict[str, Any], status: str = "", change: FileChange | None = None
) -> Rendered:
    """What the agent is about to do.

    Parameters
    ----------
    status
        How far it has come; told in a browser only, where it can change.
    """
    return titled(tool_card(name, tool_input, change=change), status)


def titled(card: ToolCard, status: str = "", link: str = "") -> Rendered:
    """A card as one piece, how far it has come in its heading.

    Parameters
    ----------
    link
        Where the file that its title ends with is opened; empty for none.
    """
    title = f"{card.title} · {status}" if status else card.title
    if not card.html:
        return Rendered(_line(title).html, _line(card.title).text)
    opened = " open" if card.is_open else ""
    heading = _escape(title)
    if link:
        what, _, path = card.title.partition(" ")
        heading = heading.replace(
            _escape(card.title), f'{what} <a href="{html.escape(link)}">{_escape(path)}</a>', 1
        )
    shown = f'<details{opened}><summary class="nwa-note">{heading}</summary>{card.html}</details>'
    return Rendered(sanitize(shown), f"{card.title}\n{card.text}".removesuffix("\n"))


def tool_result(text: str, *, is_error: bool) -> Rendered:
    """What a tool other than `run_code` answered; only failures are worth a reader's time."""
    if not is_error:
        return Rendered("", "")
    shown = clip(strip_control(text).strip(), _MAX_RESULT_CHARS)
    return Rendered(f'<div class="nwa-note nwa-fail">{_escape(shown)}</div>', shown)


def question(tool_input: dict[str, Any]) -> Rendered:
    """The agent's questions with their options, numbered."""
    blocks, texts = [], []
    for asked in questions(tool_input):
        options = [f"{o['label']}: {o['description']}".rstrip(": ") for o in asked["options"]]
        items = "".join(f"<li>{_escape(option)}</li>" for option in options)
        blocks.append(f"<p><strong>{_escape(asked['question'])}</strong></p><ol>{items}</ol>")
        texts.append("\n".join([asked["question"], *(f"  {i}. {o}" for i, o in enumerate(options, 1))]))
    return Rendered(sanitize("".join(blocks)), "\n".join(texts))


def questions(tool_input: dict[str, Any]) -> list[dict[str, Any]]:
    """The agent's questions as plain text, JSON-safe; whatever else the model wrote is left out.

    Returns
    -------
    list of dict
        Each with `question`, `header`, `multiple` and `options`, which have `label` and `description`.
    """

    def text(value: Any) -> str:
        return clip(strip_control(str(value or "")), _MAX_QUESTION_CHARS)

    return [
        {
            "question": text(asked.get("question")),
            "header": text(asked.get("header")),
            "multiple": bool(asked.get("multiSelect")),
            "options": [
                {"label": text(option.get("label")), "description": text(option.get("description"))}
                for option in _dicts(asked.get("options"))
            ],
        }
        for asked in _dicts(tool_input.get("questions"))
    ]


def _dicts(value: Any) -> list[dict[str, Any]]:
    """What of a model's list has the expected shape."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def plan(steps: Sequence[tuple[str, str]]) -> Rendered:
    """What the agent is about to do, step by step.

    Parameters
    ----------
    steps
        State (`pending`, `in_progress`, `completed`) and text of each.
    """
    lines = [plan_line(state, text) for state, text in steps]
    done = sum(state == "completed" for state, _ in steps)
    head = f"Plan · {done} of {len(steps)} done"
    markup = "".join(f"<div>{_escape(line)}</div>" for line in lines)
    shown = f'<div class="nwa-note">{head}</div><div class="nwa-plan">{markup}</div>'
    return Rendered(sanitize(shown), "\n".join([head, *(f"    {line}" for line in lines)]))


def plan_line(state: str, text: str) -> str:
    """One step of a plan."""
    return f"{_STEP_SIGNS.get(state, '☐')} {one_line(text, _MAX_LINE_CHARS)}"


def prompt(text: str) -> Rendered:
    """What the user said."""
    shown = strip_control(text).strip()
    quoted = "\n".join(f"> {line}".rstrip() for line in shown.splitlines())
    return Rendered(f"<blockquote>{_escape(shown)}</blockquote>", quoted)


def outputs_text(outputs: Sequence[Output]) -> str:
    """What code put out, as far as a terminal can show it."""
    texts = []
    for output in outputs:
        match output:
            case {"text": str(text)} | {"data": {"text/plain": str(text)}}:
                texts.append(overwrite(text))
            case {"traceback": list(lines)}:
                texts.append("\n".join(map(str, lines)))
    return "\n".join(strip_control(text).strip("\n") for text in texts)


def notice(text: str) -> Rendered:
    """Something worth knowing that is not a part of the answer."""
    return _line(text)


def listing(head: str, lines: Sequence[str]) -> Rendered:
    """A sentence, and a line for each thing that it is about."""
    shown, items = (
        one_line(head, _MAX_LINE_CHARS * 2),
        [one_line(each, _MAX_LINE_CHARS * 2) for each in lines],
    )
    body = "".join(f"<li>{_escape(each)}</li>" for each in items)
    under = f'<ul class="nwa-note">{body}</ul>' if items else ""
    return Rendered(
        f"<div>{_escape(shown)}</div>{under}", "\n".join([shown, *(f"  {each}" for each in items)])
    )


def thinking(text: str) -> Rendered:
    """The model's thinking, folded."""
    shown = strip_control(text).strip()
    body = f"<pre>{_escape(shown)}</pre>"
    return Rendered(
        sanitize(f'<details><summary class="nwa-note">Thinking …</summary>{body}</details>'), "Thinking …"
    )


def turn_end(event: TurnEnd, undone: Sequence[TurnUndone] = (), *, error_follows: bool = False) -> Rendered:
    """The closing line: how the turn ended, time, tokens, cost; first, whether it was taken back since.

    Parameters
    ----------
    undone
        What was taken back of it.
    error_follows
        Whether a turn that does not complete ends in an error as well, which says that it was stopped.
    """
    figures = [f"{event.duration_s:.1f} s"] if event.duration_s else []
    if event.input_tokens or event.output_tokens:
        figures.append(f"{event.input_tokens:,} in / {event.output_tokens:,} out")
    if event.cost_usd is not None:
        figures.append(f"${event.cost_usd:.4f}")
    figures += filter(
        None,
        (
            context_used(event),
            event.changed,
            event.checked,
            event.verified,
            event.provenance,
            "its code runs on" if event.runs_on else "",
        ),
    )
    if not (figures and error_follows and event.end == "interrupted"):
        figures.insert(0, event.end.replace("_", " "))
    if undone:
        figures.insert(0, "undone" if any(each.is_whole for each in undone) else "partly undone")
    line = " · ".join(figures)
    failed = event.end not in ("complete", "interrupted")
    message = strip_control(event.message) if event.message and event.end != "interrupted" else ""
    css = "nwa-note nwa-fail" if failed else "nwa-note"
    shown = f"{message} ({line})" if message else line
    return Rendered(f'<div class="{css}">{_escape(shown)}</div>', shown)


def context_used(event: TurnEnd) -> str:
    """How full the model's context is; empty where that is not known, or hardly anything."""
    if not event.context_window:
        return ""
    percent = round(100 * event.context_tokens / event.context_window)
    return f"context {percent} %" if percent else ""


def session_table(rows: Sequence[tuple[str, str, str]]) -> Rendered:
    """Sessions: id, title, last change."""
    if not rows:
        return _line("No sessions in this workspace yet.")
    body = "".join("<tr>" + "".join(f"<td>{_escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    head = "<tr><th>ID</th><th>Title</th><th>Last change</th></tr>"
    text = "\n".join("  ".join(strip_control(cell) for cell in row) for row in rows)
    return Rendered(sanitize(f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"), text)


def _diff(title: str, diff: str) -> ToolCard:
    shown = clip(diff, _MAX_CODE_CHARS)
    is_open = diff.count("\n") < _MAX_OPEN_LINES
    # The lexer knows a line by its end.
    return ToolCard(title, sanitize(highlight(shown + "\n", "diff")), _indented(shown), is_open, "diff")


def _line(text: str) -> Rendered:
    shown = one_line(text, _MAX_LINE_CHARS * 2)
    return Rendered(f'<div class="nwa-note">{_escape(shown)}</div>', shown)


def _name(value: Any) -> str:
    """A path or pattern on one line, tricks with invisible characters shown."""
    return _INVISIBLE.sub(
        lambda match: f"\\u{ord(match.group()):04x}", clip(strip_control(str(value)), _MAX_LINE_CHARS)
    )


def _escape(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in strip_control(text).splitlines())
