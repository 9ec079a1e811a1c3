"""Kernels that start slowly, badly, or not at all, and kernels too busy to beat."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from jupyter_client.channels import HBChannel

from neuroworkflow_agent.errors import KernelDiedError, KernelStartError
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.process import KernelProcess, client_of
from tests import needs
from tests.conftest import SpecMaker

pytestmark = pytest.mark.kernel


@contextmanager
def busy_machine() -> Iterator[None]:
    """Every core has something else to do."""
    command = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


async def _first_words(kernel: ClientKernel) -> str:
    try:
        execution = await kernel.execute("6 * 7")
        return str(execution.outputs[0]["data"]["text/plain"])
    finally:
        await kernel.aclose()


async def test_kernel_that_begins_after_three_seconds_is_waited_for(slow_kernel: str) -> None:
    assert await _first_words(await ClientKernel.start(slow_kernel)) == "42"


async def test_four_slow_kernels_at_once_come_up_on_a_busy_machine(slow_kernel: str) -> None:
    with busy_machine():
        kernels = await asyncio.gather(*[ClientKernel.start(slow_kernel) for _ in range(4)])
        assert await asyncio.gather(*map(_first_words, kernels)) == ["42"] * 4


async def test_channels_stopped_before_their_threads_have_begun_end(monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[int] = []
    create = HBChannel._create_socket

    def late(self: HBChannel) -> None:
        time.sleep(0 if created else 0.3)
        created.append(1)
        create(self)

    monkeypatch.setattr(HBChannel, "_create_socket", late)
    kernel = KernelProcess("python3")
    client = await kernel.start()
    created.clear()
    client.stop_channels()
    second = client_of(kernel.manager)
    second.start_channels()
    second.stop_channels()
    await kernel.aclose()
    assert len(created) <= 2


async def test_sending_does_not_take_the_sign_that_a_reply_has_come() -> None:
    process = KernelProcess("python3")
    (await process.start()).stop_channels()
    client = process.manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready()
        client.execute("1")
        reply = asyncio.create_task(client.shell_channel.get_msg())
        await asyncio.sleep(0)
        time.sleep(1)
        client.shell_channel.send(client.session.msg("comm_info_request", {}))
        time.sleep(1)
        assert (await asyncio.wait_for(reply, timeout=10))["msg_type"] == "execute_reply"
    finally:
        client.stop_channels()
        await process.aclose()


async def test_cancelled_while_a_slow_kernel_starts_leaves_no_process(slow_kernel: str) -> None:
    before = set(psutil.Process().children(recursive=True))
    starting = asyncio.ensure_future(ClientKernel.start(slow_kernel))
    await asyncio.sleep(1.0)
    assert set(psutil.Process().children(recursive=True)) > before
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert set(psutil.Process().children(recursive=True)) <= before


async def test_kernel_whose_closing_is_cancelled_ends_all_the_same() -> None:
    before = set(psutil.Process().children(recursive=True))
    kernel = await ClientKernel.start("python3")
    running = asyncio.ensure_future(kernel.execute("import time; time.sleep(60)"))
    await asyncio.sleep(0.5)
    closing = asyncio.ensure_future(kernel.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await asyncio.wait([running], timeout=10)
    assert set(psutil.Process().children(recursive=True)) <= before


async def test_kernel_that_ends_at_once_is_tried_twice_and_named(
    make_spec: SpecMaker, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ports = f"grep shell_port $0 >> {tmp_path}/tried; echo last words; exit 3"
    name = make_spec("gone", "bash", "-c", ports, "{connection_file}")
    with pytest.raises(KernelStartError, match="'gone' ended twice before it answered") as caught:
        await KernelProcess(name).start()
    assert caught.value.name == "gone"
    tried = (tmp_path / "tried").read_text().splitlines()
    assert len(set(tried)) == len(tried) == 2
    captured = capfd.readouterr()
    assert (captured.out, captured.err.count("last words")) == ("", 2)


async def test_kernel_that_comes_up_the_second_time_is_used(make_spec: SpecMaker, tmp_path: Path) -> None:
    flag = tmp_path / "tried"
    command = (
        f"[ -e {flag} ] || {{ touch {flag}; exit 1; }}; exec {sys.executable} -m ipykernel_launcher -f $0"
    )
    name = make_spec("second", "bash", "-c", command, "{connection_file}")
    assert await _first_words(await ClientKernel.start(name)) == "42"


async def test_program_that_is_missing_is_said(make_spec: SpecMaker) -> None:
    name = make_spec("nowhere", "/opt/none/bin/python", "{connection_file}")
    with pytest.raises(KernelStartError, match="'nowhere' cannot be run: No such file or directory"):
        await KernelProcess(name).start()


async def test_silent_kernel_is_given_the_time_that_is_stated(make_spec: SpecMaker) -> None:
    name = make_spec("silent", "sleep", "600")
    before = set(psutil.Process().children(recursive=True))
    started = time.monotonic()
    with pytest.raises(KernelStartError, match=r"'silent' did not answer within 2\.5 s"):
        await KernelProcess(name, timeout_s=2.5).start()
    assert time.monotonic() - started >= 2.5
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.fixture
def beatless(make_spec: SpecMaker) -> str:
    """An ipykernel that never beats, as a kernel does that computes in its only thread."""
    mute = "from ipykernel.heartbeat import Heartbeat; Heartbeat.run = lambda self: None"
    launch = "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
    return make_spec("beatless", sys.executable, "-c", f"{mute}; {launch}", "-f", "{connection_file}")


async def _with_guest(name: str, use: Callable[[ClientKernel, int], Awaitable[None]]) -> None:
    """Let a client that was only connected use a kernel; it is given the kernel's process id."""
    process = KernelProcess(name)
    owner = await process.start()
    guest: ClientKernel | None = None
    try:
        guest = await ClientKernel.connect(process.manager.connection_file)
        await use(guest, getattr(process.manager.provisioner, "pid"))  # noqa: B009 - local provisioners have one
    finally:
        if guest is not None:
            await guest.aclose()
        owner.stop_channels()
        await process.aclose()


async def test_connected_kernel_that_does_not_beat_is_not_called_dead(beatless: str) -> None:
    async def use(guest: ClientKernel, _pid: int) -> None:
        execution = await guest.execute("import time; time.sleep(4); 'done'")
        assert execution.outputs[0]["data"]["text/plain"] == "'done'"

    await _with_guest(beatless, use)


async def test_connected_kernel_that_ends_is_called_dead(beatless: str) -> None:
    async def use(guest: ClientKernel, pid: int) -> None:
        running = asyncio.ensure_future(guest.execute("import time; time.sleep(600)"))
        await asyncio.sleep(1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(KernelDiedError, match="All its variables are lost"):
            await asyncio.wait_for(running, 20)

    await _with_guest(beatless, use)


async def test_connected_r_kernel_that_computes_is_not_called_dead() -> None:
    needs.program("R", install="sudo apt install r-cran-irkernel")

    async def use(guest: ClientKernel, _pid: int) -> None:
        execution = await guest.execute("end <- Sys.time() + 4; while (Sys.time() < end) {}; 6 * 7")
        assert execution.outputs[0]["data"]["text/plain"] == "[1] 42"

    await _with_guest("ir", use)
