"""What a message may point at, and what comes in from the browser."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from neuroworkflow_agent.errors import ConfigError, KernelError, OutsideWorkspaceError
from neuroworkflow_agent.kernels.variables.namespace import Namespace
from neuroworkflow_agent.surfaces.panel import attachments
from neuroworkflow_agent.surfaces.panel.attachments import (  # fmt: skip
    MAX_UPLOAD_BYTES,
    attach,
    describe_variable,
    find_files,
    find_variables,
    safe_name,
    store_upload,
)
from neuroworkflow_agent.surfaces.panel.uploads import Uploads

SECRET = "s3cret-key"


async def attached(kind: str, value: str, workspace: Path, shell: Any = None, error: str = "") -> Any:
    async def describe(name: str) -> str | None:
        return describe_variable(name, Namespace(shell))

    def hide(text: str) -> str:
        return text.replace(SECRET, "[redacted]")

    beside: Any = SimpleNamespace(describe=describe, error=lambda: hide(error))
    return await attach(kind, value, workspace=workspace, beside=beside, hide=hide)


async def test_files(workspace: Path) -> None:
    (workspace / "a.md").write_text("x" * 50_000, encoding="utf-8")
    (workspace / "b.dat").write_bytes(b"\0\1\2")
    (workspace / "d").mkdir()
    (workspace / "d" / "inner.txt").write_text("", encoding="utf-8")
    buffer = io.BytesIO()
    Image.new("RGB", (4000, 10)).save(buffer, "TIFF")
    (workspace / "p.tif").write_bytes(buffer.getvalue())
    (workspace / "broken.png").write_bytes(b"no picture")
    text = await attached("file", "a.md", workspace)
    assert "characters left out" in text.text
    assert len(text.text) < 25_000
    assert "binary, 3 bytes" in (await attached("file", "b.dat", workspace)).text
    assert "inner.txt" in (await attached("file", "d", workspace)).text
    (picture,) = (await attached("file", "p.tif", workspace)).pictures
    assert picture.media_type == "image/png"
    broken = await attached("file", "broken.png", workspace)
    assert broken.pictures == ()
    assert "cannot be read" in broken.text
    for wrong, error in [("../outside", OutsideWorkspaceError), ("nothing.txt", ConfigError)]:
        with pytest.raises(error):
            await attached("file", wrong, workspace)


async def test_variables(workspace: Path, shell: InteractiveShell) -> None:
    shell.run_cell("import numpy as np\nrates = np.ones((2, 3))\nlong = list(range(10_000))\nclass Bad:\n    def __repr__(self): raise RuntimeError\nbad = Bad()")  # fmt: skip
    assert (await attached("variable", "rates", workspace, shell)).text == (
        "The user points at the variable 'rates': ndarray (2, 3) float64\nbegins 1.0, 1.0, 1.0, 1.0, 1.0, 1.0"
    )
    long = (await attached("variable", "long", workspace, shell)).text
    assert "list length 10000" in long
    assert len(long) < 3_000
    assert (await attached("variable", "bad", workspace, shell)).text.endswith(": Bad")
    with pytest.raises(ConfigError, match="There is no variable 'nothing'"):
        await attached("variable", "nothing", workspace, shell)


@pytest.mark.parametrize("offset", range(0, len(SECRET) + 1, 3))
async def test_secret_is_kept_back_where_a_file_is_cut(workspace: Path, offset: int) -> None:
    short, long = (f"{'y' * offset}{f'{SECRET} ' * number}" for number in (3_000, 120_000))
    (workspace / "long.md").write_text(long, encoding="utf-8")
    (workspace / "short.md").write_text(short, encoding="utf-8")
    told = [
        await attached("file", "long.md", workspace),
        await attached("file", "short.md", workspace),
    ]
    for each in told:
        assert "characters left out" in each.text
        assert "redacted" in each.text
        assert not any(SECRET[at : at + 4] in each.text for at in range(len(SECRET) - 3))


async def test_the_last_error_and_what_is_not_known(workspace: Path) -> None:
    assert (await attached("error", "", workspace, error="In [1]:\n1/0")).text.endswith("In [1]:\n1/0")
    for kind in ("error", "odd"):
        with pytest.raises(ConfigError):
            await attached(kind, "", workspace)


def test_completion_finds_files_and_names(workspace: Path, shell: InteractiveShell) -> None:
    for name in (
        "rates.csv",
        "data/rates.csv",
        "data/other.txt",
        ".hidden/rates.csv",
        "node_modules/rates.js",
    ):
        (workspace / name).parent.mkdir(exist_ok=True)
        (workspace / name).write_text("", encoding="utf-8")
    assert find_files("RATES", workspace, 10) == ["rates.csv", "data/rates.csv"]
    assert find_files("", workspace, 2) == ["rates.csv", "data/other.txt"]
    shell.run_cell("import json\nrates = [1]\nmy_rates = 2.0\n_rates = 3")
    assert find_variables("rat", Namespace(shell), 10) == [("rates", "list"), ("my_rates", "float")]
    assert find_variables("json", Namespace(shell), 10) == []


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\dir\\x.txt", "x.txt"),
        (".bashrc", "bashrc"),
        ("a\u202egnp.exe", "a_gnp.exe"),
        ("con<>|?*.txt", "con_____.txt"),
        ("", "file"),
        ("...", "file"),
        ("発火率.csv", "発火率.csv"),
        ("x" * 300 + ".png", "x" * 80 + ".png"),
    ],
)
def test_names_of_uploads(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_uploads_replace_nothing_and_stay_inside(workspace: Path, tmp_path: Path) -> None:
    assert [store_upload("a.txt", data, workspace) for data in (b"1", b"2")] == [
        "uploads/a.txt",
        "uploads/a-1.txt",
    ]
    assert (workspace / "uploads" / "a.txt").read_bytes() == b"1"
    with pytest.raises(ConfigError, match="larger than 20 MB"):
        store_upload("a.txt", b"x" * (MAX_UPLOAD_BYTES + 1), workspace)
    other = tmp_path / "other"
    other.mkdir()
    (other / attachments.UPLOADS).symlink_to(tmp_path)
    with pytest.raises(OutsideWorkspaceError):
        store_upload("a.txt", b"1", other)


def test_parts_of_an_upload_come_in_order() -> None:
    uploads = Uploads()
    assert uploads.add("u", 0, 2, b"a") is None
    assert uploads.add("u", 1, 2, b"b") == b"ab"
    with pytest.raises(ConfigError, match="interrupted"):
        uploads.add("v", 1, 2, b"b")
    with pytest.raises(ConfigError, match="larger"):
        uploads.add("w", 0, 2, b"x" * (MAX_UPLOAD_BYTES + 1))


def test_a_panel_is_imported_without_what_takes_seconds() -> None:
    heavy = "{'claude_agent_sdk', 'mcp', 'PIL', 'httpx', 'pandas'}"
    code = f"import sys\nfrom neuroworkflow_agent import ChatPanel\nprint({heavy} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )


def test_a_panel_needs_a_kernel_and_sensible_arguments(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuroworkflow_agent import ChatPanel

    with pytest.raises(KernelError, match="%chat"):
        ChatPanel()
    monkeypatch.setattr(shell, "kernel", SimpleNamespace(shell_handlers={}), raising=False)
    with pytest.raises(ConfigError, match="fork needs a session"):
        ChatPanel(fork=True)
    with pytest.raises(ConfigError, match="mode must be one of"):
        ChatPanel(mode="odd")


async def test_a_pipe_is_not_attached(workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    with pytest.raises(ConfigError, match="regular file"):
        await attached("file", "pipe", workspace)


def test_upload_that_does_not_fit_on_the_disk_leaves_no_part_of_the_file(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            store_upload("big.bin", b"x" * 100_000, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.parametrize("name", ["\U0001f9e0" * 100 + ".txt", "x" * 300 + "." + "\u00e9" * 300])
def test_name_of_an_upload_is_as_long_as_a_file_system_takes(name: str, tmp_path: Path) -> None:
    stored = store_upload(name, b"1", tmp_path)
    assert stored.startswith(f"uploads/{name[:30]}")
    assert (tmp_path / stored).read_bytes() == b"1"


def test_something_else_in_the_place_of_the_folder_for_uploads_is_said(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("mine")
    with pytest.raises(ConfigError, match="'uploads' of the workspace, where files are put, is no folder"):
        store_upload("a.txt", b"1", tmp_path)
