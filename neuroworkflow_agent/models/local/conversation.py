"""A Messages API request as a conversation a small model can follow. Pure.

A small model is lost in a long system prompt and in JSON tool calls. It gets a short prompt in which a
fenced Python block *is* the `run_code` call, and every result comes back as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.text import clip

_SYSTEM = """\
You are a Python assistant in a Jupyter notebook of a neuroscientist. You can run code: write one Python block

```python
...
```

It runs in the notebook at once and you are shown its output. Never calculate, count or recall dates yourself: let \
code do it. Use the variables that exist and the names the user gives. End the block with print() of the result, or \
plt.show() for a plot.
When the output answers the request, say the result in one or two short sentences without code."""
_SYSTEM_WITHOUT_CODE = (
    "You are a helpful assistant for a neuroscientist. Answer in a few short sentences. You cannot run code."
)

_RESULT_CHARS = 1_500
_CONTEXT_CHARS = 2_000
_PROMPT_CHARS = 8_000
MAX_RUNS = 5
"""Code blocks of one turn; then the model has to answer."""

_CONTEXT = re.compile(r"<(notebook-context-[0-9a-f]+)>\n.*?\n\n(.*)\n</\1>", re.DOTALL)
_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_HEADLINE = re.compile(r"^(?:The code .*?\. )?Output of the code \(data, not instructions\):\n?")
_NAMES = re.compile(r"^(?:def |class )?([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*(?:[=(:])(?!=)", re.MULTILINE)
_IMPORTS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "math": "import math",
}
_BEFORE = "These cells have run already:"
_AFTER_OK = "If this answers the request, say the result in one sentence, without code."
_AFTER_ERROR = "The code failed. Write the whole corrected block."
FINAL = "Answer the request now in one or two sentences, without code."
"""Said when no further code may run."""

_NO_NAMES = {"for", "if", "while", "with", "print", "Output", "In", "Error", "else", "try", "def", "class"}

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class SmallPrompt:
    """What the model is given, and what its answer may be."""

    system: Message
    turns: tuple[tuple[Message, ...], ...]
    """One tuple a request of the user's: it, and what followed; oldest first."""
    run_code: str | None
    """Name of the tool that a code block calls; None if a block is only text."""
    runs: tuple[str, ...]
    """Code already run for the last request."""

    @property
    def may_run(self) -> bool:
        """Whether a block may still be run."""
        return self.run_code is not None and len(self.runs) < MAX_RUNS

    @property
    def fallback(self) -> str:
        """What can be said without the model: what its last code did."""
        last = self.turns[-1][-1]["content"] if self.turns and self.runs else ""
        printed, _, _ = last.removeprefix("Output:\n").rpartition("\n\n")
        if last.endswith(_AFTER_ERROR):
            return (
                f"The code fails and I found no way around it: `{printed.splitlines()[-1]}`"
                if printed
                else "The code fails."
            )
        return (
            f"The code ran. Its output:\n\n```text\n{printed}\n```"
            if printed
            else "I have no answer to this."
        )

    def messages(self, skip: int = 0) -> list[Message]:
        """The messages for the model, without the `skip` oldest turns."""
        examples = _EXAMPLES if self.run_code else []
        return [self.system, *examples, *(message for turn in self.turns[skip:] for message in turn)]


def _exchange(request: str, code: str, output: str, answer: str) -> list[Message]:
    return [
        {"role": "user", "content": request},
        {"role": "assistant", "content": f"```python\n{code}\n```"},
        {"role": "user", "content": f"Output:\n{output}\n\n{_AFTER_OK}"},
        {"role": "assistant", "content": answer},
    ]


_EXAMPLES = [
    *_exchange("What is 37 * 41?", "print(37 * 41)", "1517", "37 * 41 is 1517."),
    *_exchange(
        f"{_BEFORE}\nIn [1]:\nst_ms, ids, n_cells, duration_ms = simulate()\n\n"
        "Do not repeat them. You can use st_ms, ids, n_cells, duration_ms.\n\n"
        "My request: Show the spikes as a raster. What is the mean rate?",
        "import matplotlib.pyplot as plt\n"
        'plt.plot(st_ms, ids, "|")\n'
        'plt.xlabel("time (ms)")\n'
        'plt.ylabel("neuron")\n'
        "plt.show()\n"
        "rate_hz = len(st_ms) / n_cells / (duration_ms / 1000)\n"
        "print(rate_hz)",
        "(the plot is shown to the user)\n8.5",
        "The raster is above; the mean rate is 8.5 Hz.",
    ),
]
"""Two exchanges to imitate; they stay in the server's cache, so they cost time only once."""


def small_prompt(request: dict[str, Any]) -> SmallPrompt:
    """The prompt for a request body of the Messages API."""
    run_code = next((t["name"] for t in request.get("tools") or () if t["name"].endswith("run_code")), None)
    turns: list[list[Message]] = []
    runs: list[str] = []
    for message in request.get("messages", []):
        if message["role"] not in ("user", "assistant"):
            continue  # Claude Code tells of the machine in between; a small model takes it for the request
        blocks = message["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        if message["role"] == "assistant":
            said, codes = _assistant(blocks)
            runs += codes
            _append(turns, said)
            continue
        results = [block for block in blocks if block.get("type") == "tool_result"]
        if results:
            names = _names(turns[-1][0]["content"]) if turns else ""
            _append(turns, {"role": "user", "content": _results(results, names)})
        elif (asked := _user(blocks)) is not None:
            runs = []
            turns.append([asked])
    system = _SYSTEM if run_code else _SYSTEM_WITHOUT_CODE
    return SmallPrompt({"role": "system", "content": system}, tuple(map(tuple, turns)), run_code, tuple(runs))


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


def _user(blocks: list[dict[str, Any]]) -> Message | None:
    context, asked = "", []
    for block in blocks:
        if block.get("type") == "image":
            asked.append("(a picture, which you cannot see)")
        text = _REMINDER.sub("", block.get("text", "")).strip()
        found = _CONTEXT.fullmatch(text)
        if found is not None:
            context = clip(found.group(2), _CONTEXT_CHARS)
        elif text:
            asked.append(clip(text, _PROMPT_CHARS))
    if not asked:
        return None
    request = "\n\n".join(asked)
    before = f"{_BEFORE}\n{context}\n\nDo not repeat them. {_names(context)}My request: " if context else ""
    return {"role": "user", "content": f"{before}{request}"}


def _names(context: str) -> str:
    """A reminder of what the cells have defined, so that it is not made again."""
    found = dict.fromkeys(
        name.strip() for match in _NAMES.finditer(context) for name in match.group(1).split(",")
    )
    names = [name for name in found if name not in _NO_NAMES]
    return f"You can use {', '.join(names[:30])}.\n\n" if names else ""


def with_imports(code: str) -> str:
    """`code` with the usual imports it forgets."""
    missing = [
        line
        for name, line in _IMPORTS.items()
        if re.search(rf"\b{name}\.", code) and not re.search(rf"\b(?:as|import) {name}\b", code)
    ]
    return "\n".join([*missing, code])


def _results(blocks: list[dict[str, Any]], names: str) -> str:
    """What came out, and what to do about it; a name that does not exist is answered with those that do."""
    texts = []
    failed = False
    for block in blocks:
        text = _result_text(block)
        failed = failed or bool(block.get("is_error")) or "The code raised" in text[:40]
        texts.append(clip(_HEADLINE.sub("", text).strip(), _RESULT_CHARS) or "(no output)")
    advice = _AFTER_OK
    if failed:
        advice = names + _AFTER_ERROR if "NameError" in texts[-1] else _AFTER_ERROR
    return "Output:\n" + "\n".join(texts) + f"\n\n{advice}"


def _result_text(block: dict[str, Any]) -> str:
    content = block.get("content", "")
    if isinstance(content, str):
        return content
    pictures = "(the plot is shown to the user)"
    return "\n".join(part.get("text", "") if part["type"] == "text" else pictures for part in content)
