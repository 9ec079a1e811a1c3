"""`kernel install`, `list` and `remove`, as a user has them."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.errors import ConfigError, NoKernelSpecError
from neuroworkflow_agent.surfaces.chat_kernel.install import install
from tests.kernelspecs import write_spec

Plant = Callable[[Path], object]


def plant_pipe(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "kernel.json")


def call(*words: str) -> str:
    done = CliRunner().invoke(app, ["kernel", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user's kernelspecs are."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    return tmp_path / "data" / "kernels"


def listed() -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in json.loads(call("list", "--json"))}


def test_chat_kernel_is_installed_listed_and_removed(kernels: Path) -> None:
    write_spec(kernels, "shell", ["shell", "{connection_file}"], "bash")
    said = call("install", "--user", "--subkernel", "shell", "--name", "talk")
    assert said.split() == ["Installed", "'talk'", "in", f"{kernels / 'talk'}."]
    spec = json.loads((kernels / "talk" / "kernel.json").read_text())
    assert (spec["language"], spec["interrupt_mode"], spec["argv"][-1]) == ("bash", "message", "shell")
    assert (kernels / "talk" / "logo-svg.svg").is_file()
    assert listed()["talk"]["has_subkernel"] is True
    assert "talk: NeuroWorkflow (shell); code runs in 'shell'\n" in call("list")
    (kernels / "shell" / "kernel.json").unlink()
    assert "code runs in 'shell', which is not installed" in call("list")
    assert call("remove", "talk").split() == ["Removed", f"{kernels / 'talk'}."]
    assert "talk" not in listed()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["install", "--user", "--subkernel", "no-such"], "no-such"),
        (["install", "--user", "--name", "a b"], "A kernel's name has letters"),
        (["install", "--user", "--name", "."], "A kernel's name has letters"),
        (["install", "--user", "--name", ".."], "A kernel's name has letters"),
        (["install", "--user", "--name", "x" * 300], "A kernel's name has letters"),
        (["install", "--user", "--name", "TAKEN"], "There is another kernel named 'taken'"),
        (["install", "--user", "--sys-prefix"], "exclude each other"),
        (["install", "--user", "--name", "taken"], "There is another kernel named 'taken'"),
        (["remove", "taken"], "'taken' is not a chat kernel. Remove it with 'jupyter kernelspec remove taken'."),
        (["remove", "no-such"], "no-such"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(words: list[str], says: str, kernels: Path) -> None:
    write_spec(kernels, "taken", ["shell", "{connection_file}"], "bash")
    with pytest.raises((ConfigError, NoKernelSpecError), match=says.replace("(", "\\(")):
        CliRunner().invoke(app, ["kernel", *words], catch_exceptions=False)
    assert [each.name for each in kernels.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (lambda folder: folder.symlink_to(folder.parent.parent), "is no folder of its own"),
        (lambda folder: folder.write_text("mine"), "is no folder of its own"),
        (lambda folder: (folder / "kernel.json").mkdir(parents=True), "not a regular file"),
        (plant_pipe, "not a regular file"),
        (lambda folder: (folder.mkdir(), (folder / "kernel.json").write_text("{broken")), "cannot be used"),
    ],
)  # fmt: skip
def test_nothing_that_stands_there_is_replaced(plant: Plant, says: str, kernels: Path) -> None:
    kernels.mkdir(parents=True)
    plant(kernels / "talk")
    before = sorted(kernels.rglob("*"))
    with pytest.raises(ConfigError, match=says):
        install(name="talk", user=True)
    assert sorted(kernels.rglob("*")) == before
    assert "talk" not in listed()  # nothing waits for a pipe


def test_install_again_keeps_what_the_user_has_put_beside_it(kernels: Path) -> None:
    install(name="talk", user=True)
    (kernels / "talk" / "logo-64x64.png").write_bytes(b"mine")
    left = kernels / "talk" / "kernel.json"
    left.write_text(left.read_text().replace('"python3"', '"ir"'))
    install(name="talk", user=True)
    assert sorted(each.name for each in (kernels / "talk").iterdir()) == [
        "kernel.json", "logo-64x64.png", "logo-svg.svg"
    ]  # fmt: skip
    assert listed()["talk"]["subkernel"] == "python3"


def test_install_on_a_full_disk_leaves_the_kernel_that_there_was(
    kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(name="talk", user=True)
    before = {file: file.read_bytes() for file in (kernels / "talk").iterdir()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for name in ("talk", "new"):
            with pytest.raises(ConfigError, match=f"/{name}': No space left on device"):
                install(name=name, user=True)
    assert {file: file.read_bytes() for file in kernels.glob("*/*")} == before
    assert [each.name for each in kernels.iterdir()] == ["talk"]


@pytest.mark.parametrize(
    "said",
    ["[" * 100_000, "[]", "{}", '{"argv": []}', '{"argv": "x"}', '{"argv": ["x"], "metadata": [1]}', "\xff"],
)
def test_kernelspec_that_is_none_is_passed_over_and_refused_by_name(said: str, kernels: Path) -> None:
    write_spec(kernels, "odd", ["x"], "python")
    (kernels / "odd" / "kernel.json").write_bytes(said.encode("latin-1"))
    assert "odd" not in listed()
    with pytest.raises(ConfigError, match=r"odd/kernel.json' cannot be used"):
        install("odd", "talk", user=True)


def test_chat_kernel_that_is_a_link_is_removed_without_what_it_leads_to(kernels: Path) -> None:
    folder = install(name="talk", user=True)
    (kernels / "linked").symlink_to(folder)
    call("remove", "linked")
    assert sorted(each.name for each in kernels.rglob("*")) == ["kernel.json", "logo-svg.svg", "talk"]
