"""`%chat` in a subshell of a real kernel: beside the main thread, with its code there and a Stop that comes through."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.surfaces.conftest import SharedKernel


@pytest.fixture
def scripted_model(shared_kernel: SharedKernel) -> ScriptedModel:
    return shared_kernel.model


@pytest.fixture
def workspace(shared_kernel: SharedKernel) -> Path:
    return shared_kernel.workspace


@pytest.fixture
def subshell(kernel: RealKernel) -> Iterator[str]:
    subshell_id = kernel.open_subshell()
    yield subshell_id
    content = {"subshell_id": subshell_id}
    kernel.client.control_channel.send(kernel.client.session.msg("delete_subshell_request", content))
    kernel.client.get_control_msg(timeout=10)


def shows(text: str) -> Any:
    return lambda msg: msg["msg_type"] != "execute_input" and text in str(msg["content"])


def test_code_runs_on_the_main_thread_and_shows_in_the_cell(
    kernel: RealKernel, subshell: str, scripted_model: ScriptedModel
) -> None:
    code = "import threading, os\nprint(threading.current_thread() is threading.main_thread())\n_ = os.system('echo below')\ndisplay('shown')\nz = 3\nz"
    scripted_model.extend(Reply.code(code), Reply.code("1 / 0"), Reply.text("It is done."))
    ran = kernel.run("%chat go", subshell_id=subshell)
    assert (ran.status, ran.end) == ("ok", "complete")
    parts = ["Run code", "True", "below", "'shown'", "3", "Run code", "ZeroDivisionError", "It is done."]
    places, start = [], 0
    for part in parts:
        start = ran.text.index(part, start)
        places.append(start)
    assert places == sorted(places)
    assert kernel.run("z").text == "3"


def test_code_waits_for_the_cell_on_the_main_thread(
    kernel: RealKernel, subshell: str, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.code("order.append('agent')"), Reply.text("It is done."))
    kernel.run("import time\norder = []")
    kernel.send("time.sleep(2); order.append('mine')")
    assert kernel.run("%chat go", subshell_id=subshell).end == "complete"
    assert kernel.run("order").text == "['mine', 'agent']"


@pytest.mark.parametrize(
    ("reply", "sign"),
    [
        (Reply.text("one two three " * 200, delay_s=0.05), "one two"),
        (Reply.code("import time; print('running', flush=True)\ntime.sleep(600)"), "'running\\n'"),
        (Reply.code("print('running', flush=True)\nwhile True: pass"), "'running\\n'"),
        (
            Reply.code("import asyncio; print('running', flush=True)\nawait asyncio.sleep(600)"),
            "'running\\n'",
        ),
    ],
    ids=["text", "sleep", "busy", "await"],
)
def test_interrupt_stops_the_turn(
    reply: Reply, sign: str, kernel: RealKernel, subshell: str, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(reply, Reply.text("still here"))
    ran = kernel.run("%chat go", subshell_id=subshell, interrupt_when=shows(sign))
    assert (ran.status, ran.end) == ("error", "interrupted")
    assert ran.stopped_after_s < 2.9  # by the first interrupt; after 3 s there would be another
    time.sleep(0.2)  # ipykernel aborts what comes right behind an error
    assert "still here" in kernel.run("%chat again", subshell_id=subshell).text
    # Nothing of ours is left: an interrupt of the idle kernel does nothing again.
    assert (
        "SIG_IGN" in kernel.run("import signal; getattr(get_ipython().kernel, 'saved_sigint_handler')").text
    )
    os.kill(kernel.pid, signal.SIGINT)
    assert kernel.run("1").text == "1"
