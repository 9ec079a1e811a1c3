"""Help and usage errors in colours that are read on every ground: Typer's own are the terminal's, and its cyan is not read on white."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from neuroworkflow_agent.surfaces.terminal_colours import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

_STYLES = {
    "STYLE_OPTION": f"bold {BLUE}",
    "STYLE_SWITCH": f"bold {GREEN}",
    "STYLE_NEGATIVE_OPTION": f"bold {PURPLE}",
    "STYLE_NEGATIVE_SWITCH": f"bold {RED}",
    "STYLE_TYPES": f"bold {ORANGE}",
    "STYLE_TYPES_SEPARATOR": GREY,
    "STYLE_USAGE": ORANGE,
    "STYLE_DEPRECATED": RED,
    "STYLE_DEPRECATED_COMMAND": GREY,
    "STYLE_HELPTEXT": "",
    "STYLE_OPTION_DEFAULT": GREY,
    "STYLE_OPTION_ENVVAR": ORANGE,
    "STYLE_REQUIRED_SHORT": RED,
    "STYLE_REQUIRED_LONG": RED,
    "STYLE_OPTIONS_PANEL_BORDER": GREY,
    "STYLE_COMMANDS_PANEL_BORDER": GREY,
    "STYLE_COMMANDS_TABLE_FIRST_COLUMN": f"bold {BLUE}",
    "STYLE_ERRORS_PANEL_BORDER": RED,
    "STYLE_ERRORS_SUGGESTION": GREY,
    "STYLE_ABORTED": RED,
    "RICH_HELP": f"Try [{BLUE}]'{{command_path}} {{help_option}}'[/] for help.",
}


class App(typer.Typer):
    """Commands whose help and errors have these colours."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_Group, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """As Typer has it."""
        return super().command(name, cls=_Command, **settings)


class _Command(TyperCommand):
    def __init__(self, *arguments: Any, help: str | None = None, **settings: Any) -> None:  # noqa: A002 - Typer's name
        super().__init__(*arguments, help=in_paragraphs(help), **settings)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # An option `--name[=VALUE]` takes what stands behind `=` and never the next word, as those of GNU's programs do.
        bare = {name for param in self.params if _has_optional_value(param) for name in param.opts}
        return super().parse_args(ctx, [f"{arg}=" if arg in bare else arg for arg in args])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _use_colours()
        super().format_help(ctx, formatter)


class _Group(TyperGroup):
    def format_help(self, ctx: Any, formatter: Any) -> None:
        _use_colours()
        super().format_help(ctx, formatter)

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        with _errors_in_colour():
            return super().make_context(*arguments, **settings)

    def invoke(self, ctx: Any) -> Any:
        with _errors_in_colour():
            return super().invoke(ctx)


def in_paragraphs(text: str | None) -> str | None:
    """A docstring whose lines end where its paragraphs do, for terminals of any width; Typer joins those of the first one only."""
    return text and "\n\n".join(each.replace("\n", " ") for each in inspect.cleandoc(text).split("\n\n"))


def _has_optional_value(param: Any) -> bool:
    return str(param.metavar or "").startswith("[=")


@contextlib.contextmanager
def _errors_in_colour() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if hasattr(error, "format_message"):  # Typer is about to draw it
            _use_colours()
        raise


def _use_colours() -> None:
    # What Typer draws help with takes 0.1 s to import; no other command should wait for it.
    from typer import rich_utils

    for name, style in _STYLES.items():
        setattr(rich_utils, name, style)
