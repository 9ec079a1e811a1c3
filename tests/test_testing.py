"""What `testing` offers, where no other test would notice that it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuroworkflow_agent.testing.real_kernel import RealKernel


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
