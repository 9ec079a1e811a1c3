"""Budgets while many ask at once: what is reserved, by whom, and for how long."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from neuroworkflow_agent.gateway.asked import Asked
from neuroworkflow_agent.gateway.budgets import fits
from neuroworkflow_agent.gateway.expected import Estimate, estimate, estimate_whole
from neuroworkflow_agent.gateway.reservations import LEASE_S, Reservation
from neuroworkflow_agent.gateway.settings import GatewaySettings
from neuroworkflow_agent.gateway.store import Batch, Store
from neuroworkflow_agent.gateway.totals import Decided, Entry, Standing, Used, today
from neuroworkflow_agent.gateway.usage import Usage
from neuroworkflow_agent.testing import Failure, Reply, ScriptedModel, Silence, Text
from tests.gateway.conftest import SERVICE_TOKEN, Served, ServeGateway, wait_until

DEAREST = "claude-opus-4-1"
ANSWER_TOKEN_USD = 75e-6
RESERVE_USD = 4_000 * ANSWER_TOKEN_USD
PROMPT_USD = 0.01


def spent(gateway: Served) -> tuple[int, float]:
    """Requests and dollars of today."""
    with Store(gateway.settings.database()) as store:
        lines = store.lines(today(), today())
    return sum(line.requests for line in lines), sum(line.cost_usd for line in lines)


@contextmanager
def running(gateway: Served, upstream: ScriptedModel) -> Iterator[socket.socket]:
    """A request that has been admitted and has no answer yet; its caller leaves at the block's end."""
    before = len(upstream.requests)
    body = json.dumps({"model": DEAREST, "max_tokens": 32_000, "messages": []})
    upstream.extend(Silence())
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {SERVICE_TOKEN}\r\n"
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
        upstream.wait_for_requests(before + 1)
        yield connection


# -- many at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer_tokens", [pytest.param(4_000, marks=pytest.mark.thorough), 8_000])
def test_forty_at_once_exceed_five_dollars_by_what_answers_exceed_their_reserve(
    database: str, serve_gateway: ServeGateway, upstream: ScriptedModel, answer_tokens: int
) -> None:
    """Two replicas, answers of $0.30, as reserved, and of $0.60. All forty would cost $12 and $24."""
    replicas = [
        serve_gateway(database_url=database, user_usd_per_day=5, user_concurrency=40) for _ in range(2)
    ]
    upstream.extend(*[Reply((Text("late"),), output_tokens=answer_tokens, first_byte_delay_s=1.0)] * 40)

    def ask(n: int) -> int:
        return replicas[n % 2].ask(model=DEAREST, max_tokens=64_000, stream=True).status_code

    with ThreadPoolExecutor(40) as pool:
        statuses = Counter(pool.map(ask, range(40)))
    assert set(statuses) == {200, 429}
    requests, cost = spent(replicas[0])
    assert requests == statuses[200]
    assert requests >= 8
    beyond_reserve = answer_tokens * ANSWER_TOKEN_USD - RESERVE_USD
    assert cost <= 5 + requests * beyond_reserve + PROMPT_USD


@pytest.mark.parametrize("streamed", [True, False])
def test_budget_that_many_share_is_used_to_its_end(
    database: str, serve_gateway: ServeGateway, upstream: ScriptedModel, streamed: bool
) -> None:
    """Whoever is told to wait comes again; what is over the budget is one answer of 15 tokens."""
    budget, each = 300, 15
    replicas = [serve_gateway(database_url=database, user_tokens_per_day=budget) for _ in range(2)]
    upstream.extend(*[Reply.text("some words to stream here")] * 200)

    def ask(n: int) -> bool:
        answer = replicas[n % 2].ask(stream=streamed)
        # 503: two replicas and a slow disk may be too much for an SQLite file.
        assert answer.status_code in (200, 429, 503), answer.text
        return bool(answer.headers.get("x-should-retry") != "false")

    def ask_on(n: int) -> None:
        while ask(n):
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask_on, range(4)))
    with Store(database) as store:
        (line,) = store.lines(today(), today())
    assert line.input_tokens + line.output_tokens == line.requests * each == budget


def test_what_is_reserved_is_said_and_given_back_when_its_caller_leaves(
    serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    gateway = serve_gateway(user_usd_per_day=0.5)
    with running(gateway, upstream):
        refused = gateway.ask(model=DEAREST, max_tokens=32_000)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
    assert refused.json()["error"]["message"] == (
        "Your budget for today has no room beside the 1 requests that run: $0.00 of $0.50 is used and $0.30 reserved; "
        "this request may cost $0.30. Wait for one of them to end."
    )
    upstream.extend(*[Reply.text("now")] * 2)
    wait_until(lambda: gateway.ask(model=DEAREST).status_code == 200)


def test_refusal_of_the_upstream_gives_back_what_was_reserved(
    serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    gateway = serve_gateway(user_usd_per_day=0.0001)
    upstream.extend(Failure(529, "busy"), Reply.text("now"))
    assert gateway.ask(model=DEAREST).status_code == 529
    wait_until(lambda: gateway.ask(model=DEAREST).status_code == 200)


@pytest.mark.parametrize(("prompt_bytes", "is_alone"), [(30_000, False), (80_000, True)])
def test_one_dollar_serves_the_default_request_of_the_cli_to_the_dearest_model(
    serve_gateway: ServeGateway, upstream: ScriptedModel, prompt_bytes: int, is_alone: bool
) -> None:
    """As the agent sends it, beside another request, and with the CLI's own prompt; its `max_tokens` alone are $9.60."""
    gateway = serve_gateway(user_usd_per_day=1)
    with ExitStack() as stack:
        if not is_alone:
            stack.enter_context(running(gateway, upstream))
        upstream.extend(Reply((Text("done"),), input_tokens=20_000, output_tokens=500))
        answer = gateway.ask(model=DEAREST, max_tokens=128_000, system="x" * prompt_bytes)
    assert answer.status_code == 200, answer.text


def test_picture_is_not_taken_for_a_long_text(serve_gateway: ServeGateway, upstream: ScriptedModel) -> None:
    """Two megabytes of base64 are 4,784 tokens at most; as text they would cost more than the budget."""
    gateway = serve_gateway(user_usd_per_day=2)
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 2_000_000}
    messages = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    with running(gateway, upstream):
        upstream.extend(Reply.text("a cat"))
        assert gateway.ask(model=DEAREST, messages=messages).status_code == 200
        text = [{"role": "user", "content": [{"type": "text", "text": "A" * 2_000_000}]}]
        refused = gateway.ask(model=DEAREST, messages=text)
    assert (refused.status_code, refused.json()["error"]["message"].count("$11.57")) == (429, 1)


# -- how much, and for how long -----------------------------------------------------------------------------


def asked(exchange_id: str, *, most: int | None = None, account: str = "hub:a") -> Reservation:
    """A request of 100 tokens that fits."""
    return Reservation(exchange_id, account, Used(100, 0.1), 0.001, most, lambda *_: True, True)


def reserve(store: Store, reservation: Reservation) -> Decided:
    """What is decided on it."""
    (decided,) = store.exchange(Batch(reservations=[reservation])).decided
    return decided


def entries(count: int, answer_tokens: int, *, is_whole: bool = True) -> list[Entry]:
    """Answers of one length."""
    return [
        Entry(f"{answer_tokens}-{n}", today(), "hub:a", Usage("m", 1, answer_tokens), 0.0, is_whole)
        for n in range(count)
    ]


def test_reserve_is_the_95th_percentile_of_the_accounts_own_answers(database: str) -> None:
    with Store(database) as store:
        store.create()
        assert reserve(store, asked("first")).amount == Used(4_100, 0.1 + 4_000 * 0.001)
        assert reserve(store, asked("small", most=10)).amount.tokens == 110
        # Answers that broke off say nothing; nor do another account's.
        batch = [*entries(17, 50), *entries(3, 900), *entries(50, 7, is_whole=False)]
        store.exchange(Batch(entries=batch))
    with Store(database) as store:  # what a store has looked up it knows for a minute
        assert reserve(store, asked("later")).amount.tokens == 1_000
        assert reserve(store, asked("other", account="hub:b")).amount.tokens == 4_100
        store.exchange(Batch(entries=entries(80, 51)))
    with Store(database) as store:
        assert reserve(store, asked("last")).amount.tokens == 151


def test_each_request_is_written_down_once_and_takes_the_place_of_what_it_reserved(database: str) -> None:
    with Store(database, "one") as store:
        store.create()
        reserve(store, asked("a"))
        reserve(store, asked("b"))
        assert reserve(store, asked("c")).account == Standing(Used(), Used(8_200, 8.2), 2)
        entry = Entry("a", today(), "hub:a", Usage("m", 5), 0.5)
        for _ in range(2):
            store.exchange(Batch(entries=[entry, entry], released=["b", "a"]))
        standing = reserve(store, asked("d"))
        assert standing.account == standing.hub == Standing(Used(5, 0.5), Used(4_100, 4.1), 1)


@pytest.mark.parametrize("nth", range(1, 5))
def test_request_that_is_settled_while_another_is_decided_on_counts_once(
    postgres_database: str, nth: int
) -> None:
    """Each statement sees what was committed before it; another replica settles behind any of them."""
    with Store(postgres_database, "one") as one, Store(postgres_database, "other") as other:
        one.create()
        reserve(other, asked("a", most=100))
        statements: list[str] = []

        def settle(*arguments: Any) -> None:
            statements.append(arguments[2])
            if len(statements) == nth:
                other.exchange(Batch(entries=[Entry("a", today(), "hub:a", Usage("m", 200), 0.2)]))

        sa.event.listen(one._engine, "after_cursor_execute", settle)
        mine = reserve(one, asked("b")).account
        assert len(statements) >= nth
    assert mine.used.tokens + mine.reserved.tokens == 200


@pytest.mark.parametrize("shift_s", [-LEASE_S - 5, LEASE_S + 5])
def test_reservations_of_a_replica_that_is_not_seen_any_more_expire(database: str, shift_s: int) -> None:
    """It died, or the clock was set back; its own count for the one that lives in either case."""
    with Store(database, "dead") as dead, Store(database, "alive") as alive:
        dead.create()
        reserve(dead, asked("a"))
        reserve(alive, asked("b"))
        assert reserve(alive, asked("c")).hub.running == 2
        engine = sa.create_engine(database)
        with engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE gateway_replicas SET seen_at = seen_at + {shift_s}"))
        engine.dispose()
        assert reserve(alive, asked("d")).hub.running == 2
        dead.exchange(Batch(is_proof=True))  # it was only late
        assert reserve(alive, asked("e")).hub.running == 4


def test_request_counts_on_the_day_on_which_it_was_admitted(
    serve_gateway: ServeGateway, upstream: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Midnight passes while it runs: yesterday's budget is used up, today's is whole."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    clock = [(midnight - timedelta(seconds=1)).timestamp()]
    monkeypatch.setattr(
        "neuroworkflow_agent.gateway.reservations.time", SimpleNamespace(time=lambda: clock[0])
    )
    gateway = serve_gateway(user_tokens_per_day=10)
    upstream.extend(Reply.text("one", delay_s=1.0), Reply.text("two"))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gateway.ask, stream=True)
        upstream.wait_for_requests(1)
        clock[0] += 2
        assert first.result().status_code == 200
    assert gateway.ask().status_code == 200
    clock[0] -= 2  # and back, as a clock that is set may go
    assert gateway.ask().json()["error"]["message"].endswith("UTC, in 0 h 0 min.")
    with Store(gateway.settings.database()) as store:
        days = [line.day for line in store.lines(today() - timedelta(days=1), today())]
    assert days == [today() - timedelta(days=1), today()]


@pytest.mark.parametrize(
    ("limits", "mine", "amount", "is_admitted"),
    [
        ({}, Standing(Used(10**9, 10**6), Used(), 40), Used(10**9, 10**6), True),
        ({"user_usd_per_day": 5}, Standing(Used(0, 4.0), Used(0, 0.5), 2), Used(0, 0.5), True),
        ({"user_usd_per_day": 5}, Standing(Used(0, 4.0), Used(0, 0.5), 2), Used(0, 0.6), False),
        ({"user_usd_per_day": 5}, Standing(Used(0, 4.0)), Used(0, 60.0), True),
        ({"user_usd_per_day": 5}, Standing(Used(0, 5.0)), Used(0, 0.0), False),
        ({"user_tokens_per_day": 0}, Standing(), Used(), False),
        ({"user_tokens_per_day": 9}, Standing(Used(5), Used(2), 1), Used(2), True),
        ({"user_tokens_per_day": 9}, Standing(Used(5), Used(2), 1), Used(3), False),
        ({"hub_tokens_per_day": 9, "user_tokens_per_day": 99}, Standing(Used(5), Used(2), 1), Used(3), False),
    ],
)
def test_what_fits(limits: dict[str, float], mine: Standing, amount: Used, is_admitted: bool) -> None:
    assert fits(GatewaySettings.model_validate(limits), mine, mine, amount) is is_admitted


def test_caller_that_leaves_while_it_is_decided_keeps_no_reservation(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from neuroworkflow_agent.gateway.ledger import Ledger

    async def leave() -> int:
        ledger = Ledger(database, tmp_path_factory.mktemp("journal"))
        await ledger.open()
        leaving = [asyncio.ensure_future(ledger.reserve(asked(f"{n}"))) for n in range(20)]
        await asyncio.sleep(0)
        for each in leaving:
            each.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        await ledger.reserve(asked("waits for them"))
        await ledger.reserve(asked("and for what they gave back"))
        decided = await ledger.reserve(asked("stays"))
        await ledger.close()
        return decided.hub.running

    assert asyncio.run(leave()) == 2


# -- estimates ------------------------------------------------------------------------------------------------


def body(**fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("beginning", "length", "expected"),
    [
        (b'{"model":"claude-opus-4-1","messages":[', 42_000, Estimate("claude-opus-4-1", 16_200, None)),
        (b' {\n "model" : "mine" ,', 420, Estimate("mine", 162, None)),
        # Not the first key: there may be another one of that name deeper in, and a dearer one behind it.
        (b'{"messages":[{"model":"claude-haiku-4-5"}],', 42_000, Estimate("", 16_200, None)),
        (b'{"model":"claude-opus-4-1"', None, Estimate("claude-opus-4-1", 1_000_000, None)),
        ("神経".encode() * 100, 600, Estimate("", 260, None)),
        ("神経".encode() * 100, 6_000, Estimate("", 2_600, None)),
        (b"", 0, Estimate("", 0, None)),
        (b"", 420, Estimate("", 162, None)),
        (b"x" * 100, 10**12, Estimate("", 1_000_000, None)),
    ],
)
def test_estimate_by_a_beginning(beginning: bytes, length: int | None, expected: Estimate) -> None:
    guess = estimate(beginning, length)
    assert replace(guess, prompt_tokens=expected.prompt_tokens) == expected
    assert expected.prompt_tokens <= guess.prompt_tokens <= expected.prompt_tokens + 1


_PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 105_000}}
_DOCUMENT = {"type": "document", "source": {"type": "base64", "data": "A" * 120_000}}


@pytest.mark.parametrize(
    ("whole", "model", "tokens", "most"),
    [
        (body(messages=[], model="m", max_tokens=7), "m", 17, 7),
        (body(messages=[{"content": [_PICTURE, _PICTURE]}]), "", 9_568, None),
        (body(messages=[{"content": [{"type": "tool_result", "content": [_PICTURE]}]}]), "", 4_784, None),
        (body(messages=[{"content": [_DOCUMENT]}]), "", 10_000, None),
        (body(messages=[{"content": [{"type": "tool_use", "input": _PICTURE}]}]), "", 40_500, None),
        (body(metadata=_PICTURE), "", 40_500, None),
        (body(model=3, max_tokens=True), "", 8, None),
        (b'{"model":"cheap","model":"dear"}', "dear", 12, None),
        (b"[" * 105_000, "", 40_500, None),
        (b'{"model":', "", 3, None),
        (b"\xff\xfe", "", 0, None),
    ],
)
def test_estimate_by_all_of_a_body(whole: bytes, model: str, tokens: int, most: int | None) -> None:
    guess = estimate_whole(whole)
    assert (guess.model, guess.most_answer_tokens) == (model, most)
    assert tokens <= guess.prompt_tokens <= tokens + 100


@pytest.mark.parametrize("content", ["plain text " * 900, "発火する神経細胞" * 900, [_PICTURE], [_DOCUMENT]])
def test_request_is_reserved_for_as_what_it_is_booked_where_its_answer_says_nothing(content: object) -> None:
    whole, asked = body(messages=[{"role": "user", "content": content}]), Asked()
    for start in range(0, len(whole), 40_000):
        asked.feed(whole[start : start + 40_000])
    assert asked.tokens == pytest.approx(estimate_whole(whole).prompt_tokens, rel=0.01)
