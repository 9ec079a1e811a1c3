"""What it costs that a turn can be undone: before the first text, for copies and hashes, and without code."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.rows import Row, in_turn, median_ms
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.events import TextDelta
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.state.keeping import COPY_BYTES, Keeper
from neuroworkflow_agent.state.turn_variables import TurnVariables
from neuroworkflow_agent.state.undo import LiveNames, Undo
from neuroworkflow_agent.state.values import digest
from neuroworkflow_agent.state.variables_elsewhere import VariablesElsewhere
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.testing import Reply, ScriptedModel

_ROUNDS = 15


class _Shell:
    """As much of a shell as is looked at."""

    def __init__(self, names: dict[str, object]) -> None:
        self.user_ns = names
        self.user_ns_hidden: dict[str, object] = {}


def rows() -> list[Row]:
    """The first text with and without; full budgets; a usual namespace; a namespace that no code looks at."""
    names = _usual()
    first = _first_text(names)
    array = np.random.default_rng(0).random(COPY_BYTES // 8)
    half = array[: array.size // 2].copy()
    full: dict[str, object] = {"a": half, "b": half.copy()}
    _keep(full)  # memory that is the process's by then
    copying, hashing, warm = in_turn(
        3, lambda: _keep(full), lambda: (digest(half), digest(half)), lambda: (half.copy(), half.copy())
    )
    ratio = median_ms(hashing) / median_ms(warm)
    around = _around(full)
    more = {**full, "c": half.copy(), "d": half.copy()}  # as much as is hashed at all, half of it copied
    [whole] = in_turn(3, lambda: _keep(more))
    both = median_ms(whole)
    more.clear()
    usual, binding = in_turn(_ROUNDS, lambda: _around_once(names), lambda: dict(names))
    prepared = median_ms(copying)
    first_elsewhere, elsewhere = asyncio.run(_elsewhere())
    return [
        Row("undo: before the first text, no code", f"{first:.1f} ms", "<= 20 ms", first <= 20),
        Row("undo: copies and hashes of 256 MB", f"{prepared:.0f} ms", "<= 1000 ms", prepared <= 1000),
        Row("  hashes alone", f"{median_ms(hashing):.0f} ms"),
        Row("  hashes, by copies alone", f"{ratio:.1f}x"),
        Row(
            "undo: both budgets full, 256 MB copied, 512 MB hashed",
            f"{both:.0f} ms",
            "<= 1000 ms",
            both <= 1000,
        ),
        Row("undo: around one piece of code, 256 MB copied ahead", f"{around:.0f} ms"),
        Row("undo: around one piece of code, 200 usual names", f"{median_ms(usual):.1f} ms"),
        Row("  bindings alone", f"{median_ms(binding) * 1000:.0f} us"),
        Row(
            "undo: around one piece of code in another process, as many names",
            f"{elsewhere:.0f} ms",
            "<= 50 ms",
            elsewhere <= 50,
        ),
        Row("  the first one, which brings the package there", f"{first_elsewhere:.0f} ms"),
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


async def _elsewhere() -> tuple[float, float]:
    """Milliseconds by which code takes longer in a kernel that is asked for names: the first piece, and the median of others."""
    kernel = await ClientKernel.start("python3")
    variables = VariablesElsewhere(kernel)
    await kernel.execute(
        "import numpy as np\nglobals().update({f'n{n}': float(n) for n in range(100)})\n"
        "globals().update({f'list{n}': list(range(100)) for n in range(50)})\n"
        "globals().update({f'array{n}': np.zeros(1000) for n in range(40)})"
    )
    plain, watched = [], []
    for _ in range(_ROUNDS):
        started = perf_counter()
        await kernel.execute("None")
        plain.append(perf_counter() - started)
        started = perf_counter()
        await variables.before_code("turn", ["turn"])
        await kernel.execute("None")
        await variables.changes("turn")
        watched.append(perf_counter() - started)
    await kernel.aclose()
    usual = median_ms(plain)
    return watched[0] * 1000 - usual, median_ms(watched[1:]) - usual


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
