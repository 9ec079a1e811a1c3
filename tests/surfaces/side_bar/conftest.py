"""One JupyterLab, with the side bar as it is in the package, one Chromium, one tab and one kernel for the folder.

`page` is the tab that all share. Beside Python it has more kernels: `talk`, a chat kernel; `other`, which says that it speaks R; and `bare`, for which our package is not installed
until its own `pip` has been run.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

import neuroworkflow_agent
from neuroworkflow_agent.surfaces.chat_kernel.specs import MODULE
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.lab import Lab, Page, chromium, find_chromium
from tests import needs
from tests.surfaces.panel.browser.shared import ALARM
from tests.surfaces.side_bar.language import write_language_pack
from tests.surfaces.side_bar.shared import LabTab

EXTENSION = Path(neuroworkflow_agent.__file__).parent / "labextension"
OPEN = "() => { window.jupyterapp.commands.execute('neuroworkflow-agent:open'); }"
BARE = """
import pathlib, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "neuroworkflow_agent" and not pathlib.Path(__file__).with_name("installed").exists():
            raise ModuleNotFoundError("No module named 'neuroworkflow_agent'", name="neuroworkflow_agent")
sys.meta_path.insert(0, Missing())
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""
PIP = """
import pathlib, sys
place = pathlib.Path(__file__).parent.parent
if (place / "full").exists():
    sys.exit("No space left on device <b>here</b>")
(place / "installed").write_text(" ".join(sys.argv[1:]))
"""

expect.set_options(timeout=20_000)


def write_kernels(home: Path) -> None:
    """The kernelspecs, in a directory for Jupyter's data."""
    bare = home / "bare"
    (bare / "pip").mkdir(parents=True)
    (bare / "kernel.py").write_text(BARE)
    (bare / "pip" / "__init__.py").touch()
    (bare / "pip" / "__main__.py").write_text(PIP)
    python, connection = sys.executable, ["-f", "{connection_file}"]
    specs: dict[str, dict[str, object]] = {
        "bare": {"argv": [python, str(bare / "kernel.py"), *connection], "language": "python", "env": {"PYTHONPATH": str(bare)}},
        "talk": {"argv": [python, "-m", MODULE, *connection, "--subkernel", "python3"], "language": "python", "metadata": {"debugger": True}},
        "other": {"argv": [python, "-m", "ipykernel_launcher", *connection], "language": "R"},
    }  # fmt: skip
    for name, spec in specs.items():
        (home / "kernels" / name).mkdir(parents=True)
        text = json.dumps({"display_name": f"{name} <i>1</i>", **spec})
        (home / "kernels" / name / "kernel.json").write_text(text)


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
    data = tmp_path_factory.mktemp("data")
    write_kernels(data / "jupyter")
    write_language_pack(data / "packs")
    environ = {
        "XDG_DATA_HOME": str(data),
        "PYTHONPATH": str(data / "packs"),
        "JUPYTER_CONFIG_PATH": str(EXTENSION.parents[1] / "etc" / "jupyter"),
    }
    with ScriptedModel() as model:
        lab = Lab(
            tmp_path_factory.mktemp("lab"),
            model,
            f"--LabServerApp.extra_labextensions_path={extensions}",
            environ=environ,
        )
        yield lab
        lab.end_kernels()
        lab.close()


@pytest.fixture(scope="package")
def lab_tabs(lab_server: Lab, browser: Browser) -> Iterator[list[LabTab]]:
    """The tab of the folder, the last of the list; those before it could not be cleaned."""
    tabs = [LabTab(browser, lab_server)]
    yield tabs
    tabs[-1].close()


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


@pytest.fixture
def page(lab: Lab, browser: Browser, lab_tabs: list[LabTab]) -> Iterator[LabTab]:
    """The tab that all share, with no notebook open; as it was when the test is over."""
    yield lab_tabs[-1]
    try:
        lab_tabs[-1].release()
    except Exception:
        lab_tabs[-1].close()
        lab_tabs.append(LabTab(browser, lab))
        raise


@pytest.fixture
def lend_kernel(page: LabTab) -> Callable[[str], None]:
    """Has a notebook that is there find the kernel that all share, in a page of the test's own."""
    return page.lend


@pytest.fixture
def bare(lab: Lab) -> Path:
    """Where the kernel `bare` keeps what it has installed: the directory of its `pip`."""
    spec = lab.http.get("/api/kernelspecs/bare").json()["spec"]
    return Path(spec["env"]["PYTHONPATH"])


ContextMaker = Callable[[], BrowserContext]


@pytest.fixture
def new_context(browser: Browser) -> Iterator[ContextMaker]:
    """Makes fresh browser profiles."""
    made: list[BrowserContext] = []

    def make() -> BrowserContext:
        made.append(browser.new_context(viewport={"width": 1200, "height": 800}))
        made[-1].add_init_script(ALARM)
        return made[-1]

    yield make
    for context in made:
        context.close()


NOTEBOOK_7_SAYS = (
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
)
"""Errors of Notebook 7's own while it loads, with this package or without."""


_RECENT = "/api/contents/notebook.ipynb?content=0"
"""JupyterLab looks after a while whether files that were opened lately, as by tests before, are still there."""


def errors(page: Page) -> list[str]:
    """What has gone wrong in a page, of Notebook 7, too."""
    known = (*NOTEBOOK_7_SAYS, _RECENT)
    return [
        error for error in page.errors if not (any(said in error for said in known) or _is_labs_own(error))
    ]


def _is_labs_own(error: str) -> bool:
    """Seen once when a kernel was restarted: something was taken from the page twice. JupyterLab's own, if no line of ours is in the trace."""
    is_twice_taken = "Failed to execute 'removeChild'" in error
    return is_twice_taken and "/static/lab/" in error and "/extensions/" not in error


def wait_for_chat(page: Page) -> None:
    """Until the side bar shows a chat that can be used."""
    panel = page.tab.locator(".nwa-panel:visible")
    expect(panel).to_be_visible()
    expect(panel.locator(".nwa-status")).to_have_text("")
    expect(panel.get_by_label("Mode", exact=True).locator("option")).not_to_have_count(0)


def open_side_bar(page: Page) -> None:
    """Open it, as its command does, and wait until it can be used."""
    page.tab.evaluate(OPEN)
    wait_for_chat(page)


def check_that_it_goes_on(page: Page) -> None:
    """After a kernel or a server ended in a second turn: what was said is there, nothing runs, and a third turn knows the first."""
    wait_for_chat(page)
    expect(page.panel.locator(".nwa-said")).to_have_text(["First.", "Second."])
    assert "Answer one." in page.transcript
    expect(page.panel.get_by_role("button", name="Stop")).to_be_hidden()
    page.ask("Third.", Reply.text("Answer three."))
    expect(page.panel.locator(".nwa-answer").last).to_contain_text("Answer three.")
    assert "First." in str(page.lab.model.requests[-1].body)
