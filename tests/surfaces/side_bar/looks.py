"""What axe-core finds in a part of the page, in each of JupyterLab's themes."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

from neuroworkflow_agent.testing.lab import Page
from tests import tiers

THEMES = ("JupyterLab Dark", "JupyterLab Light", *["JupyterLab Dark High Contrast"] * tiers.THOROUGH)


def findings(page: Page, *parts: str) -> list[tuple[str, str, str]]:
    """Theme, rule and place of all that is wrong in the parts that these selectors name."""
    found: list[tuple[str, str, str]] = []
    for theme in THEMES:
        page.tab.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
        )
        page.tab.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=theme)
        for part in parts:
            response: Any = Axe().run(page.tab, context=part).response
            found += [
                (theme, each["id"], f"{node['html'][:200]} {node['failureSummary'][:300]}")
                for each in response["violations"]
                for node in each["nodes"][:3]
            ]
    return found
