"""One JupyterLab and one Chromium a module; a kernel, a browser profile and a script for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.lab import OPEN, Lab, Page


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The server; its model gets a script from each test."""
    with ScriptedModel() as model:
        lab = Lab(tmp_path_factory.mktemp("lab"), model)
        yield lab
        lab.close()


@pytest.fixture
def lab(lab_server: Lab) -> Iterator[Lab]:
    """The server with an empty workspace, an empty script and no conversations."""
    yield lab_server
    lab_server.end_kernels()
    lab_server.model.forget()
    shutil.rmtree(lab_server.home / "claude", ignore_errors=True)
    for path in sorted(lab_server.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


expect.set_options(timeout=15_000)
PanelOpener = Callable[..., Page]


@pytest.fixture
def open_panel(lab: Lab, context: BrowserContext) -> PanelOpener:
    """Opens a notebook with a panel and runs it."""

    def open_one(source: str = OPEN, *more: str) -> Page:
        page = lab.open(context, source, *more, "")
        page.open_panel()
        return page

    return open_one


@pytest.fixture
def page(open_panel: PanelOpener) -> Page:
    """A notebook with an open panel."""
    return open_panel()
