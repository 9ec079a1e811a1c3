"""A notebook's parts as one page that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import assert_never

from neuroworkflow_agent.render.markdown import highlight, render_html, sanitize
from neuroworkflow_agent.render.outputs import render_output
from neuroworkflow_agent.surfaces.drawn_item import with_picture
from neuroworkflow_agent.surfaces.export.pictures import place_pictures
from neuroworkflow_agent.surfaces.export.sections import Asked, Code, Part, Said, Shown, Words
from neuroworkflow_agent.surfaces.run_page import page_of

MADE = "How this was made"
WRITTEN = "Written by the model"
_MAX_PICTURE_BYTES = 20_000_000
_STANDS = re.compile(r"nwaPicture(\d{1,6})x")
"""What stands for a picture while the text around it is rendered."""
_TAG_OR_STANDS = re.compile(rf'(<[^<>"]*(?:"[^"]*"[^<>"]*)*>)|{_STANDS.pattern}')
"""A whole tag is one match: a picture in the title of a link would end that, and what is said of it be attributes."""


def as_html(
    title: str, parts: Sequence[Part], facts: Iterable[tuple[str, str]], folder: Path, language: str
) -> str:
    """The page.

    Parameters
    ----------
    title
        Of the page.
    parts
        What it shows.
    facts
        How it was made.
    folder
        The notebook's.
    language
        That of its code.
    """
    body = [_drawn(part, folder, language) for part in parts]
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in facts
    )
    made = f'<h2>{MADE}</h2><div class="wide"><table>{rows}</table></div>'
    return page_of(title, "".join([*body, made]))


def _drawn(part: Part, folder: Path, language: str) -> str:
    match part:
        case Words():
            return _words(part, folder)
        case Code(source=source, is_folded=is_folded):
            shown = sanitize(highlight(source, language))
            return _folded("Code", shown) if is_folded else shown
        case Shown(output=output):
            return f"<figure>{with_picture(render_output(dict(output)), _MAX_PICTURE_BYTES)}</figure>"
        case Asked(text=text):
            return _folded("Asked of the agent", f"<blockquote>{html.escape(text)}</blockquote>")
        case Said(markdown=markdown, is_folded=is_folded):
            said = f"<blockquote>{render_html(markdown)}</blockquote>"
            return _folded(WRITTEN, said) if is_folded else f'<div class="nwa-note">{WRITTEN}:</div>{said}'
        case _:
            assert_never(part)


def _words(part: Words, folder: Path) -> str:
    pictures: list[str] = []

    def place(media_type: str, data: bytes, alt: str) -> str:
        source = f"data:{html.escape(media_type)};base64,{base64.b64encode(data).decode('ascii')}"
        pictures.append(f'<img alt="{html.escape(alt)}" src="{source}">')
        return f"nwaPicture{len(pictures) - 1}x"

    def drawn(found: re.Match[str]) -> str:
        tag, number = found[1], found[2]
        if tag is not None:
            return _STANDS.sub("", tag)
        return pictures[int(number)] if int(number) < len(pictures) else found[0]

    return _TAG_OR_STANDS.sub(
        drawn, render_html(place_pictures(part.markdown, part.attachments, folder, place))
    )


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"
