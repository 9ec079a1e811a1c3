"""What the code of a turn showed, as text: what it printed, values, and the MIME types of pictures."""

from __future__ import annotations

from typing import Any

from neuroworkflow_agent.events import CellOutput, Event

_MAX_CHARS = 200_000


class Shown:
    """Collects it from the events of a turn; a `Shown` owns nothing but the text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, event: Event) -> None:
        """Take in an event."""
        if isinstance(event, CellOutput) and event.change["op"] == "append":
            self._pieces.append(_as_text(event.change["output"]))

    @property
    def text(self) -> str:
        """All of it by now, each output from a new line; the beginning of what is very long."""
        return "\n".join(self._pieces)[:_MAX_CHARS]


def _as_text(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    return str(output.get("text") or " ".join([*data, str(data.get("text/plain", ""))]))
