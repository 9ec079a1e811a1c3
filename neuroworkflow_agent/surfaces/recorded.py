"""A headless run with its record: `run --record`, and every job of a batch."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import AgentError, RunError
from neuroworkflow_agent.events import Waiting
from neuroworkflow_agent.notebooks.reading import read_text
from neuroworkflow_agent.runs.asked import Asked, digest, digests, settings_of
from neuroworkflow_agent.runs.checks import CheckResult, Judged, State, judge
from neuroworkflow_agent.runs.record import RunRecord, read_record
from neuroworkflow_agent.runs.recorder import AFTER, BEFORE, Recorder
from neuroworkflow_agent.runs.scraps import count_pictures
from neuroworkflow_agent.runs.serving import Serving, serving
from neuroworkflow_agent.runs.shown import Shown
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.task import Judging
from neuroworkflow_agent.surfaces import headless
from neuroworkflow_agent.text import Redaction

if TYPE_CHECKING:
    from neuroworkflow_agent.events import Event

FAILED_CHECKS = 6
"""Exit code of a run that is complete and whose checks did not all pass."""
WORK = "work"
"""In a run's directory: where an isolated one works."""
_CELLS_ONLY = Serving("none", None, "none")


@dataclass(frozen=True, slots=True)
class Recording:
    """How a run is kept."""

    store: Store
    """Where."""
    inputs: tuple[str, ...] = ()
    """Files that the run depends on: paths or patterns from `root`."""
    root: Path | None = None
    """None for the workspace."""
    repetition: int = 1
    """Which of several equal runs it is."""
    again: bool = False
    """Whether to run what was run before."""
    is_shared: bool = False
    """Whether others may work in the same workspace meanwhile."""
    judging: Judging = field(default_factory=Judging)
    """What is looked at when it has ended."""
    is_isolated: bool = False
    """Whether it works in a directory of its own, with copies of the notebook and the inputs."""
    has_own_output: bool = False
    """Whether the notebook is saved in the record alone."""
    key: str | None = None
    """What the key has to be; None for any."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More that decides what happens."""


def asked_of(job: headless.Job, config: AgentConfig, recording: Recording) -> tuple[Asked, Serving]:
    """What a job asks, and whom.

    Raises
    ------
    ConfigError, NotebookError, RunError
        If it cannot be asked so, or is not what it should be.
    """
    read_text(job.notebook)  # what is wrong with it is said here
    served = serving(config) if job.prompt is not None else _CELLS_ONLY
    given = {
        name: getattr(job, name) for name in ("prepare", "execute", "kernel", "timeout_s", "allow_errors")
    }
    session = {name: getattr(config, name) for name in ("mode", "max_turns", "max_budget_usd")}
    asked = Asked(
        notebook=str(job.notebook),
        notebook_sha256=digest(job.notebook),
        prompt=job.prompt,
        model=served.identity if job.prompt is not None else cells_identity(config.model),
        parameters=job.parameters,
        inputs=digests(recording.inputs, recording.root or config.workspace),
        settings={
            **settings_of(given, session, recording.judging.as_json()),
            **recording.settings,
        },
        repetition=recording.repetition,
    )
    if recording.key not in (None, asked.key):
        raise RunError(
            f"'{job.notebook}', one of its inputs, or the model that serves here is not as it was planned. "
            "Start the batch again."
        )
    return asked, served


def cells_identity(model: str | None) -> str:
    """What stands for the model of a run without a prompt: only its `%chat` cells might ask one."""
    return f"cells:{model or ''}"


def run_recorded(
    job: headless.Job, config: AgentConfig, recording: Recording, progress: headless.Progress
) -> tuple[RunRecord, bool]:
    """Run a job and keep its record, unless the same was run before.

    Returns
    -------
    (RunRecord, bool)
        The record, and whether it was run now.

    Raises
    ------
    ConfigError, NotebookError, NoKernelSpecError, RunError
        If the job cannot begin; nothing is kept then.
    """
    asked, served = asked_of(job, config, recording)
    earlier = recording.store.result(asked.key)
    if earlier is not None and not recording.again:
        return read_record(earlier), False
    recorder = Recorder(
        recording.store, asked, Redaction(lambda: config.secrets),
        again=recording.again, is_shared=recording.is_shared and not recording.is_isolated,
    )  # fmt: skip
    try:
        return _Recorded(recorder, job, config, recording, served).run(progress), True
    except AgentError:
        recorder.close()
        recording.store.remove(recorder.place)
        raise
    finally:
        recorder.close()


class _Recorded:
    """One recorded run under way."""

    def __init__(
        self,
        recorder: Recorder,
        job: headless.Job,
        config: AgentConfig,
        recording: Recording,
        served: Serving,
    ) -> None:
        self._recorder = recorder
        self._recording = recording
        self._served = served
        self._root = recording.root or config.workspace
        recorder.keep_notebook(BEFORE, read_text(job.notebook))
        if recording.is_isolated:
            job, config = self._moved(job, config)
        elif recording.has_own_output:
            job = dataclasses.replace(job, output=recorder.place.path / f"{AFTER}.part")
        self._config = config
        self._job = dataclasses.replace(job, afterwards=self._judge)
        self._judged: Judged | None = None
        self._shown = Shown()
        self._retry_in_s: float | None = None
        """How long the endpoint last wanted to be left alone."""
        self._started = time.monotonic()

    def run(self, progress: headless.Progress) -> RunRecord:
        recorder, job = self._recorder, self._job
        recorder.begin(
            endpoint=self._served.as_dict(),
            workspace=self._config.workspace,
            directory=job.cwd or job.notebook.resolve().parent,
            own_file=job.output or job.notebook,
            mode=self._config.mode,
            more={"root": str(self._root), "isolated": self._recording.is_isolated},
        )
        summary = headless.run(job, self._config, self._kept(progress))
        recorder.look()
        recorder.keep_notebook(AFTER, read_text(Path(summary.notebook)))
        if self._recording.has_own_output and not self._recording.is_isolated:
            Path(summary.notebook).unlink(missing_ok=True)
            summary.notebook = AFTER
        return read_record(recorder.end(self._ended(summary)))

    def _kept(self, progress: headless.Progress) -> headless.Progress:
        def on_cell(done: int, total: int) -> None:
            self._recorder.on_cell()
            progress.on_cell(done, total)

        def on_event(event: Event) -> None:
            self._recorder.on_event(event)
            self._shown.add(event)
            if isinstance(event, Waiting) and event.retry_in_s is not None:
                self._retry_in_s = event.retry_in_s
            progress.on_event(event)

        def on_prepared() -> None:
            if self._job.prepare is not None:
                self._recorder.watch()
            progress.on_prepared()

        return dataclasses.replace(progress, on_prepared=on_prepared, on_cell=on_cell, on_event=on_event)

    def _moved(self, job: headless.Job, config: AgentConfig) -> tuple[headless.Job, AgentConfig]:
        """The job in a directory of its own, with copies of the notebook and the inputs."""
        work = self._recorder.place.path / WORK
        work.mkdir()
        notebook = _copied(job.notebook.resolve(), self._root, work)
        for name in digests(self._recording.inputs, self._root):
            _copied(self._root / name, self._root, work)
        return dataclasses.replace(job, notebook=notebook), config.with_changes(workspace=work)

    def _judge(self, finished: headless.Finished) -> None:
        judging, summary = self._recording.judging, finished.summary
        changes = self._recorder.look()
        own = self._recorder.own_file
        state = State(
            end=summary.end,
            answer=summary.answer,
            shown=self._shown.text,
            execute=finished.execute,
            language=finished.language,
            workspace=self._config.workspace,
            changes=[each for each in changes if each.path != own],
            pictures=count_pictures(Path(summary.notebook))
            - count_pictures(self._recorder.place.path / BEFORE),
            cost_usd=summary.cost_usd,
            seconds=time.monotonic() - self._started,
            is_shared=self._recording.is_shared and not self._recording.is_isolated,
        )
        self._judged = judge(judging.checks, judging.may_write, judging.values, state)

    def _ended(self, summary: headless.Summary) -> dict[str, Any]:
        judged = self._judged or _unjudged(self._recording.judging)
        told = dataclasses.asdict(summary)
        usage = {name: told.pop(name) for name in ("input_tokens", "output_tokens")}
        has_failed = judged.verdict in ("failed", "unjudged")
        code = summary.exit_code or (FAILED_CHECKS if has_failed else 0)
        asked = {"retry_after_s": self._retry_in_s} if summary.end == "cut_off" else {}
        return {**told, **asked, "exit_code": code, "usage": usage, **judged.as_json()}


def _unjudged(judging: Judging) -> Judged:
    """Checks of a run that did not come so far."""
    why = "the run did not come so far"
    names: list[tuple[str, str]] = [(each.name, each.kind) for each in judging.checks]
    names += [("side_effects", "side_effects")] if judging.may_write is not None else []
    return Judged(tuple(CheckResult(name, kind, "unjudged", why) for name, kind in names))


def _copied(path: Path, root: Path, work: Path) -> Path:
    """A copy of a file at the same place below another root."""
    real = root.resolve()
    target = work / (path.relative_to(real) if path.is_relative_to(real) else path.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    return target


def copy_after(record: RunRecord, output: Path) -> None:
    """Put the notebook of an earlier run where this one was to be saved, unless something is there."""
    if not output.exists():
        output.write_bytes((record.place.path / AFTER).read_bytes())
