"""The gateway's pure parts, by tables of cases."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.budgets import used_up
from neuroworkflow_agent.gateway.headers import coming_down, going_up, query_going_up
from neuroworkflow_agent.gateway.key_filter import KeyFilter
from neuroworkflow_agent.gateway.price_list import Price
from neuroworkflow_agent.gateway.prices import Prices
from neuroworkflow_agent.gateway.readers import BodyUsage, StreamUsage
from neuroworkflow_agent.gateway.routes import Routes
from neuroworkflow_agent.gateway.settings import GatewaySettings, load_settings
from neuroworkflow_agent.gateway.totals import Decided, Standing, Used
from neuroworkflow_agent.gateway.usage import Usage
from neuroworkflow_agent.wire import sse

SECRET = "sk-ant-abcab-0001"


# -- routes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix", ["", "/api/chat/anthropic", "/services/gw", "/services/gw/api/chat/anthropic"]
)
def test_what_is_served_upstream(prefix: str) -> None:
    routes = Routes("/services/gw/")
    assert routes.find("POST", f"{prefix}/v1/messages".encode()).upstream_path == "/v1/messages"
    assert routes.find("POST", f"{prefix}/v1/messages/count_tokens".encode()).purpose == "count_tokens"
    assert routes.find("GET", f"{prefix}/v1/models".encode()).purpose == "models"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "*", "/v1", "/v1/", "/v1/messages/", "//v1/messages", "/v1//messages", "/v1/./messages",
        "/v1/../v1/messages", "/v1/messages/..", "/v1/messages/../../x", "/v1%2fmessages", "/v1/%6dessages", "/v1/messages%00",
        "/v1/messages;x", "/v1/messages#x", "/V1/messages", "/v1/Messages", "\\v1\\messages", "/v1/models/claude-sonnet-4-5",
        "/v1/files", "/v1/messages/batches", "/v1/complete", "/v1/organizations/x", "/api/chat/anthropic", "/api/chat/anthropic/",
        "/api/chat/anthropic/../../v1/messages", "/api/chat/anthropic/api/chat/anthropic/v1/messages", "/api/chat/other/v1/messages",
        "http://127.0.0.1/v1/messages", "/services/gw/v1/messages", "/metrics/", "/healthz/x",
    ],
)  # fmt: skip
def test_no_other_path_exists(path: str) -> None:
    with pytest.raises(ApiError) as refused:
        Routes().find("POST", path.encode())
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "post", "X"]
)
def test_no_other_method_is_taken(method: str) -> None:
    with pytest.raises(ApiError) as refused:
        Routes().find(method, b"/v1/messages")
    assert (refused.value.status, refused.value.headers) == (405, {"allow": "POST"})
    assert json.loads(bytes(refused.value.response().body))["error"]["type"] == "invalid_request_error"


# -- headers ------------------------------------------------------------------------------------------


def test_credentials_and_unknown_headers_stay_behind() -> None:
    shown = [
        (b"x-api-key", b"the callers"), (b"authorization", b"Bearer the callers"), (b"cookie", b"session=1"), (b"host", b"evil"),
        (b"x-forwarded-for", b"1.2.3.4"), (b"connection", b"keep-alive, x-api-key"), (b"transfer-encoding", b"chunked"),
        (b"proxy-authorization", b"x"), (b"x-anthropic-billing", b"x"), (b"accept-encoding", b"gzip"), (b"expect", b"100-continue"),
        (b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b"a"), (b"content-type", b"application/json"), (b"x-stainless-os", b"Linux"),
    ]  # fmt: skip
    assert going_up(shown, "KEY") == [
        (b"anthropic-version", b"2023-06-01"),
        (b"anthropic-beta", b"a"),
        (b"content-type", b"application/json"),
        (b"x-stainless-os", b"Linux"),
        (b"x-api-key", b"KEY"),
        (b"accept-encoding", b"identity"),
    ]


def test_only_known_headers_come_down() -> None:
    shown = [
        (b"Content-Type", b"application/json"), (b"Retry-After", b"7"), (b"Anthropic-RateLimit-Requests-Reset", b"x"), (b"set-cookie", b"a=b"),
        (b"anthropic-organization-id", b"org"), (b"x-api-key", b"KEY"), (b"server", b"x"), (b"location", b"http://elsewhere"),
    ]  # fmt: skip
    assert [name for name, _ in coming_down(shown)] == [
        b"content-type", b"retry-after", b"anthropic-ratelimit-requests-reset",
    ]  # fmt: skip


def test_only_known_parameters_go_up() -> None:
    assert query_going_up(b"beta=true&key=x&limit=5&beta=%26x%3D1") == "beta=true&limit=5&beta=%26x%3D1"


# -- leaks --------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.sampled_from([SECRET, "sk-ant", "sk-ant-abcab", "abcab-0001", "s", "x" * 20, "sk-ant-abcab-000"])
    ),
    st.data(),
)
def test_key_never_passes_however_it_is_cut(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    key = KeyFilter(SECRET)
    passed = b"".join([*(key.feed(piece) for piece in pieces), key.end()])
    assert passed == text.replace(SECRET.encode(), b"*" * len(SECRET))


def test_other_bytes_pass_at_once() -> None:
    assert KeyFilter(SECRET).feed(b"data: {}\n\n") == b"data: {}\n\n"


# -- usage --------------------------------------------------------------------------------------------

START = {"model": "claude-sonnet-4-5", "usage": {"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30}}  # fmt: skip
STREAM = (
    sse("message_start", message=START)
    + sse("ping")
    + sse("content_block_delta", delta={"type": "text_delta", "text": 'a "usage" b'})
    + sse("message_delta", delta={}, usage={"output_tokens": 42})
    + sse("message_stop")
).encode()


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_usage_of_a_stream_in_pieces_of_any_size(cuts: list[int]) -> None:
    reader, at = StreamUsage(), [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(at):
        reader.feed(STREAM[start:end])
    assert (reader.usage(), reader.is_final) == (Usage("claude-sonnet-4-5", 7, 42, 100, 30), True)


@given(st.text(), st.booleans(), st.booleans(), st.sampled_from(["text_delta", "input_json_delta"]))
def test_event_that_comes_whole_counts_as_one_in_pieces(
    text: str, is_compact: bool, is_escaped: bool, kind: str
) -> None:
    event = {"type": "content_block_delta", "index": 3, "delta": {"type": kind, "text": text}}
    data = json.dumps(event, separators=(",", ":") if is_compact else None, ensure_ascii=is_escaped)
    said = f"event: content_block_delta\ndata: {data}\n\n".encode()
    whole, bytewise = StreamUsage(), StreamUsage()
    whole.feed(said)
    for n in range(len(said)):
        bytewise.feed(said[n : n + 1])
    assert whole.usage() == bytewise.usage()


def test_last_word_on_usage_counts() -> None:
    reader = StreamUsage()
    for tokens, reason in ((5, None), (9, "end_turn")):
        reader.feed(
            sse("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": tokens}).encode()
        )
        assert reader.is_final is (reason is not None)
    assert reader.usage() == Usage(output_tokens=9)


def test_stream_that_breaks_off_counts_what_came() -> None:
    reader = StreamUsage()
    reader.feed((sse("message_start", message=START) + sse("content_block_delta", delta={"type": "text_delta", "text": "x" * 400})).encode())  # fmt: skip
    used = reader.usage()
    assert used is not None
    assert (used.output_tokens, used.unclear, reader.is_final) == (155, ("output",), False)


@pytest.mark.parametrize(
    "line",
    [
        b"data: {", b"data: []", b"data: null", b"data: " + b"[" * 5000, b'data: {"type": "message_delta", "usage": {"output_tokens": -3}}',
        b'data: {"type": "message_delta", "usage": {"output_tokens": "many"}}', b'data: {"type": "message_start", "message": 3}', b"\xff\xfe",
        b'data: {"type": "message_delta", "usage": {"output_tokens": 1e400}}',
    ],
)  # fmt: skip
def test_strange_lines_use_nothing(line: bytes) -> None:
    reader = StreamUsage()
    reader.feed(line + b"\n")
    used = reader.usage()
    assert used is not None
    assert used.tokens == 0


def test_endless_line_is_not_kept() -> None:
    reader = StreamUsage()
    for _ in range(64):
        reader.feed(b"x" * 100_000)
    assert len(reader._line) <= 2**20


def test_usage_of_a_body() -> None:
    reader = BodyUsage()
    for piece in (json.dumps({**START, "content": []}).encode(), b""):
        reader.feed(piece)
    assert reader.usage() == Usage("claude-sonnet-4-5", 7, 1, 100, 30)


# -- prices and budgets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "given_prices", "usd"),
    [
        ("claude-sonnet-4-5-20250929", {}, 3 + 0.3 + 3.75 + 15),
        ("mine", {"mine": Price(input=1, output=2)}, 1 + 0.1 + 1.25 + 2),
        ("claude-sonnet-4-5", {"claude-sonnet-4-5": Price(input=0, output=0)}, 0),
        ("unheard-of", {}, 15 + 1.5 + 18.75 + 75),
        ("unheard-of", {"*": Price(input=0, output=0)}, 0),
    ],
)
def test_cost(model: str, given_prices: dict[str, Price], usd: float) -> None:
    used = Usage(model, 10_000, 10_000, 10_000, 10_000)
    assert Prices(given_prices).cost_usd(used) == pytest.approx(usd / 100)


def test_long_prompts_have_their_own_price() -> None:
    assert Prices({}).cost_usd(Usage("claude-sonnet-4-5", 1_000_000)) == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("limits", "account", "hub", "said"),
    [
        ({}, Used(10**9, 10**6), Used(), None),
        ({"user_tokens_per_day": 100}, Used(99), Used(99), None),
        (
            {"user_tokens_per_day": 100},
            Used(100),
            Used(100),
            "Your budget for today is used up: 100 of 100 tokens.",
        ),
        (
            {"user_usd_per_day": 1.5},
            Used(1, 1.5),
            Used(),
            "Your budget for today is used up: $1.50 of $1.50.",
        ),
        ({"user_usd_per_day": 0}, Used(), Used(), "Your budget for today is used up: $0.00 of $0.00."),
        (
            {"hub_tokens_per_day": 1000},
            Used(1),
            Used(1001),
            "This hub's budget for today is used up: 1,001 of 1,000 tokens.",
        ),
        ({"hub_usd_per_day": 5}, Used(), Used(3, 4.99), None),
    ],
)
def test_budget(limits: dict[str, Any], account: Used, hub: Used, said: str | None) -> None:
    at = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
    refusal = used_up(GatewaySettings(**limits), Decided(False, Standing(account), Standing(hub), Used(), at))
    if said is None:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.message == f"{said} It resets at 2026-11-22 00:00 UTC, in 2 h 30 min."
    assert (refusal.status, refusal.headers["retry-after"]) == (429, "9000")
    assert json.loads(bytes(refusal.response().body))["error"]["type"] == "rate_limit_error"


# -- the end on Kubernetes --------------------------------------------------------------------------------


def test_manifest_leaves_time_for_the_end_and_asks_the_right_pages() -> None:
    documents = yaml.safe_load_all((Path(__file__).parents[2] / "deploy" / "gateway.yaml").read_text())
    pod = next(each for each in documents if each["kind"] == "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = {each["name"]: each.get("value") for each in container["env"]}
    wait_s, drain_s, grace_s = (
        float(each)
        for each in (
            container["lifecycle"]["preStop"]["exec"]["command"][1],
            given["NEUROWORKFLOW_GATEWAY_DRAIN_S"],
            given["NEUROWORKFLOW_GATEWAY_GRACE_S"],
        )
    )
    assert wait_s + drain_s + grace_s + 15 <= pod["terminationGracePeriodSeconds"]
    for probe, purpose in (("readinessProbe", "readiness"), ("livenessProbe", "health")):
        path = container[probe]["httpGet"]["path"]
        assert Routes().find("GET", path.encode()).purpose == purpose
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts["journals"] == given["NEUROWORKFLOW_GATEWAY_JOURNAL_DIR"]


# -- settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_taken(kind: str) -> None:
    assert load_settings(database_url=f"{kind}://u:p@h/n").database() == "postgresql+psycopg://u:p@h/n"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-ant-from-a-file\n")
    for name, value in {
        "NEUROWORKFLOW_SERVICE_TOKEN": "token-number-one-1, token-number-two-2",
        "NEUROWORKFLOW_GATEWAY_API_KEY_FILE": str(key),
        "NEUROWORKFLOW_GATEWAY_USER_USD_PER_DAY": "2.5",
        "NEUROWORKFLOW_GATEWAY_PRICES": '{"*": {"input": 1, "output": 2}}',
        "NEUROWORKFLOW_GATEWAY_HUB_TOKENS_PER_DAY": "",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
        "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:9999",
        "JUPYTERHUB_SERVICE_NAME": "gw",
    }.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert [token.get_secret_value() for token in settings.service_tokens] == [
        "token-number-one-1",
        "token-number-two-2",
    ]
    assert (settings.key(), settings.port, settings.hub_service) == ("sk-ant-from-a-file", 9999, "gw")
    assert (settings.user_usd_per_day, settings.hub_tokens_per_day) == (2.5, None)
    assert "token-number" not in repr(settings)
    assert load_settings(port=1).port == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "NEUROWORKFLOW_SERVICE_TOKEN",
            "hunter2",
            "NEUROWORKFLOW_SERVICE_TOKEN: a service token has at least 16 characters",
        ),
        ("NEUROWORKFLOW_GATEWAY_UPSTREAM_URL", "hunter2", "NEUROWORKFLOW_GATEWAY_UPSTREAM_URL: give a URL"),
        ("NEUROWORKFLOW_GATEWAY_PORT", "hunter2", "NEUROWORKFLOW_GATEWAY_PORT: "),
        (
            "NEUROWORKFLOW_GATEWAY_DATABASE_URL",
            "mysql://hunter2",
            "NEUROWORKFLOW_GATEWAY_DATABASE_URL: give sqlite:///FILE",
        ),
        ("NEUROWORKFLOW_GATEWAY_JWT_ISSUER", "https://hunter2", "needs NEUROWORKFLOW_GATEWAY_JWT_AUDIENCE"),
        ("NEUROWORKFLOW_GATEWAY_PRICES", '{"m": {"input": 1}}', "NEUROWORKFLOW_GATEWAY_PRICES.M.OUTPUT"),
    ],
)
def test_setting_that_cannot_work_is_named_but_not_repeated(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        load_settings()
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("key", [None, "", "two\nlines", "sk-ä"])
def test_gateway_without_a_usable_key_does_not_start(key: str | None) -> None:
    with pytest.raises(ConfigError, match="needs the key"):
        load_settings(api_key=key).key()
