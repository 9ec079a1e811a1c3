"""`/undo` of a client: what it would do is told, the user is asked, it is done.

The session that the client knows stays, so the agent remembers the turn, and is told what was taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from acp.interfaces import Client
from acp.schema import PermissionOption

from neuroworkflow_agent.render import undoing
from neuroworkflow_agent.surfaces.acp.asking import chosen_option
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.undo_line import preview_of
from neuroworkflow_agent.surfaces.undo_turn import chosen_keys

UNDO = "/undo"
_YES, _NO = "undo", "keep"


async def undo(
    chat: Chat, client: Client, session_id: str, wanted: Sequence[str], tell: Callable[[str], Awaitable[None]]
) -> None:
    """Take the last turn back, or a part of it.

    Parameters
    ----------
    wanted
        Kinds and names, as behind `%chat --undo`; none for all of it.
    tell
        Tells the client a text.

    Raises
    ------
    ConfigError
        If there is nothing to take back, or a word means nothing of it.
    """
    plan = await asyncio.to_thread(chat.undo_turn.plan)
    chosen = chosen_keys(plan, wanted)
    keys = {each.key for each in plan.can_be_undone} if chosen is None else chosen
    await tell(preview_of(plan, chosen, forgets=False).text)
    options = [
        PermissionOption(option_id=_YES, name="Undo", kind="allow_once"),
        PermissionOption(option_id=_NO, name="Leave it", kind="reject_once"),
    ]
    call = {"tool_call_id": f"undo-{plan.turn_id}", "title": "Undo the last turn"}
    if keys and await chosen_option(client, session_id, call, options) == _YES:
        undone = await asyncio.to_thread(chat.undo_turn.take_back, plan, keys)
        await tell(undoing.result(undone).text)
