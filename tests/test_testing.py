"""What `testing` offers, where no other test would notice that it is wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest
from jupyter_client.manager import KernelManager

from neuroworkflow_agent.testing import Reply, ScriptedModel, Text, ToolCall
from neuroworkflow_agent.testing.real_kernel import RealKernel, SomeonesKernel


@pytest.mark.kernel
def test_a_cells_status_is_its_own_though_an_earlier_reply_was_not_taken_yet(tmp_path: Path) -> None:
    kernel = RealKernel(tmp_path)
    try:
        failing = kernel.client.execute("1/0", stop_on_error=False)
        ran = kernel.run("6 * 7")
        assert (ran.status, ran.text, ran.reply["execution_count"]) == ("ok", "42", 2)
        late = kernel.client.execute("1/0", stop_on_error=False)
        kernel.client.execute("1")
        assert kernel.reply_to(late)["ename"] == "ZeroDivisionError"
        assert kernel.reply_to(failing)["ename"] == "ZeroDivisionError"
        with pytest.raises(TimeoutError, match="No reply"):
            kernel.reply_to(failing, timeout_s=0.2)
    finally:
        kernel.close()


@pytest.mark.kernel
def test_someones_kernel_may_start_slowly(slow_kernel: str) -> None:
    manager = KernelManager(kernel_name=slow_kernel)
    manager.start_kernel()
    try:
        kernel = SomeonesKernel(Path(manager.connection_file))
        assert kernel.run("6 * 7").text == "42"
        kernel.close()
    finally:
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.mark.parametrize(
    ("blocks", "held"),
    [((Text("one two"),), "message_delta"), ((Text("one two"), ToolCall("Read")), "tool_use")],
)
def test_a_replys_calls_and_end_wait_for_what_it_was_told(
    scripted_model: ScriptedModel, blocks: tuple[Text | ToolCall, ...], held: str
) -> None:
    go = threading.Event()
    scripted_model.extend(Reply(blocks, until=go))
    url, key = scripted_model.environ["ANTHROPIC_BASE_URL"], scripted_model.environ["ANTHROPIC_API_KEY"]
    body = {"model": "any", "messages": [], "stream": True}
    with httpx.stream("POST", f"{url}/v1/messages", json=body, headers={"x-api-key": key}) as response:
        lines = response.iter_lines()
        assert any("two" in line for line in lines)
        threading.Timer(0.2, go.set).start()
        assert next(line for line in lines if held in line)
        assert go.is_set()
        assert any("message_stop" in line for line in lines)
