"""An item as it stands in a page that has no scripts: a saved notebook, an exported run."""

from __future__ import annotations

import base64
from collections.abc import Callable

from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.markdown import render_html, render_text
from neuroworkflow_agent.render.outputs import ShownOutput, render_output
from neuroworkflow_agent.render.parts import Rendered
from neuroworkflow_agent.surfaces.card_text import card_text, status_of
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.surfaces.turn_items import Card, End, Item, Note, Prompt, Text

_MAX_PICTURE_BYTES = 700_000


def drawn_item(item: Item, link_to: Callable[[str], str] = lambda _path: "") -> Rendered:
    """An item as safe HTML, its pictures in it, and as text; empty for the model's thinking.

    Parameters
    ----------
    link_to
        Gives the target of a link to a file; empty where there is none.
    """
    match item:
        case Prompt(text=text):
            return parts.prompt(text)
        case Text(is_thinking=False, text=text):
            return Rendered(render_html(text), render_text(text))
        case Card():
            return _drawn_card(item, link_to)
        case Plan():
            return parts.plan(item.rows)
        case Note(text=text):
            return parts.notice(text)
        case End(event=event, undone=undone):
            return parts.turn_end(event, undone)
    return Rendered("", "")


def _drawn_card(card: Card, link_to: Callable[[str], str]) -> Rendered:
    link = link_to(card.file) if card.file else ""
    given = card_text(card, status_of(card), link=link)
    outputs = card.outputs.outputs
    shown = "".join(with_picture(render_output(output)) for output in outputs)
    texts = [given.text, parts.outputs_text(outputs)]
    return Rendered(f"{given.html}{shown}", "\n".join(text for text in texts if text))


def with_picture(output: ShownOutput, max_bytes: int = _MAX_PICTURE_BYTES) -> str:
    """A rendered output with its picture as part of the page, unless that is large."""
    picture = output.picture
    if picture is None:
        return output.html
    if len(picture.data) > max_bytes:
        return parts.notice("A large picture is left out here.").html
    data = base64.b64encode(picture.data).decode("ascii")
    source = f'src="data:{picture.media_type};base64,{data}"'
    return output.html.replace(f'data-picture="{picture.key}"', source)
