"""Each command of the side bar by its menu entry, its palette entry and its keys, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab, Page
from tests import tiers
from tests.surfaces.side_bar.conftest import EXTENSION, ContextMaker, errors, open_side_bar, wait_for_chat

FAILING, CODE = "1 / 0", "1 + 1"
APPS = ("lab/tree", "notebooks")


def begun(text: str) -> Callable[[Page], None]:
    """The composer has this text, and what is typed goes on there."""

    def check(page: Page) -> None:
        expect(page.field).to_have_value(text)
        expect(page.field).to_be_focused()
        page.field.fill("")

    return check


def said(text: str) -> Callable[[Page], None]:
    """The agent was asked this."""

    def check(page: Page) -> None:
        expect(page.panel.locator(".nwa-said").last).to_have_text(text)
        expect(page.panel.get_by_role("button", name="Stop")).to_be_hidden()

    return check


def field_in_cell(page: Page) -> None:
    request = page.tab.get_by_role("form", name="Request about this cell")
    expect(request.get_by_role("textbox")).to_be_focused()
    request.get_by_role("textbox").press("Escape")
    expect(request).to_be_hidden()


def is_open(page: Page) -> None:
    wait_for_chat(page)
    expect(page.field).to_be_focused()


def inserted(page: Page) -> None:
    cells = page.tab.locator(".jp-Cell .cm-content")
    expect(cells).to_have_text([FAILING, CODE])
    page.tab.evaluate("() => window.jupyterapp.commands.execute('notebook:undo-cell-action')")
    expect(cells).to_have_text([FAILING])


def replaced(page: Page) -> None:
    cells = page.tab.locator(".jp-Cell .cm-content")
    expect(cells).to_have_text([CODE])
    page.tab.evaluate("() => window.jupyterapp.commands.execute('notebook:undo')")
    expect(cells).to_have_text([FAILING])


def compared(page: Page) -> None:
    change = page.tab.get_by_role("region", name="Change of this cell")
    expect(change.locator("pre > div")).to_have_text([f"-removed: {FAILING}", f"+added: {CODE}"])
    expect(change.get_by_role("button", name="Accept")).to_be_focused()
    change.get_by_role("button", name="Refuse").click()


@dataclass(frozen=True)
class Command:
    """A command, where it is met, and what it does."""

    menu: str
    label: str
    key: str
    check: Callable[[Page], None]
    replies: tuple[Reply, ...] = ()


ANSWER = Reply.text(f"So:\n\n```python\n{CODE}\n```\n\nIt prints:\n\n```\n2\n```\n")
COMMANDS = (
    Command("View", "Agent", "j", is_open),
    Command("Edit", "Ask the agent about this cell", "q", begun("@cell 1 ")),
    Command("Edit", "Explain this cell", "e", said("Explain @cell 1: what it does and what came out."), (ANSWER,)),
    Command("Edit", "Fix this cell", "f", said("Fix the error of @cell 1."), (ANSWER,)),
    Command("Edit", "Use this cell as context", "u", begun("@cell 1 ")),
    Command("Edit", "Change this cell with the agent", "k", field_in_cell),
    Command("Edit", "Insert code of the agent as a cell", "i", inserted),
    Command("Edit", "Replace this cell with code of the agent", "r", replaced),
    Command("Edit", "Compare this cell with code of the agent", "c", compared),
)  # fmt: skip


def entry(page: Page, where: str, command: Command) -> Locator:
    return page.tab.locator(f".lm-{where}-itemLabel", has_text=re.compile(f"^{command.label}$"))


def by_menu(page: Page, command: Command) -> None:
    page.tab.locator(".lm-MenuBar-itemLabel", has_text=command.menu).first.click()
    entry(page, "Menu", command).click()


def by_palette(page: Page, command: Command) -> None:
    page.tab.keyboard.press("Control+Shift+c")
    page.tab.locator(".jp-ModalCommandPalette").get_by_placeholder("SEARCH").fill(command.label)
    entry(page, "CommandPalette", command).click()


def by_keys(page: Page, command: Command) -> None:
    page.tab.keyboard.press(f"Control+Alt+{command.key}")


WAYS = (by_menu, by_palette, by_keys)


def keys(schemas: Path) -> set[str]:
    """What the schemas of settings below a directory have as keys, as they are on Linux and Windows."""
    found: list[dict[str, Any]] = [
        json.loads(path.read_text(encoding="utf-8")) for path in schemas.rglob("*.json")
    ]
    shortcuts = [each for schema in found for each in schema.get("jupyter.lab.shortcuts", ())]
    return {" ".join(each["keys"]).replace("Accel", "Ctrl") for each in shortcuts}


def test_its_keys_are_nobody_elses() -> None:
    shared = Path(sys.prefix) / "share" / "jupyter"
    taken = keys(shared / "lab" / "schemas") | keys(shared / "labextensions" / "@jupyter-notebook")
    assert "Ctrl Alt A" in taken
    assert keys(EXTENSION / "schemas") & taken == set()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("app", tiers.sample(APPS, at_least=1))
def test_each_command_is_in_a_menu_in_the_palette_and_has_keys(
    lab: Lab, lend_kernel: Callable[[str], None], new_context: ContextMaker, app: str
) -> None:
    lab.write_notebook("ways.ipynb", FAILING)
    lend_kernel("ways.ipynb")
    page = lab.visit(new_context(), "ways.ipynb", app=app)
    page.run(FAILING)
    open_side_bar(page)
    page.ask("Hello.", ANSWER)
    page.wait_for_end("complete")
    prompt = page.tab.locator(".jp-Notebook .jp-InputPrompt").first
    ways = [(command, way) for command in COMMANDS for way in WAYS]
    for command, way in tiers.sample(ways, at_least=4):
        prompt.click()
        lab.model.extend(*command.replies)
        way(page, command)
        command.check(page)
    assert errors(page) == []
