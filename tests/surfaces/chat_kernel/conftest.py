"""A chat kernel over a real Python kernel, shared by a module."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.surfaces.chat_kernel.install import install
from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.environ import private_environ
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.surfaces.conftest import SharedKernel

NAME = "talk"
NOTEBOOK = "talk.ipynb"
"""What the environment of the module's kernel says it belongs to."""


def left_in(home: Path) -> list[str]:
    """What kernels have left that had their runtime and temporary directories there."""
    return [
        file.name for place in ("runtime/*", "neuroworkflow-agent-scratch-*") for file in home.glob(place)
    ]


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedKernel]:
    """One chat kernel for a module's tests; use it through `kernel`."""
    home, workspace = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("shared") / "workspace"
    workspace.mkdir()
    with ScriptedModel() as model, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home / "share" / "jupyter"))
        install(name=NAME, prefix=str(home))
        environ = {**private_environ(home), **model.environ, "TMPDIR": str(home)}
        environ["JPY_SESSION_NAME"] = str(workspace / NOTEBOOK)
        kernel = RealKernel(workspace, environ, NAME)
        yield SharedKernel(kernel, model, workspace, home)
        kernel.close()
        assert left_in(home) == []


@pytest.fixture
def kernel(shared_kernel: SharedKernel) -> Iterator[RealKernel]:
    """The module's kernel with an empty namespace and a new session."""
    kernel = shared_kernel.kernel
    yield kernel
    shared_kernel.model.forget()
    assert kernel.run("get_ipython().reset(new_session=True)", is_silent=True).status == "ok"
    assert kernel.run("%chat --new").status == "ok"
    shutil.rmtree(shared_kernel.home / "claude", ignore_errors=True)


@pytest.fixture
def start_kernel(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., RealKernel]]:
    """Starts chat kernels of the test's own, by the name of their subkernel."""
    kernels: list[RealKernel] = []
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))

    def start(subkernel: str = "python3") -> RealKernel:
        install(subkernel, f"talk-{subkernel}", prefix=str(tmp_path))
        kernels.append(RealKernel(workspace, name=f"talk-{subkernel}"))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()
