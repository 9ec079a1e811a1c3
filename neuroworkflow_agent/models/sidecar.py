"""A model server in a process of its own, one a user and model, shared by kernels and found again.

The process belongs to nobody: whoever needs it first starts it, detached, and it ends by itself when idle
(`models.host`). A `Sidecar` here only finds it, starts it, and says what became of it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.errors import EngineError
from neuroworkflow_agent.models.server_state import read_state

if TYPE_CHECKING:
    import psutil

START_TIMEOUT_S = 300.0
_HEALTH_TIMEOUT_S = 5.0
_POLL_S = 0.03
_LOG_BYTES = 4_000


class ModelServerError(EngineError):
    """A model server could not be started."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that takes requests."""

    url: str
    token: str = field(repr=False)
    pid: int

    def is_alive(self) -> bool:
        """Whether the process still exists."""
        import psutil

        try:
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Which server process, and where its state lies.

    Parameters
    ----------
    name
        For people: "the embedded model".
    module
        Run as `python -m MODULE STATE_FILE`, with the settings as JSON on its standard input.
    settings
        JSON-safe; another server for other settings.
    directory
        Where state files and logs are kept; for this user's eyes only.
    start_timeout_s
        How long the process may take to serve.
    """

    name: str
    module: str
    settings: Mapping[str, Any] = field(repr=False)
    directory: Path
    start_timeout_s: float = START_TIMEOUT_S

    def ensure(self) -> Running:
        """The running server, started if there is none. Blocks; from any thread or process.

        Raises
        ------
        ModelServerError
            With the last thing the process said.
        """
        from filelock import FileLock

        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = self.find()
        if found is not None:
            return found
        with FileLock(self._path(".lock")):
            return self.find() or self._start()

    def find(self) -> Running | None:
        """The running server, if there is one that answers."""
        import httpx

        state = read_state(self._path(".json"))
        if state is None:
            return None
        running = Running(state["url"], state["token"], state["pid"])
        try:
            headers = {"x-api-key": running.token}
            answer = httpx.get(
                f"{running.url}/health", headers=headers, timeout=_HEALTH_TIMEOUT_S, trust_env=False
            )
        except httpx.HTTPError:
            return None
        return running if answer.status_code == 200 else None

    def stop(self) -> None:
        """End the server, if there is one."""
        import psutil

        state = read_state(self._path(".json"))
        if state is not None:
            _terminate(psutil.Process(state["pid"]))

    def _start(self) -> Running:
        self.stop()  # one that does not answer
        log = self._path(".log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(self._path(".json"))],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        # Reaps the process when it ends; it may outlive everybody who talks to it.
        threading.Thread(target=process.wait, name="neuroworkflow-agent reaper", daemon=True).start()
        assert process.stdin is not None
        try:
            with process.stdin as stdin:
                stdin.write(json.dumps(dict(self.settings)).encode())
        except BrokenPipeError:
            pass  # it has ended; its last words say why
        deadline = time.monotonic() + self.start_timeout_s
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ModelServerError(f"{self.name} could not be started: {_last_words(log)}")
            state = read_state(self._path(".json"))
            if state is not None and state["pid"] == process.pid:
                return Running(state["url"], state["token"], state["pid"])
            time.sleep(_POLL_S)
        process.kill()
        raise ModelServerError(
            f"{self.name} did not start within {self.start_timeout_s:g} s: {_last_words(log)}"
        )

    def _path(self, suffix: str) -> Path:
        # Another version or environment may speak otherwise; it gets a server of its own.
        identity = json.dumps([self.module, dict(self.settings), sys.executable, __version__], sort_keys=True)
        return self.directory / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}{suffix}"


def _terminate(process: psutil.Process) -> None:
    import psutil

    try:
        process.terminate()
        process.wait(3)
    except psutil.TimeoutExpired:
        process.kill()
    except psutil.Error:
        pass


def _last_words(log: Path) -> str:
    lines = log.read_bytes()[-_LOG_BYTES:].decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
