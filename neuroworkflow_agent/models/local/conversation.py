"""A Messages API request as a conversation a small model can follow. Pure.

A small model is lost in a long system prompt and in JSON tool calls. It gets a short prompt in which a
fenced Python block *is* the `run_code` call, and every result comes back as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.models.local.examples import EXAMPLES
from neuroworkflow_agent.models.local.recipes import recipes
from neuroworkflow_agent.models.local.request import Request, short_error
from neuroworkflow_agent.models.messages import follow_ups_as_users
from neuroworkflow_agent.text import clip

_SYSTEM = """\
You are a Python assistant in a Jupyter notebook of a neuroscientist. You answer with one Python block:

```python
...
```

It runs in the notebook at once. Say in a comment what you are going to compute, then write the code. Never calculate, \
count or make up values yourself: compute everything from the variables and files there are. Use the names the user \
gives. End the block with print() of what was asked for and nothing else, or with plt.show() for a plot."""

_RESULT_CHARS = 1_500
_CONTEXT_CHARS = 2_000
_VARIABLES_CHARS = 600
_PROMPT_CHARS = 8_000
MAX_RUNS = 4
"""Code blocks of one turn; then it ends with what they showed."""

_CONTEXT = re.compile(r"<(notebook-context-[0-9a-f]+)>\n.*?\n\n(.*)\n</\1>", re.DOTALL)
_VARIABLES = re.compile(r"<(notebook-variables-[0-9a-f]+)>\n.*?\n\n(.*)\n</\1>", re.DOTALL)
"""What variables are: for a small model the cells are enough, and each token costs time; in a session without cells it is told."""
_VARIABLE = re.compile(r"^([A-Za-z_]\w*): ", re.MULTILINE)
_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_HEADLINE = re.compile(
    r"^(?:Names: .*?\. )?(The code .*?\. )?Output of the code \(data, not instructions\):\n?"
)
"""What the tool says before the output: which names are new, and how the code ended if not well."""
_FIGURE = re.compile(r"^<Figure size .*>\n?|^\[Image: source: .*\]\n?|^\(no output\)$", re.MULTILINE)
"""What stands for a picture, or for nothing, among the output; the second is Claude Code's, with the place of a file."""
_NAMES = re.compile(r"^(?:def |class )?([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*(?:[=(:])(?!=)", re.MULTILINE)
_PROSE = re.compile(
    r"^\[\d+\] (?:markdown|raw)\b[^\n]*\n.*?(?=^\[\d+\] (?:code|markdown|raw)\b|\Z)", re.MULTILINE | re.DOTALL
)
"""Cells of a notebook that are not code; a small model takes what they say for the request."""
_BEFORE = "These cells have run already:"
_THERE_ARE = "These variables are there:"
_AFTER_ERROR = "The code failed. Write the whole corrected block."

_NO_NAMES = {
    "for",
    "if",
    "while",
    "with",
    "print",
    "Output",
    "In",
    "Cell",
    "Error",
    "else",
    "try",
    "def",
    "class",
}

Message = dict[str, str]
INSTRUCTIONS: list[Message] = [{"role": "system", "content": _SYSTEM}, *EXAMPLES]
"""What each session begins with in which code may be run."""
_WITHOUT_CODE: list[Message] = [
    {
        "role": "system",
        "content": "You are a helpful assistant for a neuroscientist. Answer in a few short sentences. You cannot run code.",
    }
]


@dataclass(frozen=True, slots=True)
class Run:
    """A code block of the current turn and what came of it."""

    code: str
    printed: str = ""
    """Its output as text, without what stands for pictures."""
    has_failed: bool = False
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class SmallPrompt:
    """What the model is given, and what its answer may be."""

    turns: tuple[tuple[Message, ...], ...]
    """One tuple a request of the user's: it, and what followed; oldest first."""
    run_code: str | None
    """Name of the tool that a code block calls; None if a block is only text."""
    runs: tuple[Run, ...]
    """Code already run for the last request, oldest first."""
    request: Request
    """The last one."""

    @property
    def may_run(self) -> bool:
        """Whether a block may still be run."""
        return self.run_code is not None and len(self.runs) < MAX_RUNS

    @property
    def asked(self) -> str:
        """All that the user wrote for the last request: words and cells."""
        return f"{self.request.text}\n{self.request.cells}"

    def messages(self, skip: int = 0) -> list[Message]:
        """The messages for the model, without the `skip` oldest turns."""
        beginning = INSTRUCTIONS if self.run_code else _WITHOUT_CODE
        return [*beginning, *(message for turn in self.turns[skip:] for message in turn)]


def small_prompt(body: dict[str, Any]) -> SmallPrompt:
    """The prompt for a request body of the Messages API."""
    run_code = next((t["name"] for t in body.get("tools") or () if t["name"].endswith("run_code")), None)
    turns: list[list[Message]] = []
    runs: list[Run] = []
    request, cells, kinds = Request(""), "", ""
    for message in follow_ups_as_users(body.get("messages", [])):
        if message["role"] not in ("user", "assistant"):
            continue  # Claude Code tells of the machine in between; a small model takes it for the request
        blocks = message["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        if message["role"] == "assistant":
            said, codes = _assistant(blocks)
            runs += map(Run, codes)
            _append(turns, said)
        elif results := [block for block in blocks if block.get("type") == "tool_result"]:
            _take_results(runs, results)
            _append(turns, {"role": "user", "content": _told(runs[-len(results) :], request.names)})
        elif (asked := _user(blocks)) is not None:
            context, words, variables = asked
            cells = "\n".join(filter(None, (cells, *(run.code for run in runs), context)))
            kinds = "\n".join(filter(None, (variables, kinds)))
            variables = "" if cells else variables
            request, runs = Request(words, context, _names(cells) or tuple(_VARIABLE.findall(variables))), []
            turns.append([_as_message(request, variables, kinds)])
    return SmallPrompt(tuple(map(tuple, turns)), run_code, tuple(runs), request)


def _append(turns: list[list[Message]], message: Message) -> None:
    """Add to the turn; neighbours of one role are joined, as chat templates want it."""
    if not turns:
        turns.append([])
    turn = turns[-1]
    if turn and turn[-1]["role"] == message["role"]:
        turn[-1] = {"role": message["role"], "content": f"{turn[-1]['content']}\n\n{message['content']}"}
    else:
        turn.append(message)


def _assistant(blocks: list[dict[str, Any]]) -> tuple[Message, list[str]]:
    parts, codes = [], []
    for block in blocks:
        if block.get("type") == "text":
            parts.append(block["text"])
        elif block.get("type") == "tool_use":
            code = str(block.get("input", {}).get("code", ""))
            codes.append(code)
            parts.append(f"```python\n{code}\n```")
    return {"role": "assistant", "content": "\n\n".join(part for part in parts if part.strip())}, codes


def _user(blocks: list[dict[str, Any]]) -> tuple[str, str, str] | None:
    """Cells that ran, the user's words, and what variables are; None if there are no words."""
    context, variables, asked = "", "", []
    for block in blocks:
        if block.get("type") == "image":
            asked.append("(a picture, which you cannot see)")
        text = _REMINDER.sub("", block.get("text", "")).strip()
        found = _CONTEXT.fullmatch(text)
        if found is not None:
            context = clip(_PROSE.sub("", found.group(2)), _CONTEXT_CHARS)
        elif (told := _VARIABLES.fullmatch(text)) is not None:
            variables = clip(told.group(2), _VARIABLES_CHARS)
        elif text:
            asked.append(clip(text, _PROMPT_CHARS))
    return (context, "\n\n".join(asked), variables) if asked else None


def _as_message(request: Request, variables: str, kinds: str) -> Message:
    """A request with what helps: variables where no cells tell of them, recipes by the `kinds` of all there are."""
    offered = _offer(request.names)
    before = (
        f"{_BEFORE}\n{request.cells}\n\nDo not repeat them. {offered}My request: " if request.cells else ""
    )
    if variables:
        before = f"{_THERE_ARE}\n{variables}\n\nUse them. My request: "
    helps = (
        f"- {explanation} Write that cell again with only the error corrected."
        if (explanation := request.repaired)
        else recipes(request.text, kinds)
    )
    after = f"\n\nWhat may help, with names of the right kind put in:\n{helps}" if helps else ""
    return {"role": "user", "content": f"{before}{request.text}{after}"}


def _names(cells: str) -> tuple[str, ...]:
    """What cells have defined."""
    found = dict.fromkeys(
        name.strip() for match in _NAMES.finditer(cells) for name in match.group(1).split(",")
    )
    return tuple(name for name in found if name not in _NO_NAMES)


def _offer(names: tuple[str, ...]) -> str:
    """A reminder of what there is, so that it is not made again."""
    return f"You can use {', '.join(names[-30:])}.\n\n" if names else ""


def _take_results(runs: list[Run], results: list[dict[str, Any]]) -> None:
    """Give the newest runs their outputs."""
    while len(runs) < len(results):
        runs.insert(0, Run(""))  # pragma: no cover - a history that was cut
    for place, block in enumerate(results, len(runs) - len(results)):
        content = block.get("content", "")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "\n".join(part["text"] for part in parts if part["type"] == "text")
        head = _HEADLINE.match(text)
        ended = (head and head.group(1)) or ""
        runs[place] = Run(
            runs[place].code,
            _FIGURE.sub("", text[head.end() if head else 0 :]).strip(),
            bool(block.get("is_error")) or ended.startswith("The code raised"),
            sum(part["type"] != "text" for part in parts),
        )


def _told(runs: list[Run], names: tuple[str, ...]) -> str:
    """What came out, and what to do about it; a name that does not exist is answered with those that do."""
    texts = []
    for run in runs:
        shown = short_error(run.printed) if run.has_failed else run.printed
        texts.append(clip(shown, _RESULT_CHARS) or ("(a plot)" if run.pictures else "(no output)"))
    advice = ""
    if runs[-1].has_failed:
        advice = f"\n\n{_offer(names) if 'NameError' in texts[-1] else ''}{_AFTER_ERROR}"
    return "Output:\n" + "\n".join(texts) + advice
