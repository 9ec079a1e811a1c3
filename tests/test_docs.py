"""The documentation builds without a warning, and says what the code does."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer.main
from click import Group

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.nodes.findings import RULES

ROOT = Path(__file__).parent.parent
PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built documentation; a link or anchor that leads nowhere fails the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class _Page(HTMLParser):
    """Text of a page, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe"):
            self.loads.append(values.get("src") or "")
        if tag == "link" and values.get("rel") in ("stylesheet", "preconnect", "icon"):
            self.loads.append(values.get("href") or "")

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def commands(group: Group, prefix: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        found.append(f"{prefix}{name}")
        if hasattr(command, "commands"):
            found += commands(command, f"{prefix}{name} ")  # type: ignore[arg-type]
    return found


@pytest.mark.timeout(180)
def test_every_command_and_option_has_its_help(site: Path) -> None:
    text = _Page(site / "cli" / "index.html").text
    group = typer.main.get_command(app)
    names = commands(group)  # type: ignore[arg-type]
    assert {"run", "check-node", "check-workflow", "gateway usage"} <= set(names)
    for name in names:
        assert f"neuroworkflow-agent {name}" in text
    for option in ("--run", "--format", "--svg", "--max-budget-usd", "--nodes", "--timeout"):
        assert option in text
    assert "Nothing is imported or run without --run." in text


def test_every_finding_is_listed(site: Path) -> None:
    text = _Page(site / "nodes" / "index.html").text
    for rule in RULES.values():
        assert f"{rule.code} {rule.severity} {rule.title} {rule.why}" in text


def test_the_api_comes_from_docstrings(site: Path) -> None:
    text = _Page(site / "api" / "index.html").text
    for name in (
        "neuroworkflow_agent.Session",
        "ChatPanel",
        "check_paths",
        "TurnEnd",
        "OutsideWorkspaceError",
        "try_node",
    ):
        assert name in text
    assert "Directory tree the file tools may touch" in text


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 14
    for page in pages:
        assert not [url for url in _Page(page).loads if re.match(r"(?:https?:)?//", url)], page


def test_links_between_the_repositorys_own_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), ROOT / ".claude" / "skills" / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), (page.name, target)


def test_commands_in_the_pages_exist() -> None:
    known = set(commands(typer.main.get_command(app)))  # type: ignore[arg-type]
    for page in PAGES:
        for name in re.findall(r"neuroworkflow-agent ([a-z][a-z-]*)", page.read_text(encoding="utf-8")):
            assert name in known, (page.name, name)


def test_every_picture_is_made_by_the_script_and_shown_in_both_themes() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "pictures.py"))
    made = {picture.path.name for picture in script["PICTURES"]}
    files = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    shown: dict[str, set[str]] = {}
    for page in PAGES:
        names = set(re.findall(r"images/([\w.-]+)", page.read_text(encoding="utf-8")))
        assert {name.replace("-dark.", "-light.") for name in names} <= names, page.name
        assert {name.replace("-light.", "-dark.") for name in names} <= names, page.name
        shown[page.name] = names
    assert made == files == set().union(*shown.values())
    for name in ("README.md", "index.md", "panel.md", "magics.md", "headless.md"):
        assert shown[name], name
    for path in (ROOT / "docs" / "images").iterdir():
        assert path.stat().st_size <= script["MAX_BYTES"] == 150_000, path.name
        assert path.read_bytes().startswith(b"\x89PNG"), path.name


def test_readme_shows_the_real_thing_first_and_is_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/images/" in "".join(text.splitlines(keepends=True)[:14])
    prose = re.sub(r"```.*?```|<[^>]+>|\]\([^)]*\)", " ", text, flags=re.DOTALL)
    assert len(re.findall(r"[A-Za-z]\S*", prose)) <= 720
    for needed in (
        "bash scripts/quickstart",
        "bash scripts/test",
        "%load_ext neuroworkflow_agent",
        "docs/is-it-for-me.md",
    ):
        assert needed in text


def test_examples_show_what_a_person_sees() -> None:
    for page in PAGES:
        for example in re.findall(r"```text\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
            assert "**" not in example, page.name


def test_only_the_dated_comparison_names_a_version_of_the_cli() -> None:
    """Elsewhere it would be wrong with the next release."""
    for page in PAGES:
        if page.name != "is-it-for-me.md":
            assert not re.search(r"\b2\.1\.\d{3}", page.read_text(encoding="utf-8")), page.name


def test_comparison_says_when_and_with_which_versions() -> None:
    text = (ROOT / "docs" / "is-it-for-me.md").read_text(encoding="utf-8")
    assert re.search(r"As of 20\d\d-\d\d-\d\d", text)
    for peer in ("notebook-intelligence", "jupyter-ai", "jupyter-mcp-server", "jupyter-cc", "Claude Code"):
        assert re.search(rf"^\| {peer} \| \d+\.\d+\.\d+", text, flags=re.MULTILINE), peer
    assert "is-it-for-me.md" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
