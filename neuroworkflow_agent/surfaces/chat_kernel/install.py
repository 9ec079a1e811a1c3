"""Kernelspecs of chat kernels: installed, listed, removed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import SYSTEM_JUPYTER_PATH, jupyter_data_dir

from neuroworkflow_agent.errors import ConfigError, NoKernelSpecError
from neuroworkflow_agent.replacing import Temporary, look, sweep
from neuroworkflow_agent.surfaces.chat_kernel.specs import (
    MAX_NAME_CHARS,
    MODULE,
    NATIVE,
    SPEC_FILE,
    Spec,
    all_specs,
    find_spec,
    is_name,
    read_spec,
)
from neuroworkflow_agent.text import one_line

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
    if name is None:
        name = NAME if subkernel == NATIVE else f"{NAME}-{subkernel}"
    if not is_name(name):
        raise ConfigError(
            f"A kernel's name has letters, digits, '.', '-' and '_', more than '.' and '..', "
            f"at most {MAX_NAME_CHARS}; got {one_line(name, MAX_NAME_CHARS)!r}."
        )
    folder = _kernels(user=user, prefix=prefix) / name.lower()  # as Jupyter has it
    _require_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(_FILES.iterdir()):
            if file.name != SPEC_FILE:
                _put(folder / file.name, file.read_bytes())
        # The last one: a folder without it is no kernel.
        _put(folder / SPEC_FILE, (json.dumps(_kernel_json(spec), indent=1) + "\n").encode())
    except OSError as error:
        _remove_if_empty(folder)
        raise ConfigError(
            f"The kernel cannot be installed in '{folder}': {error.strerror or error}. Try --user or --sys-prefix."
        ) from error
    return folder


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
        if found.folder.is_symlink():
            found.folder.unlink()
        else:
            shutil.rmtree(found.folder)
    except OSError as error:
        raise ConfigError(f"'{found.folder}' cannot be removed: {error.strerror or error}.") from error
    return found.folder


def _kernels(*, user: bool, prefix: str | None) -> Path:
    """The folder of the kernelspecs of a user, an environment, or the machine."""
    if user:
        return Path(jupyter_data_dir(), "kernels")
    return Path(prefix, "share", "jupyter", "kernels") if prefix else Path(SYSTEM_JUPYTER_PATH[0], "kernels")


def _require_free(folder: Path) -> None:
    """See that no other kernel has the name, and that nothing else is in the folder's place."""
    name = folder.name
    taken = next((spec for spec in all_specs() if spec.name.lower() == name), None)
    if taken is not None and not taken.is_chat_kernel:
        raise ConfigError(f"There is another kernel named {name!r}, in '{taken.folder}'. Choose a --name.")
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise ConfigError(f"'{folder}' is no folder of its own. Remove it, or choose a --name.")
    if os.path.lexists(folder / SPEC_FILE) and not read_spec(name, folder).is_chat_kernel:
        raise ConfigError(f"There is another kernel in '{folder}'. Choose a --name.")


def _put(target: Path, data: bytes) -> None:
    """Put a file in its place as a whole; what was there stays until then.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    sweep(target)
    before = look(target)
    new = Temporary(target)
    try:
        new.write(data)
        if not new.put(before):
            raise OSError(f"'{target}' was written by another program meanwhile")
    finally:
        new.discard()


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _kernel_json(spec: Spec) -> dict[str, object]:
    return {
        "argv": [sys.executable, "-m", MODULE, "-f", "{connection_file}", "--subkernel", spec.name],
        "display_name": f"NeuroWorkflow ({spec.display_name})",
        "language": spec.language,
        "interrupt_mode": "message",
        "metadata": {"debugger": True} if spec.metadata.get("debugger") else {},
    }
