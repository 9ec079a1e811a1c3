"""What it costs that a turn can be undone: before the first text, for copies and hashes, and without code."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.rows import Row, in_turn, median_ms
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.events import TextDelta
from neuroworkflow_agent.state.keeping import COPY_BYTES, Keeper
from neuroworkflow_agent.state.turn_variables import TurnVariables
from neuroworkflow_agent.state.undo import LiveNames, Undo
from neuroworkflow_agent.state.values import digest
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.testing import Reply, ScriptedModel

_ROUNDS = 15


class _Shell:
    """As much of a shell as is looked at."""

    def __init__(self, names: dict[str, object]) -> None:
        self.user_ns = names
        self.user_ns_hidden: dict[str, object] = {}


def rows() -> list[Row]:
    """The first text with and without; a full budget; a usual namespace; a namespace that no code looks at."""
    names = _usual()
    first = _first_text(names)
    array = np.random.default_rng(0).random(COPY_BYTES // 8)
    half = array[: array.size // 2].copy()
    full: dict[str, object] = {"a": half, "b": half.copy()}
    _keep(full)  # memory that is the process's by then
    copying, hashing = in_turn(3, lambda: _keep(full), lambda: (digest(half), digest(half)))
    around = _around(full)
    usual, binding = in_turn(_ROUNDS, lambda: _around_once(names), lambda: dict(names))
    prepared = median_ms(copying)
    return [
        Row("undo: before the first text, no code", f"{first:.1f} ms", "<= 20 ms", first <= 20),
        Row("undo: copies and hashes of 256 MB", f"{prepared:.0f} ms", "<= 1000 ms", prepared <= 1000),
        Row("  hashes alone", f"{median_ms(hashing):.0f} ms"),
        Row("undo: around one piece of code, 256 MB copied ahead", f"{around:.0f} ms"),
        Row("undo: around one piece of code, 200 usual names", f"{median_ms(usual):.1f} ms"),
        Row("  bindings alone", f"{median_ms(binding) * 1000:.0f} us"),
    ]


def _usual() -> dict[str, object]:
    names: dict[str, object] = {f"n{number}": float(number) for number in range(100)}
    names |= {f"list{number}": list(range(100)) for number in range(50)}
    names |= {f"array{number}": np.zeros(1000) for number in range(40)}
    return names | {f"function{number}": (lambda: None) for number in range(10)}


def _keep(names: dict[str, object]) -> None:
    Keeper(names.values())


def _around(names: dict[str, object]) -> float:
    """Milliseconds before and after code that changes nothing, arrays copied ahead."""
    variables = TurnVariables()
    variables.prepare(names, {})
    started = perf_counter()
    variables.before(names, {})
    variables.after(names)
    return (perf_counter() - started) * 1000


def _around_once(names: dict[str, object]) -> None:
    variables = TurnVariables()
    variables.before(names, {})
    variables.after(names)


def _first_text(names: dict[str, object]) -> float:
    """Milliseconds by which the first text of a turn without code is later than where nothing is remembered."""
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        os.environ.update(model.environ, CLAUDE_CONFIG_DIR=home, XDG_STATE_HOME=home)
        portal = Portal()
        workspace = Path(home, "workspace")
        workspace.mkdir()
        chats = [
            Chat(AgentConfig.from_env(workspace=workspace), portal=portal, undo=undo)
            for undo in (None, Undo(LiveNames(_Shell(names))))
        ]
        for chat in chats:
            _first_delta(model, chat)
        taken = [[_first_delta(model, chat) for chat in chats] for _ in range(_ROUNDS)]
        for chat in chats:
            chat.close()
        portal.stop()
    without, with_it = ([each[index] for each in taken] for index in (0, 1))
    return max(0.0, median_ms(with_it) - median_ms(without))


def _first_delta(model: ScriptedModel, chat: Chat) -> float:
    model.extend(Reply.text("Hello there."))
    started = perf_counter()
    first = 0.0
    for event in chat.send("hi"):
        if isinstance(event, TextDelta) and not first:
            first = perf_counter() - started
    return first
