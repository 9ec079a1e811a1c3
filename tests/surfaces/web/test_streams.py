"""What a page that reads slowly is sent."""

from __future__ import annotations

import asyncio

from neuroworkflow_agent.surfaces.web.streams import Stream

MEGABYTE = b"x" * 1_000_000


async def test_what_a_page_has_asked_for_may_take_its_time_and_what_happens_may_not() -> None:
    stream = Stream()
    for _ in range(60):
        stream.put(MEGABYTE, is_asked=True)
    await asyncio.sleep(0)
    closed = [stream.is_closed]
    for _ in range(60):
        stream.put(MEGABYTE)
    await asyncio.sleep(0)
    assert [*closed, stream.is_closed] == [False, True]
    read = [event async for event in stream.read()]
    assert 60 < len(read) < 100


async def test_a_page_that_asks_for_everything_again_and_again_and_reads_nothing_is_let_go() -> None:
    stream = Stream()
    for _ in range(300):
        stream.put(MEGABYTE, is_asked=True)
    await asyncio.sleep(0)
    assert stream.is_closed
