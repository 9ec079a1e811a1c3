"""Generated requests, ten thousand of them in the thorough tier: whatever comes, the gateway answers in its own words."""

from __future__ import annotations

import json
import socket
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests import tiers
from tests.gateway.conftest import REAL_KEY, SERVICE_TOKEN, Served, ServeGateway

_COUNT = tiers.count(10_000)

_METHODS = st.sampled_from(
    ["POST"] * 8 + ["GET", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW"]
)
_SEGMENTS = st.sampled_from(
    ["v1", "messages", "count_tokens", "models", "api", "chat", "anthropic", "mcp-tools", "mcp-call", "..", ".", "", "%2e%2e", "%2f", "a b", "é", "\x00"]
)  # fmt: skip
_KNOWN = ["/v1/messages", "/api/chat/anthropic/v1/messages"] * 4 + [
    "/v1/messages/count_tokens", "/v1/models", "/api/chat/mcp-tools/", "/api/chat/mcp-call/", "/healthz", "/metrics",
]  # fmt: skip
_WILD_PATHS = st.one_of(
    st.lists(_SEGMENTS, max_size=6).map(lambda parts: "/" + "/".join(parts)), st.text(max_size=30)
)
_PATHS = st.integers(0, 3).flatmap(lambda n: st.sampled_from(_KNOWN) if n else _WILD_PATHS)
_QUERIES = st.integers(0, 2).flatmap(lambda n: st.sampled_from(["", "?beta=true"]) if n else st.text(max_size=40).map(lambda text: f"?{text}"))  # fmt: skip
_NAMES = st.sampled_from(
    ["x-api-key", "authorization", "content-type", "anthropic-version", "cookie", "transfer-encoding", "content-length", "expect", "connection", "upgrade", "host", "x-stainless-os", "accept-encoding", "te", "trailer"]
)  # fmt: skip
_VALUES = st.one_of(
    st.sampled_from([SERVICE_TOKEN, f"Bearer {SERVICE_TOKEN}", "Bearer x.y.z", "chunked", "100-continue", "close", "websocket", "gzip", "0", "5", "-1", "application/json"]),
    st.text(max_size=60),
)  # fmt: skip
_HEADERS = st.integers(0, 2).flatmap(
    lambda n: st.just([]) if n else st.lists(st.tuples(_NAMES, _VALUES), max_size=5)
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
_MODELS = st.integers(0, 3).flatmap(lambda n: st.just("claude-sonnet-4-5") if n else _JSON)
_CALLS = st.fixed_dictionaries({}, optional={"model": _MODELS, "messages": _JSON, "stream": st.booleans(), "max_tokens": _JSON, "tool_name": _JSON, "arguments": _JSON})  # fmt: skip
_OTHER_BODIES = st.one_of(st.binary(max_size=200), _JSON.map(lambda v: json.dumps(v).encode()))
_BODIES = st.integers(0, 3).flatmap(lambda n: _CALLS.map(lambda v: json.dumps(v).encode()) if n else _OTHER_BODIES)  # fmt: skip


@pytest.mark.timeout(400)
def test_no_generated_request_makes_the_gateway_fail(
    serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    gateway = serve_gateway(user_concurrency=1000, idle_timeout_s=0.1, header_timeout_s=0.1)
    statuses: Counter[int] = Counter()
    upstream.extend(*[Reply.text("ok")] * _COUNT)

    # Two hundred by chance may hold not one request that is as it should be.
    @example("POST", "/v1/messages", "", [], b'{"model": "claude-sonnet-4-5", "messages": []}', 1, 1)
    @seed(tiers.SEED)
    @settings(max_examples=_COUNT, database=None, suppress_health_check=list(HealthCheck))
    @given(_METHODS, _PATHS, _QUERIES, _HEADERS, _BODIES, st.integers(0, 3), st.integers(0, 3))
    def ask(
        method: str, path: str, query: str, headers: Any, body: bytes, knows: int, is_framed: int
    ) -> None:
        lines = [f"{method} {path}{query} HTTP/1.1", "host: gateway", "connection: close"]
        lines += [f"x-api-key: {SERVICE_TOKEN}"] if knows else []
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"content-length: {len(body)}"] if is_framed else []
        request = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
        statuses.update(_statuses(gateway, request))

    ask()
    # 504 is the gateway's word for a model that took more than the 0.1 s it has here, as it may on a busy machine.
    failed = {status: count for status, count in statuses.items() if status >= 500 and status != 504}
    assert not failed, statuses
    timeouts = sum('"reason": "upstream_timeout"' in line for line in gateway.log)
    assert timeouts >= statuses[504]
    assert {200, 400, 401, 404, 405} <= set(statuses), statuses
    assert sum(statuses.values()) >= _COUNT
    assert len(upstream.requests) > (100 if tiers.THOROUGH else 0)
    assert not [line for line in gateway.log if '"failed"' in line]
    assert REAL_KEY not in "\n".join(gateway.log)
    assert gateway.client.get("/healthz").status_code == 200


def _statuses(gateway: Served, request: bytes) -> list[int]:
    """What the gateway answers, all of it: one request's bytes may hold another."""
    seen = b""
    # On a busy machine 0.1 s may pass before anything comes, which ends a connection without a word.
    for _ in range(5):
        connection = socket.create_connection(("127.0.0.1", gateway.port), 5)
        with connection, suppress(ConnectionError):
            connection.sendall(request)
            while piece := connection.recv(65_536):
                seen += piece
        if seen:
            break
    assert REAL_KEY.encode() not in seen
    return [
        int(part[:3]) for part in seen.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit() and part[:3] != b"100"
    ]
