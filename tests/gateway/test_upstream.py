"""Answers of the Messages API, with a real connection and a clock that is set forward."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from neuroworkflow_agent.gateway.answer import Answer
from neuroworkflow_agent.gateway.upstream import TRANSPORT_ERRORS, Upstream, is_timeout

IDLE_S = 300.0
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class _Clock(asyncio.SelectorEventLoop):
    """A loop whose time can be set forward."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def run(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_Clock) as runner:
        runner.run(test)


async def skip(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _Clock)
    await asyncio.sleep(0)  # tasks begin
    loop.ahead_s += seconds
    for _ in range(5):  # what is due, and what follows from it
        await asyncio.sleep(0)


@asynccontextmanager
async def an_answer(*beginning: bytes) -> AsyncIterator[tuple[Answer, asyncio.StreamWriter]]:
    """An answer that has begun, and where it comes from."""
    asked: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join((HEAD, *beginning)))
        asked.set_result(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Upstream(url, IDLE_S) as upstream:
        answer = await upstream.send("GET", "/v1/models", [], None)
        writer = await asked
        try:
            yield answer, writer
        finally:
            await answer.aclose()
            writer.close()
            await writer.wait_closed()


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text)


def test_answer_that_is_never_silent_for_long_may_take_as_long_as_it_likes() -> None:
    async def test() -> None:
        async with an_answer() as (answer, writer):
            for n in range(10):
                waiting = asyncio.ensure_future(anext(answer))
                await skip(0.7 * IDLE_S)
                writer.write(chunk(b"%d" % n))
                assert await waiting == b"%d" % n
            writer.write(b"0\r\n\r\n")
            assert [piece async for piece in answer] == []

    run(test())


@pytest.mark.parametrize("pieces", [0, 1])
def test_answer_that_stops_coming_is_a_timeout(pieces: int) -> None:
    async def test() -> None:
        async with an_answer(*[chunk(b"x")] * pieces) as (answer, _):
            for _ in range(pieces):
                assert await anext(answer) == b"x"
            waiting = asyncio.ensure_future(anext(answer))
            await skip(0.9 * IDLE_S)
            assert not waiting.done()
            await skip(0.2 * IDLE_S)
            with pytest.raises(TRANSPORT_ERRORS) as failure:
                await waiting
            assert is_timeout(failure.value)

    run(test())


def test_time_that_the_caller_takes_is_not_the_upstreams() -> None:
    async def test() -> None:
        async with an_answer(chunk(b"x")) as (answer, writer):
            assert await anext(answer) == b"x"
            await skip(3 * IDLE_S)
            writer.write(chunk(b"y"))
            assert await anext(answer) == b"y"

    run(test())


def test_answer_that_breaks_off_is_not_a_timeout() -> None:
    async def test() -> None:
        async with an_answer(chunk(b"x")) as (answer, writer):
            assert await anext(answer) == b"x"
            writer.close()
            with pytest.raises(TRANSPORT_ERRORS) as failure:
                await anext(answer)
            assert not is_timeout(failure.value)

    run(test())


def test_pieces_are_taken_while_they_are_received_or_else_waited_for() -> None:
    async def test() -> None:
        async with an_answer() as (answer, writer):
            seen: list[bytes] = []
            answer.take_at_once = lambda piece: seen.append(piece) or piece != b"3"  # type: ignore[func-returns-value]
            waiting = asyncio.ensure_future(anext(answer))
            for n in range(4):
                writer.write(chunk(b"%d" % n))
                await _until(lambda n=n: len(seen) > n)  # type: ignore[misc]
                await skip(0.7 * IDLE_S)
            assert await waiting == b"3"
            writer.write(chunk(b"4") + b"0\r\n\r\n")
            assert [piece async for piece in answer] in (
                [],
                [b"4"],
            )  # it comes before it is waited for, or after
            assert seen[:4] == [b"0", b"1", b"2", b"3"]

    run(test())


def test_piece_that_cannot_be_taken_fails_where_it_is_waited_for() -> None:
    async def test() -> None:
        async with an_answer() as (answer, writer):

            def fail(piece: bytes) -> bool:
                raise ConnectionError(piece)

            answer.take_at_once = fail
            waiting = asyncio.ensure_future(anext(answer))
            await asyncio.sleep(0)
            writer.write(chunk(b"x"))
            with pytest.raises(ConnectionError, match="x"):
                await waiting

    run(test())


def test_connection_serves_the_next_request_when_an_answer_has_ended() -> None:
    async def test() -> None:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            with suppress(asyncio.IncompleteReadError):
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(HEAD)
                    await asyncio.sleep(0)
                    writer.write(chunk(b"x") + b"0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, Upstream(url, IDLE_S) as upstream:
            for _ in range(5):
                answer = await upstream.send("GET", "/v1/models", [], None)
                assert [piece async for piece in answer] == [b"x"]
                await answer.aclose()
        assert connections == 1

    run(test())


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0)
