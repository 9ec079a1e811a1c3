"""What kernels of different languages do differently, as one table.

Each fact here is held by a test against the real kernel (`tests/contracts/test_languages.py`). A language that is not in the table
is taken as one whose kernel keeps to Jupyter's messaging protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from neuroworkflow_agent.text import strip_control

_REPR_OF_CLASS = re.compile(r"<class '(?:\w+\.)*(\w+)'>")
_MAX_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Variable:
    """A name of the user's in a kernel of some language."""

    name: str
    kind: str
    """Type or class, in the language's words."""
    shape: str = ""
    value: str = ""
    """Where that is plain and short; of a table, its columns."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language and what its kernel does."""

    title: str
    """As people write it."""
    comment: str
    """What begins a comment on a line of its own."""
    manner: str
    """How code runs and what comes of it, for the model."""
    error_name: str = "Error"
    """Of an error that has no name."""
    names_status: bool = False
    """Whether an error's only text is the exit status."""
    said_failure: re.Pattern[str] | None = None
    """What its output ends with when code has failed though the kernel says that it has not."""
    goes_on: bool = False
    """Whether its kernel runs what is queued behind code that has failed."""
    unheeded: str = ""
    """What, behind a comment, keeps that from having the status of code before it; empty where it has none."""
    late_outputs_s: float = 0.0
    """How long after its word that it is done its kernel may still send an output."""
    probe: str = ""
    """Code that prints the user's variables, and changes nothing; empty where there is none."""
    read_probe: Callable[[str], list[Variable]] = lambda _printed: []
    """Reads what that prints."""

    @property
    def hides_failures(self) -> bool:
        """Whether its kernel may say of code that failed that it did not."""
        return self.said_failure is not None

    def failure_in(self, printed: str) -> dict[str, Any] | None:
        """The failure that an output tells of that is not told otherwise, as the content of an `error` message."""
        if self.said_failure is None:
            return None
        lines = printed.replace("\r\n", "\n").rstrip()
        found = self.said_failure.search(lines)
        if found is None:
            return None
        text = found[1].strip()
        return {"ename": self.error_name, "evalue": text, "traceback": [f"{self.error_name}: {text}"]}

    def visible_error(self, content: dict[str, Any]) -> dict[str, Any]:
        """An error as people can read it: with a name, a text, and a traceback that shows both at least.

        Parameters
        ----------
        content
            Of an `error` message, or of a reply that says `error`.
        """
        name = strip_control(str(content.get("ename") or "")).strip()
        text = str(content.get("evalue") or "").strip()
        if found := _REPR_OF_CLASS.fullmatch(name):
            name = found[1]
        if not name:
            name = self.error_name
            if self.names_status and text.isdecimal():
                text = f"exit status {text}"
        lines = content.get("traceback")
        lines = [str(line) for line in lines] if isinstance(lines, list | tuple) else []
        if not strip_control("".join(lines)).strip():
            lines = [f"{name}: {text}" if text else name]
        return {"ename": name, "evalue": text, "traceback": lines}


def _tab_separated(printed: str) -> list[Variable]:
    rows = (line.split("\t") for line in printed.splitlines())
    return [Variable(*row) for row in rows if len(row) == 4]


_DECLARED = re.compile(r"declare -([-a-zA-Z]+) ([A-Za-z_]\w*)(?:=(.*))?")


def _declared(printed: str) -> list[Variable]:
    found = []
    for line in printed.splitlines():
        if match := _DECLARED.fullmatch(line):
            flags, name, value = match.groups()
            kind = "array" if "a" in flags else "associative array" if "A" in flags else "variable"
            found.append(Variable(name, kind, value=(value or "")[:_MAX_SHOWN_CHARS]))
    return found


_WHOS = re.compile(r"\s*(?:[a-z]+\s+)?([A-Za-z]\w*)\s+(\d+(?:x\d+)+)\s+\d+\s+(\w+)")


def _whos(printed: str) -> list[Variable]:
    rows = (_WHOS.fullmatch(line.rstrip()) for line in printed.splitlines())
    return [Variable(row[1], row[3], row[2].replace("x", " x ")) for row in rows if row and row[1] != "ans"]


# No generic function of R's is called on a value: anybody may have defined a method for it.
_R_PROBE = """\
(function() {
  space <- globalenv(); found <- character()
  clean <- function(text) gsub("[\\t\\r\\n]+", " ", substr(text, 1, 200))
  for (name in utils::head(ls(space), 200)) {
    if (bindingIsActive(as.name(name), space)) next
    value <- get(name, envir = space); kind <- class(value); shape <- ""; shown <- ""
    dims <- attr(value, "dim", exact = TRUE)
    if (is.function(value)) kind <- "function"
    else if (is.list(value) && any(kind == "data.frame")) {
      shape <- paste(.row_names_info(value, 2L), "x", length(unclass(value)))
      shown <- paste(utils::head(attr(value, "names"), 20), collapse = ", ")
    }
    else if (!is.null(dims)) shape <- paste(dims, collapse = " x ")
    else if (is.atomic(value) && is.null(attributes(value)) && length(value) == 1) shown <- deparse(value)[1]
    else if (is.atomic(value) || is.list(value)) shape <- as.character(length(unclass(value)))
    found <- c(found, paste(clean(name), clean(paste(kind, collapse = "/")), shape, clean(shown), sep = "\\t"))
  }
  cat(found, sep = "\\n")
})()"""
_BASH_PROBE = (
    "(LC_ALL=C; declare -p | head -c 200000 | grep -aE '^declare -[-aAilnrtu]+ ' | grep -avE "
    "'^declare -[-aAilnrtu]+ (BASH|COMP_|DIRSTACK|EPOCH|EUID|FUNCNAME|GROUPS|HIST|HOST|IFS|LINENO|LINES|COLUMNS|"
    "MACHTYPE|MAILCHECK|OPT|OSTYPE|PIPESTATUS|PPID|PROMPT_|PS[0-4]|RANDOM|SECONDS|SHELLOPTS|SRANDOM|TERM|TMOUT|UID|"
    "LC_ALL|_)' | cut -c1-300 | head -200)"
)

_PYTHON = Language(
    "Python",
    "#",
    "as a notebook cell would: top-level await, magics and !commands work, the value of the last expression is shown, "
    "and figures and tables appear to the user and to you",
)
_R = Language(
    "R",
    "#",
    "as a notebook cell would: the value of each expression at top level is shown, and plots and tables appear to the user and to "
    "you, one of ggplot2 when it stands alone or is printed. A warning comes beside the output. Do not call quit(), View() or readline()",
    probe=_R_PROBE,
    read_probe=_tab_separated,
)
_BASH = Language(
    "bash",
    "#",
    "in one shell that goes on: its directory, variables and functions stay. What commands print is all that comes out, their error "
    "messages among it; only the status of the last command decides whether the code has failed, so join commands with && where one "
    "needs the one before. `display < FILE` shows a picture. Never leave a quotation mark, an if or a loop open, and start nothing that asks",
    error_name="ExitStatus",
    names_status=True,
    unheeded="true",
    probe=_BASH_PROBE,
    read_probe=_declared,
)
_TYPESCRIPT = Language(
    "TypeScript",
    "//",
    "as a notebook cell would, in Deno: top-level await and imports from npm:, jsr: and https: work, the value of the last expression is "
    "shown, and so is what `await Deno.jupyter.display(…)` is given, such as Deno.jupyter.html`…` or Deno.jupyter.image(…)",
    goes_on=True,
    late_outputs_s=0.05,
)
_OCTAVE = Language(
    "Octave",
    "#",
    "as a notebook cell would: the value of each statement without a semicolon at its end is shown, and plots appear to the user and to "
    "you. The code goes on behind an error only where it is caught. Do not call input() or keyboard()",
    said_failure=re.compile(
        r"^error: (parse error:[\s\S]*|.+)(?:\nerror: called from(?:\n    .+)*)?\Z", re.MULTILINE
    ),
    probe="whos",
    read_probe=_whos,
)
_LANGUAGES = {
    "python": _PYTHON,
    "r": _R,
    "bash": _BASH,
    "typescript": _TYPESCRIPT,
    "javascript": replace(_TYPESCRIPT, title="JavaScript"),
    "octave": _OCTAVE,
}
_COMMENTS = {
    "java": "//",
    "scala": "//",
    "rust": "//",
    "c++": "//",
    "c": "//",
    "go": "//",
    "kotlin": "//",
    "f#": "//",
    "lua": "--",
}
NO_REPLY: dict[str, Any] = {
    "status": "error",
    "ename": "NoReply",
    "evalue": "The kernel gave no answer to this code, which may be incomplete.",
    "traceback": [],
}
"""Stands for a reply that a kernel does not give."""
_PLAIN = "as a notebook cell would: what it shows appears to the user and to you"


def language_named(name: str) -> Language:
    """What is known of a language, by its name as a kernelspec has it."""
    known = _LANGUAGES.get(name.lower())
    return known or Language(name.capitalize(), _COMMENTS.get(name.lower(), "#"), _PLAIN)
