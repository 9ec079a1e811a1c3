"""Where the code of a chat runs: in a kernel of its own, of any kernelspec, or in the kernel of a notebook that runs. Pure but for `Places`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.chat_kernel.specs import all_specs, find_spec
from neuroworkflow_agent.surfaces.session_kernel import KERNEL_NAME, Running

_MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where the code of one chat runs."""

    kernel: str = KERNEL_NAME
    """The kernelspec of a kernel of its own."""
    notebook: str = ""
    """The notebook whose kernel it is, from the workspace; empty for a kernel of its own."""

    @property
    def label(self) -> str:
        """What a person is told of it; empty for what is usual."""
        return self.notebook or ("" if self.kernel == KERNEL_NAME else self.kernel)

    def encoded(self) -> dict[str, str]:
        """As JSON has it."""
        return {"notebook": self.notebook} if self.notebook else {"kernel": self.kernel}


def decoded(given: Any) -> Place:
    """What JSON says; the usual one for anything else."""
    if not isinstance(given, Mapping):
        return Place()
    return Place(str(given.get("kernel") or KERNEL_NAME), str(given.get("notebook") or ""))


class Places:
    """Those that there are. From any thread that may wait.

    Parameters
    ----------
    workspace
        Whose chats.
    running
        Tells of notebooks that have kernels.
    """

    def __init__(self, workspace: Path, running: Running) -> None:
        self._workspace = workspace.resolve()
        self._running = running

    def kernels(self) -> list[dict[str, str]]:
        """Kernelspecs, by name and title; chat kernels are none for code."""
        found = {spec.name: spec.display_name for spec in all_specs() if not spec.is_chat_kernel}
        found.setdefault(KERNEL_NAME, find_spec(KERNEL_NAME).display_name)
        return [{"kernel": name, "title": title} for name, title in sorted(found.items())][:_MAX_LISTED]

    def notebooks(self) -> list[str]:
        """Notebooks of the workspace that run, from there."""
        found = {each.path for each in self._running(self._workspace)}
        return sorted(path.relative_to(self._workspace).as_posix() for path in found)[:_MAX_LISTED]

    def checked(self, place: Place) -> Place:
        """The place, if it is one of those.

        Raises
        ------
        ConfigError
            If it is not.
        """
        if place.notebook and place.notebook not in self.notebooks():
            raise ConfigError(
                f"{place.notebook!r} has no running kernel. Open the notebook in Jupyter first."
            )
        if not place.notebook and place.kernel not in {each["kernel"] for each in self.kernels()}:
            raise ConfigError(f"There is no kernel {place.kernel!r} for code.")
        return place

    def path(self, place: Place) -> Path | None:
        """The notebook's file."""
        return self._workspace / place.notebook if place.notebook else None
