"""A notebook as a page: what each style shows, and that it loads and runs nothing."""

from __future__ import annotations

import base64
import errno
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.render.markdown import page, render_html
from neuroworkflow_agent.render.parts import notice, tool_use
from neuroworkflow_agent.surfaces.export import exporting
from neuroworkflow_agent.surfaces.export.exporting import export
from neuroworkflow_agent.surfaces.export.sections import STYLES, Style

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nfigure").decode()
HOSTILE = "<script>alert(1)</script><img src=http://elsewhere/x.png onerror=alert(2)>"


def ours(rendered: str, text: str) -> Any:
    return new_output("display_data", data={"text/html": page(rendered), "text/plain": text})


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    about = {"turn": "t1"}
    said = "The rate rises **much**, see $r^2$."
    call = tool_use("run_code", {"code": "plot()"})
    cells = [
        new_markdown_cell(f"# Rates of cells\n\nWe measured. {HOSTILE}\n\n![a map](attachment:map.png)", attachments={"map.png": {"image/png": PNG}}),
        new_code_cell(
            "import numpy as np\nx = np.arange(3)", execution_count=1,
            outputs=[new_output("stream", text="loading\n"), new_output("stream", name="stderr", text="warned\n")],
        ),
        new_code_cell(
            "table(x)", execution_count=2,
            outputs=[new_output("execute_result", data={"text/html": f"<table><tr><td>4.2</td></tr></table>{HOSTILE}", "text/plain": "4.2"})],
        ),
        new_code_cell(
            "%%chat\nplot the rates", execution_count=3,
            outputs=[
                ours(call.html, call.text),
                new_output("display_data", data={"image/png": PNG, "text/plain": "<Figure>"}),
                ours(render_html(said), said),
                ours(notice("3 s, 12 tokens").html, "3 s, 12 tokens"),
            ],
        ),
        new_markdown_cell("**Prompt**\n\n> and now?", metadata={"neuroworkflow_agent": {**about, "role": "prompt"}}),
        new_code_cell("now()", execution_count=4, metadata={"neuroworkflow_agent": {**about, "role": "code"}}),
        new_markdown_cell("Nothing more.", metadata={"neuroworkflow_agent": {**about, "role": "answer"}}),
        new_code_cell("secret()", metadata={"tags": ["remove-cell"]}),
    ]  # fmt: skip
    path = tmp_path / "rates.ipynb"
    info = {"language_info": {"name": "python", "version": "3.11.2"}}
    nbformat.write(new_notebook(cells=cells, metadata=info), path)
    return path


def exported(notebook: Path, style: Style, ending: str = ".html") -> str:
    target = notebook.with_name(f"{style}{ending}")
    assert export(notebook, style, target, hide=str)[0] == target
    return target.read_text(encoding="utf-8")


def test_paper_has_text_figures_and_tables_alone(notebook: Path) -> None:
    text = exported(notebook, "paper")
    assert "We measured." in text
    assert text.count("<img") == 2, "the attachment and the figure"
    assert "4.2</td>" in text
    for other in (
        "np.arange",
        "loading",
        "warned",
        "plot the rates",
        "rises",
        "and now?",
        "Nothing more",
        "secret",
    ):
        assert other not in text, other


def test_report_folds_code_and_prompts_and_says_what_the_model_wrote(notebook: Path) -> None:
    text = exported(notebook, "report")
    assert re.search(r"<details><summary>Code</summary>.*?arange", text, re.DOTALL)
    assert "<details><summary>Asked of the agent</summary><blockquote>%%chat\nplot the rates" in text
    assert re.search(r"Written by the model:</div><blockquote><p>The rate rises <strong>much</strong>", text)
    assert "<math" in text
    assert "loading" in text
    for other in ("warned", "12 tokens", "Run code", "secret()"):
        assert other not in text, other


def test_code_is_open_and_what_the_agent_said_is_folded(notebook: Path) -> None:
    text = exported(notebook, "code")
    assert "<summary>Code" not in text
    assert "arange" in text
    assert "warned" in text
    assert "<details><summary>Written by the model</summary><blockquote><p>The rate rises" in text


@pytest.mark.parametrize("style", STYLES)
def test_page_loads_and_runs_nothing(style: Style, notebook: Path) -> None:
    text = exported(notebook, style)
    assert "<script" not in text
    assert not re.search(r"<[^>]*onerror", text)
    assert set(re.findall(r"<img[^>]* src=\"([^:]*):", text)) == {"data"}
    assert "default-src 'none'" in text


def test_what_is_said_of_a_picture_is_no_attribute_of_a_link(tmp_path: Path) -> None:
    said = "onmouseover=alert(1) style=color:red x="
    source = (
        f'[a link](http://x.org "![{said}](attachment:p.png)"), ![{said}](attachment:p.png), nwaPicture7x'
    )
    cell = new_markdown_cell(source, attachments={"p.png": {"image/png": PNG}})
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "hostile.ipynb")
    export(tmp_path / "hostile.ipynb", "paper", None, hide=str)
    found = Tags()
    found.feed((tmp_path / "hostile.html").read_text(encoding="utf-8"))
    assert found.attributes["a"] == {"href", "title", "target", "rel"}
    assert found.attributes["img"] == {"alt", "src"}


class Tags(HTMLParser):
    """Which attributes tags have."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, set[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.setdefault(tag, set()).update(name for name, _ in attrs)


@pytest.mark.parametrize("ending", [".html", ".md"])
def test_names_that_no_file_has_and_halves_of_characters_are_no_obstacle(ending: str, tmp_path: Path) -> None:
    (tmp_path / "round.png").symlink_to("round.png")
    source = "![a](a%00.png) ![b](round.png) half \ud83d of it"
    notebook, page = tmp_path / "odd.ipynb", tmp_path / f"odd{ending}"
    notebook.write_text(json.dumps(new_notebook(cells=[new_markdown_cell(source)])))
    export(notebook, "paper", page, hide=str)
    assert re.search(r"half \S* ?of it", page.read_text(encoding="utf-8"))


def test_how_it_was_made_stands_at_the_end(notebook: Path) -> None:
    made = exported(notebook, "paper").partition("How this was made")[2]
    assert "rates.ipynb" in made
    assert "python 3.11.2" in made
    assert "5 with code, 4 of them run, from the top down" in made
    assert "was asked 2 times" in made
    assert re.search(r"numpy \d+\.\d+", made)


def test_markdown_has_its_pictures_beside_it(notebook: Path) -> None:
    text = exported(notebook, "report", ".md")
    pictures = re.findall(r"!\[[^]]*\]\((report_files/[^)]+)\)", text)
    assert pictures == ["report_files/figure-1.png", "report_files/figure-2.png"]
    assert (notebook.parent / pictures[1]).read_bytes() == base64.b64decode(PNG)
    assert "<details><summary>Code</summary>\n\n```python\nimport numpy" in text
    assert "*Written by the model:*\n\n> The rate rises **much**" in text
    assert "<table><tbody><tr><td>4.2</td></tr></tbody></table>" in text


def test_what_is_there_is_replaced_only_by_wish(notebook: Path) -> None:
    target = notebook.with_suffix(".html")
    target.write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        export(notebook, "paper", None, hide=str)
    assert target.read_text() == "mine"
    assert export(notebook, "paper", None, hide=str, overwrite=True) == [target]


def test_nothing_is_written_where_a_link_leads_nowhere_or_into_a_pipe(notebook: Path, tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", notebook.with_suffix(".html")
    target.symlink_to(victim)
    with pytest.raises(ConfigError, match="no regular file"):
        export(notebook, "paper", None, hide=str, overwrite=True)
    assert not victim.exists()
    victim.write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        export(notebook, "paper", None, hide=str)
    assert victim.read_text() == "mine"
    target.unlink()
    os.mkfifo(target)
    with pytest.raises(ConfigError, match="no regular file"):
        export(notebook, "paper", None, hide=str, overwrite=True)


def test_page_that_cannot_be_written_leaves_the_one_before(
    notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = notebook.with_suffix(".html")
    target.write_text("before")

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ConfigError, match="No space left"):
        export(notebook, "paper", None, hide=str, overwrite=True)
    monkeypatch.undo()
    assert target.read_text() == "before"
    assert {path.name for path in notebook.parent.iterdir()} == {notebook.name, target.name}


def test_command(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "Rates of cells")
    done = CliRunner().invoke(app, ["export", str(notebook), "--style", "code"])
    assert (done.exit_code, done.stdout) == (0, f"{notebook.with_suffix('.html')}\n"), done.output
    assert "Rates of cells" not in notebook.with_suffix(".html").read_text(encoding="utf-8")
    bad = CliRunner().invoke(app, ["export", str(notebook), "-o", str(notebook.with_suffix(".pdf"))])
    assert "A page ends in .html or .md" in str(bad.exception or bad.output)


def write_raw(folder: Path, *cells: dict[str, Any], **metadata: Any) -> Path:
    """A notebook file as no program of ours would write it."""
    path = folder / "raw.ipynb"
    code: dict[str, Any] = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
    }
    said = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": metadata,
        "cells": [{**code, **cell} for cell in cells],
    }
    path.write_text(json.dumps(said))
    return path


@pytest.mark.parametrize("ending", [".html", ".md"])
def test_pictures_that_no_file_can_be_are_left_as_they_are(ending: str, tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "out.png").symlink_to("/etc/hostname")
    names = ["loop.png", "pipe.png", "out.png", "a%00b.png", f"{'x' * 300}.png", "%ff.png"]
    text = "\n\n".join(f"![{number}]({name})" for number, name in enumerate(names))
    notebook = tmp_path / "notes.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell(text)]), notebook)
    exported(notebook, "paper", ending)
    assert not (tmp_path / "paper_files").exists()


@pytest.mark.parametrize("ending", [".html", ".md"])
def test_metadata_and_characters_that_are_none_stop_nothing(ending: str, tmp_path: Path) -> None:
    path = write_raw(tmp_path, {"source": "half = '\ud800'"}, kernelspec="x", language_info=["y"])
    assert "half" in exported(path, "code", ending)


@pytest.mark.parametrize(
    "cells", [{"source": ["a", 1]}, {"outputs": [{"output_type": "display_data", "data": None}]}]
)
def test_json_that_is_no_notebook_is_said_in_plain_words(cells: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read as a notebook: its JSON is not that of a notebook"):
        export(write_raw(tmp_path, cells), "paper", None, hide=str)


@pytest.mark.parametrize("is_link", [False, True])
def test_folder_for_pictures_that_is_none_leaves_no_page(
    is_link: bool, notebook: Path, tmp_path: Path
) -> None:
    elsewhere, files = tmp_path / "elsewhere", notebook.with_name("rates_files")
    elsewhere.mkdir()
    if is_link:
        files.symlink_to(elsewhere)
    else:
        files.write_text("mine")
    with pytest.raises(ConfigError, match="rates_files' is no folder for pictures"):
        export(notebook, "paper", notebook.with_suffix(".md"), hide=str)
    assert not notebook.with_suffix(".md").exists()
    assert list(elsewhere.iterdir()) == []


def test_page_of_which_a_part_cannot_be_written_leaves_nothing(
    notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(notebook.parent.iterdir())
    put = exporting._put

    def full(path: Path, data: bytes) -> bool:
        if path.suffix == ".md":
            raise OSError(errno.ENOSPC, "No space left on device")
        return put(path, data)

    monkeypatch.setattr(exporting, "_put", full)
    with pytest.raises(ConfigError, match=r"rates.md' cannot be written: No space left"):
        export(notebook, "report", notebook.with_suffix(".md"), hide=str)
    assert sorted(notebook.parent.iterdir()) == before


def test_name_that_no_file_can_have_is_said(notebook: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: File name too long"):
        export(notebook, "paper", notebook.with_name(f"{'x' * 300}.html"), hide=str)
