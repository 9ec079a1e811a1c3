"""Runs in a terminal: one line each, and one of them with what happened in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from neuroworkflow_agent.engine.log_lines import joined
from neuroworkflow_agent.events import CellOutput, Event
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.outputs import AppendOutput
from neuroworkflow_agent.runs.record import RunRecord, read_files
from neuroworkflow_agent.runs.verdicts import read_verdicts
from neuroworkflow_agent.surfaces.terminal_colours import ENDS, FAILURE
from neuroworkflow_agent.text import for_terminal, one_line

_MAX_LINES = 12
_ID_CHARS = 8
_SHOWN_LINES = 8
_PROMPT_CHARS = 60
_COLUMNS = ("run", "begun", "ended", "checks", "cost", "notebook", "model", "asked")


def as_table(records: Iterable[RunRecord]) -> Table:
    """Runs, in their order; a line each, so what is too long for the terminal is cut."""
    rows = [(_cells(record), record.state) for record in records]
    shown = [number for number in range(len(_COLUMNS)) if any(cells[number] for cells, _ in rows)]
    table = Table(box=None, pad_edge=False)
    for number in shown:
        table.add_column(_COLUMNS[number], no_wrap=_COLUMNS[number] not in ("notebook", "model", "asked"))
    for cells, state in rows:
        texts = (Text(for_terminal(cells[number]), no_wrap=True, overflow="ellipsis") for number in shown)
        table.add_row(*texts, style=ENDS.get(state, FAILURE) if state != "complete" else "")
    return table


def _cells(record: RunRecord) -> tuple[str, ...]:
    """What `_COLUMNS` says of a run."""
    told, asked = record.told, record.asked
    endpoint = told.get("endpoint") or {}
    return (
        _short(record.place.run_id),
        _local(str(told.get("begun", ""))),
        record.state.replace("_", " "),
        record.verdict,
        "" if record.cost_usd is None else f"${record.cost_usd:.4f}",
        Path(str(asked.get("notebook", ""))).name,
        str(endpoint.get("model") or endpoint.get("kind") or ""),
        one_line(str(asked.get("prompt") or ""), _PROMPT_CHARS),
    )


def _local(moment: str) -> str:
    """A time of a record, to the minute, as clocks here have it."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return ""


def _short(run_id: str) -> str:
    """Enough of an id to find the run by."""
    key, dot, start = run_id.partition(".")
    return f"{key[:_ID_CHARS]}{dot}{start}"


def head_of(record: RunRecord) -> str:
    """Lines before what happened: which run, how it ended, what was judged, which files changed."""
    told = record.told
    lines = [f"{record.place.run_id}: {record.state.replace('_', ' ')} {told.get('message') or ''}".strip()]
    start = told.get("start")
    if isinstance(start, int) and start > 1:
        lines.append(f"start {start} of what was asked")
    checks = told.get("checks") or ()
    lines += [f"check {each['name']}: {each['outcome']} {each['detail']}".rstrip() for each in checks]
    lines += [f"verdict of {v.who}: {v.verdict} {v.note}".rstrip() for v in read_verdicts(record.place)]
    for each in read_files(record.place)["changes"]:
        what = "made" if each["before"] is None else "deleted" if each["after"] is None else "changed"
        lines.append(f"file {each['path']}: {what} by {each['by']}")
    return "\n".join(lines)


def folded(events: Iterable[Event]) -> Iterator[Event]:
    """Events with the middle of what code printed left out where it is long."""
    turn_id = TurnId("")
    for _, _, event in joined((turn_id, 0.0, event) for event in events):
        if isinstance(event, CellOutput) and event.change["op"] == "append":
            yield replace(event, change=_folded(event.change))
        else:
            yield event


def _folded(change: AppendOutput) -> AppendOutput:
    output = dict(change["output"])
    if isinstance(text := output.get("text"), str):
        output["text"] = _shortened(text)
    if isinstance(data := output.get("data"), dict) and isinstance(plain := data.get("text/plain"), str):
        output["data"] = {**data, "text/plain": _shortened(plain)}
    return {**change, "output": output}


def _shortened(text: str) -> str:
    lines = text.splitlines(keepends=True)
    if len(lines) <= _MAX_LINES:
        return text
    head, tail = lines[: _SHOWN_LINES - 2], lines[-2:]
    return "".join([*head, f"[… {len(lines) - _SHOWN_LINES} lines folded; --full shows them …]\n", *tail])
