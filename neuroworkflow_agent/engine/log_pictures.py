"""Pictures of an event log: files beside it, each once, named by their content."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuroworkflow_agent.pictures import MEDIA_TYPES
from neuroworkflow_agent.private_files import write_private

_SMALL_PICTURE_CHARS = 4_000
_BESIDE = "neuroworkflow_agent.file"
"""Stands for a picture that lies beside the log."""


def pictures_of(path: Path) -> Path:
    """The directory of the pictures of the log at `path`."""
    return path.with_suffix(".pictures")


def with_pictures_beside(change: Any, path: Path) -> Any:
    """A change of outputs whose pictures are files beside the log at `path`, and are written there."""

    def kept(kind: str, value: Any) -> Any:
        if kind not in MEDIA_TYPES or not isinstance(value, str) or len(value) < _SMALL_PICTURE_CHARS:
            return value
        try:
            data = base64.b64decode(value)
        except binascii.Error:
            return value
        return {_BESIDE: _keep_picture(pictures_of(path), data)}

    return _with_bundle(change, lambda bundle: {kind: kept(kind, value) for kind, value in bundle.items()})


def with_pictures_back(change: Any, path: Path) -> Any:
    """A change as it was before."""

    def read(value: Any) -> Any:
        name = value.get(_BESIDE) if isinstance(value, dict) else None
        if not isinstance(name, str):
            return value
        try:
            return base64.b64encode((pictures_of(path) / Path(name).name).read_bytes()).decode()
        except OSError:
            return ""

    return _with_bundle(change, lambda bundle: {kind: read(value) for kind, value in bundle.items()})


def _with_bundle(change: Any, convert: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A change with its mime bundle converted, where it has one."""
    if isinstance(change.get("data"), dict):
        return {**change, "data": convert(change["data"])}
    output = change.get("output")
    if isinstance(output, dict) and isinstance(output.get("data"), dict):
        return {**change, "output": {**output, "data": convert(output["data"])}}
    return change


def _keep_picture(directory: Path, data: bytes) -> str:
    """Write a picture unless it is there; gives its name."""
    name = hashlib.sha256(data).hexdigest()[:32]
    target = directory / name
    if not target.exists():
        directory.mkdir(mode=0o700, exist_ok=True)
        write_private(target, data)
    return name


def remove_pictures_but(kept: bytes, path: Path) -> None:
    """Delete the pictures of the log at `path` that are not named in `kept`."""
    for picture in pictures_of(path).glob("*"):
        if picture.name.encode() not in kept:
            picture.unlink(missing_ok=True)
