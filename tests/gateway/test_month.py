"""A month of traffic: answers of every shape, ten thousand of them in the thorough tier, and the accounts beside an invoice."""

from __future__ import annotations

import json
import random
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from neuroworkflow_agent.gateway.store import Store
from neuroworkflow_agent.gateway.totals import today
from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.wire import sse
from tests import tiers
from tests.gateway.conftest import Served, ServeGateway, serving, wait_until
from tests.gateway.test_service import HEAD, JSON_HEAD, _say, _upstream_that

_COUNT = tiers.count(10_000)

# Anthropic's price list of 2026-11-26, US dollars for a million tokens: input, output, cache read, cache write for
# five minutes and for an hour, and what prompts longer than so many tokens cost instead.
_PRICES: dict[str, tuple[str, str, str, str, str]] = {
    "claude-fable-5-2": ("8", "40", "0.2", "10", "16"),
    "claude-fable-5": ("10", "50", "1", "12.5", "20"),
    "claude-opus-5-5": ("4", "20", "0.2", "5", "8"),
    "claude-opus-5": ("5", "25", "0.5", "6.25", "10"),
    "claude-opus-4-6": ("5", "25", "0.5", "6.25", "10"),
    "claude-sonnet-5-5": ("2", "10", "0.1", "2.5", "4"),
    "claude-sonnet-4-5": ("3", "15", "0.3", "3.75", "6"),
    "claude-haiku-5-5": ("0.1", "0.5", "0.01", "0.125", "0.2"),
    "claude-haiku-4-5": ("1", "5", "0.1", "1.25", "2"),
}
_LONG = {
    "claude-sonnet-4-5": (200_000, ("6", "22.5", "0.6", "7.5", "12")),
    "claude-haiku-5-5": (100_000, ("0.5", "2.5", "0.05", "0.625", "1")),
}
_FAST = {"claude-opus-5-5": 2, "claude-opus-5": 2, "claude-opus-4-6": 6}
_SPELLINGS = ("{}", "{}", "{}", "anthropic/{}", "{}-20260901", "us.anthropic.{}-v1:0")


class Invoice:
    """What the API would charge, reckoned apart from the gateway."""

    def __init__(self) -> None:
        self.usd: dict[str, Decimal] = defaultdict(Decimal)
        self.tokens: dict[str, int] = defaultdict(int)

    def charge(self, named: str, model: str, counts: dict[str, int], times: Decimal) -> None:
        """Tokens of `model`, in the row of `named`."""
        prices = _PRICES[model]
        prompt = sum(counts.values()) - counts["output"]
        if model in _LONG and prompt > _LONG[model][0]:
            prices = _LONG[model][1]
        kinds = ("input", "output", "read", "write", "hour")
        usd = sum(
            (counts[kind] * Decimal(price) for kind, price in zip(kinds, prices, strict=True)), Decimal()
        )
        self.usd[named] += usd * times / 1_000_000
        self.tokens[named] += sum(counts.values())


def _counts(random: random.Random) -> dict[str, int]:
    """Tokens of each kind, of a small prompt or a large one."""
    most = random.choice((100, 5_000, 40_000, 150_000))
    kinds = ("input", "read", "write", "hour")
    return {kind: random.choice((0, random.randrange(most))) for kind in kinds} | {
        "output": random.randrange(1, 8_000)
    }


def _object(counts: dict[str, int]) -> dict[str, Any]:
    return {
        "input_tokens": counts["input"],
        "output_tokens": counts["output"],
        "cache_read_input_tokens": counts["read"],
        "cache_creation_input_tokens": counts["write"] + counts["hour"],
        "cache_creation": {"ephemeral_5m_input_tokens": counts["write"], "ephemeral_1h_input_tokens": counts["hour"]},
    }  # fmt: skip


def _answer(random: random.Random, invoice: Invoice) -> tuple[bool, dict[str, Any]]:
    """A message of any shape, charged to the invoice, and whether it is streamed."""
    model = random.choice(list(_PRICES))
    named = random.choice(_SPELLINGS).format(model)
    counts, times = _counts(random), Decimal(1)
    usage: dict[str, Any] = {**_object(counts), "service_tier": random.choice(("standard", "priority", None))}
    if model in _FAST and random.random() < 0.4:
        usage["speed"], times = "fast", times * _FAST[model]
    elif random.random() < 0.3:
        usage["speed"] = "standard"
    geo = random.choice((None, "global", "not_available", "us"))
    if geo is not None:
        usage["inference_geo"] = geo
        times *= Decimal("1.1") if geo == "us" else 1
    invoice.charge(named, model, counts, times)
    if random.random() < 0.2:
        searches = random.randrange(1, 9)
        usage["server_tool_use"] = {
            "web_search_requests": searches,
            "web_fetch_requests": random.randrange(3),
        }
        invoice.usd[named] += searches * Decimal("0.01")
    if random.random() < 0.5:
        usage["output_tokens_details"] = {"thinking_tokens": counts["output"] // 2}
    if random.random() < 0.3:
        usage["iterations"] = _iterations(random, named, model, usage, times, invoice)
    content = [{"type": "text", "text": random.choice(('"usage": {"output_tokens": 1}', "答え", "x" * 3000))}]
    return random.random() < 0.6, {"model": named, "id": "msg_1", "content": content, "usage": usage}


def _iterations(
    random: random.Random, named: str, model: str, usage: dict[str, Any], times: Decimal, invoice: Invoice
) -> list[dict[str, Any]]:
    """The message itself, and what stands in the list alone."""
    entries = [{"type": "message", **_object(dict.fromkeys(("input", "output", "read", "write", "hour"), 0) | {"output": usage["output_tokens"]})}]  # fmt: skip
    for kind in random.choices(
        ("compaction", "advisor_message", "declined", "unbilled"), k=random.randrange(3)
    ):
        counts = _counts(random)
        other = random.choice([name for name in _PRICES if name not in (model, *_FAST)])
        if kind == "compaction":
            invoice.charge(named, model, counts, times)
            entries.insert(0, {"type": kind, **_object(counts)})
        elif "speed" in usage and usage["speed"] == "fast":
            continue  # what another model costs in a fast answer is nowhere said
        elif kind == "unbilled":
            entries.insert(0, {"type": "message", "model": other, **_object(counts | {"output": 0})})
        else:
            invoice.charge(named, other, counts, times)
            said = "message" if kind == "declined" else kind
            entries.insert(0, {"type": said, "model": other, **_object(counts)})
    return entries


def _written(random: random.Random, is_streamed: bool, message: dict[str, Any]) -> bytes:
    if not is_streamed:
        return json.dumps(message, ensure_ascii=random.random() < 0.5).encode()
    final = message["usage"]
    # The first event has the prompt, the cache's kinds, the speed; the last has the sums and the iterations.
    first = {name: value for name, value in final.items() if name not in ("server_tool_use", "iterations")}
    last = {name: value for name, value in final.items() if name not in ("cache_creation", "speed", "service_tier", "inference_geo")}  # fmt: skip
    events = [
        sse("message_start", message={**message, "content": [], "usage": {**first, "output_tokens": 1}})
    ]
    events += [sse("content_block_delta", delta={"type": "text_delta", "text": block["text"]}) for block in message["content"]]  # fmt: skip
    events += [sse("ping")] * random.randrange(2)
    if random.random() < 0.3:
        events.append(sse("message_delta", delta={}, usage={"output_tokens": 1}))
    events.append(sse("message_delta", delta={"stop_reason": "end_turn"}, usage=last))
    return "".join([*events, sse("message_stop")]).encode()


def _pieces(random: random.Random, body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        step = random.choice((1, 50, 700, 100_000))
        yield body[at : at + step]
        at += step


@pytest.fixture
def upstream_of() -> Iterator[Callable[[list[tuple[bool, bytes]]], str]]:
    """Starts an API that gives these answers, one after another; gives its URL."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(answers: list[tuple[bool, bytes]]) -> str:
            chance = random.Random(tiers.SEED)

            async def answer(request: Request) -> StreamingResponse:
                is_streamed, body = answers[int((await request.json())["n"])]
                kind = "text/event-stream" if is_streamed else "application/json"

                async def pieces() -> Any:
                    for piece in _pieces(chance, body):
                        yield piece

                return StreamingResponse(pieces(), media_type=kind)

            app = Starlette(routes=[Route("/v1/messages", answer, methods=["POST"])])
            return stack.enter_context(serving(app, lifespan="off"))

        yield start


def _rows(gateway: Served) -> dict[str, Any]:
    with Store(gateway.settings.database()) as store:
        return {line.model: line for line in store.lines(today(), today())}


@pytest.mark.timeout(1800)
def test_accounts_of_a_month_agree_with_the_invoice_to_the_cent(
    serve_gateway: ServeGateway, upstream_of: Callable[[list[tuple[bool, bytes]]], str]
) -> None:
    chance, invoice = random.Random(tiers.SEED), Invoice()
    messages = [_answer(chance, invoice) for _ in range(_COUNT)]
    answers = [(is_streamed, _written(chance, is_streamed, message)) for is_streamed, message in messages]
    gateway = serve_gateway(upstream_url=upstream_of(answers), user_usd_per_day=10**9)
    for n, (_, body) in enumerate(answers):
        assert gateway.ask(n=n).content == body
    rows = _rows(gateway)
    assert sum(row.requests for row in rows.values()) == _COUNT
    off = {name: (rows[name].cost_usd, float(usd)) for name, usd in invoice.usd.items() if abs(rows[name].cost_usd - float(usd)) >= 0.005}  # fmt: skip
    assert not off
    assert abs(sum(row.cost_usd for row in rows.values()) - float(sum(invoice.usd.values()))) < 0.01
    kinds = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    # What a model that declined had read is not charged, and is in no row.
    assert {name: sum(getattr(row, kind) for kind in kinds) for name, row in rows.items()} == invoice.tokens
    assert not [line for line in gateway.log if '"unclear"' in line]


# -- answers that say nothing -------------------------------------------------------------------------------------


def _ask(gateway: Served, **body: Any) -> socket.socket:
    text = json.dumps({"model": "claude-opus-5", "messages": ["word " * 700], "max_tokens": 9_000, **body})
    connection = socket.create_connection(("127.0.0.1", gateway.port), 10)
    connection.sendall(f"{HEAD}content-length: {len(text)}\r\n\r\n{text}".encode())
    return connection


def _only_row(gateway: Served) -> Any:
    wait_until(lambda: _rows(gateway))
    (row,) = _rows(gateway).values()
    return row


def test_answer_whose_caller_does_not_wait_for_it_is_estimated(serve_gateway: ServeGateway) -> None:
    """The API writes it to its end, and charges it, whether anybody waits or not."""
    with _upstream_that(_say(wait_s=1.0)) as (port, arrived):
        gateway = serve_gateway(upstream_url=f"http://127.0.0.1:{port}")
        connection = _ask(gateway)
        wait_until(lambda: arrived)
        time.sleep(0.2)
        connection.close()
        row = _only_row(gateway)
    assert row.model == "claude-opus-5"
    assert row.input_tokens > 700
    assert 0.2 * 80 <= row.output_tokens < 9_000
    wait_until(lambda: any('"unclear": ["output", "prompt"]' in line for line in gateway.log))


def test_half_an_answer_is_booked_as_a_whole_one(serve_gateway: ServeGateway) -> None:
    half = JSON_HEAD + b'100000\r\n\r\n{"model": "claude-opus-5", "content": "' + b"word " * 200
    with _upstream_that(_say(half, wait_s=1.0)) as (port, _):
        gateway = serve_gateway(upstream_url=f"http://127.0.0.1:{port}")
        connection = _ask(gateway)
        assert connection.recv(100)
        connection.close()
        row = _only_row(gateway)
    assert row.model == "claude-opus-5"
    assert row.output_tokens == 9_000


def test_request_that_is_not_whole_uses_nothing(own_gateway: Served, upstream: ScriptedModel) -> None:
    connection = socket.create_connection(("127.0.0.1", own_gateway.port), 10)
    connection.sendall(f"{HEAD}content-length: 1000\r\n\r\n{{".encode())
    connection.close()
    wait_until(lambda: any('"client_gone"' in line for line in own_gateway.log))
    assert not _rows(own_gateway)


@pytest.mark.parametrize(
    ("answer", "least"),
    [
        pytest.param(b'{"model": "claude-opus-5", "content": "' + b"word " * 800 + b'"}', 800, id="says nothing of its usage"),
        pytest.param(b"word " * 800, 800, id="is no message"),
        pytest.param(b'{"model": "claude-opus-5", "content": "' + b"word " * (17 * 2**20 // 5), 9_000, id="is larger than 16 MiB"),
    ],
)  # fmt: skip
def test_answer_without_usage_is_estimated(
    serve_gateway: ServeGateway,
    upstream_of: Callable[[list[tuple[bool, bytes]]], str],
    answer: bytes,
    least: int,
) -> None:
    gateway = serve_gateway(upstream_url=upstream_of([(False, answer)]))
    assert gateway.ask(n=0, model="claude-opus-5", max_tokens=9_000).content == answer
    row = _only_row(gateway)
    assert (row.model, row.requests) == ("claude-opus-5", 1)
    assert least <= row.output_tokens <= 9_000
    assert row.cost_usd >= least * 25 / 1_000_000


def test_large_answer_that_says_its_usage_is_booked_by_it(
    serve_gateway: ServeGateway, upstream_of: Callable[[list[tuple[bool, bytes]]], str]
) -> None:
    message = {"model": "claude-opus-5", "content": "x" * (17 * 2**20), "usage": {"input_tokens": 3, "output_tokens": 4}}  # fmt: skip
    gateway = serve_gateway(upstream_url=upstream_of([(False, json.dumps(message).encode())]))
    assert gateway.ask(n=0).status_code == 200
    row = _only_row(gateway)
    assert (row.model, row.input_tokens, row.output_tokens) == ("claude-opus-5", 3, 4)


def test_japanese_stream_that_is_left_is_not_booked_for_a_quarter(
    serve_gateway: ServeGateway, upstream_of: Callable[[list[tuple[bool, bytes]]], str]
) -> None:
    """A token a character at least; four characters a token would be a quarter of that."""
    start = sse(
        "message_start", message={"model": "claude-opus-5", "usage": {"input_tokens": 5, "output_tokens": 1}}
    )
    delta = sse("content_block_delta", delta={"type": "text_delta", "text": "発火する神経細胞" * 100})
    gateway = serve_gateway(upstream_url=upstream_of([(True, (start + delta).encode())]))
    gateway.ask(n=0, stream=True, max_tokens=9_000)
    assert _only_row(gateway).output_tokens >= 800
