"""One JupyterLab, with the side bar as it is in the package, and one Chromium for the folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

import neuroworkflow_agent
from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.lab import Lab, Page, chromium, find_chromium
from tests import needs

EXTENSION = Path(neuroworkflow_agent.__file__).parent / "labextension"
OPEN = "() => { window.jupyterapp.commands.execute('neuroworkflow-agent:open'); }"

expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium. No asyncio test can run while it is open, so this folder has none."""
    path = find_chromium() or needs.missing("Chromium", install="sudo apt install chromium")
    with chromium(path) as browser:
        yield browser


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The server; its model gets a script from each test."""
    extensions = tmp_path_factory.mktemp("labextensions")
    (extensions / "neuroworkflow-agent").symlink_to(EXTENSION)
    with ScriptedModel() as model:
        lab = Lab(
            tmp_path_factory.mktemp("lab"), model, f"--LabServerApp.extra_labextensions_path={extensions}"
        )
        yield lab
        lab.end_kernels()
        lab.close()


@pytest.fixture
def lab(lab_server: Lab) -> Iterator[Lab]:
    """The server with an empty workspace, an empty script and no sessions."""
    yield lab_server
    lab_server.end_kernels()
    lab_server.model.forget()
    for name in ("claude", "state", "workspaces"):
        shutil.rmtree(lab_server.home / name, ignore_errors=True)
    for path in sorted(lab_server.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


ContextMaker = Callable[[], BrowserContext]


@pytest.fixture
def new_context(browser: Browser) -> Iterator[ContextMaker]:
    """Makes fresh browser profiles."""
    made: list[BrowserContext] = []

    def make() -> BrowserContext:
        made.append(browser.new_context(viewport={"width": 1200, "height": 800}))
        return made[-1]

    yield make
    for context in made:
        context.close()


def wait_for_chat(page: Page) -> None:
    """Until the side bar shows a chat that can be used."""
    expect(page.panel).to_be_visible()
    expect(page.panel.locator(".nwa-status")).to_have_text("")
    page.wait_until(lambda: page.panel.locator(".nwa-composer select").first.locator("option").count() > 1)


def open_side_bar(page: Page) -> None:
    """Open it, as its command does, and wait until it can be used."""
    page.tab.evaluate(OPEN)
    wait_for_chat(page)
