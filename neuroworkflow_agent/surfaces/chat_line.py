"""What follows `%chat`: leading options, then the text exactly as typed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, get_args

from neuroworkflow_agent.config import Mode
from neuroworkflow_agent.errors import ConfigError

HELP = """\
%chat [options] text   ask the agent; the cell waits, shows work and answer
%%chat [options]       the same, with the rest of the cell as the text

  --new            start a new session
  --resume [ID]    go on with a session: the latest of this workspace, or the
                   one with this id; without text, show it
  --fork           continue in a copy; with --resume, of that session
  --model NAME     use this model from now on: a Claude model, openai:NAME,
                   ollama:NAME, local, a URL …
  --mode MODE      from now on: edit (default), ask, plan or read-only
  --verify         run the notebook anew in a fresh kernel and say which cells
                   come out otherwise; with a text, at the end of a turn that
                   edits cells
  --undo [WHAT …]  take the last turn back: files, cells, variables, or some of
                   them by name; shows first what it would do, and asks; --yes
                   does not ask
  --turns          list the turns of this session with their numbers, what they
                   cost, and what fills the context
  --drop N         go on in a copy without turn N; what was said after it comes
                   along as text
  --edit N TEXT    go on in a copy from before turn N, with TEXT in its place
  --pin N          have the agent get the texts of turn N again after each
                   summary; --unpin N ends that
  --compact        have a summary stand for what was said so far, so that the
                   context has room
  --sessions       list this workspace's sessions
  --help           show this
  --               the text begins here, even if it looks like an option

In the text @cell 5 points at the cell with [5] beside it, @cell ID at any.
In the middle of a function or a loop %chat works too, and blocks until the
agent is done. Interrupting the cell stops the agent."""

_MAX_DIGITS = 6
_HEX = re.compile(r"[0-9a-f][0-9a-f-]*")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]*)?|(?=.*[0-9])(?=.*[a-f])[0-9a-f]{4,7}")
"""An id or its beginning, as it is told from a word: `face` and `2024` are none."""
_NUMBERS = {"--drop": "drop", "--edit": "edit", "--pin": "pin", "--unpin": "unpin"}
_FLAGS = {
    "--compact": "compact",
    "--turns": "turns",
    "--new": "new",
    "--fork": "fork",
    "--verify": "verify",
    "--sessions": "sessions",
    "--help": "help",
    "--yes": "yes",
}


@dataclass(frozen=True, slots=True)
class ChatLine:
    """A parsed `%chat` line or `%%chat` cell."""

    prompt: str = ""
    """The text as typed; empty when there are only options."""
    new: bool = False
    resume: str | None = None
    """A session id or the beginning of one; empty for the latest."""
    fork: bool = False
    model: str | None = None
    mode: Mode | None = None
    turns: bool = False
    drop: int | None = None
    """Number of a turn to be taken out."""
    edit: int | None = None
    """Number of a turn that the text is to stand for."""
    pin: int | None = None
    """Number of a turn whose texts are to be given again after a summary."""
    unpin: int | None = None
    """Number of one that is not, any more."""
    compact: bool = False
    """Whether a summary is to stand for what was said so far."""
    verify: bool = False
    """Whether the notebook is to be run anew: now, or at the end of the turn."""
    sessions: bool = False
    help: bool = False
    undo: tuple[str, ...] | None = None
    """What of the last turn is to be taken back: kinds and names, none for all of it; None if nothing is."""
    yes: bool = False
    """Whether it is done without a question."""

    @property
    def turn(self) -> int | None:
        """Number of the turn that something is to be done to."""
        return next((each for each in (self.edit, self.drop, self.pin, self.unpin) if each is not None), None)

    @property
    def changes(self) -> dict[str, Any]:
        """What it asks to change, as `Chat.select` takes it; empty if nothing."""
        fields = ("new", "resume", "fork", "model", "mode")
        given = {name: getattr(self, name) for name in fields}
        return {name: value for name, value in given.items() if value not in (None, False)}


def parse_chat(line: str, cell: str | None = None) -> ChatLine:
    """Split options from text.

    Parameters
    ----------
    line
        What stands behind `%chat` or `%%chat`.
    cell
        The lines below `%%chat`; None for a line magic.

    Raises
    ------
    ConfigError
        If an option is unknown or lacks its value.
    """
    options: dict[str, object] = {}
    rest = line.strip() if cell is None else line.lstrip()
    while rest.startswith("--"):
        word, _, after = rest.partition(" ")
        after = after.lstrip()
        if word == "--":
            rest = after
            break
        name, equals, value = word.partition("=")
        if word == "--undo":
            return _undo(options, [*after.split(), *(cell or "").split()])
        if name in _FLAGS and not equals:
            options[_FLAGS[name]] = True
        elif name == "--resume":
            if not equals:
                value = _leading_id(after)
                after = after[len(value) :].lstrip()
            options["resume"] = value
        elif name in _NUMBERS:
            if not equals:
                value, _, after = after.partition(" ")
            options[_NUMBERS[name]] = _number(name, value)
            after = after.lstrip()
        elif name in ("--model", "--mode"):
            if not equals:
                value, _, after = after.partition(" ")
            options[name[2:]] = _checked(name, value)
            after = after.lstrip()
        else:
            known = ", ".join([*_FLAGS, "--resume", "--model", "--mode", "--undo", *_NUMBERS])
            raise ConfigError(
                f"Unknown option {name!r}. Options: {known}. Text that begins so goes after '--'."
            )
        rest = after
    prompt = (
        rest.strip() if cell is None else "\n".join(part for part in (rest.strip(), cell.strip("\n")) if part)
    )
    return ChatLine(prompt=prompt, **options)  # type: ignore[arg-type]


def _undo(options: dict[str, object], words: list[str]) -> ChatLine:
    """What follows `--undo` is not for the agent: it says what to take back."""
    given = [*options, *(word for word in words if word.startswith("--") and word != "--yes")]
    if set(given) - {"yes"}:
        raise ConfigError(
            "--undo goes with --yes and with what is to be taken back, and with no other option."
        )
    wanted = tuple(word for word in words if word != "--yes")
    return ChatLine(undo=wanted, yes="yes" in options or "--yes" in words)


def _leading_id(text: str) -> str:
    """The id that a text begins with; a number is one where nothing but options follows. Empty if there is none."""
    word, _, rest = text.partition(" ")
    if _ID.fullmatch(word):
        return word
    is_alone = not rest.strip() or rest.lstrip().startswith("--")
    return word if is_alone and _HEX.fullmatch(word) and any(char.isdigit() for char in word) else ""


def _number(name: str, value: str) -> int:
    if not value.isdecimal() or len(value) > _MAX_DIGITS:
        raise ConfigError(
            f"{name} needs the number of a turn, as in '%chat {name} 2'; '%chat --turns' lists them."
        )
    return int(value)


def _checked(name: str, value: str) -> str:
    if not value:
        raise ConfigError(
            f"{name} needs a value, as in '%chat {name} {'plan' if name == '--mode' else 'NAME'}'."
        )
    if name == "--mode" and value not in get_args(Mode):
        raise ConfigError(f"--mode must be one of {', '.join(get_args(Mode))}, got {value!r}.")
    return value
