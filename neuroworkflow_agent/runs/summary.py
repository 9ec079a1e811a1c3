"""A batch as a table: a row for each job, with what it was asked, how it ended, and the values that were chosen."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.plan import Plan
from neuroworkflow_agent.runs.record import RunRecord, read_record
from neuroworkflow_agent.runs.recorder import AFTER
from neuroworkflow_agent.runs.scraps import read_scraps
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.verdicts import read_verdicts

_FIRST = ("task", "kind", "notebook")
_LAST = (
    "model", "repetition", "run", "end", "checks", "verdict", "starts", "duration_s", "input_tokens", "output_tokens",
    "cost_usd", "message",
)  # fmt: skip
Row = dict[str, Any]


def rows(plan: Plan) -> Iterator[Row]:
    """A row for each job, in the order of the plan; parameters and values have names with a prefix."""
    store = Store(plan.store)
    for job in plan.jobs():
        place = store.result(job.key) or next(iter(store.places(job.key)[::-1]), None)
        record = read_record(place) if place is not None else None
        row: Row = {"task": job.task["name"], "kind": job.task["kind"], "notebook": str(job.notebook)}
        row |= {f"parameter.{name}": value for name, value in job.parameters.items()}
        row |= {"model": job.model or "", "repetition": job.repetition, "starts": store.starts(job.key)}
        if record is not None and place is not None:
            row |= _told(record, is_result=place.is_result)
        yield row


def write_csv(plan: Plan, path: Path) -> None:
    """Put the table into a file, as a whole."""
    names = columns(plan)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", newline="", encoding="utf-8", errors="replace") as file:
            table = csv.writer(file)
            table.writerow(names)
            table.writerows([_cell(row.get(name)) for name in names] for row in rows(plan))
        part.replace(path)
    except OSError as error:
        raise RunError(f"'{path}' cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def columns(plan: Plan) -> list[str]:
    """Names of the table's columns: what was asked, the parameters, what came of it, the values."""
    found: dict[str, None] = {}
    for row in rows(plan):
        found |= dict.fromkeys(row)
    parameters = [name for name in found if name.startswith("parameter.")]
    values = sorted(name for name in found if name.startswith("value."))
    return [*_FIRST, *parameters, *_LAST, *values]


def values_of(record: RunRecord) -> dict[str, Any]:
    """What a run's task wanted to be kept, and what its notebook glued with scrapbook."""
    own: Mapping[str, Any] = record.told.get("values") or {}
    return {**read_scraps(record.place.path / AFTER), **own}


def _told(record: RunRecord, *, is_result: bool) -> Row:
    told, usage = record.told, record.told.get("usage") or {}
    verdicts = read_verdicts(record.place)
    return {
        "run": record.place.run_id,
        "end": record.state if is_result else f"{record.state} (no result)",
        "checks": record.verdict,
        "verdict": verdicts[-1].verdict if verdicts else "",
        "duration_s": told.get("duration_s"),
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cost_usd": told.get("cost_usd"),
        "message": told.get("message") or _not_passed(told.get("checks") or ()),
        **{f"value.{name}": value for name, value in values_of(record).items()},
    }


def _not_passed(checks: Iterable[Mapping[str, Any]]) -> str:
    """Which checks did not pass."""
    wrong = [each for each in checks if each.get("outcome") != "passed"]
    return "; ".join(
        f"{each.get('name')}: {each.get('outcome')} {each.get('detail')}".strip() for each in wrong
    )


def _cell(value: Any) -> Any:
    """A value as a spreadsheet takes it for data: a text that it would take for a formula gets a quote before it."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
