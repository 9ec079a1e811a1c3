"""What anybody may send to a chat kernel, and answers that nobody asked for."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.processes import started_by
from neuroworkflow_agent.testing.real_kernel import RealKernel, SomeonesKernel
from tests.kernelspecs import bash, deno
from tests.surfaces.conftest import SharedKernel

pytestmark = [pytest.mark.kernel, pytest.mark.claude]
FAILS = "import time; time.sleep(0.3); 1 / 0"
"""Late enough for what is sent next to be there."""
FAILS_LATE = "await new Promise((done) => setTimeout(done, 300)); throw new Error('x')"
DEEP = b"[" * 200_000
HEADER = json.dumps({"msg_id": "1", "msg_type": "execute_request", "session": "s"}).encode()


@pytest.fixture
def scripted_model(shared_kernel: SharedKernel) -> ScriptedModel:
    """The model of the module's kernel."""
    return shared_kernel.model


def somebody_at(kernel: RealKernel, channel: str) -> zmq.Socket[bytes]:
    """A socket of somebody's who has no key."""
    port = dict[str, object](kernel.client.get_connection_info())[f"{channel}_port"]
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
    socket = context.socket(zmq.DEALER)
    socket.linger = 1000
    socket.connect(f"tcp://127.0.0.1:{port}")
    return socket


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_message_without_a_signature_ends_nothing(channel: str, kernel: RealKernel) -> None:
    kernel.run("x = 1")
    socket = somebody_at(kernel, channel)
    for parts in (
        [DEEP, b"{}", b"{}", b"{}"],
        [HEADER, DEEP, DEEP, DEEP],
        [b"{}"],
        [b"\xff", b"", b"[]", b"1"],
    ):
        socket.send_multipart([b"<IDS|MSG>", b"bad", *parts])
    time.sleep(0.2)
    assert kernel.run("x").text == "1"
    socket.close()


def test_cell_without_a_signature_holds_no_others(
    start_kernel: Callable[..., RealKernel], tmp_path: Path
) -> None:
    kernel = start_kernel(deno(tmp_path / "share" / "jupyter" / "kernels"))
    socket = somebody_at(kernel, "shell")
    socket.send_multipart([b"<IDS|MSG>", b"bad", HEADER, b"{}", b"{}", b'{"code": "1"}'])
    time.sleep(0.5)
    assert "2" in kernel.run("1 + 1", timeout_s=20).text
    socket.close()


def test_messages_that_nobody_answers_are_not_kept(
    kernel: RealKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.run("x = 1")
    process, session = psutil.Process(kernel.pid), kernel.client.session
    monkeypatch.setattr(session, "copy_threshold", 10**9)  # else pyzmq starts a thread that stays
    before = process.memory_info().rss
    for _ in range(40):
        msg = session.msg("comm_msg", {"comm_id": "slider", "data": {}})
        session.send(kernel.client.shell_channel.socket, msg, buffers=[os.urandom(2_000_000)])
        kernel.run("x")
    assert process.memory_info().rss - before < 40_000_000


def test_half_a_pair_of_surrogates_is_a_message_like_others(
    kernel: RealKernel, scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_model.extend(Reply.text("Half."))
    monkeypatch.setattr(kernel.client.session, "pack", lambda value: json.dumps(value, default=str).encode())
    sent = kernel.send("%chat half \ud83d of it, and \0 of nothing")
    assert kernel.reply_to(sent)["status"] == "ok"
    assert "of it, and" in scripted_model.requests[-1].user_texts[-1]


def ask_twice(kernel: RealKernel, scripted_model: ScriptedModel) -> str:
    """A turn that asks for two calls; the request, whose first question has come."""
    scripted_model.extend(Reply.code("a = 1"), Reply.code("b = 1"), Reply.text("done"))
    msg_id = kernel.client.execute("%chat --mode ask set them", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=30)
    return str(msg_id)


def names(kernel: RealKernel) -> str:
    found = kernel.run("'a' in dir(), 'b' in dir()").text
    kernel.run("%chat --mode edit")
    return found


def test_an_answer_is_for_one_question(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    asked = ask_twice(kernel, scripted_model)
    for _ in range(4):
        kernel.client.input("y")
    kernel.client.get_stdin_msg(timeout=30)
    time.sleep(0.3)
    assert len(scripted_model.requests) == 2
    kernel.client.input("n")
    assert kernel.reply_to(asked)["status"] == "ok"
    assert names(kernel) == "(True, False)"


def test_an_answer_to_another_question_or_of_somebody_else_counts_for_nothing(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    other = SomeonesKernel(Path(kernel.manager.connection_file))
    asked = ask_twice(kernel, scripted_model)
    old = kernel.client.session.msg("input_reply", {"value": "y"}, parent={"msg_id": "old"})
    kernel.client.stdin_channel.send(old)
    other.client.input("y")
    time.sleep(0.3)
    assert len(scripted_model.requests) == 1
    kernel.client.input("n")
    kernel.client.get_stdin_msg(timeout=30)
    kernel.client.input("n")
    assert kernel.reply_to(asked)["status"] == "ok"
    other.close()
    assert names(kernel) == "(False, False)"


def until_idle(kernel: RealKernel, msg_id: str) -> None:
    """Raises `queue.Empty` if the kernel never says that it is done with a request."""
    while True:
        msg: dict[str, Any] = kernel.client.get_iopub_msg(timeout=5)
        is_idle = msg["content"].get("execution_state") == "idle"
        if is_idle and msg["parent_header"].get("msg_id") == msg_id:
            return


def test_prompt_that_is_not_reached_is_done_with(kernel: RealKernel) -> None:
    for _ in range(5):
        failed, prompt = kernel.send(FAILS), kernel.send("%chat hi")
        assert kernel.reply_to(failed)["status"] == "error"
        assert kernel.reply_to(prompt)["status"] == "aborted"
        until_idle(kernel, prompt)


def test_prompt_behind_code_that_bash_was_left_waiting_for_is_served(
    scripted_model: ScriptedModel, start_kernel: Callable[..., RealKernel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("ANTHROPIC_BASE_URL", scripted_model.environ["ANTHROPIC_BASE_URL"])
    monkeypatch.setenv("ANTHROPIC_API_KEY", scripted_model.environ["ANTHROPIC_API_KEY"])
    scripted_model.extend(Reply.text("Close the quotation mark."))
    kernel = start_kernel(bash(tmp_path / "share" / "jupyter" / "kernels"))
    left = kernel.run('echo "abc')
    assert left.reply["ename"] == "NoReply"
    ran = kernel.run("%chat fix this")
    assert (ran.status, ran.end) == ("ok", "complete")
    next(iter(started_by(kernel.pid, "bash_kernel", recursive=False))).kill()
    kernel.run("true")
    with pytest.raises(TimeoutError):  # it has had its answer
        kernel.reply_to(left.msgs[0]["parent_header"]["msg_id"], timeout_s=0)


def test_cells_behind_a_failure_of_denos_do_not_run(
    start_kernel: Callable[..., RealKernel], tmp_path: Path
) -> None:
    kernel = start_kernel(deno(tmp_path / "share" / "jupyter" / "kernels"))
    sent = [kernel.send(code) for code in (FAILS_LATE, "%chat hi", "const late = 1")]
    assert [kernel.reply_to(each)["status"] for each in sent] == ["error", "aborted", "aborted"]
    assert "undefined" in kernel.run("typeof late").text


@pytest.mark.parametrize("name", ["/usr/share/jupyter/kernels/ir", "../kernels/python3", "..", "no such"])
def test_subkernel_is_named_and_no_path(name: str, kernel: RealKernel) -> None:
    refused = kernel.run(f"%subkernel {name}")
    assert refused.reply["evalue"].startswith(f"No kernelspec named {name!r}")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"argv": []}, "it needs a list as argv"),
        ({"argv": ["x\0y"]}, "embedded null byte"),
        ({"argv": ["true"], "env": {"A=B": "x"}}, "illegal environment variable name"),
    ],
)
def test_kernelspec_that_nothing_can_be_started_from_is_said(
    spec: dict[str, Any], says: str, kernel: RealKernel, shared_kernel: SharedKernel
) -> None:
    kernel.run("x = 1")
    folder = shared_kernel.home / "share" / "jupyter" / "kernels" / "broken"
    folder.mkdir()
    (folder / "kernel.json").write_text(json.dumps({"display_name": "Broken", "language": "python", **spec}))
    try:
        refused = kernel.run("%subkernel broken")
    finally:
        shutil.rmtree(folder)
    assert (refused.status, says in refused.reply["evalue"]) == ("error", True)
    assert kernel.run("x").text == "1"


@pytest.mark.parametrize("line", ["%chat?", "?%chat", "%context?", "%subkernel --help", "%lint?"])
def test_help_of_our_magics(line: str, kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    assert "%context [NAME]" in kernel.run(line).text
    assert scripted_model.requests == []
