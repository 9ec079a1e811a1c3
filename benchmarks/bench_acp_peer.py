"""The first text over the Agent Client Protocol beside jupyter-ai's Claude persona.

That persona runs `claude-agent-acp`, a program of Node.js, which CLAUDE_AGENT_ACP names; its own Claude Code is another version
than ours, so it is measured with ours, too. All are asked in turn by one client, over one scripted endpoint.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import threading
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import acp
import claude_agent_sdk

from benchmarks.rows import Row, median_ms
from neuroworkflow_agent.testing import Reply, ScriptedModel

_PEER = os.environ.get("CLAUDE_AGENT_ACP", "")
_NEW = int(os.environ.get("BENCH_SESSIONS", "6"))
_LATER = int(os.environ.get("BENCH_ROUNDS", "30"))
_UNCOUNTED = 2
_OPEN_S = 3.0
"""How long a person has a new chat before them."""
_PAUSE_S = 0.5
"""After each answer: the peer then asks the model for a title, and for what might be said next."""
_REQUESTS = 9
"""No prompt makes more of them."""


def rows() -> list[Row]:
    """All in one run, in turn."""
    if not _PEER:
        return [Row("claude-agent-acp", "not measured: CLAUDE_AGENT_ACP is not set")]
    logging.disable(
        logging.ERROR
    )  # an update that the protocol has otherwise, which 0.23.1 of the peer sends each time
    try:
        return asyncio.run(_rows())
    finally:
        logging.disable(logging.NOTSET)


async def _rows() -> list[Row]:
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        environ = {
            **os.environ,
            **model.environ,
            "HOME": home,
            "CLAUDE_CONFIG_DIR": str(Path(home) / "claude"),
            "XDG_STATE_HOME": str(Path(home) / "state"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        # As root, Claude Code does not start with what the peer asks for where this is set to anything.
        environ.pop("IS_SANDBOX", None)
        bundled = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
        agents = [
            _Agent("ours", (sys.executable, "-m", "neuroworkflow_agent", "acp")),
            _Agent("", (_PEER,)),
            _Agent("with our Claude Code", (_PEER,), {"CLAUDE_CODE_EXECUTABLE": str(bundled)}),
        ]
        async with AsyncExitStack() as stack:
            for agent in agents:
                await agent.start(stack, environ, home)
            await _new_sessions(model, agents)
            await _later_prompts(model, agents)
    return [
        _row(
            "first text over ACP, a new session and its first prompt", [a.at_once_s for a in agents], agents
        ),
        _row(f"  the prompt, {_OPEN_S:g} s after the session", [a.opened_s for a in agents], agents),
        _row("  later prompts", [a.later_s for a in agents], agents),
    ]


async def _new_sessions(model: ScriptedModel, agents: list[_Agent]) -> None:
    for number in range(-1, _NEW):  # in the first one, modules are loaded and programs read
        for agent in _in_order(agents, number):
            for pause_s, seconds in ((0.0, agent.at_once_s), (_OPEN_S, agent.opened_s)):
                started = perf_counter()
                session_id = await agent.new_session()
                if pause_s:
                    await asyncio.sleep(pause_s)
                    started = perf_counter()
                shown = await agent.ask(model, session_id)
                if number >= 0:
                    seconds.append(shown - started)
                await agent.connection.close_session(session_id=session_id)


async def _later_prompts(model: ScriptedModel, agents: list[_Agent]) -> None:
    sessions = [await agent.new_session() for agent in agents]
    for number in range(-_UNCOUNTED, _LATER):
        for agent, session_id in _in_order(list(zip(agents, sessions, strict=True)), number):
            started = perf_counter()
            shown = await agent.ask(model, session_id)
            if number >= 0:
                agent.later_s.append(shown - started)


def _in_order(items: list[Any], number: int) -> list[Any]:
    """There and back, so that no one always comes behind the same other."""
    return items if number % 2 else items[::-1]


def _row(name: str, seconds: list[list[float]], agents: list[_Agent]) -> Row:
    ours, *theirs = (median_ms(each) for each in seconds)
    said = [
        f"{agent.name} {ms:.0f} ms, {ours / ms:.2f} times"
        for agent, ms in zip(agents[1:], theirs, strict=True)
    ]
    return Row(name, " · ".join([f"ours {ours:.0f} ms", *said]))


@dataclass
class _Agent:
    """An agent in a process, and the client that notes when it shows its first text."""

    name: str
    command: tuple[str, ...]
    more_environ: dict[str, str] = field(default_factory=dict)
    at_once_s: list[float] = field(default_factory=list)
    opened_s: list[float] = field(default_factory=list)
    later_s: list[float] = field(default_factory=list)
    _shown: asyncio.Future[float] | None = None
    _may_end: threading.Event = field(default_factory=threading.Event)

    async def start(self, stack: AsyncExitStack, environ: dict[str, str], folder: str) -> None:
        """Have it run until the stack is left."""
        program, *arguments = self.command
        self.connection, _process = await stack.enter_async_context(
            acp.spawn_agent_process(
                cast(acp.Client, self), program, *arguments, env={**environ, **self.more_environ}, cwd=folder
            )
        )
        self._folder = folder
        about = (await self.connection.initialize(acp.PROTOCOL_VERSION)).agent_info
        if self.name != "ours" and about is not None:
            self.name = f"{about.name.rpartition('/')[2]} {about.version} {self.name}".rstrip()

    async def new_session(self) -> str:
        """Begin a session."""
        return str((await self.connection.new_session(cwd=self._folder, mcp_servers=[])).session_id)

    async def ask(self, model: ScriptedModel, session_id: str) -> float:
        """Have a turn run whose end waits for its first text to be shown; when that was."""
        self._shown, self._may_end = asyncio.get_running_loop().create_future(), threading.Event()
        model.forget()
        model.extend(*[replace(Reply.text("hello"), until=self._may_end)] * _REQUESTS)
        asked = asyncio.create_task(
            self.connection.prompt(session_id=session_id, prompt=[acp.text_block("hi")])
        )
        try:
            shown = await asyncio.wait_for(self._shown, 60)
        finally:
            self._may_end.set()
        await asked
        await asyncio.sleep(_PAUSE_S)
        return shown

    async def session_update(self, session_id: str, update: Any, **_more: Any) -> None:  # noqa: ARG002
        """Be told something."""
        is_text = update.session_update == "agent_message_chunk" and getattr(update.content, "text", "")
        if is_text and self._shown is not None and not self._shown.done():
            self._shown.set_result(perf_counter())
