"""Fills the documentation's generated parts: the table of findings, and every command's help."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from neuroworkflow_agent.nodes.findings import RULES
from neuroworkflow_agent.nodes.fixes import FIXABLE
from neuroworkflow_agent.surfaces.mcp.vocabulary import SPECS

_PARTS = (
    ("NW0", "The file"),
    ("NW1", "The definition"),
    ("NW2", "Parameters"),
    ("NW3", "Ports"),
    ("NW4", "Methods and steps"),
    ("NW5", "Code"),
    ("NW6", "In a fresh process (`--run`)"),
    ("NW7", "Workflows"),
    ("NW8", "What makes a notebook's results doubtful (`lint`)"),
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace `<!-- findings -->` by every rule of the checker, `<!-- commands -->` by what `--help` says, `<!-- tools -->` by what MCP clients may call."""
    if "<!-- commands -->" in markdown:
        markdown = markdown.replace("<!-- commands -->", _commands())
    markdown = markdown.replace("<!-- tools -->", _tools())
    markdown = markdown.replace("<!-- fixable -->", ", ".join(sorted(FIXABLE)))
    return markdown.replace("<!-- findings -->", _findings())


def _commands() -> str:
    """As Typer itself writes them down, without its title."""
    command = [sys.executable, "-m", "typer", "neuroworkflow_agent.cli", "utils", "docs"]
    told = subprocess.run(
        [*command, "--name", "neuroworkflow-agent"], capture_output=True, text=True, check=True
    )
    return told.stdout.partition("\n")[2]


def _findings() -> str:
    lines = []
    for prefix, title in _PARTS:
        lines += [f"### {title}", "", "| code | severity | what | why |", "|---|---|---|---|"]
        rules = [rule for rule in RULES.values() if rule.code.startswith(prefix)]
        lines += [
            f"| {rule.code} | {rule.severity} | {_plain(rule.title)} | {_plain(rule.why)} |" for rule in rules
        ]
        lines.append("")
    return "\n".join(lines)


def _tools() -> str:
    lines = ["| tool | takes | changes something | what |", "|---|---|---|---|"]
    for spec in SPECS:
        takes = ", ".join(name if name in spec.required else f"{name}?" for name in spec.properties)
        changes = f"with {spec.changes_with}" if spec.changes_with else "" if spec.reads_only else "yes"
        lines.append(f"| `{spec.name}` | {_plain(takes)} | {changes} | {_plain(spec.description)} |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Underscores and stars as themselves."""
    return text.replace("_", "\\_").replace("*", "\\*")
