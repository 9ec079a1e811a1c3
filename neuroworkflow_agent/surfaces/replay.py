"""A recorded run again: the same answers, today's code and data, in a copy of the workspace or in its place."""

from __future__ import annotations

import glob
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.asked import digest
from neuroworkflow_agent.runs.comparing import Comparison, compare
from neuroworkflow_agent.runs.event_file import read_events
from neuroworkflow_agent.runs.record import RunRecord, read_files
from neuroworkflow_agent.runs.recorder import BEFORE
from neuroworkflow_agent.runs.replaying import script_of
from neuroworkflow_agent.runs.store import DIRECTORY, Store
from neuroworkflow_agent.runs.task import judging_of
from neuroworkflow_agent.surfaces import headless
from neuroworkflow_agent.surfaces.recorded import Recording, run_recorded

_MAX_COPIED_BYTES = 500_000_000
_LEFT_OUT = (DIRECTORY, ".git", "__pycache__", ".ipynb_checkpoints")


def replay(
    record: RunRecord,
    config: AgentConfig,
    store: Store,
    progress: headless.Progress,
    *,
    in_place: bool = False,
) -> tuple[RunRecord, Comparison]:
    """Give a run's answers again, and compare what comes of them.

    Parameters
    ----------
    store
        Where the new run is kept.
    in_place
        Whether its code works in the workspace itself, and not in a copy that is thrown away.

    Raises
    ------
    RunError
        If the run has no answers, or its workspace is gone or too large to copy.
    """
    script = script_of(read_events(record.place.path))
    is_isolated = bool(record.told.get("isolated"))
    workspace = Path(str(record.told.get("root" if is_isolated else "workspace", "")))
    if not workspace.is_dir():
        raise RunError(f"The workspace of the run, '{workspace}', is not there any more.")
    with tempfile.TemporaryDirectory(prefix="neuroworkflow-replay-") as scratch:
        where = Path(scratch, "workspace")
        if is_isolated:
            directory = _with_inputs(record, workspace, where)
        elif in_place:
            where, directory = workspace, _directory(record, workspace, workspace)
        else:
            directory = _directory(record, workspace, _copied(workspace, where))
            _remove_what_it_made(record, where)
        answers = Path(scratch, "answers.json")
        answers.write_text(json.dumps(script), encoding="utf-8")
        given = _job(record, directory, Path(scratch))
        config = config.with_changes(
            workspace=where, model=f"scripted:{answers}", mode=record.told.get("mode")
        )
        recording = Recording(
            store,
            inputs=tuple(
                glob.escape(name) for name in record.asked.get("inputs") or () if (where / name).is_file()
            ),
            again=True,
            judging=judging_of(_settings(record).get("judging") or {}),
            settings={"replay_of": record.place.run_id},
        )
        again, _ = run_recorded(given, config, recording, progress)
    return again, compare(record, again)


def _directory(record: RunRecord, workspace: Path, where: Path) -> Path:
    """Where the run's kernel started, as it is in the copy of its workspace."""
    directory = Path(str(record.told.get("directory", workspace)))
    return where / directory.relative_to(workspace) if directory.is_relative_to(workspace) else directory


def _with_inputs(record: RunRecord, root: Path, where: Path) -> Path:
    """Make the directory of an isolated run anew, from the inputs as they are now; gives where its kernel starts."""
    for name in record.asked.get("inputs") or ():
        target = where / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(root / name, target)
        except OSError as error:
            raise RunError(f"The input '{root / name}' cannot be read: {error.strerror}.") from error
    directory = (where / str(record.told.get("own_file", "notebook.ipynb"))).parent
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _job(record: RunRecord, directory: Path, scratch: Path) -> headless.Job:
    """The run's own job, with the notebook as it was then."""
    asked, settings = record.asked, _settings(record)
    name = Path(str(asked.get("notebook", "notebook.ipynb"))).name
    (scratch / "then").mkdir()
    notebook = scratch / "then" / name
    shutil.copyfile(record.place.path / BEFORE, notebook)
    return headless.Job(
        notebook,
        asked.get("prompt"),
        output=scratch / name,
        execute=bool(settings.get("execute", True)),
        kernel=settings.get("kernel"),
        timeout_s=settings.get("timeout_s"),
        allow_errors=bool(settings.get("allow_errors")),
        parameters=asked.get("parameters") or {},
        cwd=directory,
        prepare=settings.get("prepare"),
    )


def _settings(record: RunRecord) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = record.asked.get("settings") or {}
    return settings


def _remove_what_it_made(record: RunRecord, where: Path) -> None:
    """Delete files of the copy that the run made and nobody has changed since, so that it meets what it met."""
    for change in read_files(record.place)["changes"]:
        path = where / str(change["path"])
        is_there = (
            change["before"] is None and path.resolve().is_relative_to(where.resolve()) and path.is_file()
        )
        if is_there and not path.is_symlink() and digest(path) == change["after"]:
            path.unlink()


def _copied(workspace: Path, target: Path) -> Path:
    size = 0
    for path in workspace.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        size += 0 if _is_left_out(path.relative_to(workspace)) else path.stat().st_size
        if size > _MAX_COPIED_BYTES:
            raise RunError(
                f"'{workspace}' is larger than {_MAX_COPIED_BYTES:,} bytes, so it is not copied. "
                "Pass --in-place to let the code work there."
            )
    shutil.copytree(workspace, target, symlinks=True, ignore=_ignored)
    return target


def _ignored(directory: str, names: list[str]) -> list[str]:
    """Names that are not copied: what is large and of no use, and what is no file."""
    return [name for name in names if name in _LEFT_OUT or not _can_be_copied(Path(directory, name))]


def _can_be_copied(path: Path) -> bool:
    return path.is_symlink() or path.is_dir() or path.is_file()


def _is_left_out(path: Path) -> bool:
    return any(part in _LEFT_OUT for part in path.parts)
