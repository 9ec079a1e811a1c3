"""The command line's part for notebooks as pages."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.surfaces.console import echo
from neuroworkflow_agent.text import redact


class PageStyle(StrEnum):
    """What a page shows."""

    paper = "paper"
    report = "report"
    code = "code"


def add_commands(app: typer.Typer) -> None:
    """Give `app` the export."""
    app.command("export")(export)


def export(
    notebook: Annotated[Path, typer.Argument(help="The notebook file.", exists=True, dir_okay=False)],
    style: Annotated[
        PageStyle,
        typer.Option(
            help="paper: text, figures and tables; report: code and prompts folded, all outputs; code: the code open."
        ),
    ] = PageStyle.report,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to: .html, or .md with pictures beside it; NOTEBOOK.html by default.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write NOTEBOOK as a page to hand on, as it is saved: nothing is run, and the page loads nothing.

    What the model wrote is marked as such, and how the results were made stands at the end: language, cells, packages.
    """
    from neuroworkflow_agent.surfaces.export.exporting import export

    secrets = AgentConfig.from_env().secrets
    written = export(notebook, style.value, output, hide=lambda text: redact(text, secrets), overwrite=force)
    for path in written:
        echo(str(path))
