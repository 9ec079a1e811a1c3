"""Variables of a kernel in which somebody else's cell runs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import Kernels, NotebookKernel
from neuroworkflow_agent.surfaces.web.beside_kernel import BesideKernel
from tests.kernelspecs import bash

pytestmark = pytest.mark.kernel


class Connected(Kernels):
    """The kernel of a notebook that runs."""

    def __init__(self, kernel: ClientKernel) -> None:
        self._kernel = kernel

    async def get(self, path: Path, name: str) -> ClientKernel:
        return self._kernel

    async def find(self, path: Path) -> ClientKernel | None:
        return self._kernel


@pytest.mark.parametrize(("name", "code"), [("bash", "x=1; sleep 4"), ("python3", "x = 1; import time; time.sleep(4)")])  # fmt: skip
async def test_variables_of_a_busy_kernel_are_not_waited_for(
    name: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    bash(tmp_path / "kernels")
    users = await ClientKernel.start(name, cwd=tmp_path)
    assert users.manager is not None
    language = "bash" if name == "bash" else "python"
    ours = await ClientKernel.connect(users.manager.connection_file, language=language)

    async def wanted() -> str:
        return name

    kernel = NotebookKernel(tmp_path / "n.ipynb", Connected(ours), wanted, language=language)
    beside = BesideKernel(kernel, is_own=False)
    running = asyncio.ensure_future(users.execute(code))
    await asyncio.sleep(0.5)
    since = time.monotonic()
    assert await beside.find_variables("x", 5) == []
    assert await beside.find_variables("x", 5) == []
    assert time.monotonic() - since < 3.3
    assert (await running).status == "ok"
    found: list[tuple[str, str]] = []
    while not found and time.monotonic() - since < 30:
        found = await beside.find_variables("x", 5)
        await asyncio.sleep(0.1)
    assert [name for name, _ in found] == ["x"]
    closing = asyncio.ensure_future(users.execute(code))  # also while it is asked for
    await asyncio.sleep(0.5)
    await beside.find_variables("x", 5)
    await beside.aclose()
    await closing
    await users.aclose()
