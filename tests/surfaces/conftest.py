"""Real kernels for the tests of surfaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel


@pytest.fixture
def start_kernel(scripted_model: ScriptedModel, workspace: Path) -> Iterator[Callable[[], RealKernel]]:
    """Starts kernels in the workspace; they end with the test."""
    kernels: list[RealKernel] = []

    def start() -> RealKernel:
        kernels.append(RealKernel(workspace))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture
def kernel(start_kernel: Callable[[], RealKernel]) -> RealKernel:
    """A kernel with the extension loaded."""
    kernel = start_kernel()
    assert kernel.run("%load_ext neuroworkflow_agent").status == "ok"
    return kernel
