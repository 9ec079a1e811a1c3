"""Kernelspecs as the chat kernel needs them at its start: found and read as files.

`jupyter_client.kernelspec` does the same, and takes half a second to import, which every start of the kernel would wait for.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from jupyter_core.paths import jupyter_path

from neuroworkflow_agent.errors import ConfigError, NoKernelSpecError

NATIVE = "python3"
MODULE = "neuroworkflow_agent.surfaces.chat_kernel"
"""What a chat kernel's command has."""
SPEC_FILE = "kernel.json"
_MAX_BYTES = 1_000_000
_NAME = re.compile(r"[a-zA-Z0-9._-]*[a-zA-Z0-9_-][a-zA-Z0-9._-]*")
"""As jupyter_client has it, without `.` and `..`."""
MAX_NAME_CHARS = 100
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
    metadata: Mapping[str, Any] = field(default_factory=dict)

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
    return len(name) <= MAX_NAME_CHARS and _NAME.fullmatch(name) is not None


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
            if is_spec(found):
                return read_spec(found.name, found)
    if name == NATIVE:
        argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
        return Spec(name, Path(), argv, {}, "python", "signal", "Python 3")
    raise NoKernelSpecError(name, [spec.name for spec in all_specs()])


def all_specs() -> list[Spec]:
    """Every kernelspec that can be read, by name."""
    found: dict[str, Spec] = {}
    for folder in _folders():
        for each in sorted(file.parent for file in folder.glob(f"*/{SPEC_FILE}")):
            with contextlib.suppress(ConfigError):
                if is_spec(each):
                    found.setdefault(each.name, read_spec(each.name, each))
    return [found[name] for name in sorted(found)]


def _folders() -> list[Path]:
    return [Path(place) for place in jupyter_path("kernels")]


def is_spec(folder: Path) -> bool:
    """Whether a kernelspec is in a folder: a regular file; a pipe would be waited for without end."""
    try:
        return (folder / SPEC_FILE).is_file()
    except OSError:  # somebody else's
        return False


def read_spec(name: str, folder: Path) -> Spec:
    """The kernelspec in a folder.

    Raises
    ------
    ConfigError
        If its file cannot be read as one.
    """
    file = folder / SPEC_FILE
    try:
        if not is_spec(folder):
            raise ValueError("it is not a regular file")
        with file.open("rb") as source:
            said = json.loads(source.read(_MAX_BYTES))
        argv, metadata = said["argv"], said.get("metadata") or {}
        if not (isinstance(argv, list) and argv and isinstance(metadata, dict)):
            raise ValueError("it needs a list as argv, and a mapping as metadata")
        return Spec(
            name,
            folder,
            tuple(str(part) for part in argv),
            {str(key): os.fspath(text) for key, text in (said.get("env") or {}).items()},
            str(said.get("language") or "").lower(),
            str(said.get("interrupt_mode") or "signal"),
            str(said.get("display_name") or name),
            metadata,
        )
    except KeyError as error:
        raise ConfigError(f"The kernelspec in {str(file)!r} cannot be used: it has no {error}.") from error
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"The kernelspec in {str(file)!r} cannot be used: {error}.") from error
