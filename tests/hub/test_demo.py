"""`scripts/hub-demo` as a person meets it: log in, run the notebook, look for a key."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from neuroworkflow_agent.testing.jupyterhub import find_proxy
from tests import needs

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def demo() -> Iterator[tuple[str, str]]:
    """The demo's address and its password."""
    if find_proxy() is None:
        needs.missing("JupyterHub's proxy", install="scripts/install-hub-proxy, with npm")
    process = subprocess.Popen(
        [sys.executable, "scripts/hub_demo.py", "--port", "0"], cwd=_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = process.stdout.readline() + process.stdout.readline()
    found = re.search(r"at (http://127\.0\.0\.1:\d+)\nLog in .* the password (\S+)\n", told)
    assert found is not None, told
    yield found[1], found[2]
    process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()


@pytest.mark.thorough
@pytest.mark.timeout(240)
def test_user_logs_in_and_chats_without_a_key(demo: tuple[str, str], browser: Browser) -> None:
    url, password = demo
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(url)
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/lab/**", timeout=120_000)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells).to_have_count(3, timeout=60_000)
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    answer = cells.nth(1).locator(".jp-OutputArea")
    expect(answer).to_contain_text("complete ·", timeout=60_000)
    expect(answer).to_contain_text("keys in this kernel: []")
    expect(answer).to_contain_text("no key is there")
    page.close()
