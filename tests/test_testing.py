"""What `testing` offers, where no other test would notice that it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from neuroworkflow_agent.testing.real_kernel import RealKernel, SomeonesKernel


@pytest.mark.kernel
def test_a_cells_status_is_its_own_though_an_earlier_reply_was_never_taken(tmp_path: Path) -> None:
    kernel = RealKernel(tmp_path)
    try:
        failing = kernel.client.execute("1/0", stop_on_error=False)
        ran = kernel.run("6 * 7")
        assert (ran.status, ran.text, ran.reply["execution_count"]) == ("ok", "42", 2)
        late = kernel.client.execute("1/0", stop_on_error=False)
        kernel.client.execute("1")
        assert kernel.reply_to(late)["ename"] == "ZeroDivisionError"
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
