"""What waits for the user, asked through the client: whether a call is allowed, and the agent's own questions."""

from __future__ import annotations

from typing import Any

import acp
from acp.interfaces import Client
from acp.schema import AllowedOutcome, PermissionOption, ToolCallUpdate

from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.render.parts import questions
from neuroworkflow_agent.surfaces.turn_items import Card

_ALLOW, _ALWAYS, _REJECT = "allow", "always", "reject"


async def ask_user(client: Client, session_id: str, card: Card, call: dict[str, Any]) -> Answer:
    """Ask about a call that waits.

    Parameters
    ----------
    call
        As the client shows it; see `Updates.call`.
    """
    try:
        if card.is_question:
            return await _ask_questions(client, session_id, card, call)
        return await _ask_permission(client, session_id, card, call)
    except acp.RequestError as error:
        return Answer(False, f"The client could not ask the user: {error}.", end_turn=True)


async def _ask_permission(client: Client, session_id: str, card: Card, call: dict[str, Any]) -> Answer:
    options = [PermissionOption(option_id=_ALLOW, name="Allow once", kind="allow_once")]
    if card.request is not None and card.request.can_remember:
        options.append(PermissionOption(option_id=_ALWAYS, name="Allow in this session", kind="allow_always"))
    options.append(PermissionOption(option_id=_REJECT, name="Do not allow", kind="reject_once"))
    chosen = await chosen_option(client, session_id, call, options)
    if chosen is None:
        return Answer(False, "The user did not answer.", end_turn=True)
    return Answer(chosen != _REJECT, "The user said no." if chosen == _REJECT else "", chosen == _ALWAYS)


async def _ask_questions(client: Client, session_id: str, card: Card, call: dict[str, Any]) -> Answer:
    answers = {}
    for question in questions(card.input):
        labels = [str(option["label"]) for option in question["options"]]
        options = [
            PermissionOption(option_id=str(place), name=label, kind="allow_once")
            for place, label in enumerate(labels)
        ]
        options.append(PermissionOption(option_id=_REJECT, name="Do not answer", kind="reject_once"))
        chosen = await chosen_option(client, session_id, {**call, "title": question["question"]}, options)
        if chosen is None or chosen == _REJECT:
            return Answer(False, "The user did not answer.")
        answers[str(question["question"])] = labels[int(chosen)]
    return Answer(True, answers=answers)


async def chosen_option(
    client: Client, session_id: str, call: dict[str, Any], options: list[PermissionOption]
) -> str | None:
    """Which option the user took; None if none of them."""
    reply = await client.request_permission(session_id, ToolCallUpdate(**call), options)
    taken = reply.outcome.option_id if isinstance(reply.outcome, AllowedOutcome) else None
    return taken if taken in {option.option_id for option in options} else None
