"""A notebook file is at any moment the old or the new notebook, never less."""

from __future__ import annotations

import errno
import os
import random
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

from neuroworkflow_agent import replacing
from neuroworkflow_agent.errors import NotebookError
from neuroworkflow_agent.notebooks.file import NotebookFile
from neuroworkflow_agent.replacing import Temporary
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


STEPS = {
    "open": (os, "open"),
    "write": (os, "write"),
    "fsync": (os, "fsync"),
    "mode": (os, "fchmod"),
    "exchange": (replacing, "_exchange"),
}


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
        patch.setattr(*STEPS[step], fail)
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
    file.close()


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
    kills = 0
    for kill in tiers.sample(range(8), at_least=3):
        kills += 1
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
    assert len(left) <= kills
    assert all(name.startswith(replacing.PREFIX) for name in left)
    NotebookFile.open(path).save()
    assert list(path.parent.iterdir()) == [path]


# -- a folder and people that mean harm, or only write at the same time ---------------------------------


def test_planted_links_lead_nowhere(path: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("all my work")
    for name in (".a.ipynb.neuroworkflow-tmp", f"{replacing._family(path)}{'0' * 16}.tmp"):
        path.with_name(name).symlink_to(precious)
    with NotebookFile.open(path) as file:
        file.notebook.cells.append(new_code_cell("2"))
        file.save()
    path.chmod(0o444)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        with pytest.raises(NotebookError, match="cannot be written"):
            NotebookFile.open(path)
    assert precious.read_text() == "all my work"


def test_nothing_that_is_no_regular_file_is_read_or_written(path: Path) -> None:
    os.mkfifo(pipe := path.with_name("pipe.ipynb"))
    for source, output in ((pipe, None), (path, pipe), (path, Path(os.devnull))):
        with pytest.raises(NotebookError, match="not a regular file"):
            NotebookFile.open(source, output=output)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_while_it_is_written_nobody_may_read_it_who_may_not_afterwards(
    mode: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.chmod(mode)
    modes = []
    write_there = os.write

    def spy(descriptor: int, data: Any) -> int:
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        return write_there(descriptor, data)

    with NotebookFile.open(path) as file, monkeypatch.context() as patch:
        patch.setattr(os, "write", spy)
        file.save()
    assert modes == [mode]
    assert path.stat().st_mode & 0o777 == mode


def test_new_file_gets_the_mode_of_the_users_mask(path: Path) -> None:
    before = os.umask(0o027)
    try:
        with NotebookFile.open(path, output=path.with_name("new.ipynb")) as file:
            file.save()
    finally:
        os.umask(before)
    assert path.with_name("new.ipynb").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes files of others; run the tests as root")
def test_saving_as_root_leaves_the_file_to_its_owner(path: Path) -> None:
    os.chown(path, 12345, 23456)
    path.chmod(0o4640)
    with NotebookFile.open(path) as file:
        file.save()
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (12345, 23456, 0o4640)


@pytest.mark.parametrize("stem", ["n" * 249, "é" * 124])
def test_names_as_long_as_a_file_system_takes(stem: str, tmp_path: Path) -> None:
    path = tmp_path / f"{stem}.ipynb"
    write(path, "1")
    with NotebookFile.open(path) as file:
        assert file.save() is None
        write(path, "theirs")
        conflict = file.save()
    assert conflict is not None
    assert sources(conflict.saved_as) == ["1"]
    assert sources(path) == ["theirs"]


def test_second_run_is_told_and_may_write_elsewhere(path: Path) -> None:
    with NotebookFile.open(path) as first:
        for _ in range(2):
            with pytest.raises(NotebookError, match="run by another process"):
                NotebookFile.open(path)
            with NotebookFile.open(path, output=path.with_name("b.ipynb")) as elsewhere:
                elsewhere.save()
            first.save()
    with NotebookFile.open(path) as second:
        second.save()


def test_what_a_living_process_writes_is_not_swept(path: Path) -> None:
    at_work = Temporary(path)
    NotebookFile.open(path).close()
    assert at_work.path.exists()
    at_work.discard()
    path.with_name(f"{replacing._family(path)}{'0' * 16}.tmp").touch()
    NotebookFile.open(path).close()
    assert list(path.parent.iterdir()) == [path]


def test_someone_who_writes_between_our_look_and_our_save_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = replacing._exchange
    arrived: list[str] = []

    def late(one: Path, other: Path) -> bool:
        if not arrived:
            arrived.append("theirs")
            write(path, "theirs")
        return exchange(one, other)

    with NotebookFile.open(path) as file:
        monkeypatch.setattr(replacing, "_exchange", late)
        conflict = file.save()
    assert conflict is not None
    assert (sources(path), sources(conflict.saved_as)) == (["theirs"], ["1"])
    assert len(list(path.parent.iterdir())) == 2


def test_file_systems_without_exchange_and_links_are_written_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(replacing, "_exchange", lambda *_: False)
    monkeypatch.setattr(os, "link", refuse)
    for output in (path, path.with_name("new.ipynb")):
        with NotebookFile.open(path, output=output) as file:
            file.notebook.cells.append(new_code_cell("2"))
            file.save()
        assert sources(output)[-1] == "2"
    assert len(list(path.parent.iterdir())) == 2


ADDER = """
import sys, time
from pathlib import Path
from nbformat.v4 import new_code_cell
from neuroworkflow_agent.errors import NotebookError
from neuroworkflow_agent.notebooks.file import NotebookFile
path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    while True:
        try:
            file = NotebookFile.open(path)
            break
        except NotebookError as error:
            assert "another process" in str(error), error
            time.sleep(0.0005)
    with file:
        file.notebook.cells.append(new_code_cell(f"{name} {number}"))
        del file.notebook.cells[:-40]
        file.notebook.metadata[name] = file.notebook.metadata.get(name, 0) + 1
        assert file.save() is None
"""


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
def test_two_runs_of_ours_lose_nothing(path: Path) -> None:
    count = tiers.count(10_000)
    command = [sys.executable, "-c", ADDER, str(path)]
    adders = [subprocess.Popen([*command, name, str(count)]) for name in ("one", "two")]
    while any(adder.poll() is None for adder in adders):
        sources(path)  # whole, whenever it is read
    assert [adder.returncode for adder in adders] == [0, 0]
    notebook = nbformat.read(path, as_version=4)
    assert (notebook.metadata["one"], notebook.metadata["two"]) == (count, count)
    assert list(path.parent.iterdir()) == [path]


JUPYTERLAB = """
import sys, time
from nbformat.v4 import new_code_cell, new_notebook
from jupyter_server.services.contents.filemanager import FileContentsManager
contents = FileContentsManager(root_dir=sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    number, pause_s = line.split()
    until = time.perf_counter() + float(pause_s)
    while time.perf_counter() < until: pass
    notebook = new_notebook(cells=[new_code_cell(f"theirs {number}")])
    contents.save({"type": "notebook", "format": "json", "content": notebook}, "a.ipynb")
    print(number, flush=True)
"""


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
def test_a_save_of_jupyterlab_at_the_same_moment_loses_nothing_on_either_side(path: Path) -> None:
    chance = random.Random(tiers.SEED)
    command = [sys.executable, "-c", JUPYTERLAB, str(path.parent)]
    conflicts = 0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as jupyterlab:
        assert jupyterlab.stdin is not None
        assert jupyterlab.stdout is not None
        jupyterlab.stdout.readline()
        for number in range(tiers.count(10_000)):
            with NotebookFile.open(path) as file:
                file.notebook.cells = [new_code_cell(f"ours {number}")]
                jupyterlab.stdin.write(f"{number} {chance.uniform(0, 0.004)}\n")
                jupyterlab.stdin.flush()
                until = time.perf_counter() + chance.uniform(0, 0.004)
                while time.perf_counter() < until:
                    pass
                file.save()
                assert jupyterlab.stdout.readline() == f"{number}\n"
                file.save()  # as a run does when it ends
                conflicts += file.path != path
            found = {source for each in path.parent.glob("*.ipynb") for source in sources(each)}
            assert found >= {f"ours {number}", f"theirs {number}"}
            for beside in path.parent.glob("*.agent-*"):
                beside.unlink()
        jupyterlab.stdin.close()
    assert conflicts
    assert [each for each in path.parent.iterdir() if each.is_file()] == [path]
