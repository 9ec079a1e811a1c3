"""Items of a turn → updates of the Agent Client Protocol. Pure.

Each item is told when it is new and when it has changed: texts by what was added, calls by what is another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import acp
from acp.schema import (
    AgentMessageChunk,
    AgentPlanUpdate,
    AgentThoughtChunk,
    Cost,
    ToolCallLocation,
    ToolCallProgress,
    ToolCallStart,
    ToolCallStatus,
    ToolKind,
    UsageUpdate,
    UserMessageChunk,
)

from neuroworkflow_agent.outputs import Output
from neuroworkflow_agent.render.parts import tool_card
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.surfaces.turn_items import Card, CardState, End, Item, Note, Prompt, Text
from neuroworkflow_agent.text import clip, map_texts, one_line, strip_control

Update: TypeAlias = (
    UserMessageChunk
    | AgentMessageChunk
    | AgentThoughtChunk
    | AgentPlanUpdate
    | ToolCallStart
    | ToolCallProgress
    | UsageUpdate
)

_MAX_TITLE_CHARS = 120
_MAX_TEXT_CHARS = 20_000
_PICTURES = ("image/png", "image/jpeg")
_KINDS: dict[str, ToolKind] = {
    "Read": "read",
    "notebook_get": "read",
    "cell_get": "read",
    "inspect_variables": "read",
    "Glob": "search",
    "Grep": "search",
    "notebook_search": "search",
    "Write": "edit",
    "Edit": "edit",
    "cell_insert": "edit",
    "cell_edit": "edit",
    "cell_update": "edit",
    "cell_move": "move",
    "cell_delete": "delete",
    "WebFetch": "fetch",
    "run_code": "execute",
    "cell_execute": "execute",
    "verify_notebook": "execute",
}
_STATUS: dict[CardState, ToolCallStatus] = {
    "asking": "pending",
    "waiting": "pending",
    "running": "in_progress",
    "ok": "completed",
    "error": "failed",
    "stopped": "failed",
    "denied": "failed",
}


class Updates:
    """What a client has been told of a session, and what it is to be told next.

    Parameters
    ----------
    workspace
        Paths of files begin there.
    hide
        Takes secrets out of a text.
    """

    def __init__(self, workspace: Path, hide: Callable[[str], str]) -> None:
        self._workspace = workspace
        self._hide = hide
        self._told: dict[str, dict[str, Any]] = {}
        """Calls as the client knows them."""
        self._cost_usd = 0.0

    def of(self, items: Iterable[Item], *, with_prompts: bool = False) -> list[Update]:
        """What is new of items that have changed.

        Parameters
        ----------
        with_prompts
            Whether the user's messages are told, too, as of a session that is shown again.
        """
        return [update for item in items for update in self._of_one(item, with_prompts=with_prompts)]

    def call(self, card: Card) -> dict[str, Any]:
        """A call as a client shows it: the arguments of `acp.start_tool_call`, and of its like."""
        return {
            "tool_call_id": card.tool_use_id,
            "title": self._title(card),
            "kind": _KINDS.get(card.name, "other"),
            "status": _STATUS[card.state],
            "content": self._content(card),
            "locations": self._locations(card),
            "raw_input": map_texts(card.input, self._hide),
        }

    # -- items ----------------------------------------------------------------------------------------

    def _of_one(self, item: Item, *, with_prompts: bool) -> list[Update]:
        match item:
            case Prompt(text=text):
                return [acp.update_user_message_text(self._hide(text))] if with_prompts else []
            case Text(is_thinking=is_thinking):
                new = item.take_new()
                told = acp.update_agent_thought_text if is_thinking else acp.update_agent_message_text
                return [told(new)] if new else []
            case Card():
                return self._call(item)
            case Plan(steps=steps):
                entries = [
                    acp.plan_entry(step.text, status=_plan_status(step.state)) for step in steps.values()
                ]
                return [acp.update_plan(entries)]
            case Note(text=text):
                return [acp.update_agent_thought_text(f"{self._hide(text)}\n")]
            case End():
                return self._usage(item)

    def _call(self, card: Card) -> list[Update]:
        call, told = self.call(card), self._told.get(card.tool_use_id)
        self._told[card.tool_use_id] = call
        if told is None:
            return [acp.start_tool_call(**call)]
        news = {name: value for name, value in call.items() if value != told[name]}
        return [acp.update_tool_call(card.tool_use_id, **news)] if news else []

    def _usage(self, end: End) -> list[Update]:
        event = end.event
        self._cost_usd += event.cost_usd or 0.0
        if not event.context_tokens or not event.context_window:
            return []
        cost = Cost(amount=self._cost_usd, currency="USD") if self._cost_usd else None
        return [
            UsageUpdate(
                session_update="usage_update", used=event.context_tokens, size=event.context_window, cost=cost
            )
        ]

    # -- parts of a call ------------------------------------------------------------------------------

    def _title(self, card: Card) -> str:
        title = tool_card(card.name, card.input, self._workspace, card.change).title
        return one_line(self._hide(title), _MAX_TITLE_CHARS)

    def _locations(self, card: Card) -> list[ToolCallLocation]:
        path = card.input.get("file_path")
        return [ToolCallLocation(path=str(self._workspace / str(path)))] if path else []

    def _content(self, card: Card) -> list[Any]:
        content: list[Any] = []
        if card.is_code:
            content.append(self._text(f"```python\n{card.input.get('code', '')}\n```"))
        if (diff := self._diff(card)) is not None:
            content.append(diff)
        elif card.change is not None and card.change.diff:
            content.append(self._text(f"```diff\n{card.change.diff}\n```"))
        content += [each for output in card.outputs.outputs for each in self._output(output)]
        failure = card.failure or (card.decision.reason if card.state == "denied" and card.decision else "")
        if failure:
            content.append(self._text(failure))
        elif card.result is not None and not card.is_code and card.change is None and card.result.text:
            content.append(self._text(card.result.text))
        return content

    def _diff(self, card: Card) -> Any:
        path = str(self._workspace / str(card.input.get("file_path", "")))
        if card.name == "Write":
            return acp.tool_diff_content(path, self._hide(str(card.input.get("content", ""))))
        if card.name == "Edit":
            new, old = (self._hide(str(card.input.get(f"{age}_string", ""))) for age in ("new", "old"))
            return acp.tool_diff_content(path, new, old)
        return None

    def _output(self, output: Output) -> list[Any]:
        match output["output_type"]:
            case "stream":
                return [self._plain(output["text"])]
            case "error":
                return [self._plain("\n".join(output["traceback"]))]
        data = output.get("data", {})
        for kind in _PICTURES:
            if kind in data:
                return [acp.tool_content(acp.image_block("".join(str(data[kind]).split()), kind))]
        return [self._plain(str(data["text/plain"]))] if "text/plain" in data else []

    def _plain(self, text: str) -> Any:
        """Text as it is, without what a terminal obeys."""
        return self._text(f"```\n{strip_control(text).rstrip()}\n```")

    def _text(self, text: str) -> Any:
        return acp.tool_content(acp.text_block(clip(self._hide(text), _MAX_TEXT_CHARS)))


def _plan_status(state: str) -> Any:
    return state if state in ("in_progress", "completed") else "pending"
