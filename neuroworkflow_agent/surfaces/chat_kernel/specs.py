"""Kernelspecs as the chat kernel needs them at its start: found and read as files.

`jupyter_client.kernelspec` does the same, and takes half a second to import, which every start of the kernel would wait for.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from jupyter_core.paths import jupyter_path

from neuroworkflow_agent.errors import ConfigError, NoKernelSpecError

NATIVE = "python3"
MODULE = "neuroworkflow_agent.surfaces.chat_kernel"
"""What a chat kernel's command has."""
_NAME = re.compile(r"[a-zA-Z0-9._-]*[a-zA-Z0-9_-][a-zA-Z0-9._-]*")
"""As jupyter_client has it, without `.` and `..`."""
_PYTHON = re.compile(r"python(3(\.\d+)?)?")


@dataclass(frozen=True, slots=True)
class Spec:
    """A kernelspec."""

    name: str
    folder: Path
    """Where its files are."""
    argv: tuple[str, ...]
    env: Mapping[str, str]
    language: str
    """Lower case."""
    interrupt_mode: str
    """`signal` or `message`."""
    display_name: str = ""
    metadata: Mapping[str, Any] | None = None

    @property
    def is_chat_kernel(self) -> bool:
        """Whether it is one of ours."""
        return MODULE in self.argv

    @property
    def subkernel(self) -> str:
        """The name of the subkernel of one of ours; empty for others."""
        after = self.argv[self.argv.index("--subkernel") + 1 :] if "--subkernel" in self.argv else ()
        return after[0] if self.is_chat_kernel and after else ""

    def command(self, connection_file: str) -> list[str]:
        """What starts the kernel."""
        places = {
            "connection_file": connection_file,
            "resource_dir": str(self.folder),
            "prefix": sys.prefix,
        }
        filled = [
            re.sub(r"\{(\w+)\}", lambda found: places.get(found[1], found[0]), part) for part in self.argv
        ]
        # As jupyter_client has it: a bare `python` is the one that we run in.
        return [sys.executable if _PYTHON.fullmatch(filled[0]) else filled[0], *filled[1:]]

    def environ(self, given: Mapping[str, str]) -> dict[str, str]:
        """Its environment, in ours."""
        return {**given, **{name: Template(text).safe_substitute(given) for name, text in self.env.items()}}


def is_name(name: str) -> bool:
    """Whether a kernelspec may be called so; `.` and `..` are folders that hold them."""
    return _NAME.fullmatch(name) is not None


def find_spec(name: str) -> Spec:
    """The kernelspec of this name.

    Raises
    ------
    NoKernelSpecError
        If there is none.
    ConfigError
        If its file cannot be read as one.
    """
    for folder in _folders() if is_name(name) else ():
        for found in (folder / name, folder / name.lower()):
            if (found / "kernel.json").is_file():
                return _read(found.name, found)
    if name == NATIVE:
        argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
        return Spec(name, Path(), argv, {}, "python", "signal", "Python 3")
    raise NoKernelSpecError(name, [spec.name for spec in all_specs()])


def all_specs() -> list[Spec]:
    """Every kernelspec that can be read, by name."""
    found: dict[str, Spec] = {}
    for folder in _folders():
        for file in sorted(folder.glob("*/kernel.json")):
            name = file.parent.name
            try:
                found.setdefault(name, _read(name, file.parent))
            except ConfigError:
                continue
    return [found[name] for name in sorted(found)]


def _folders() -> list[Path]:
    return [Path(place) for place in jupyter_path("kernels")]


def _read(name: str, folder: Path) -> Spec:
    file = folder / "kernel.json"
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return Spec(
            name,
            folder,
            tuple(str(part) for part in said["argv"]),
            {str(key): os.fspath(text) for key, text in (said.get("env") or {}).items()},
            str(said.get("language") or "").lower(),
            str(said.get("interrupt_mode") or "signal"),
            str(said.get("display_name") or name),
            said.get("metadata") or {},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"The kernelspec in {str(file)!r} cannot be used: {error}.") from error
