"""One JupyterLab, one Chromium, one tab and one kernel for the folder; each test begins as the first one did.

`page` and `open_panel` give the tab that all share. Tests of a life's end, of what is read when a page is
loaded, or of a kernel's settings take `own_page` or `context`: a kernel and a browser profile of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.lab import OPEN, Lab, Page, chromium, find_chromium
from tests import needs
from tests.surfaces.panel.browser.shared import SharedPage


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium. No asyncio test can run while it is open, so this folder has none."""
    path = find_chromium() or needs.missing("Chromium", install="sudo apt install chromium")
    with chromium(path) as browser:
        yield browser


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The server; its model gets a script from each test."""
    with ScriptedModel() as model:
        lab = Lab(tmp_path_factory.mktemp("lab"), model)
        yield lab
        lab.end_kernels()
        lab.close()


@pytest.fixture(scope="package")
def shared_pages(lab_server: Lab, browser: Browser) -> Iterator[list[SharedPage]]:
    """The tab of the folder, the last of the list; those before it could not be cleaned."""
    pages = [SharedPage(browser, lab_server)]
    yield pages
    pages[-1].close()


@pytest.fixture
def lab(lab_server: Lab) -> Iterator[Lab]:
    """The server with an empty workspace, an empty script and no sessions."""
    yield lab_server
    lab_server.end_kernels()
    lab_server.model.forget()
    shutil.rmtree(lab_server.home / "claude", ignore_errors=True)
    for path in sorted(lab_server.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.fixture
def shared_page(lab: Lab, browser: Browser, shared_pages: list[SharedPage]) -> Iterator[SharedPage]:
    """The tab that all share, with no cell; as it was when the test is over."""
    yield shared_pages[-1]
    try:
        shared_pages[-1].release()
    except Exception:
        shared_pages[-1].close()
        shared_pages.append(SharedPage(browser, lab))
        raise


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
def open_panel(shared_page: SharedPage) -> PanelOpener:
    """Fills the notebook with a panel and other cells, and runs it."""

    def open_one(source: str = OPEN, *more: str) -> Page:
        shared_page.show(source, *more, "")
        shared_page.open_panel()
        return shared_page

    return open_one


@pytest.fixture
def page(open_panel: PanelOpener) -> Page:
    """A notebook with an open panel."""
    return open_panel()


@pytest.fixture
def own_page(lab: Lab, context: BrowserContext) -> Page:
    """A notebook with an open panel in a kernel and a browser profile of this test's own."""
    page = lab.open(context, OPEN, "", name="own.ipynb")
    page.open_panel()
    return page
