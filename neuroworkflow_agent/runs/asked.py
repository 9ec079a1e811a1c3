"""What a run is asked, as a value, and the key that follows from it alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.text import map_texts

_KEY_CHARS = 16
_BLOCK_BYTES = 1 << 20
_DEFAULTS: Mapping[str, Any] = {
    "prepare": None,
    "execute": True,
    "kernel": None,
    "timeout_s": None,
    "allow_errors": False,
    "mode": "edit",
    "max_turns": None,
    "max_budget_usd": None,
}
"""Settings of a run, as they are unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to one model; two that are equal have one key."""

    notebook: str
    """Path of the notebook, as it was given."""
    notebook_sha256: str
    prompt: str | None
    """None runs the cells only."""
    model: str
    """What serves, as `identity` of `models.choose` names it."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the content of each declared input, by its path."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else decides what happens: mode, limits, whether the cells run, checks."""
    repetition: int = 1

    @property
    def key(self) -> str:
        """Hash of all of it; the notebook counts by its content, not by where it is."""
        told = [
            self.notebook_sha256, self.prompt, self.model, self.parameters, self.inputs, self.settings, self.repetition,
        ]  # fmt: skip
        text = json.dumps(told, sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_CHARS]

    def as_dict(self, hide: Callable[[str], str] = str) -> dict[str, Any]:
        """JSON-safe, with `hide` applied to every text."""
        told = {
            "notebook": self.notebook,
            "notebook_sha256": self.notebook_sha256,
            "prompt": self.prompt,
            "model": self.model,
            "parameters": dict(self.parameters),
            "inputs": dict(self.inputs),
            "settings": dict(self.settings),
            "repetition": self.repetition,
        }
        shown: dict[str, Any] = map_texts(told, hide)
        return shown


def settings_of(
    job: Mapping[str, Any], session: Mapping[str, Any], judging: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What of a job's and its session's settings decides what happens, with what is looked at then."""
    known = {**_DEFAULTS, **{name: value for name, value in {**job, **session}.items() if name in _DEFAULTS}}
    return {**known, **({"judging": dict(judging)} if judging else {})}


def digest(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises
    ------
    RunError
        If it cannot be read.
    """
    hashed = hashlib.sha256()
    try:
        if not path.is_file():
            raise RunError(f"'{path}' is not a file. Name a file that exists.")
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                hashed.update(block)
    except OSError as error:
        raise RunError(f"'{path}' cannot be read: {error.strerror}.") from error
    return hashed.hexdigest()


def digests(patterns: Iterable[str], root: Path) -> dict[str, str]:
    """SHA-256 of every file that the patterns name, by its path from `root`, in order.

    Raises
    ------
    RunError
        If a pattern names nothing.
    """
    found: dict[str, str] = {}
    for pattern in patterns:
        paths = sorted(path for path in root.glob(pattern) if path.is_file()) if _is_relative(pattern) else []
        if not paths:
            raise RunError(
                f"The input {pattern!r} names no file in '{root}'. Give paths or patterns from there."
            )
        found |= {str(path.relative_to(root)): digest(path) for path in paths}
    return found


def _is_relative(pattern: str) -> bool:
    path = Path(pattern)
    return bool(pattern) and not path.is_absolute() and ".." not in path.parts
