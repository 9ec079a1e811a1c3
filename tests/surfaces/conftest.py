"""Real kernels for the tests of surfaces: one shared by a module, and as many as a test wants of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.environ import private_environ
from neuroworkflow_agent.testing.real_kernel import RealKernel

_RESET = """\
import sys as _sys
_sys.unraisablehook = _sys.__unraisablehook__
if "matplotlib.pyplot" in _sys.modules: _sys.modules["matplotlib.pyplot"].close("all")
get_ipython().reset(new_session=True)
"""


@dataclass
class SharedKernel:
    """A kernel, the model that serves it, and its directories; all of it lives as long as the module's tests."""

    kernel: RealKernel
    model: ScriptedModel
    workspace: Path
    home: Path


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedKernel]:
    """One kernel for a module's tests; use it through `kernel`."""
    home, workspace = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("shared") / "workspace"
    workspace.mkdir()
    with ScriptedModel() as model:
        kernel = RealKernel(workspace, {**private_environ(home), **model.environ})
        yield SharedKernel(kernel, model, workspace, home)
        kernel.close()


@pytest.fixture
def kernel(shared_kernel: SharedKernel) -> Iterator[RealKernel]:
    """The module's kernel with the extension just loaded, an empty namespace and no sessions.

    Modules whose tests use it take `scripted_model` and `workspace` from it, too.
    """
    kernel = shared_kernel.kernel
    assert kernel.run("%load_ext neuroworkflow_agent", is_silent=True).status == "ok"
    yield kernel
    kernel.run("%unload_ext neuroworkflow_agent", is_silent=True)
    assert kernel.run(_RESET, is_silent=True).status == "ok"
    shared_kernel.model.forget()
    shutil.rmtree(shared_kernel.home / "claude", ignore_errors=True)
    for path in shared_kernel.workspace.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


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
