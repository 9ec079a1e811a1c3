"""Kernelspecs of chat kernels: installed, listed, removed."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

from neuroworkflow_agent.errors import ConfigError, NoKernelSpecError
from neuroworkflow_agent.surfaces.chat_kernel.specs import MODULE, NATIVE, Spec, all_specs, find_spec, is_name

NAME = "neuroworkflow"
"""Of the one with Python, which the wheel brings."""
_FILES = Path(__file__).with_name("kernelspec")


@dataclass(frozen=True, slots=True)
class Installed:
    """A chat kernel that can be chosen."""

    name: str
    display_name: str
    subkernel: str
    """Name of the kernelspec in which code runs."""
    folder: Path
    has_subkernel: bool
    """Whether there is one of that name."""


def install(
    subkernel: str = NATIVE, name: str | None = None, *, user: bool = False, prefix: str | None = None
) -> Path:
    """Install a chat kernel; returns its folder.

    Parameters
    ----------
    subkernel
        Name of the kernelspec in which code runs.
    name
        Of the new kernelspec; None for `neuroworkflow`, with the subkernel's name unless that is `python3`.
    user
        Whether for this user alone.
    prefix
        Else the environment it is for; None for the whole machine.

    Raises
    ------
    NoKernelSpecError
        If there is no such subkernel.
    ConfigError
        If it is itself a chat kernel, or the name is not free.
    """
    spec = find_spec(subkernel)
    if spec.is_chat_kernel:
        raise ConfigError(f"{subkernel!r} is itself a chat kernel. Name the kernel in which code should run.")
    name = name or (NAME if subkernel == NATIVE else f"{NAME}-{subkernel}")
    if not is_name(name):
        raise ConfigError(f"A kernel's name has letters, digits, '.', '-' and '_', got {name!r}.")
    _require_free(name)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(_FILES, folder, dirs_exist_ok=True)
        Path(folder, "kernel.json").write_text(
            json.dumps(_kernel_json(spec), indent=1) + "\n", encoding="utf-8"
        )
        try:
            return Path(KernelSpecManager().install_kernel_spec(folder, name, user=user, prefix=prefix))
        except OSError as error:
            raise ConfigError(
                f"The kernel cannot be installed there: {error.strerror or error}. Try --user or --sys-prefix."
            ) from error


def installed() -> list[Installed]:
    """Every chat kernel that can be chosen here, by name."""
    specs = all_specs()
    names = {spec.name for spec in specs} | {NATIVE}
    return [
        Installed(spec.name, spec.display_name, spec.subkernel, spec.folder, spec.subkernel in names)
        for spec in specs
        if spec.is_chat_kernel
    ]


def remove(name: str) -> Path:
    """Remove a chat kernel; returns the folder that it was in.

    Raises
    ------
    NoKernelSpecError
        If there is none of that name.
    ConfigError
        If it is another kernel, or may not be removed.
    """
    found = next((spec for spec in all_specs() if spec.name == name), None)
    if found is None:
        raise NoKernelSpecError(name, [each.name for each in installed()])
    if not found.is_chat_kernel:
        raise ConfigError(
            f"{name!r} is not a chat kernel. Remove it with 'jupyter kernelspec remove {name}'."
        )
    try:
        shutil.rmtree(found.folder)
    except OSError as error:
        raise ConfigError(f"'{found.folder}' cannot be removed: {error.strerror or error}.") from error
    return found.folder


def _require_free(name: str) -> None:
    taken = next((spec for spec in all_specs() if spec.name == name), None)
    if taken is not None and not taken.is_chat_kernel:
        raise ConfigError(f"There is another kernel named {name!r}, in '{taken.folder}'. Choose a --name.")


def _kernel_json(spec: Spec) -> dict[str, object]:
    return {
        "argv": [sys.executable, "-m", MODULE, "-f", "{connection_file}", "--subkernel", spec.name],
        "display_name": f"NeuroWorkflow ({spec.display_name})",
        "language": spec.language,
        "interrupt_mode": "message",
        "metadata": {"debugger": True} if (spec.metadata or {}).get("debugger") else {},
    }
