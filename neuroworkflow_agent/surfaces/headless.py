"""A notebook file, run without a browser: its cells, then the prompt's turn.

The caller's thread owns the notebook and its file; the kernel's channels and the session live on the
portal's loop. The kernel is ours from start to end and goes with us. Interrupting stops what runs, saves,
and ends as `interrupted`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude.process import load_sdk
from neuroworkflow_agent.engine.closing import UNVERIFIED
from neuroworkflow_agent.engine.portal import Portal, shared_portal
from neuroworkflow_agent.engine.turn import Turn
from neuroworkflow_agent.errors import ConfigError, ExecutionTimeoutError, KernelStartError
from neuroworkflow_agent.events import EndReason, Event, TurnEnd
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.process import START_TIMEOUT_S, check_kernelspec
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.models.probe import require_willing
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.file import NotebookFile
from neuroworkflow_agent.notebooks.file_holder import OpenFileHolder
from neuroworkflow_agent.notebooks.parameters import inject_parameters
from neuroworkflow_agent.notebooks.reading import kernel_name, summarise
from neuroworkflow_agent.state.undo import Undo
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.headless_cells import Failure, NotebookCells, Repair
from neuroworkflow_agent.surfaces.turn_cells import TurnCells
from neuroworkflow_agent.surfaces.verifying import (
    NOT_VERIFIED,
    in_lines,
    require_report_place,
    verify_file,
    write_report,
)
from neuroworkflow_agent.text import redact

if TYPE_CHECKING:
    from neuroworkflow_agent.notebooks.reading import Notebook

EXIT_CODES: dict[EndReason, int] = {
    "complete": 0,
    "error": 1,
    "interaction": 3,
    "cut_off": 4,
    "limit": 5,
    "interrupted": 130,
}
_CONTEXT_CHARS = 20_000
_END_TIMEOUT_S = 8.0
"""How long a start that was interrupted may take to end what it began."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to run."""

    notebook: Path
    prompt: str | None = None
    """The turn to run after the cells; None runs the cells only."""
    output: Path | None = None
    """Where to save; None replaces the notebook."""
    execute: bool = True
    """Whether to run the notebook's own cells first."""
    kernel: str | None = None
    """Kernelspec; None takes the notebook's own."""
    timeout_s: float | None = None
    """Longest time for one cell, and for the turn."""
    upgrade: bool = False
    """Convert nbformat 3 and older."""
    allow_errors: bool = False
    """Go on after a cell that failed, and do not count it."""
    scratch: bool = True
    """Whether code that the agent ran beside the notebook's cells becomes marked cells, too."""
    start_timeout_s: float = START_TIMEOUT_S
    """Longest time from the kernel's start to its first answer."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Set by a cell of their own, as papermill has it."""
    cwd: Path | None = None
    """Where the kernel starts; None for the notebook's directory."""
    prepare: str | None = None
    """Code that the kernel runs before the cells, and that neither the notebook nor the agent is shown."""
    afterwards: Callable[[Finished], None] | None = None
    """Called once all is done, while the kernel is still there, unless the run was interrupted."""
    verify: bool = False
    """Run the result anew in a fresh kernel, and compare; without a prompt nothing else is done, and nothing saved."""
    report: Path | None = None
    """Where an HTML page of that goes."""


@dataclass
class Summary:
    """What came of a job; `dataclasses.asdict` is JSON-safe."""

    notebook: str
    """Where the result was saved."""
    end: EndReason = "complete"
    message: str = ""
    answer: str = ""
    session_id: str | None = None
    turn_id: str | None = None
    model: str | None = None
    cells_executed: int = 0
    cells_added: int = 0
    duration_s: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    checked: str = ""
    """What the checker says of the turn's node files."""
    conflict: str | None = None
    """Set if someone else changed the file, with what was done."""
    verification: dict[str, Any] | None = None
    """What came of running the result anew, as `Verification.as_json`; None if that was not asked for, or not come to."""

    @property
    def exit_code(self) -> int:
        """The process's exit code."""
        is_doubtful = self.verification is not None and not self.verification["verified"]
        return NOT_VERIFIED if self.end == "complete" and is_doubtful else EXIT_CODES[self.end]

    @property
    def verified_lines(self) -> list[str]:
        """What came of running the result anew, as lines of text."""
        return in_lines(self.verification) if self.verification is not None else []


@dataclass
class Progress:
    """Whom to tell what happens; every part may be left out."""

    on_starting: Callable[[str], None] = lambda _kernel_name: None
    on_cell: Callable[[int, int], None] = lambda _done, _total: None
    on_event: Callable[[Event], None] = lambda _event: None
    on_notice: Callable[[str], None] = field(default=lambda _text: None)
    on_verified: Callable[[int, int], None] = lambda _done, _total: None
    on_prepared: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Finished:
    """A run whose kernel is still there."""

    summary: Summary
    """As it is by now."""
    language: str
    """The kernel's."""
    execute: Callable[[str, float], Execution]
    """Runs code in the kernel, for at most so many seconds."""


def run(job: Job, config: AgentConfig, progress: Progress | None = None) -> Summary:
    """Run a job to its end.

    Parameters
    ----------
    job
        What to run.
    config
        The session's settings.
    progress
        Told what happens.

    Raises
    ------
    ConfigError, NotebookError, NoKernelSpecError
        If the job cannot begin; nothing has been written then.
    """
    progress = progress or Progress()
    if job.report is not None and not job.verify:
        raise ConfigError("--report goes with --verify, whose result it shows.")
    if job.report is not None:
        require_report_place(job.report)
    if job.verify and job.prompt is None:
        return _only_verified(job, config, progress)
    summary = _Runner(job, config, progress).run()
    if job.verify and summary.end == "complete":
        _verify(job, config, progress, Path(summary.notebook), summary)
    return summary


def _only_verified(job: Job, config: AgentConfig, progress: Progress) -> Summary:
    if job.output is not None:
        raise ConfigError("--output goes with a PROMPT: without one, --verify saves nothing.")
    started = time.monotonic()
    summary = Summary(str(job.notebook))
    _verify(job, config, progress, job.notebook, summary)
    summary.duration_s = time.monotonic() - started
    return summary


def _verify(job: Job, config: AgentConfig, progress: Progress, path: Path, summary: Summary) -> None:
    """Verify the notebook in a file, as it is saved, and note what came of it."""
    try:
        found = verify_file(
            path,
            config.environ,
            cwd=job.cwd or _folder(job.notebook),
            kernel=job.kernel,
            timeout_s=job.timeout_s,
            start_timeout_s=job.start_timeout_s,
            upgrade=job.upgrade,
            on_cell=progress.on_verified,
        )
    except KeyboardInterrupt:
        summary.end, summary.message = "interrupted", "Stopped while the notebook was verified."
        return
    summary.verification = found.as_json()
    if job.report is not None:
        try:
            write_report(found, job.report)
        except ConfigError as error:  # what was found is told all the same
            summary.end, summary.message = "error", str(error)


def _folder(notebook: Path) -> Path:
    """Where a notebook is; a loop of links is found out when it is read."""
    return Path(os.path.realpath(notebook)).parent


class _Runner:
    """One job under way."""

    def __init__(self, job: Job, config: AgentConfig, progress: Progress) -> None:
        self._job = job
        self._config = config
        self._progress = progress
        self._check()
        self._file = NotebookFile.open(job.notebook, output=job.output, upgrade=job.upgrade)
        try:
            self._kernel_name = job.kernel or kernel_name(self._file.notebook)
            check_kernelspec(self._kernel_name)
            inject_parameters(self._file.notebook, job.parameters)
        except BaseException:
            self._file.close()
            raise
        self._portal: Portal = shared_portal()
        self._summary = Summary(str(self._file.path))
        self._failure: Failure | None = None
        """Of the notebook's own cells."""
        self._repair: Repair | None = None
        self._changing = threading.RLock()
        """Held by whoever changes or saves the notebook during the turn: we, and the agent's tools."""
        self._transcript = TurnCells(
            self._notebook, lambda text: redact(text, config.secrets), with_code=job.scratch
        )

    def _check(self) -> None:
        if self._job.prompt is not None:
            if not self._job.prompt.strip():
                raise ConfigError("The prompt is empty; say what the agent should do.")
            require_willing(choose_endpoint(self._config))
        elif not self._job.execute:
            raise ConfigError("There is nothing to do: give a PROMPT, or leave out --no-execute.")
        if self._job.timeout_s is not None and not self._job.timeout_s > 0:
            raise ConfigError(f"--timeout must be positive, got {self._job.timeout_s:g}.")
        if not self._job.start_timeout_s > 0:
            raise ConfigError(f"--start-timeout must be positive, got {self._job.start_timeout_s:g}.")

    @property
    def _notebook(self) -> Notebook:
        return self._file.notebook

    def run(self) -> Summary:
        started = time.monotonic()
        with self._file:
            kernel = self._start_kernel()
            if kernel is not None:
                self._run_in(kernel)
        self._summary.duration_s = time.monotonic() - started
        return self._summary

    def _start_kernel(self) -> ClientKernel | None:
        """The kernel; None if it did not come up or was not waited for, and the summary says which."""
        self._progress.on_starting(self._kernel_name)
        has_ended = threading.Event()
        starting = self._portal.submit(self._start(has_ended))
        if self._job.prompt is not None:
            # Each takes a second. Not on this thread: an import may lose the interrupt that falls into it.
            self._portal.submit(asyncio.to_thread(load_sdk))
        try:
            return starting.result()
        except KernelStartError as error:
            self._ended("error", str(error))
        except KeyboardInterrupt:
            # What has been started by now is ended by the cancelled start itself, before the portal may stop.
            starting.cancel()
            has_ended.wait(_END_TIMEOUT_S)
            self._ended("interrupted", "Stopped while the kernel started.")
        return None

    async def _start(self, has_ended: threading.Event) -> ClientKernel:
        try:
            return await ClientKernel.start(
                self._kernel_name,
                cwd=self._job.cwd or _folder(self._job.notebook),
                env=self._kernel_environ(),
                timeout_s=self._job.start_timeout_s,
            )
        finally:
            has_ended.set()

    def _run_in(self, kernel: ClientKernel) -> None:
        try:
            if self._job.prepare is not None and not self._is_prepared(kernel, self._job.prepare):
                return
            self._progress.on_prepared()
            if self._job.execute:
                self._execute_cells(kernel)
            if self._job.prompt is not None and self._summary.end != "interrupted":
                self._run_turn(kernel, self._job.prompt)
            if self._job.afterwards is not None and self._summary.end != "interrupted":
                self._job.afterwards(self._finished(kernel))
        finally:
            self._portal.call(kernel.aclose())

    def _finished(self, kernel: ClientKernel) -> Finished:
        def execute(code: str, timeout_s: float) -> Execution:
            return self._portal.call(kernel.execute(code, timeout_s=timeout_s))

        return Finished(self._summary, kernel.language, execute)

    def _kernel_environ(self) -> dict[str, str] | None:
        """The kernel's environment, in which `%%chat` cells find the model, and `%context` the leave, that were given."""
        allowed = {"NEUROWORKFLOW_ALLOW_CONTEXT": "1"} if self._config.allow_context else {}
        model = self._config.model
        if model is None or model == self._config.environ.get("ANTHROPIC_MODEL"):
            return {**self._config.environ, **allowed} if allowed else None
        kind, colon, file = model.partition(":")
        if (
            kind in ("scripted", "local") and colon
        ):  # a file, seen from where we are and not from the notebook
            model = f"{kind}:{Path(file).expanduser().absolute()}"
        return {**self._config.environ, **allowed, "ANTHROPIC_MODEL": model}

    def _is_prepared(self, kernel: ClientKernel, code: str) -> bool:
        """Run what comes before the cells; if that fails, the summary says so."""
        future = self._portal.submit(kernel.execute(code, timeout_s=self._job.timeout_s))
        try:
            error = future.result().error
        except ExecutionTimeoutError as late:
            self._ended("limit", f"The code under prepare was stopped: {late}")
            return False
        except KeyboardInterrupt:
            future.cancel()
            self._ended("interrupted", "Stopped while the kernel was prepared.")
            return False
        if error is not None:
            self._ended("error", f"The code under prepare failed: {error.ename}: {error.evalue}")
        return error is None

    # -- the notebook's own cells ---------------------------------------------------------------------

    def _execute_cells(self, kernel: ClientKernel) -> None:
        self._total = sum(cell.cell_type == "code" for cell in self._notebook.cells)
        self._progress.on_cell(0, self._total)
        cells = NotebookCells(
            self._notebook,
            kernel,
            timeout_s=self._job.timeout_s,
            allow_errors=self._job.allow_errors,
            after_cell=self._after_cell,
        )
        future = self._portal.submit(cells.run())
        try:
            self._failure = future.result()
        except KeyboardInterrupt:
            future.cancel()
            self._portal.call(cells.stop())
            self._ended("interrupted", "Stopped while the notebook's cells ran.")
        if self._failure is not None:
            self._repair = Repair(self._failure)
            self._ended(self._failure.end, self._failure.message)
            self._progress.on_notice(self._failure.message)
        self._save()

    async def _after_cell(self, cell: Any) -> None:
        if cell.cell_type == "code":
            self._summary.cells_executed += 1
            self._progress.on_cell(self._summary.cells_executed, self._total)
            await asyncio.to_thread(self._save)

    # -- the turn -------------------------------------------------------------------------------------

    def _run_turn(self, kernel: ClientKernel, prompt: str) -> None:
        with self._chat(kernel) as chat:
            self._send(chat, prompt)

    def _chat(self, kernel: ClientKernel) -> Chat:
        holder = OpenFileHolder(
            self._file, self._changing, lambda: self._save(merging=True), lambda: self._transcript.identities
        )
        document = NotebookDocument(holder)
        return Chat(
            self._config,
            kernel=kernel,
            document=lambda: document,
            can_ask=False,
            portal=self._portal,
            undo=Undo(kernel=kernel),
        )

    def _send(self, chat: Chat, prompt: str) -> None:
        turn = chat.send(prompt, context=self._context())
        timer = self._stop_after_timeout(turn)
        try:
            self._follow(turn)
        finally:
            timer()

    def _follow(self, turn: Turn) -> None:
        before = len(self._notebook.cells)
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        turn.subscribe(events.put)
        event: Event | None = None
        has_content = False
        while not isinstance(event, TurnEnd):
            try:
                event = self._as_here(events.get())
            except KeyboardInterrupt:
                turn.interrupt()
                continue
            self._progress.on_event(event)
            if self._repair is not None:
                self._repair.note(event)
            with self._changing:
                is_due = self._transcript.handle(event)
                # Until the model has said something there is nothing to lose, and a refusal leaves no trace.
                has_content = has_content or len(self._notebook.cells) > before + 1
                if is_due and has_content:
                    self._save(merging=True)
        self._take(turn, event, len(self._notebook.cells) - before)

    def _as_here(self, event: Event) -> Event:
        """A turn that our own timer stopped ended at a limit; one whose file is verified next is not called unverified."""
        if not isinstance(event, TurnEnd):
            return event
        if self._timed_out and event.end == "interrupted":
            message = f"The turn took longer than --timeout {self._job.timeout_s:g} s."
            return dataclasses.replace(event, end="limit", message=message)
        if self._job.verify and event.end == "complete" and event.verified == UNVERIFIED:
            return dataclasses.replace(event, verified="")
        return event

    def _take(self, turn: Turn, end: TurnEnd, cells_added: int) -> None:
        summary = self._summary
        if end.end != "complete" or self._repair is None or self._repair.is_done:
            self._ended(end.end, end.message)
        summary.answer, summary.turn_id, summary.session_id = turn.text, turn.turn_id, end.session_id
        summary.model, summary.cells_added, summary.cost_usd = end.model, cells_added, end.cost_usd
        summary.checked = end.checked
        summary.input_tokens, summary.output_tokens = end.input_tokens, end.output_tokens

    def _stop_after_timeout(self, turn: Turn) -> Callable[[], None]:
        """Stop the turn when its time is over; returns the undo."""
        self._timed_out = False
        if self._job.timeout_s is None:
            return lambda: None

        def stop() -> None:
            self._timed_out = True
            turn.interrupt()

        timer = threading.Timer(self._job.timeout_s, stop)
        timer.daemon = True
        timer.start()
        return timer.cancel

    def _context(self) -> str:
        ran = "Its code cells were just run, in order." if self._job.execute else "Its cells were not run."
        failed = f"{self._failure.message} The cells after it were not run." if self._failure else ""
        head = f"Notebook '{self._job.notebook.name}'. {ran} {failed}".strip()

        def hide(text: str) -> str:
            return redact(text, self._config.secrets)

        return f"{head}\n\n{summarise(self._notebook, _CONTEXT_CHARS, hide)}"

    def _ended(self, end: EndReason, message: str) -> None:
        self._summary.end, self._summary.message = end, message

    def _save(self, *, merging: bool = False) -> None:
        conflict = self._file.save(merging=merging)
        if conflict is not None:
            self._summary.conflict = str(conflict)
            self._summary.notebook = str(conflict.saved_as)
            self._progress.on_notice(str(conflict))
