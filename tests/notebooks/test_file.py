"""A notebook file is at any moment the old or the new notebook, never less."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from neuroworkflow_agent.errors import NotebookError
from neuroworkflow_agent.notebooks.file import SUFFIX, NotebookFile
from tests import tiers


def write(path: Path, *sources: str, minor: int = 5) -> None:
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    notebook.nbformat_minor = minor
    if minor < 5:
        for cell in notebook.cells:
            cell.pop("id")
    nbformat.write(notebook, path)


def sources(path: Path) -> list[str]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return [cell.source for cell in notebook.cells]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.ipynb"
    write(path, "1")
    return path


def test_save_replaces_the_file_and_leaves_nothing_beside_it(path: Path) -> None:
    file = NotebookFile.open(path)
    file.notebook.cells.append(new_code_cell("2"))
    assert file.save() is None
    assert sources(path) == ["1", "2"]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("minor", [0, 2, 4, 5])
def test_minor_version_and_unknown_metadata_are_kept(minor: int, path: Path) -> None:
    write(path, "1", minor=minor)
    file = NotebookFile.open(path)
    file.notebook.metadata["vendor"] = {"x": [1]}
    file.save()
    again = nbformat.read(path, as_version=4)
    assert (again.nbformat_minor, again.metadata.vendor.x) == (minor, [1])


def test_mode_bits_and_symlinks_are_kept(path: Path) -> None:
    path.chmod(0o640)
    link = path.with_name("link.ipynb")
    link.symlink_to(path)
    file = NotebookFile.open(link)
    file.notebook.cells.append(new_markdown_cell("2"))
    file.save()
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert len(sources(path)) == 2


def test_file_that_someone_else_changed_is_kept_once_and_for_all(path: Path) -> None:
    file = NotebookFile.open(path)
    write(path, "theirs")
    conflict = file.save()
    assert conflict is not None
    assert sources(path) == ["theirs"]
    assert sources(conflict.saved_as) == ["1"]
    file.notebook.cells.append(new_code_cell("2"))
    assert file.save() is None
    assert sources(conflict.saved_as) == ["1", "2"]
    assert sources(path) == ["theirs"]


def test_file_only_touched_is_no_conflict(path: Path) -> None:
    file = NotebookFile.open(path)
    os.utime(path)
    assert file.save() is None


def test_deleted_file_is_written_again(path: Path) -> None:
    file = NotebookFile.open(path)
    path.unlink()
    assert file.save() is None
    assert sources(path) == ["1"]


def test_output_that_changes_during_the_run_is_not_overwritten(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.ipynb"
    write(target, "old result")
    file = NotebookFile.open(path, output=target)
    assert file.save() is None
    write(target, "theirs")
    assert file.save() is not None
    assert sources(target) == ["theirs"]


STEPS = ["write", "fsync", "chmod", "replace"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_failure_at_any_step_leaves_the_old_file_and_one_sentence(
    step: str, code: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = NotebookFile.open(path)
    file.notebook.cells.append(new_code_cell("2"))

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        if step == "fsync":
            patch.setattr(os, "fsync", fail)
        elif step == "write":
            patch.setattr(Path, "open", fail)
        else:
            patch.setattr(Path, step, fail)
        with pytest.raises(NotebookError, match="cannot be written") as caught:
            file.save()
    assert os.strerror(code) in str(caught.value)
    assert list(path.parent.iterdir()) == [path]
    assert sources(path) == ["1"]
    assert file.save() is None
    assert sources(path) == ["1", "2"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /proc of Linux")
def test_read_only_place_is_refused_before_anything_is_written() -> None:
    with pytest.raises(NotebookError, match="cannot be written"):
        NotebookFile.open(
            Path(__file__).parents[1] / "data" / "thirty_cells.ipynb", output=Path("/proc/a.ipynb")
        )


EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.text(max_size=40)),
        st.tuples(st.just("remove"), st.integers(0, 10)),
        st.tuples(st.just("save"), st.booleans()),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_any_sequence_of_edits_and_failing_saves_keeps_a_whole_file(
    edits: list[tuple[str, Any]], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, "1")
    file = NotebookFile.open(path)
    saved = sources(path)
    for kind, value in edits:
        cells = file.notebook.cells
        if kind == "add":
            cells.append(new_code_cell(value))
        elif kind == "remove" and cells:
            cells.pop(value % len(cells))
        elif kind == "save" and value:
            file.save()
            saved = [cell.source for cell in cells]
        elif kind == "save":
            with monkeypatch.context() as patch:
                patch.setattr(
                    os, "fsync", lambda _fd: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left"))
                )
                with pytest.raises(NotebookError):
                    file.save()
        assert sources(path) == saved
        assert list(path.parent.iterdir()) == [path]


def test_killed_while_saving_the_file_is_whole(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from nbformat.v4 import new_code_cell\n"
        "from neuroworkflow_agent.notebooks.file import NotebookFile\n"
        "file = NotebookFile.open(Path(sys.argv[1]))\n"
        "file.notebook.cells += [new_code_cell('x' * 2000) for _ in range(200)]\n"
        "print('ready', flush=True)\n"
        "while True:\n    file.notebook.cells.append(new_code_cell('y')); file.save()\n"
    )
    longest = 1
    for kill in tiers.sample(range(8), at_least=3):
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.02 + 0.023 * kill)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = len(sources(path))
        assert found >= longest
        longest = found
    left = [entry.name for entry in path.parent.iterdir() if entry != path]
    assert left in ([], [f".{path.name}{SUFFIX}"])
    NotebookFile.open(path).save()
    assert list(path.parent.iterdir()) == [path]
