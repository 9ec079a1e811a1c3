"""Whose word is taken for the notebook of a kernel, and who is shown a token for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from neuroworkflow_agent.notebooks.belonging import (
    Belonging,
    RunningNotebook,
    find_notebook,
    running_notebooks,
)

KERNEL = "0a0a0a0a-0000-0000-0000-000000000000"
SESSION = {"path": "sub/a.ipynb", "type": "notebook", "kernel": {"id": KERNEL}}


@pytest.mark.parametrize(
    ("sessions", "token", "environ", "found"),
    [
        ([SESSION], "of the server", {}, "sub/a.ipynb"),
        ([SESSION], "", {"JUPYTERHUB_API_TOKEN": "of the server"}, "sub/a.ipynb"),
        ([SESSION, {**SESSION, "path": "b.ipynb"}], "of the server", {}, "2 notebooks share this kernel"),
        ([{**SESSION, "type": "console"}], "of the server", {}, "no notebook of the server has this kernel"),
        ([], "of the server", {"JPY_SESSION_NAME": "named.ipynb"}, "no notebook of the server has this kernel"),
        ([SESSION], "another", {"JPY_SESSION_NAME": "named.ipynb"}, "named.ipynb"),
        ([SESSION], "another", {}, "nothing says"),
        ([SESSION], "of the server", {"JPY_PARENT_PID": "8"}, "nothing says"),
    ],
)  # fmt: skip
def test_a_kernels_notebook_is_told_by_its_server_and_never_guessed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sessions: Any,
    token: str,
    environ: dict[str, str],
    found: str,
) -> None:
    def get(url: str, headers: dict[str, str], **_more: Any) -> httpx.Response:
        is_known = headers.get("Authorization") == "token of the server"
        request = httpx.Request("GET", url)
        return (
            httpx.Response(200, json=sessions, request=request)
            if is_known
            else httpx.Response(403, request=request)
        )

    monkeypatch.setattr(httpx, "get", get)
    for name in ("sub/a.ipynb", "named.ipynb", "b.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    server = {"pid": 7, "url": "http://127.0.0.1:1/", "token": token, "root_dir": str(tmp_path)}
    (tmp_path / "jpserver-7.json").write_text(json.dumps(server), encoding="utf-8")
    given = {"JPY_PARENT_PID": "7", **environ}
    if "JPY_SESSION_NAME" in given:
        given["JPY_SESSION_NAME"] = str(tmp_path / given["JPY_SESSION_NAME"])
    result = find_notebook(given, kernel_id=KERNEL, runtime_dir=tmp_path)
    if found.endswith(".ipynb"):
        assert result.path == tmp_path / found
    else:
        assert (result.path, found in result.said_by) == (None, True)


def test_vs_code_tells_its_kernels_notebook(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.touch()
    told = find_notebook({}, kernel_id="", runtime_dir=tmp_path, editor_path=str(path))
    assert told == Belonging(path, "VS Code")


def _by_link(file: Path) -> None:
    file.rename(file.with_name("elsewhere.json"))
    file.symlink_to(file.with_name("elsewhere.json"))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda file: file.chmod(0o606), id="everybody may write it"),
        pytest.param(_by_link, id="a link"),
        pytest.param(lambda file: file.write_text('{"url": "http://127.0.0.1:1/"}'), id="of no process"),
        pytest.param(lambda file: file.write_text("[]"), id="of another kind"),
    ],
)
def test_no_token_goes_where_a_file_leads_that_others_may_have_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]
) -> None:
    def get(url: str, **_more: Any) -> httpx.Response:
        raise AssertionError(f"{url} was asked.")

    monkeypatch.setattr(httpx, "get", get)
    file = tmp_path / "jpserver-7.json"
    file.write_text(json.dumps({"pid": 7, "url": "http://127.0.0.1:1/", "root_dir": str(tmp_path)}))
    spoil(file)
    environ = {"JPY_PARENT_PID": "7", "JUPYTERHUB_API_TOKEN": "of the hub"}
    assert find_notebook(environ, kernel_id=KERNEL, runtime_dir=tmp_path).path is None


@pytest.mark.parametrize(
    ("below", "names"), [("", ["sub/a.ipynb", "b.ipynb"]), ("sub", ["sub/a.ipynb"]), ("other", []), ("..", ["sub/a.ipynb", "b.ipynb"])]
)  # fmt: skip
def test_notebooks_of_a_folder_that_have_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, names: list[str]
) -> None:
    sessions = [
        {**SESSION, "kernel": {"id": KERNEL, "name": "ir"}},
        {"path": "RTC:b.ipynb", "type": "notebook", "kernel": {"id": "1"}},
        {**SESSION, "path": "c.ipynb", "type": "console"},
    ]
    asked: list[str] = []

    def get(url: str, **_more: Any) -> httpx.Response:
        asked.append(url)
        return httpx.Response(200, json=sessions, request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)
    root = tmp_path / "root"
    (root / "other").mkdir(parents=True)
    for number, folder in enumerate((root, tmp_path / "elsewhere")):
        server = {"url": f"http://127.0.0.1:{number}/", "token": "t", "root_dir": str(folder)}
        (tmp_path / f"jpserver-{number}.json").write_text(json.dumps(server), encoding="utf-8")
    found = running_notebooks(root / below, {}, runtime_dir=tmp_path)
    ids = {"sub/a.ipynb": (KERNEL, "ir"), "b.ipynb": ("1", "")}
    expected = [RunningNotebook(root / name, *ids[name]) for name in names]
    assert [each for each in found if each.path.is_relative_to(root)] == expected
    assert (f"http://127.0.0.1:{1}/api/sessions" in asked) == (below == "..")
