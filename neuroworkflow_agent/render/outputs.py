"""Outputs of code as safe HTML, for a page that is not a notebook's own.

Whatever code put out is data: HTML loses everything but text, tables and links, colours become classes, and
pictures are handed out apart, to be placed by whoever shows the page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.outputs import Output
from neuroworkflow_agent.render.markdown import render_html, sanitize_data
from neuroworkflow_agent.text import clip, overwrite, strip_all_but_colours, strip_control

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
_MAX_TEXT_CHARS = 20_000
_MAX_HTML_CHARS = 300_000
_MAX_ALT_CHARS = 200
_VISIBLE = re.compile(r"<table|<math|>[^<]*[^<\s]")


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture that a rendered output refers to by its key."""

    key: str
    """Of its content."""
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ShownOutput:
    """One output."""

    html: str
    """Safe to place in a page; a picture is an `img` with its key in `data-picture` and no source."""
    picture: ShownPicture | None = None


def render_output(output: Output) -> ShownOutput:
    """One nbformat output.

    Parameters
    ----------
    output
        A `stream`, `display_data`, `execute_result` or `error`.
    """
    match output["output_type"]:
        case "stream":
            css = "nwa-stderr" if output["name"] == "stderr" else "nwa-stdout"
            return ShownOutput(f'<pre class="{css}">{ansi_html(output["text"])}</pre>')
        case "error":
            lines = output["traceback"] or [f"{output['ename']}: {output['evalue']}"]
            return ShownOutput(f'<pre class="nwa-error">{ansi_html(chr(10).join(lines))}</pre>')
        case _:
            return _bundle(output["data"])


def ansi_html(text: str) -> str:
    """Text of a terminal as HTML: colours as classes, lines overwritten by `\\r` gone, head and tail of a long one."""
    text = strip_all_but_colours(clip(overwrite(text), _MAX_TEXT_CHARS))
    if "\x1b" not in text:
        return html.escape(text)
    from rich.console import Console
    from rich.text import Text

    console = Console(width=10_000, color_system="standard", legacy_windows=False)
    pieces = []
    for segment in Text.from_ansi(text, end="").render(console):
        shown = html.escape(strip_control(segment.text))
        css = _classes(segment.style)
        pieces.append(f'<span class="{css}">{shown}</span>' if css else shown)
    return "".join(pieces)


def _classes(style: Any) -> str:
    if style is None:
        return ""
    names = ["nwa-bold"] if style.bold else []
    number = (
        style.color.downgrade(1).number if style.color is not None and not style.color.is_default else None
    )
    if number is not None:
        names.append(f"nwa-ansi-{number % 8}")
    return " ".join(names)


def _bundle(data: dict[str, Any]) -> ShownOutput:
    """The richest form that is safe here."""
    plain = _joined(data.get("text/plain"))
    if markup := _joined(data.get("text/html")):
        shown = sanitize_data(markup) if len(markup) <= _MAX_HTML_CHARS else ""
        if _VISIBLE.search(shown):
            return ShownOutput(f'<div class="nwa-data">{shown}</div>')
    if markdown := _joined(data.get("text/markdown")):
        return ShownOutput(f'<div class="nwa-data">{render_html(clip(markdown, _MAX_TEXT_CHARS))}</div>')
    for kind in _PICTURES:
        if kind in data and (picture := _picture(kind, data[kind])) is not None:
            alt = html.escape(clip(strip_control(plain), _MAX_ALT_CHARS).strip() or "Picture", quote=True)
            return ShownOutput(f'<img data-picture="{picture.key}" alt="{alt}">', picture)
    if latex := _joined(data.get("text/latex")):
        return ShownOutput(f'<div class="nwa-data">{render_html(clip(latex, _MAX_TEXT_CHARS))}</div>')
    if plain:
        return ShownOutput(f'<pre class="nwa-stdout">{ansi_html(plain)}</pre>')
    if "application/json" in data:
        text = json.dumps(data["application/json"], ensure_ascii=False, indent=1)
        return ShownOutput(f'<pre class="nwa-stdout">{ansi_html(text)}</pre>')
    kinds = ", ".join(sorted(html.escape(str(kind)) for kind in data))
    return ShownOutput(f'<div class="nwa-note">Output of a kind that is not shown here: {kinds}</div>')


def _picture(kind: str, value: Any) -> ShownPicture | None:
    text = _joined(value)
    try:
        raw = text.encode() if kind == "image/svg+xml" else base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None
    return ShownPicture(hashlib.sha256(raw).hexdigest()[:24], kind, raw) if raw else None


def _joined(value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str | dict):
        return "".join(str(part) for part in value)
    return value if isinstance(value, str) else ""
