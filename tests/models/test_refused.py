"""Only a refused connection is called one."""

from __future__ import annotations

import socket

import pytest

from neuroworkflow_agent.models.refused import refused_address


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_port_where_nothing_listens_is_named(closed_port: int) -> None:
    assert refused_address(f"http://127.0.0.1:{closed_port}/v1") == f"127.0.0.1:{closed_port}"


def test_server_that_takes_connections_is_there(closed_port: int) -> None:
    with socket.create_server(("127.0.0.1", closed_port)):
        assert refused_address(f"http://127.0.0.1:{closed_port}") == ""


@pytest.mark.parametrize(
    "url", ["", "bedrock", "http://", "ftp://127.0.0.1", "http://no-such-host.invalid:1"]
)
def test_what_cannot_be_known_is_not_said(url: str) -> None:
    assert refused_address(url) == ""


def test_behind_a_proxy_nothing_is_said(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert refused_address(f"http://127.0.0.1:{closed_port}") == ""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert refused_address(f"http://127.0.0.1:{closed_port}") != ""
