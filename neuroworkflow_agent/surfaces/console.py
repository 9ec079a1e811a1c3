"""What the command line prints, with nothing in it that a terminal would obey.

A model, a notebook and a node file write what they like: a window's title, a link that lies, the clipboard.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.text import Text

from neuroworkflow_agent.text import for_terminal


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print text as text.

    Parameters
    ----------
    text
        Whatever it is.
    err
        Whether to standard error.
    nl
        Whether a line end follows.
    """
    typer.echo(for_terminal(text), err=err, nl=nl)


def say_what_is_awaited(client: str) -> None:
    """Tell somebody who started it in a terminal what a server on standard input and output is for; a client's log stays empty."""
    if sys.stdin.isatty():
        echo(
            f"Waiting for {client} on standard input: it starts this command itself. Ctrl-C ends it.",
            err=True,
        )


def echo_whole(text: str) -> None:
    """Print text for a program: a file or a pipe gets every byte of it, so that a diff can be applied."""
    if sys.stdout.isatty():
        echo(text, nl=False)
    else:
        sys.stdout.buffer.write(text.encode())


def say(*pieces: str | tuple[str, str], err: bool = False) -> None:
    """Print a line.

    Parameters
    ----------
    pieces
        Texts, or texts with a style of rich's for terminals that have colours.
    err
        Whether to standard error.
    """
    SafeConsole(stderr=err, highlight=False).print(Text.assemble(*pieces), soft_wrap=True)


class SafeConsole(Console):
    """Rich's console: styles are its own, and of the texts only what can be read is left."""

    def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See `rich.console.Console.render`."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(for_terminal(text), style)
