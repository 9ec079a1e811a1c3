"""A batch as one page: a row for each job, those that need a look first."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuroworkflow_agent.runs.batch import Tally
from neuroworkflow_agent.runs.plan import Plan
from neuroworkflow_agent.runs.summary import Row, columns, rows
from neuroworkflow_agent.surfaces.batch_progress import progress_line
from neuroworkflow_agent.surfaces.run_page import page_of
from neuroworkflow_agent.text import clip, strip_control

_MAX_ROWS = 2_000
_CELL_CHARS = 300


def as_html(plan: Plan, tally: Tally) -> str:
    """The page; of a very large batch the rows that need a look, and the first of the others."""
    wanting: list[Row] = []
    fine: list[Row] = []
    for told in rows(plan):
        row = {**told, "notebook": _from(plan.store.parent, told["notebook"])}
        kept = fine if row.get("end") == "complete" and row.get("checks") in ("", "passed") else wanting
        if len(kept) < _MAX_ROWS:
            kept.append(row)
    shown = [*wanting, *fine][:_MAX_ROWS]
    names = [name for name in columns(plan) if any(row.get(name) not in (None, "") for row in shown)]
    left_out = (
        f"<p>{len(plan) - len(shown):,} more rows are in the CSV file.</p>" if len(plan) > len(shown) else ""
    )
    title = f"Batch of {len(plan):,} runs"
    stopped = f"<p>{html.escape(tally.stopped)}</p>" if tally.stopped else ""
    reasons = "".join(f"<li>{n:,}: {html.escape(why)}</li>" for why, n in tally.without.most_common(20))
    without = f"<p>Without a result:</p><ul>{reasons}</ul>" if reasons else ""
    body = f"<h1>{title}</h1><p>{html.escape(progress_line(tally))}</p>{stopped}{without}{table(names, shown)}{left_out}"
    return page_of(title, body, is_wide=True)


def _from(root: Path, path: str) -> str:
    """A path from a directory, if it is below."""
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def table(names: Sequence[str], shown: Sequence[Row]) -> str:
    """Rows as an HTML table."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cell(name, row.get(name)) for name in names)}</tr>" for row in shown)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(name: str, value: Any) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    css = f' class="{text}"' if name == "checks" and text in ("passed", "failed") else ""
    return f"<td{css}>{html.escape(clip(strip_control(text), _CELL_CHARS))}</td>"
