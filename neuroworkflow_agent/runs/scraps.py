"""Values and pictures that a notebook holds, scrapbook's among them.

Source: nteract scrapbook, "Scrap Models", https://nteract-scrapbook.readthedocs.io/en/latest/models.html.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neuroworkflow_agent.runs.plain_files import read_plain

_PREFIX = "application/scrapbook.scrap."


def read_scraps(notebook: Path) -> dict[str, Any]:
    """What the notebook's code glued, by name; a picture or a table counts as its kind."""
    found: dict[str, Any] = {}
    for output in _outputs(notebook):
        data = output.get("data")
        for kind, value in (data if isinstance(data, dict) else {}).items():
            if kind.startswith(_PREFIX) and isinstance(value, dict) and "name" in value:
                found[str(value["name"])] = value.get("data")
        about = (output.get("metadata") or {}).get("scrapbook")
        if isinstance(about, dict) and "name" in about and about["name"] not in found:
            found[str(about["name"])] = next(iter(sorted(data or {})), None)
    return found


def count_pictures(notebook: Path) -> int:
    """How many outputs are pictures."""
    return sum(
        any(kind.startswith("image/") for kind in output.get("data") or ()) for output in _outputs(notebook)
    )


def _outputs(notebook: Path) -> list[dict[str, Any]]:
    try:
        cells = json.loads(read_plain(notebook))["cells"]
        return [output for cell in cells for output in cell.get("outputs", ()) if isinstance(output, dict)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
