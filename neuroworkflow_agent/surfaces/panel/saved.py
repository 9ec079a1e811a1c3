"""What a saved notebook shows of a panel where no kernel runs: the transcript, as one output beside the widget.

The front end keeps the output with the notebook; a page in which the panel lives hides it. `SavedTranscript` belongs
to its widget and owns no thread: `show` is called by the cell that displays the panel, `update` and `flush` on the engine's
loop, where a timer of its own waits until a long transcript is worth sending again.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Sequence

from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.markdown import page
from neuroworkflow_agent.render.parts import Rendered
from neuroworkflow_agent.surfaces.drawn_item import drawn_item
from neuroworkflow_agent.surfaces.turn_items import Item

_MAX_CHARS = 3_000_000
"""Of what is kept with the notebook; the oldest items are left out first."""
_AT_ONCE_CHARS = 200_000
_CHARS_A_SECOND = 100_000
"""An output is only ever sent whole. What is longer is sent when nothing has been added for so long that it is no more than this."""
_WAITS = 8
"""Changes that may wait for one another; then the next one is sent."""
_TEXT = "A session of the agent, as it was when the notebook was saved."
_EMPTY = "Run this cell to open the panel; earlier sessions are under Sessions there."


class SavedTranscript:
    """Keeps one output up to date.

    Parameters
    ----------
    panel_id
        Of the widget.
    publish
        `display_pub.publish` of the shell, uncaptured; on any thread.
    hide
        Takes known secrets out of a text.
    link_to
        Gives the target of a link to a file, from the notebook; empty where there is none.
    """

    def __init__(
        self,
        panel_id: str,
        publish: Callable[..., None],
        hide: Callable[[str], str],
        link_to: Callable[[str], str] = lambda _path: "",
    ) -> None:
        self._panel_id = panel_id
        self._publish = publish
        self._hide = hide
        self._link_to = link_to
        self._drawn: dict[int, tuple[Item, Rendered]] = {}
        """Items that change no more, by their identity."""
        self._shown = Rendered("", "")
        self._is_there = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = 0
        """Changes that have not been sent."""

    def show(self) -> None:
        """Put the output into the cell that runs."""
        self._send(is_new=True)
        self._is_there = True

    def update(self, items: Sequence[Item]) -> None:
        """Show other items."""
        known = {
            id(item): self._drawn.get(id(item)) or (item, drawn_item(item, self._link_to)) for item in items
        }
        self._drawn = known
        kept, room = [], _MAX_CHARS
        for _item, drawn in reversed(known.values()):
            room -= len(drawn.html) + len(drawn.text)
            if room < 0:
                kept.append(parts.notice("What was said before is left out here."))
                break
            kept.append(drawn)
        said = [each for each in reversed(kept) if each.text]
        before = self._shown
        self._shown = Rendered(
            self._hide("".join(each.html for each in said)),
            self._hide("\n\n".join(each.text for each in said)),
        )
        if self._is_there and self._shown != before:
            self._send_in_time()

    def flush(self) -> None:
        """Send what waits to be sent."""
        if self._waiting:
            self._send_waiting()

    def _send_in_time(self) -> None:
        chars = len(self._shown.html) + len(self._shown.text)
        self._waiting += 1
        if chars <= _AT_ONCE_CHARS or self._waiting > _WAITS:
            self._send_waiting()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(chars / _CHARS_A_SECOND, self._send_waiting)

    def _send_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._waiting = None, 0
        self._send(is_new=False)

    def _send(self, *, is_new: bool) -> None:
        head = _TEXT if self._shown.html else _EMPTY
        markup = f'<div class="nwa-note">{html.escape(head)}</div>{self._shown.html}'
        bundle = {
            "text/html": f'<div class="nwa-saved-{self._panel_id}">{page(markup)}</div>',
            "text/plain": f"{head}\n\n{self._shown.text}".strip(),
        }
        transient = {"display_id": f"nwa-saved-{self._panel_id}"}
        self._publish(bundle, {}, transient=transient, update=not is_new)
