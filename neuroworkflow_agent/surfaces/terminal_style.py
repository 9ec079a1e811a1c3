"""Colours and Markdown for a terminal.

The texts are a model's, a notebook's, a file's: nothing in them that a terminal would obey is left.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, ClassVar

from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text
from rich.theme import Theme

from neuroworkflow_agent.render.stream import blocks
from neuroworkflow_agent.surfaces.console import SafeConsole, echo
from neuroworkflow_agent.surfaces.terminal_colours import BLUE, GREEN, MARKDOWN, ORANGE, PURPLE, RED
from neuroworkflow_agent.text import for_terminal, strip_control

_CODE = ANSISyntaxTheme(
    {
        kind: Style.parse(style)
        for kind, style in {
            Comment: "italic",
            Comment.Preproc: PURPLE,
            Keyword: PURPLE,
            Operator.Word: PURPLE,
            Name.Builtin: BLUE,
            Name.Function: BLUE,
            Name.Class: BLUE,
            Name.Exception: BLUE,
            Name.Decorator: BLUE,
            String: GREEN,
            Number: ORANGE,
            Generic.Deleted: RED,
            Generic.Inserted: GREEN,
            Generic.Heading: "bold",
            Generic.Subheading: BLUE,
            Generic.Error: RED,
        }.items()
    }
)
_INDENT = "    "
_FILLING = re.compile(r" +((?:\x1b\[0m)*)$", re.MULTILINE)
_DUMB = ("", "dumb", "unknown")


class TerminalStyle:
    """Styled text for one terminal.

    Parameters
    ----------
    console
        Where it will be written.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        console.push_theme(Theme(MARKDOWN))

    @classmethod
    def of_standard_output(cls) -> TerminalStyle | None:
        """The style for standard output; None where that is no terminal that obeys."""
        if not sys.stdout.isatty() or os.environ.get("TERM", "") in _DUMB:
            return None
        return cls(SafeConsole(highlight=False))

    @property
    def height(self) -> int:
        """Rows."""
        return self._console.height

    def rows(self, text: str) -> int:
        """How many rows a text takes."""
        width = self._console.width
        return sum(max(1, -(-cell_len(line) // width)) for line in text.split("\n"))

    def markdown(self, text: str) -> str:
        """Markdown as it is meant; lines fit the terminal."""
        theme: Any = _CODE  # handed on to `Syntax`, which takes more than names
        drawn = [
            self._rendered(_Markdown(block, code_theme=theme, hyperlinks=False))
            for block in blocks(for_terminal(text))
        ]
        return "\n\n".join(block for block in map(_without_blank_ends, drawn) if block)

    def code(self, text: str, language: str) -> str:
        """Indented lines of code, or of a diff, in colour."""
        return self._rendered(coloured(for_terminal(text), language), soft_wrap=True)

    def words(self, text: str, style: str) -> str:
        """Text in one style of rich's."""
        return self._rendered(Text(for_terminal(text), style), soft_wrap=True)

    def _rendered(self, renderable: Any, *, soft_wrap: bool = False) -> str:
        with self._console.capture() as capture:
            self._console.print(renderable, soft_wrap=soft_wrap)
        # Spaces up to the margin would be copied with the text.
        return _FILLING.sub(r"\1", capture.get()).rstrip("\n")


def print_markdown(text: str) -> None:
    """Print Markdown: drawn on a terminal, as it is anywhere else."""
    style = TerminalStyle.of_standard_output()
    if style is None:
        echo(text)
    else:
        sys.stdout.write(style.markdown(text) + "\n")


def coloured(text: str, language: str) -> Text:
    """Indented lines of code, or of a diff, for rich."""
    lines = [line.removeprefix(_INDENT) for line in text.split("\n")]
    syntax = Syntax("", language or "text", theme=_CODE, background_color="default")
    shown = syntax.highlight("\n".join(lines))
    shown.rstrip()
    return Text("\n").join(Text(_INDENT) + line for line in shown.split("\n", allow_blank=True))


class _Heading(Heading):
    """At the left and without a frame: an answer is no title page."""

    def __rich_console__(self, _console: Console, _options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Markdown(Markdown):
    elements: ClassVar[dict[str, Any]] = {**Markdown.elements, "heading_open": _Heading}


def _without_blank_ends(text: str) -> str:
    """A block without the empty lines that a table has around it."""
    lines = text.split("\n")
    full = [number for number, line in enumerate(lines) if strip_control(line).strip()]
    return "\n".join(lines[full[0] : full[-1] + 1]) if full else ""
