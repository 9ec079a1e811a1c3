"""A verification as an HTML page of its own, with what differs side by side. Pure.

The page loads nothing and runs nothing, which its content policy holds.
"""

from __future__ import annotations

import html

from neuroworkflow_agent.text import clip, show_invisible, strip_control
from neuroworkflow_agent.verification.sides import side_by_side
from neuroworkflow_agent.verification.verdicts import CellVerdict, Verification

_MAX_SOURCE_CHARS = 20_000
_MAX_PAGE_CHARS = 20_000_000
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7ee787; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, monospace; margin: .3rem 0; }
section, details { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .9rem; margin: .8rem 0; }
.bad { border-left: 4px solid var(--bad); } .bad h2 span, .no { color: var(--bad); } .yes { color: var(--good); }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; } .sides > div { min-width: 0; overflow-x: auto; }
@media (max-width: 640px) { body { margin: 1rem auto; padding: 0 .7rem; } .sides { grid-template-columns: 1fr; } }
h3 { font-size: .85rem; font-weight: 600; margin: .4rem 0 0; opacity: .75; } img { max-width: 100%; background: #fff; }
mark { background: #e5393533; color: inherit; box-shadow: -3px 0 var(--bad); } pre i { opacity: .65; }
table { border-collapse: collapse; } td, th { border: 1px solid var(--line); padding: .1rem .5rem; } li { overflow-wrap: anywhere; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report(found: Verification) -> str:
    """The page."""
    left = _MAX_PAGE_CHARS
    parts = []
    # What stands against the notebook goes first into the room there is.
    for verdict in found.bad:
        part = _cell(verdict, with_outputs=left > 0)
        left -= len(part)
        parts.append(part)
    css = "yes" if found.is_verified else "no"
    title = _text(found.notebook)
    remarks = "".join(f"<li>{_text(each)}</li>" for each in found.remarks)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{_STYLE}</style></head><body>'
        f'<h1>{title}</h1><p class="{css}"><strong>{_text(found.summary)}</strong></p>'
        f"<p>Kernel {_text(found.kernel_name)}, {found.duration_s:.1f} s.</p><ul>{remarks}</ul>{''.join(parts)}{_others(found)}</body></html>\n"
    )


def _cell(verdict: CellVerdict, *, with_outputs: bool) -> str:
    reasons = "".join(f"<li>{_text(each)}</li>" for each in verdict.reasons)
    sides = (
        side_by_side(verdict.before, verdict.after)
        if with_outputs
        else "<p>Its outputs are left out: the page would be too long.</p>"
    )
    source = clip(verdict.source, _MAX_SOURCE_CHARS)
    return (
        f'<section class="bad"><h2>Cell {verdict.number} <span>{verdict.state}</span></h2><ul>{reasons}</ul>'
        f"<pre>{_text(source)}</pre>{sides}</section>"
    )


def _others(found: Verification) -> str:
    rows = "".join(
        f"<tr><td>{each.number}</td><td>{each.state}</td><td>{_text('; '.join(each.reasons))}</td></tr>"
        for each in found.cells
        if not each.is_bad
    )
    table = f"<table><tr><th>Cell</th><th>State</th><th></th></tr>{rows}</table>"
    return f"<details><summary>The other cells</summary>{table}</details>" if rows else ""


def _text(text: str) -> str:
    return html.escape(show_invisible(strip_control(text)))
