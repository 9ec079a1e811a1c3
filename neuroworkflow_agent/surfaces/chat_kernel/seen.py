"""What ran in the subkernel since the agent was last told, from the messages that have passed.

Bounded, and cheap: a message is read only if it is short.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.kernels.ran_cells import MAX_CELLS, RanCell, told
from neuroworkflow_agent.surfaces.chat_kernel.wire import Message

_MAX_READ_BYTES = 20_000


class Seen:
    """Cells of the user's since the last turn."""

    def __init__(self) -> None:
        self._cells: OrderedDict[str, RanCell] = OrderedDict()

    def note_request(self, message: Message) -> None:
        """A cell is sent to the subkernel."""
        content = message.content
        if content.get("silent") or not str(content.get("code", "")).strip():
            return
        self._cells[message.id] = RanCell(None, str(content["code"]))
        while len(self._cells) > MAX_CELLS:
            self._cells.popitem(last=False)

    def note_output(self, parent: dict[str, Any], message: Message) -> None:
        """A cell shows something."""
        cell = self._cells.get(str(parent.get("msg_id")))
        if cell is None:
            return
        if len(message.parts[3]) > _MAX_READ_BYTES:
            cell.output.add(f"[{len(message.parts[3]):,} bytes of output]\n")
            return
        content = message.content
        match message.kind:
            case "execute_input":
                cell.count = content.get("execution_count")
            case "stream":
                cell.output.add(str(content.get("text", "")))
            case "error":
                cell.error = f"{content.get('ename')}: {content.get('evalue')}"
                cell.output.add("\n".join(map(str, content.get("traceback") or ())) or cell.error)
            case "display_data" | "execute_result":
                cell.output.add(f"{(content.get('data') or {}).get('text/plain', '')}\n")

    def take(self, budget_chars: int, hide: Callable[[str], str]) -> str:
        """All since the last call as text, the newest kept first; then forget it."""
        cells, self._cells = self._cells, OrderedDict()
        return told(list(cells.values()), budget_chars, hide)
