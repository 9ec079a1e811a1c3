"""The widget by which pages are reached: how it goes."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from neuroworkflow_agent.surfaces import notebook_page
from neuroworkflow_agent.surfaces.notebook_page import PageLink


async def test_no_widget_is_left_where_who_waits_for_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by the panel, which waits a second for what it completes."""
    is_making, may_be_made, open_widgets = threading.Event(), threading.Event(), set[int]()

    def make(_receive: Any) -> Any:
        is_making.set()
        may_be_made.wait(5)
        open_widgets.add(number := len(made))
        made.append(number)
        return SimpleNamespace(comm=object(), close=lambda: open_widgets.discard(number))

    made: list[int] = []
    monkeypatch.setattr(notebook_page, "_make", make)
    link = PageLink(SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    waiting = asyncio.ensure_future(link._announce())
    await asyncio.to_thread(is_making.wait, 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_be_made.set()
    await link._announce()
    assert (made, open_widgets) == ([0, 1], {1})
    link.close()
    await link._announce()
    assert (made, open_widgets) == ([0, 1], set())
