"""`run.json`: what was asked, by which versions, and how it ended; read for everybody, written by the `Recorder` alone."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.runs.plain_files import read_plain
from neuroworkflow_agent.runs.store import Place

NAME = "run.json"
FORMAT = 1
_PACKAGES = ("claude-agent-sdk", "ipykernel", "nbclient", "numpy")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as its `run.json` has it."""

    place: Place
    told: Mapping[str, Any]
    """The document; empty where there is none that can be read."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """What was asked."""
        return _mapping(self.told.get("asked"))

    @property
    def state(self) -> str:
        """How it ended, in the word for it; else `running`, `killed`, or `lost` where that cannot be told from here."""
        if end := self.told.get("end"):
            return str(end)
        if self.told.get("host") != socket.gethostname():
            return "lost"
        return "running" if _is_alive(self.told.get("pid"), self.told.get("process_started")) else "killed"

    @property
    def verdict(self) -> str:
        """What its checks say: `passed`, `failed`, `unjudged`, or nothing if there are none."""
        return str(self.told.get("verdict") or "")

    @property
    def cost_usd(self) -> float | None:
        """None where no price is known."""
        cost = self.told.get("cost_usd")
        return float(cost) if isinstance(cost, int | float) else None

    def as_json(self) -> dict[str, Any]:
        """The document, with what only its place tells."""
        return {"id": self.place.run_id, "state": self.state, "path": str(self.place.path), **self.told}


def read_record(place: Place) -> RunRecord:
    """The record of a run; an empty one for a start that was killed before it wrote any, `unreadable` for what is none."""
    try:
        told = json.loads(read_plain(place.path / NAME))
    except FileNotFoundError:
        told = {}
    except (OSError, ValueError):
        told = {"end": "unreadable"}
    return RunRecord(place, _mapping(told))


def write_record(place: Place, told: Mapping[str, Any]) -> None:
    """Put the document in place, as a whole."""
    text = json.dumps(told, ensure_ascii=False, indent=1, default=str)
    write_private(place.path / NAME, text.encode("utf-8", "replace") + b"\n")


def this_process() -> dict[str, Any]:
    """Who runs it, so that others can tell a run that goes on from one that was killed."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_started": psutil.Process().create_time(),
    }


def versions() -> dict[str, str]:
    """What the run runs with."""
    found = {"neuroworkflow-agent": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read_files(place: Place) -> dict[str, Any]:
    """What `files.json` says; nothing for a run that was killed."""
    try:
        told = json.loads(read_plain(place.path / "files.json"))
    except (OSError, ValueError):
        told = {}
    return {"complete": True, "shared": False, "changes": [], **_mapping(told)}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_alive(pid: Any, started: Any) -> bool:
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(started)) < 1.0
    except (psutil.Error, TypeError, ValueError):
        return False
