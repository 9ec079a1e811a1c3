"""An evaluation as a table in a terminal, and as one page with plots."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

from rich.table import Table

from neuroworkflow_agent.runs.evaluation import Difference, Evaluation, ModelResult, Rate
from neuroworkflow_agent.runs.statistics import Interval
from neuroworkflow_agent.surfaces.review import agreement_text
from neuroworkflow_agent.surfaces.run_page import page_of
from neuroworkflow_agent.text import for_terminal, one_line, strip_control

_MAX_QUEUED = 200
_WIDTH, _ROW, _LABEL = 640, 22, 220
_LABEL_CHARS = 34
_COLOURS = ("#1f77b4", "#d9730d", "#2e8b57", "#8e44ad", "#c0392b", "#607d8b")


def as_table(found: Evaluation) -> Table:
    """A row for each model."""
    columns = [
        (name, told)
        for name, tell in _COLUMNS
        if set(told := [tell(result) for result in found.models]) - {"", "0"} or name == "falsehoods"
    ]
    table = Table(box=None, pad_edge=False)
    for name, _ in columns:
        table.add_column(name, no_wrap=name != "model", overflow="fold")
    for row in zip(*(told for _, told in columns), strict=True):
        table.add_row(*map(for_terminal, row))
    return table


def differences_text(found: Evaluation) -> str:
    """A sentence for each model but the first."""
    return "\n".join(_difference_text(each) for each in found.differences)


def as_html(found: Evaluation, title: str) -> str:
    """The whole evaluation."""
    head = "".join(f"<th>{name}</th>" for name, _ in _COLUMNS)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_text(tell(each))}</td>' for _, tell in _COLUMNS)}</tr>"
        for each in found.models
    )
    body = [f"<h1>{_text(title)}</h1>"]
    if found.missing:
        body.append(f'<p class="failed">{found.missing} runs have no result and are not counted.</p>')
    body += [f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>', _rates_plot(found)]
    body += [f"<p>{_text(_difference_text(each))}</p>" for each in found.differences]
    if found.differences:
        body.append(_differences_plot(found.differences))
    body += [f"<p>{_text(agreement_text(found.agreement))}</p>"]
    if any(kind for model in found.models for kind in model.kinds):
        body += ["<h2>By kind</h2>", _grid(found.models, [m.kinds for m in found.models])]
    body += ["<h2>By task</h2>", _grid(found.models, [m.tasks for m in found.models]), _queue(found)]
    return page_of(title, "".join(body))


def _rates_plot(found: Evaluation) -> str:
    """Pass rates with their intervals, overall and by kind."""
    lines: list[tuple[str, Interval, str]] = []
    for number, model in enumerate(found.models):
        colour = _COLOURS[number % len(_COLOURS)]
        lines.append((model.model, model.rate.interval, colour))
        lines += [(f"  {kind}", rate.interval, colour) for kind, rate in model.kinds.items() if kind]
    return _plot("Pass rate, with Wilson's interval at 95 %", lines, 0.0, 1.0)


def _differences_plot(differences: Sequence[Difference]) -> str:
    lines = [(each.model, each.mean, _COLOURS[0]) for each in differences]
    title = f"Difference of the pass rate to that of {differences[0].than}, paired by task, with its interval at 95 %"
    return _plot(title, lines, -1.0, 1.0)


def _plot(title: str, lines: Sequence[tuple[str, Interval, str]], low: float, high: float) -> str:
    """Points with intervals on one axis, as SVG that follows the reader's colours."""
    height = _ROW * (len(lines) + 1) + 8

    def x(value: float) -> float:
        return _LABEL + (min(high, max(low, value)) - low) / (high - low) * (_WIDTH - _LABEL - 20)

    drawn = [
        f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{height - _ROW}" stroke="currentColor" stroke-opacity=".25"/>'
        f'<text x="{x(tick):.1f}" y="{height - 6}" text-anchor="middle">{tick:g}</text>'
        for tick in (low, (low + high) / 2, high)
    ]
    for number, (label, interval, colour) in enumerate(lines):
        y = _ROW * (number + 0.7)
        drawn.append(
            f'<text x="{_LABEL - 8}" y="{y + 4:.1f}" text-anchor="end">{_text(one_line(label, _LABEL_CHARS))}</text>'
        )
        if math.isnan(interval.value):
            continue
        drawn.append(
            f'<line x1="{x(interval.low):.1f}" x2="{x(interval.high):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="3"/>'
            f'<circle cx="{x(interval.value):.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'
        )
    return (
        f'<figure><figcaption class="nwa-note">{_text(title)}</figcaption><div class="wide"><svg role="img" aria-label="{_text(title)}" '
        f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" font-size="12" fill="currentColor">{"".join(drawn)}</svg></div></figure>'
    )


def _grid(models: Sequence[ModelResult], rates: Sequence[Mapping[str, Rate]]) -> str:
    """Tasks or kinds down, models across."""
    names = dict.fromkeys(name for of_model in rates for name in of_model)
    head = "".join(f"<th>{_text(model.model)}</th>" for model in models)
    rows = "".join(
        f"<tr><th>{_text(name or 'none')}</th>{''.join(_grid_cell(of_model.get(name)) for of_model in rates)}</tr>"
        for name in names
    )
    return f'<div class="wide"><table><tr><th></th>{head}</tr>{rows}</table></div>'


def _grid_cell(rate: Rate | None) -> str:
    if rate is None:
        return "<td></td>"
    css = "passed" if rate.passed == rate.count else "failed" if rate.passed == 0 else ""
    return f'<td class="{css}">{rate.passed} of {rate.count}</td>'


def _queue(found: Evaluation) -> str:
    """Runs that no person has judged, with the line that does."""
    waiting = [each for each in found.trials if not each.by_person]
    rows = "".join(
        f"<tr><td>{_text(each.run_id)}</td><td>{_text(each.task)}</td><td>{_text(each.model)}</td>"
        f"<td>{_text(each.by_checks)}</td><td><code>neuroworkflow-agent runs verdict {_text(each.run_id)} pass</code></td></tr>"
        for each in waiting[:_MAX_QUEUED]
    )
    if not rows:
        return ""
    return (
        f"<h2>For review: {len(waiting)} runs that nobody has judged</h2><p>In a terminal: <code>neuroworkflow-agent runs review</code></p>"
        f'<details><summary>List</summary><div class="wide"><table>{rows}</table></div></details>'
    )


def _difference_text(each: Difference) -> str:
    bounds = (
        f", {_signed(each.mean.low)} to {_signed(each.mean.high)}" if math.isfinite(each.mean.low) else ""
    )
    return (
        f"{each.model} against {each.than}: {_signed(each.mean.value)} in pass rate (paired by task{bounds}); better on {each.better} tasks, "
        f"worse on {each.worse}, alike on {each.same} (sign test p = {each.p_value:.3g})."
    )


def _signed(value: float) -> str:
    return f"{value:+.3f}"


def _rate_text(rate: Rate) -> str:
    return f"{rate.interval.value:.2f} ({rate.interval.low:.2f}-{rate.interval.high:.2f})"


def _cost_text(cost_usd: float | None) -> str:
    return "" if cost_usd is None else f"${cost_usd:.2f}" if cost_usd >= 1 else f"${cost_usd:.4f}"


_COLUMNS = (
    ("model", lambda each: each.model),
    ("passed", lambda each: f"{each.rate.passed} of {each.rate.count}"),
    ("rate, 95 %", lambda each: _rate_text(each.rate)),
    ("pass^k", lambda each: f"{each.pass_k:.2f}, k={each.k}"),
    ("falsehoods", lambda each: str(each.falsehoods)),
    ("unjudged", lambda each: str(each.unjudged)),
    ("cost", lambda each: _cost_text(each.cost_usd)),
    ("mean", lambda each: f"{each.duration_s:.1f} s"),
)


def _text(value: str) -> str:
    return html.escape(strip_control(value))
