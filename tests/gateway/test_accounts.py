"""What answers cost, by every field of the usage object, and what is written down of answers that say nothing."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.gateway.asked import Asked
from neuroworkflow_agent.gateway.price_list import Price, PriceList
from neuroworkflow_agent.gateway.prices import Cost, Prices
from neuroworkflow_agent.gateway.readers import BodyUsage, StreamUsage
from neuroworkflow_agent.gateway.usage import Usage, usage_of
from neuroworkflow_agent.wire import sse

MANY = 100_000
PRICES = Prices({})


def cost_of(model: str, asked: Asked | None = None, **used: Any) -> Cost:
    """Of a message of `model` that says it used this."""
    cost = PRICES.cost(usage_of({"model": model, "usage": used}, asked))
    return Cost(round(cost.usd, 9), cost.unclear)


def asked_for(**body: Any) -> Asked:
    """A request, as it is seen flowing by."""
    asked = Asked()
    asked.feed(json.dumps(body, ensure_ascii=False).encode())
    return asked


def an_hour(hours: int, minutes: int = 0) -> dict[str, Any]:
    """Writing to the cache, of both kinds."""
    ttls = {"ephemeral_1h_input_tokens": hours, "ephemeral_5m_input_tokens": minutes}
    return {"cache_creation_input_tokens": hours + minutes, "cache_creation": ttls}


def also(kind: str, model: str | None = None, **used: int) -> dict[str, Any]:
    """One of the usage object's iterations."""
    return {
        "type": kind,
        "input_tokens": 0,
        "output_tokens": 0,
        **({"model": model} if model else {}),
        **used,
    }


@pytest.mark.parametrize(
    ("model", "used", "usd"),
    [
        ("claude-sonnet-4-5", an_hour(MANY), 0.60),
        ("claude-sonnet-4-5", an_hour(0, MANY), 0.375),
        ("claude-sonnet-4-5", an_hour(MANY // 2, MANY // 2), 0.4875),
        ("claude-sonnet-4-5", {"cache_creation_input_tokens": MANY}, 0.375),
        ("claude-opus-5", {"input_tokens": MANY, "speed": "fast"}, 1.00),
        ("claude-opus-4-6", {"output_tokens": MANY, "speed": "fast"}, 15.00),
        ("claude-opus-4-6-fast", {"output_tokens": MANY}, 15.00),
        ("claude-opus-5-5", {"cache_read_input_tokens": MANY, "speed": "fast"}, 0.04),
        ("claude-opus-5", {"input_tokens": MANY, "speed": "standard"}, 0.50),
        ("claude-opus-5", {"input_tokens": MANY, "inference_geo": "us"}, 0.55),
        ("claude-opus-5", {"input_tokens": MANY, "inference_geo": "us", "speed": "fast"}, 1.10),
        ("claude-opus-5", {"input_tokens": MANY, "inference_geo": "global", "service_tier": "priority"}, 0.50),
        ("claude-opus-5", {"input_tokens": MANY, "service_tier": "batch"}, 0.25),
        ("claude-opus-5", {"server_tool_use": {"web_search_requests": 7, "web_fetch_requests": 9}}, 0.07),
        # A compaction stands in no other count.
        ("claude-opus-5", {"output_tokens": 1000, "iterations": [also("compaction", input_tokens=180_000, output_tokens=3_500), also("message", output_tokens=1000)]}, 0.025 + 0.9 + 0.0875),
        ("claude-opus-5", {"speed": "fast", "iterations": [also("compaction", input_tokens=180_000)]}, 1.8),
        ("claude-sonnet-5-5", {"iterations": [also("advisor_message", "claude-opus-5", input_tokens=1000, output_tokens=1000)]}, 0.03),
        # What a model wrote before it declined is charged, and nothing if it wrote nothing.
        ("claude-opus-4-8", {"output_tokens": 100, "iterations": [also("message", "claude-fable-5", input_tokens=5000), also("fallback_message", "claude-opus-4-8", output_tokens=100)]}, 0.0025),
        ("claude-opus-4-8", {"output_tokens": 100, "iterations": [also("message", "claude-fable-5", input_tokens=5000, output_tokens=10), also("fallback_message", "claude-opus-4-8", output_tokens=100)]}, 0.0025 + 0.0505),
        # Part of the output, said again.
        ("claude-opus-5", {"output_tokens": 1000, "output_tokens_details": {"thinking_tokens": 900}}, 0.025),
        ("claude-haiku-5-5", {"input_tokens": 60_000, "cache_read_input_tokens": 50_000, "output_tokens": 1000}, 0.03 + 0.0025 + 0.0025),
        ("anthropic/claude-opus-5", {"input_tokens": MANY}, 0.50),
        ("us.anthropic.claude-opus-4-6-v1:0", {"input_tokens": MANY}, 0.50),
        ("claude-sonnet-4-5@20250929", {"input_tokens": MANY}, 0.30),
        ("claude-mythos-5-1-20260901", {"input_tokens": MANY}, 1.00),
        ("Claude-Fable-5-2-latest", {"input_tokens": MANY}, 0.80),
    ],
)  # fmt: skip
def test_whole_usage_object_is_priced(model: str, used: dict[str, Any], usd: float) -> None:
    cost = cost_of(model, **used)
    assert cost.usd == pytest.approx(usd)
    assert cost.unclear == ()


@pytest.mark.parametrize(
    ("model", "used", "usd", "unclear"),
    [
        ("gpt-7", {"output_tokens": MANY}, 7.5, "model"),
        ("", {"input_tokens": MANY}, 1.5, "model"),
        ("claude-sonnet-5", {"output_tokens": MANY, "speed": "fast"}, 6.0, "speed"),
        ("claude-opus-5", {"output_tokens": MANY, "speed": "warp"}, 5.0, "speed"),
        ("claude-opus-5", {"input_tokens": MANY, "inference_geo": "mars"}, 0.55, "geo"),
        ("claude-opus-5", {"input_tokens": MANY, "service_tier": "gold"}, 0.5, "tier"),
        ("claude-opus-5", {"server_tool_use": {"mind_readings": 3}}, 0.03, "mind_readings"),
        ("claude-opus-5", {"dream_tokens": MANY}, 2.5, "dream_tokens"),
        (
            "claude-opus-5",
            {"cache_creation_input_tokens": MANY, "cache_creation": {"ephemeral_9d_input_tokens": MANY}},
            1.0,
            "ephemeral_9d_input_tokens",
        ),
        ("claude-opus-5", {"iterations": [also("nap", output_tokens=MANY)]}, 2.5, "iterations"),
    ],
)
def test_what_is_unknown_is_priced_dearest_and_said(
    model: str, used: dict[str, Any], usd: float, unclear: str
) -> None:
    cost = cost_of(model, **used)
    assert cost.usd == pytest.approx(usd)
    assert cost.unclear == (unclear,)


def test_tokens_that_stand_apart_count_as_tokens() -> None:
    used = usage_of(
        {"model": "m", "usage": {"output_tokens": 1, "odd_tokens": 20, "iterations": [also("compaction", input_tokens=300)]}}
    )  # fmt: skip
    assert used.tokens == used.whole().tokens == 321
    assert (used.whole().input_tokens, used.whole().output_tokens, used.whole().beside) == (300, 21, ())


@pytest.mark.parametrize(
    "used",
    [
        {"iterations": 3}, {"iterations": [3, None, {"type": []}]}, {"iterations": [{"iterations": [{}]}] * 2000},
        {"cache_creation": []}, {"cache_creation": {"ephemeral_1h_input_tokens": -1}}, {"server_tool_use": {"web_search_requests": "many"}},
        {"speed": 3, "service_tier": None, "inference_geo": {}}, {"input_tokens": True}, {"x" * 1000: 2**70},
    ],
)  # fmt: skip
def test_strange_usage_is_read_with_care(used: dict[str, Any]) -> None:
    assert cost_of("claude-opus-5", **used).usd == 0


def test_stream_tells_an_hour_in_its_first_event_only() -> None:
    reader = StreamUsage()
    start = {"model": "claude-sonnet-4-5", "usage": {"input_tokens": 3, **an_hour(MANY)}}
    end = {"output_tokens": 5, "cache_creation_input_tokens": MANY, "cache_read_input_tokens": 0}
    reader.feed((sse("message_start", message=start) + sse("message_delta", delta={"stop_reason": "end_turn"}, usage=end)).encode())  # fmt: skip
    assert reader.usage() == Usage("claude-sonnet-4-5", 3, 5, 0, MANY, MANY)


def test_request_that_may_cache_for_an_hour_is_believed_to_where_nobody_says() -> None:
    hour = asked_for(system=[{"cache_control": {"type": "ephemeral", "ttl": "1h"}}])
    assert cost_of("claude-sonnet-4-5", hour, cache_creation_input_tokens=MANY) == Cost(0.6, ("cache_ttl",))
    five = asked_for(system=[{"cache_control": {"type": "ephemeral", "ttl": "5m"}}])
    assert cost_of("claude-sonnet-4-5", five, cache_creation_input_tokens=MANY) == Cost(0.375)


# -- prices of an administrator -------------------------------------------------------------------------------


def test_administrators_file_goes_before_ours(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(
        'as_of = 2027-01-01\n[models."claude-opus-5"]\ninput = 1\noutput = 2\n[fast]\n"claude-opus-5" = 3\n[requests]\nweb_search_requests = 100\n'
    )
    prices = Prices({}, PriceList.load(own))
    assert prices.cost_usd(Usage("claude-opus-5", 10**6, speed="fast")) == pytest.approx(3)
    assert prices.cost_usd(Usage("claude-opus-4-8", 10**6, speed="fast")) == pytest.approx(10)
    assert prices.cost_usd(Usage("claude-opus-5", requests=(("web_search_requests", 2),))) == pytest.approx(
        0.2
    )
    given = Prices({"claude-opus-5": Price(input=7, output=7)}, PriceList.load(own))
    assert given.cost_usd(Usage("claude-opus-5", 10**6)) == pytest.approx(7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models", "cannot be read"),
        ("[models.x]\ninput = 1", "models.x.output"),
        ("[fast]\nx = -1", "fast.x"),
        ("[speeds]\nx = 1", "speeds"),
        ('[geo]\nx = "dear"', "geo.x"),
    ],
)
def test_administrators_file_that_cannot_be_used_is_refused_at_the_start(
    tmp_path: Path, text: str, said: str
) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(text)
    with pytest.raises(ConfigError, match=said):
        PriceList.load(own)


# -- what nobody says -------------------------------------------------------------------------------------------

ENGLISH = "The neuron fires when its membrane reaches the threshold. "
JAPANESE = "膜電位が閾値に達するとニューロンは発火します。"
RUSSIAN = "Нейрон возбуждается, когда мембрана достигает порога. "


@pytest.mark.parametrize(
    ("text", "per_character"), [(ENGLISH, 0.25), (JAPANESE, 1.0), (RUSSIAN, 0.5), ("🧠⚡", 2.0)]
)
@pytest.mark.parametrize("is_escaped", [True, False])
def test_stream_that_breaks_off_is_estimated_by_its_script(
    text: str, per_character: float, is_escaped: bool
) -> None:
    """Never below what such a text has at least, and not more than about twice that."""
    reader, said = StreamUsage(), text * 50
    reader.feed(
        sse("message_start", message={"model": "claude-opus-5", "usage": {"input_tokens": 9}}).encode()
    )
    delta = {"type": "text_delta", "text": said}
    reader.feed(b"data: " + json.dumps({"type": "content_block_delta", "delta": delta}, ensure_ascii=is_escaped).encode() + b"\n")  # fmt: skip
    used = reader.usage()
    assert used is not None
    assert used.unclear == ("output",)
    assert per_character * len(said) <= used.output_tokens <= 2.1 * per_character * len(said)


def test_prompt_is_estimated_by_its_script_and_pictures_by_their_size() -> None:
    assert asked_for(messages=[JAPANESE * 100]).tokens >= len(JAPANESE) * 100
    data = base64.b64encode(random.Random(1).randbytes(400_000)).decode()
    for kind, least in (("image/png", 4_784), ("application/pdf", len(data) // 12)):
        source = {"type": "base64", "media_type": kind, "data": data}
        body = json.dumps(
            {"model": "claude-opus-5", "messages": [{"source": source}], "max_tokens": 77}
        ).encode()
        for step in (1_500, 65_536, len(body)):
            asked = Asked()
            for start in range(0, len(body), step):
                asked.feed(body[start : start + step])
            assert least <= asked.tokens <= least + 100, (kind, step)
            assert (asked.models, asked.max_tokens) == ({"claude-opus-5"}, 77)


def test_names_are_found_wherever_the_body_is_cut() -> None:
    body = json.dumps({"messages": ["x" * 300], "model": "claude-opus-5", "speed": "fast", "inference_geo": "us", "max_tokens": 4_000}).encode()  # fmt: skip
    for cut in range(len(body)):
        asked = Asked()
        asked.feed(body[:cut])
        asked.feed(body[cut:])
        found = (asked.models, asked.speed, asked.geo, asked.max_tokens)
        assert found == ({"claude-opus-5"}, "fast", "us", 4_000), cut


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"model": "claude-haiku-4-5", "messages": []}', "claude-haiku-4-5"),
        ('{"model": "claude-opus-5", "metadata": {"model": "claude-haiku-4-5"}}', "claude-opus-5"),
        ('{"model": "claude-haiku-4-5", "messages": [{"input": {"model": "iaf_psc_alpha"}}]}', "claude-haiku-4-5"),
        ('{"model": "claude-haiku-4-5", "messages": ["say \\"model\\": \\"claude-opus-5\\""]}', "claude-haiku-4-5"),
        ('{"model": "claude-haiku-4-5", "metadata": {"model": "claude-unheard-of-9"}}', "claude-unheard-of-9"),
        ('{"mod\\u0065l": "claude-opus-5", "metadata": {"model": "claude-haiku-4-5"}}', ""),
        ("{}", ""),
    ],
)  # fmt: skip
def test_model_of_a_request_cannot_be_hidden_behind_a_cheaper_one(body: str, name: str) -> None:
    asked = Asked()
    asked.feed(body.encode())
    assert PRICES.dearest(asked.models) == name


def test_thinking_that_is_not_shown_counts_by_its_time() -> None:
    now = 0.0
    reader = StreamUsage(asked_for(max_tokens=5_000), clock=lambda: now)
    start = sse("message_start", message={"model": "claude-opus-5", "usage": {"input_tokens": 9}})
    reader.feed(
        (start + sse("content_block_start", content_block={"type": "thinking", "thinking": ""})).encode()
    )
    now = 30.0
    used = reader.usage()
    assert used is not None
    assert used.output_tokens == 2_400
    now = 3_000.0
    used = reader.usage()
    assert used is not None
    assert used.output_tokens == 5_000


def test_searches_of_a_stream_that_breaks_off_count() -> None:
    reader = StreamUsage()
    reader.feed(
        sse("message_start", message={"model": "claude-opus-5", "usage": {"input_tokens": 1000}}).encode()
    )
    for kind, fields in (("server_tool_use", {"name": "web_search"}), ("web_search_tool_result", {"content": "x" * 700})):  # fmt: skip
        reader.feed(sse("content_block_start", content_block={"type": kind, **fields}).encode())
    used = reader.usage()
    assert used is not None
    assert used.requests == (("web_search_requests", 1),)
    assert used.input_tokens >= 2 * 1000 + 700 // 4  # the prompt was read again, with what was found


@pytest.mark.parametrize("is_padded", [True, False])
def test_body_that_is_too_large_is_read_at_its_end(is_padded: bool) -> None:
    usage = {"usage": {"input_tokens": 5, "output_tokens": 7}} if is_padded else {}
    body = json.dumps({"model": "claude-opus-5", "content": ["x" * 2_000_000, {"usage": {"output_tokens": 1}}], **usage}).encode()  # fmt: skip
    reader = BodyUsage(asked_for(max_tokens=900), max_bytes=2**20)
    for start in range(0, len(body), 50_000):
        reader.feed(body[start : start + 50_000])
    used = reader.usage()
    assert used is not None
    assert used.model == "claude-opus-5"
    assert used.output_tokens == (7 if is_padded else 1)


def test_answers_that_say_nothing_are_estimated() -> None:
    reader = BodyUsage(asked_for(messages=[ENGLISH * 10]), clock=lambda: 0.0)
    reader.feed(json.dumps({"model": "claude-opus-5", "content": [{"text": ENGLISH * 10}]}).encode())
    used = reader.usage()
    assert used is not None
    assert (used.model, used.unclear) == ("claude-opus-5", ("output", "prompt"))
    assert used.input_tokens > len(ENGLISH) * 10 / 4 < used.output_tokens
    for failed in (BodyUsage(), StreamUsage()):
        failed.feed(
            (json.dumps({"type": "error"}) if isinstance(failed, BodyUsage) else sse("error")).encode()
        )
        assert failed.usage() is None
