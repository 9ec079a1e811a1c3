"""Options that more than one command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="A Claude model, openai:NAME, ollama:NAME, a URL, local, local:FILE.gguf, scripted:FILE …; auto takes what is there.",
        metavar="NAME",
    ),
]
ModelsOption = Annotated[
    list[str] | None, typer.Option("--model", metavar="NAME", help="As for 'run'; may be given again.")
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", "-p", metavar="NAME=VALUE", help="Set in a cell of its own; may be given again."
    ),
]
InputsOption = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="PATTERN", help="Files that runs read; may be given again."),
]
RunsOption = Annotated[
    Path | None, typer.Option("--runs", metavar="DIR", help="Where the runs are; agent-runs by default.")
]
