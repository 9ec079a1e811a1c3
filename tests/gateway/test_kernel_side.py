"""Sessions through the gateway: the real CLI, a real gateway, a scripted model behind it."""

from __future__ import annotations

from typing import Any

import pytest

from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.models.probe import probe
from neuroworkflow_agent.testing import Failure, Reply, ScriptedModel
from tests.conftest import SessionMaker
from tests.gateway.conftest import REAL_KEY, SERVICE_TOKEN, Served, ServeGateway


@pytest.fixture
def on_the_hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lead this process's sessions to a gateway."""

    def lead(gateway: Served, token: str = SERVICE_TOKEN) -> None:
        monkeypatch.setenv("NEUROWORKFLOW_BACKEND_URL", gateway.url)
        monkeypatch.setenv("NEUROWORKFLOW_SERVICE_TOKEN", token)

    return lead


def test_turn_through_the_gateway(
    gateway: Served, upstream: ScriptedModel, on_the_hub: Any, make_session: SessionMaker
) -> None:
    on_the_hub(gateway)
    upstream.extend(Reply.text("Hello from behind."))
    turn = make_session().run("hi")
    assert (turn.text, turn.result().end) == ("Hello from behind.", "complete")
    (request,) = upstream.requests
    assert request.headers["x-api-key"] == REAL_KEY
    assert SERVICE_TOKEN not in str(request.headers)
    assert turn.result().cost_usd is not None


def test_used_up_budget_is_said_at_once(
    serve_gateway: ServeGateway, upstream: ScriptedModel, on_the_hub: Any, make_session: SessionMaker
) -> None:
    on_the_hub(serve_gateway(user_tokens_per_day=1))
    upstream.extend(Reply.text("One."))
    session = make_session()
    assert session.run("hi").text == "One."
    turn = session.run("more")
    assert "budget for today is used up" in turn.result().message
    assert turn.result().end == "limit"


def test_token_that_is_refused_is_said(gateway: Served, on_the_hub: Any, make_session: SessionMaker) -> None:
    on_the_hub(gateway, "not-the-token-at-all")
    turn = make_session().run("hi")
    assert "The gateway refused this kernel's token (HTTP 401)" in turn.result().message


def test_fresh_token_is_picked_up(
    serve_gateway: ServeGateway, upstream: ScriptedModel, on_the_hub: Any, make_session: SessionMaker
) -> None:
    gateway = serve_gateway(service_tokens="an-old-token-000001, a-new-token-0000001")
    on_the_hub(gateway, "an-expired-token-0001")
    session = make_session()
    assert session.run("hi").result().end != "complete"
    on_the_hub(gateway, "a-new-token-0000001")
    upstream.extend(Reply.text("Welcome back."))
    assert session.run("again").text == "Welcome back."
    assert "a-new-token-0000001" in session.config.secrets


def test_upstream_overload_arrives_as_it_is(
    gateway: Served, upstream: ScriptedModel, on_the_hub: Any, make_session: SessionMaker
) -> None:
    on_the_hub(gateway)
    upstream.extend(Failure(529, "Overloaded", retry_after_s=0.1), Reply.text("Now."))
    assert make_session().run("hi").text == "Now."


def test_probe_of_a_gateway(gateway: Served, on_the_hub: Any, make_session: SessionMaker) -> None:
    on_the_hub(gateway)
    config = make_session(model="claude-sonnet-4-5").config
    assert not probe(choose_endpoint(config)).refusal
    on_the_hub(gateway, "not-the-token-at-all")
    assert "This token is not known here" in probe(choose_endpoint(make_session().config)).refusal
