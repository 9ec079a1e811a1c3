"""A run as one page that needs nothing beside it, and as Markdown: what was asked, what happened, what came of it."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.markdown import STYLE, highlight, render_html, sanitize
from neuroworkflow_agent.render.outputs import render_output
from neuroworkflow_agent.runs.event_file import read_events
from neuroworkflow_agent.runs.plain_files import read_plain
from neuroworkflow_agent.runs.record import RunRecord, read_files
from neuroworkflow_agent.runs.recorder import AFTER
from neuroworkflow_agent.runs.verdicts import Verdict, read_verdicts
from neuroworkflow_agent.surfaces.drawn_item import drawn_item, with_picture
from neuroworkflow_agent.surfaces.turn_items import Card, End, Item, Note, Prompt, Text
from neuroworkflow_agent.surfaces.turn_view import TurnView
from neuroworkflow_agent.text import fenced, one_line, strip_control

_TITLE_CHARS = 120
_MAX_PICTURE_BYTES = 5_000_000
_HEAD = """\
<!doctype html><html lang="en"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width,initial-scale=1">\
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">\
<meta name="referrer" content="no-referrer"><title>{title}</title><style>{style}</style></head><body class="nwa">
"""
PAGE_STYLE = (
    STYLE
    + """\
:root{color-scheme:light dark}
body{max-width:60rem;margin:1.5rem auto;padding:0 1rem;font-family:system-ui,sans-serif;background:Canvas;color:CanvasText}
h1{font-size:1.35rem}h2{font-size:1.1rem;margin-top:1.6em}
figure{margin:1em 0}img{max-width:100%}table{border-collapse:collapse}
th,td{padding:.2em .6em;border:1px solid rgba(127,127,127,.4);text-align:left;vertical-align:top}
.passed{color:#1b7a2f}.failed{color:#c62828}@media(prefers-color-scheme:dark){.passed{color:#7ddb8f}.failed{color:#ff8a80}}
.wide{overflow-x:auto}.nwa .wide th,.nwa .wide td{overflow-wrap:break-word}.nwa .wide th{white-space:nowrap}
"""
)
"""CSS of a page of ours; follows the reader's light or dark."""


def page_of(title: str, body: str, *, is_wide: bool = False) -> str:
    """A whole page that loads nothing and runs nothing.

    Parameters
    ----------
    body
        Safe HTML.
    is_wide
        Whether it may take all of the window, for a table with many columns.
    """
    style = PAGE_STYLE + ("body{max-width:none}" if is_wide else "")
    return f"{_HEAD.format(title=html.escape(title), style=style)}{body}</body></html>\n"


def as_html(record: RunRecord) -> str:
    """The run as one page for a colleague."""
    title = _title(record)
    body = [f"<h1>{html.escape(title)}</h1>", _table(_facts(record))]
    if checks := record.told.get("checks"):
        body += ["<h2>Checks</h2>", _checks(checks)]
    if verdicts := read_verdicts(record.place):
        body += ["<h2>Verdicts</h2>", _table((each.who, _told(each)) for each in verdicts)]
    if items := _items(record):
        body += ["<h2>What happened</h2>", *(drawn_item(item).html for item in items)]
    if changes := read_files(record.place)["changes"]:
        body += [
            "<h2>Files</h2>",
            _table((each["path"], f"{_change(each)} by {each['by']}") for each in changes),
        ]
    body += ["<h2>The notebook afterwards</h2>", _notebook(record)]
    return page_of(title, "".join(body))


def as_markdown(record: RunRecord) -> str:
    """The run as Markdown."""
    lines = [f"# {_title(record)}", ""]
    lines += [f"- **{name}**: {_plain(value)}" for name, value in _facts(record)]
    for check in record.told.get("checks") or ():
        lines.append(
            f"- check *{_plain(check['name'])}*: {check['outcome']} {_plain(check['detail'])}".rstrip()
        )
    lines += [
        f"- verdict of {_plain(each.who)}: {_plain(_told(each))}" for each in read_verdicts(record.place)
    ]
    lines += ["", *(_markdown_item(item) for item in _items(record))]
    for each in read_files(record.place)["changes"]:
        lines.append(f"- `{_plain(each['path'])}` {_change(each)} by {_plain(each['by'])}")
    return "\n".join(lines).rstrip() + "\n"


def _items(record: RunRecord) -> Sequence[Item]:
    view = TurnView()
    for event in read_events(record.place.path):
        view.handle(event)
    return view.items


def _title(record: RunRecord) -> str:
    asked = record.asked
    return one_line(str(asked.get("prompt") or f"The cells of {asked.get('notebook')}"), _TITLE_CHARS)


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    """What a reader wants to know first."""
    told, asked = record.told, record.asked
    endpoint, usage = told.get("endpoint") or {}, told.get("usage") or {}
    cost = record.cost_usd
    facts = [
        ("Run", record.place.run_id),
        ("Ended", record.state.replace("_", " ") + (f": {told['message']}" if told.get("message") else "")),
        ("Checks", record.verdict),
        ("Notebook", str(asked.get("notebook", ""))),
        ("Parameters", _named(asked.get("parameters"))),
        ("Model", f"{endpoint.get('kind', '')} {endpoint.get('model') or ''}".strip()),
        ("Begun", _when(str(told.get("begun", "")))),
        ("Took", f"{told['duration_s']:.1f} s" if "duration_s" in told else ""),
        (
            "Tokens",
            f"{usage.get('input_tokens', 0):,} in, {usage.get('output_tokens', 0):,} out" if usage else "",
        ),
        ("Cost", f"${cost:.4f}" if cost is not None else ""),
        ("Values", _named(told.get("values"))),
        ("Versions", ", ".join(f"{name} {number}" for name, number in (told.get("versions") or {}).items())),
    ]
    return [(name, value) for name, value in facts if value]


def _named(values: Any) -> str:
    """Names with their values, a line each."""
    pairs = (values or {}).items()
    return "\n".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in pairs)


def _when(moment: str) -> str:
    """A time of a record, to the minute."""
    return f"{moment[:16].replace('T', ' ')} UTC" if moment else ""


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows)
    return f'<div class="wide"><table>{cells}</table></div>'


def _checks(checks: Sequence[dict[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td class="{_text(each["outcome"])}">{_text(each["outcome"])}</td><td>{_text(each["name"])}</td>'
        f"<td>{_text(each['detail'])}</td></tr>"
        for each in checks
    )
    return f'<div class="wide"><table>{rows}</table></div>'


def _notebook(record: RunRecord) -> str:
    """The notebook's cells with their outputs, folded."""
    try:
        notebook = json.loads(read_plain(record.place.path / AFTER))
        cells = "".join(_cell(cell) for cell in notebook["cells"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return parts.notice("It was not kept: the run did not come to an end.").html
    return f"<details><summary>{len(notebook['cells'])} cells</summary>{cells}</details>"


def _cell(cell: dict[str, Any]) -> str:
    source = "".join(cell.get("source", ""))
    if cell.get("cell_type") != "code":
        return render_html(source)
    outputs = "".join(
        with_picture(render_output(_joined(o)), _MAX_PICTURE_BYTES) for o in cell.get("outputs", ())
    )
    return sanitize(highlight(source, "python")) + outputs


def _joined(output: dict[str, Any]) -> dict[str, Any]:
    """An output with its text in one piece, as events have it."""
    text = output.get("text")
    return {**output, "text": "".join(text)} if isinstance(text, list) else output


def _change(change: dict[str, Any]) -> str:
    return "made" if change["before"] is None else "deleted" if change["after"] is None else "changed"


def _told(verdict: Verdict) -> str:
    note = f": {verdict.note}" if verdict.note else ""
    return f"{verdict.verdict} ({_when(verdict.when)}){note}"


def _markdown_item(item: Item) -> str:
    match item:
        case Text(is_thinking=True):
            return ""
        case Prompt() | Text() | Note() | End():
            return f"{drawn_item(item).text}\n"
        case Card(is_code=True):
            outputs = parts.outputs_text(item.outputs.outputs)
            shown = _block(outputs, "") if outputs else ""
            return f"{_block(str(item.input.get('code', '')), 'python')}{shown}"
    return _block(drawn_item(item).text, "")


def _block(text: str, language: str) -> str:
    return f"{fenced(strip_control(text), language)}\n\n"


def _plain(value: str) -> str:
    return one_line(str(value), 2_000).replace("*", "\\*").replace("`", "'")


def _text(value: Any) -> str:
    return html.escape(strip_control(str(value))).replace("\n", "<br>")
