"""A headless run with its record: `run --record`, and every job of a batch."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.notebooks.reading import read_text
from neuroworkflow_agent.runs.asked import Asked, digests
from neuroworkflow_agent.runs.record import RunRecord, read_record
from neuroworkflow_agent.runs.recorder import AFTER, BEFORE, Recorder
from neuroworkflow_agent.runs.serving import Serving, serving
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.surfaces import headless
from neuroworkflow_agent.text import Redaction

if TYPE_CHECKING:
    from pathlib import Path

    from neuroworkflow_agent.events import Event

_CELLS_ONLY = Serving("none", None, "none")


@dataclass(frozen=True, slots=True)
class Recording:
    """How a run is kept."""

    store: Store
    """Where."""
    inputs: tuple[str, ...] = ()
    """Files that the run depends on: paths or patterns from the workspace."""
    repetition: int = 1
    """Which of several equal runs it is."""
    again: bool = False
    """Whether to run what was run before."""
    is_shared: bool = False
    """Whether others work in the same workspace meanwhile."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More that decides what happens."""


def asked_of(job: headless.Job, config: AgentConfig, recording: Recording) -> tuple[Asked, Serving]:
    """What a job asks, and whom.

    Raises
    ------
    ConfigError, NotebookError, RunError
        If it cannot be asked so.
    """
    text = read_text(job.notebook)
    served = serving(config) if job.prompt is not None else _CELLS_ONLY
    model = served.identity if job.prompt is not None else config.model or ""
    asked = Asked(
        notebook=str(job.notebook),
        notebook_sha256=hashlib.sha256(text.encode()).hexdigest(),
        prompt=job.prompt,
        model=model,
        parameters=job.parameters,
        inputs=digests(recording.inputs, config.workspace),
        settings={**_settings(job, config), **recording.settings},
        repetition=recording.repetition,
    )
    return asked, served


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
    hide = Redaction(lambda: config.secrets)
    recorder = Recorder(recording.store, asked, hide, again=recording.again, is_shared=recording.is_shared)
    try:
        recorder.keep_notebook(BEFORE, read_text(job.notebook))
        recorder.begin(
            endpoint=served.as_dict(),
            workspace=config.workspace,
            directory=job.cwd or job.notebook.resolve().parent,
            own_file=job.output or job.notebook,
            mode=config.mode,
        )
        summary = headless.run(job, config, _kept(progress, recorder))
    except AgentError:
        recorder.close()
        recording.store.remove(recorder.place)
        raise
    finally:
        recorder.close()
    recorder.look()
    _keep_after(recorder, summary)
    return read_record(recorder.end(_ended(summary))), True


def _kept(progress: headless.Progress, recorder: Recorder) -> headless.Progress:
    def on_cell(done: int, total: int) -> None:
        recorder.on_cell()
        progress.on_cell(done, total)

    def on_event(event: Event) -> None:
        recorder.on_event(event)
        progress.on_event(event)

    return dataclasses.replace(progress, on_cell=on_cell, on_event=on_event)


def _keep_after(recorder: Recorder, summary: headless.Summary) -> None:
    from pathlib import Path

    recorder.keep_notebook(AFTER, read_text(Path(summary.notebook)))


def _ended(summary: headless.Summary) -> dict[str, Any]:
    told = dataclasses.asdict(summary)
    usage = {name: told.pop(name) for name in ("input_tokens", "output_tokens")}
    return {**told, "exit_code": summary.exit_code, "usage": usage}


def _settings(job: headless.Job, config: AgentConfig) -> dict[str, Any]:
    """What of a job's and a session's settings decides what happens."""
    return {
        "execute": job.execute,
        "kernel": job.kernel,
        "timeout_s": job.timeout_s,
        "allow_errors": job.allow_errors,
        "mode": config.mode,
        "max_turns": config.max_turns,
        "max_budget_usd": config.max_budget_usd,
    }


def copy_after(record: RunRecord, output: Path) -> None:
    """Put the notebook of an earlier run where this one was to be saved, unless something is there."""
    if not output.exists():
        output.write_bytes((record.place.path / AFTER).read_bytes())
