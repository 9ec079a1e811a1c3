"""Whether memory is short, for this machine or for the container that the kernel lives in."""

from __future__ import annotations

from pathlib import Path

_LEAST_FREE = 0.1
"""Of what there is."""
_CGROUPS = (
    # Version 2, then version 1, as a container sees its own.
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)


def is_memory_short(root: Path = Path("/sys/fs/cgroup")) -> bool:
    """Whether less than a tenth is left.

    Parameters
    ----------
    root
        Where the kernel says what a container may use.
    """
    import psutil

    machine = psutil.virtual_memory()
    if machine.available < _LEAST_FREE * machine.total:
        return True
    return any(_is_short_in(root, *names, machine.total) for names in _CGROUPS)


def _is_short_in(root: Path, limit: str, used: str, stat: str, inactive: str, machine_bytes: int) -> bool:
    try:
        limit_bytes = int((root / limit).read_text())
        used_bytes = int((root / used).read_text())
        lines = (root / stat).read_text().splitlines()
    except (OSError, ValueError):  # there is none, or it is `max`
        return False
    # What of files is only remembered is given back when it is needed.
    cached_bytes = sum(int(line.split()[1]) for line in lines if line.startswith(f"{inactive} "))
    is_limit = 0 < limit_bytes <= machine_bytes
    return is_limit and limit_bytes - (used_bytes - cached_bytes) < _LEAST_FREE * limit_bytes
