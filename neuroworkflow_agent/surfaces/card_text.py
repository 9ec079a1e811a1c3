"""A call of a tool as a cell and a terminal show it, as far as it has come. Pure."""

from __future__ import annotations

import html

from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.approval import approval
from neuroworkflow_agent.render.parts import Rendered, ToolCard
from neuroworkflow_agent.surfaces.turn_items import Card
from neuroworkflow_agent.text import strip_control

_WORDS = {"error": "failed", "stopped": "stopped", "denied": "not allowed"}


def card_text(card: Card, status: str = "", given: ToolCard | None = None, link: str = "") -> Rendered:
    """What the call is given, what the user said to it, and what went wrong; outputs are shown apart.

    Parameters
    ----------
    status
        What to say in its heading, as `status_of` has it.
    given
        What the call is given, if that is drawn already: code takes its time to be coloured.
    link
        Where the file that it writes is opened.
    """
    said = [
        piece
        for piece in (_heading(card, status, given, link), answer_text(card), failure_text(card))
        if piece.text
    ]
    return Rendered("".join(piece.html for piece in said), "\n".join(piece.text for piece in said))


def status_of(card: Card) -> str:
    """How a call came out and how long its code took, for its heading; empty while it is under way."""
    took = f"{card.duration_s:.1f} s" if card.duration_s is not None else ""
    return " · ".join(word for word in (_WORDS.get(card.state, ""), took) if word)


def answer_text(card: Card) -> Rendered:
    """What the user said to it; empty where there is nothing to tell."""
    decision = card.decision
    if decision is None:
        return Rendered("", "")
    if not decision.allowed:
        return parts.notice(f"Not allowed. {decision.reason}".strip())
    answers = [strip_control(answer) for answer in decision.answers.values()]
    markup = "".join(f"<p>→ {html.escape(answer)}</p>" for answer in answers)
    return Rendered(markup, "\n".join(f"→ {answer}" for answer in answers))


def failure_text(card: Card) -> Rendered:
    """What went wrong, where no output shows it."""
    return parts.tool_result(card.failure, is_error=bool(card.failure))


def _heading(card: Card, status: str, given: ToolCard | None, link: str) -> Rendered:
    if card.is_question:
        return parts.question(card.input)
    if card.state == "asking" and card.request is not None:
        return approval(card.name, card.input, card.request.reason, card.change)
    return parts.titled(given or parts.tool_card(card.name, card.input, change=card.change), status, link)
