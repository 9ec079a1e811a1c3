"""What `batch` and `eval` do: tasks from a file or a pattern, a plan of them, an executor for it, and its summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.batch import Batch, Tally
from neuroworkflow_agent.runs.evaluation import Evaluation
from neuroworkflow_agent.runs.executors.base import Executor, job_command
from neuroworkflow_agent.runs.executors.local import LocalExecutor, fitting
from neuroworkflow_agent.runs.plan import Plan, make_plan
from neuroworkflow_agent.runs.serving import serving
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.summary import write_csv
from neuroworkflow_agent.runs.task import Judging, Task, read_tasks
from neuroworkflow_agent.surfaces import batch_page, eval_page
from neuroworkflow_agent.surfaces.recorded import cells_identity
from neuroworkflow_agent.yaml_files import read_yaml

_TASK_FILES = (".yaml", ".yml")
_AT_ONCE_ON_DASK = 1_000


@dataclass(frozen=True, slots=True)
class Where:
    """Where jobs run: here, unless one of the others is given."""

    dask: str | None = None
    """Address of a scheduler."""
    slurm: bool = False
    sbatch: tuple[str, ...] = ()
    """Options of it."""
    max_parallel: int | None = None
    no_wait: bool = False
    """Only hand the jobs over."""
    budget_usd: float | None = None
    """Once results have cost so much, nothing more is started."""

    def __post_init__(self) -> None:
        if self.slurm and self.dask is not None:
            raise RunError("The jobs run in one place: give --slurm or --dask.")
        if self.no_wait and (not self.slurm or self.budget_usd is not None):
            raise RunError(
                "--no-wait goes with --slurm alone, and not with --budget-usd, which somebody has to watch."
            )


def tasks_of(
    what: str, prompt: str | None, *, given: Mapping[str, Any], rows: Path | None, inputs: Sequence[str]
) -> list[Task]:
    """The tasks of a file, or one for the notebooks that a pattern names.

    Parameters
    ----------
    given
        Parameters of every run.
    rows
        A CSV or YAML file with parameters, a run for each row.

    Raises
    ------
    RunError
        If there is nothing to do.
    """
    if Path(what).suffix in _TASK_FILES:
        if prompt is not None:
            raise RunError(f"'{what}' has its own prompt. Leave the second one out, or name notebooks.")
        tasks = read_tasks(Path(what))
    else:
        if prompt is not None and not prompt.strip():
            raise RunError("The prompt is empty; say what the agent should do.")
        tasks = [Task("batch", "", Path.cwd(), (what,), prompt, {}, (), (), 1, None, {}, {}, Judging())]
    return [_with(task, given, rows, inputs) for task in tasks]


def plan(
    tasks: Sequence[Task], store: Store, *, models: Sequence[str], times: int | None, isolated: bool
) -> Plan:
    """The plan of tasks; see `make_plan`."""
    known: dict[tuple[bool, str | None], str] = {}

    def identity(task: Task, model: str | None) -> str:
        asks = task.prompt is not None
        if (asks, model) not in known:
            config = AgentConfig.from_env(model=model)
            known[asks, model] = serving(config).identity if asks else cells_identity(config.model)
        return known[asks, model]

    return make_plan(tasks, store.root, models=models, times=times, isolated=isolated, identity=identity)


def looked_at(made: Plan) -> Tally:
    """How far a plan has come by now."""
    batch = Batch(made, _Nowhere())
    batch.look()
    return batch.tally


def run(made: Plan, where: Where, report: Callable[[Tally], None]) -> Tally:
    """Bring the jobs of a plan to their results.

    Raises
    ------
    ConfigError, RunError
        If they cannot be run there.
    """
    if where.slurm:
        return _on_slurm(made, where, report)
    if where.dask is not None:
        from neuroworkflow_agent.runs.executors.dask import DaskExecutor

        executor: Executor = DaskExecutor(where.dask, made.path, where.max_parallel or _AT_ONCE_ON_DASK)
    else:
        command = job_command(made.path, [])
        executor = LocalExecutor(
            lambda index: [*command, "--with-parent", str(index)], where.max_parallel or fitting()
        )
    return Batch(made, executor, budget_usd=where.budget_usd, report=report).run()


def write_summary(made: Plan, tally: Tally, csv: Path | None) -> list[Path]:
    """Save what came of a plan beside it, and as CSV where it is wanted; gives the files."""
    files = [made.path / "summary.csv", made.path / "summary.html", *([csv] if csv is not None else [])]
    for path in files:
        if path.suffix == ".html":
            _put(path, batch_page.as_html(made, tally))
        else:
            write_csv(made, path)
    return files


def write_evaluation(made: Plan, tally: Tally, found: Evaluation, name: str, page: Path | None) -> list[Path]:
    """Save what a suite's runs say beside its plan, and where it is wanted; gives the files."""
    files = write_summary(made, tally, None)
    shown = eval_page.as_html(found, name)
    for path in (made.path / "evaluation.html", *([page] if page is not None else [])):
        _put(path, shown)
        files.append(path)
    return files


def _put(path: Path, text: str) -> None:
    """Write a file as a whole."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise RunError(f"'{path}' cannot be written: {error.strerror}.") from error


def _on_slurm(made: Plan, where: Where, report: Callable[[Tally], None]) -> Tally:
    from neuroworkflow_agent.runs.executors.slurm import SlurmExecutor

    executor = SlurmExecutor(made.path, at_once=where.max_parallel, options=where.sbatch)
    waited_for = frozenset(executor.under_way())
    batch = Batch(made, executor, budget_usd=where.budget_usd, report=report)
    if not where.no_wait:
        return batch.run(waited_for)
    executor.submit(batch.look(waited_for))
    return batch.tally


def _with(task: Task, given: Mapping[str, Any], rows: Path | None, inputs: Sequence[str]) -> Task:
    parameters = dict(task.parameters)
    if given:
        parameters["set"] = {**parameters.get("set", {}), **given}
    if rows is not None and rows.suffix in _TASK_FILES:
        told = read_yaml(rows)
        if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
            raise RunError(f"'{rows}' has to be a list of mappings, a run for each of them.")
        parameters["rows"] = told
    elif rows is not None:
        parameters["csv"] = str(rows.resolve())
    return replace(task, parameters=parameters, inputs=(*task.inputs, *inputs))


class _Nowhere:
    """An executor for those who only look."""

    capacity: int | None = 0

    def submit(self, indexes: Sequence[int]) -> None:
        raise NotImplementedError

    def wait(self) -> list[Any]:
        return []

    def withdraw(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
