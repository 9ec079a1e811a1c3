"""Time to the first text of a turn: ours, a process per turn on the same SDK, and a bare HTTP client."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from time import perf_counter
from typing import Any

import httpx
from claude_agent_sdk import ClaudeAgentOptions, StreamEvent, query

from benchmarks.rows import Row, median_ms
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import TextDelta
from neuroworkflow_agent.testing import Reply, ScriptedModel

_ROUNDS = 15


def rows() -> list[Row]:
    """First deltas; the three are measured alternately against one server."""
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        os.environ.update(model.environ, CLAUDE_CONFIG_DIR=home)
        portal = Portal()
        asyncio.run(_process_per_turn(model))  # the file system's caches are warm for everyone
        cold = [_with_session(model, home, portal, prewarm=False) for _ in range(3)]
        prewarmed = [_with_session(model, home, portal, prewarm=True) for _ in range(3)]
        session = Session(AgentConfig.from_env(workspace=home), portal=portal)
        _first_delta(model, session)
        warm, per_turn, bare = [], [], []
        for _ in range(_ROUNDS):
            warm.append(_first_delta(model, session))
            per_turn.append(asyncio.run(_process_per_turn(model)))
            bare.append(_bare(model))
        session.close()
        portal.stop()
    above, ratio = median_ms(warm) - median_ms(bare), median_ms(per_turn) / median_ms(warm)
    return [
        Row("first text, bare HTTP client", f"{median_ms(bare):.1f} ms"),
        Row("first text, process per turn (same SDK)", f"{median_ms(per_turn):.0f} ms"),
        Row("first text, ours, cold", f"{median_ms(cold):.0f} ms"),
        Row("first text, ours, prewarmed", f"{median_ms(prewarmed):.0f} ms"),
        Row("first text, ours, warm", f"{median_ms(warm):.1f} ms"),
        Row("  above the bare client", f"{above:.1f} ms", "<= 30 ms", above <= 30),
        Row("  faster than process per turn", f"{ratio:.1f}x", ">= 10x", ratio >= 10),
    ]


def _first_delta(model: ScriptedModel, session: Session) -> float:
    model.extend(Reply.text("hello"))
    started = perf_counter()
    turn = session.start("hi")
    next(event for event in turn if isinstance(event, TextDelta))
    taken = perf_counter() - started
    turn.result(30)
    return taken


def _with_session(model: ScriptedModel, home: str, portal: Portal, *, prewarm: bool) -> float:
    with Session(AgentConfig.from_env(workspace=home), portal=portal) as session:
        if prewarm:
            session.prewarm()
            time.sleep(2)
        return _first_delta(model, session)


async def _process_per_turn(model: ScriptedModel) -> float:
    model.extend(Reply.text("hello"))
    options = ClaudeAgentOptions(
        tools=["Read", "Write", "Edit"],
        system_prompt="You help.",
        setting_sources=[],
        include_partial_messages=True,
        env={"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
    )
    started, taken = perf_counter(), 0.0
    async for message in query(prompt="hi", options=options):
        if not taken and isinstance(message, StreamEvent) and message.event["type"] == "content_block_delta":
            taken = perf_counter() - started
    return taken


def _bare(model: ScriptedModel) -> float:
    model.extend(Reply.text("hello"))
    body: dict[str, Any] = {
        "model": "m",
        "max_tokens": 10,
        "stream": True,
        "messages": [{"role": "user", "content": "hi"}],
    }
    headers = {"x-api-key": model.api_key}
    with httpx.Client(headers=headers) as client:
        client.get(f"{model.base_url}/v1/models")  # a connection that stands, as the others have
        started = perf_counter()
        with client.stream("POST", f"{model.base_url}/v1/messages", json=body) as response:
            next(line for line in response.iter_lines() if _is_delta(line))
            return perf_counter() - started


def _is_delta(line: str) -> bool:
    return line.startswith("data:") and "delta" in json.loads(line[5:])
