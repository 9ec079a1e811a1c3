"""A Jupyter server of its own with the extension, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests import needs

TOKEN = "served-token-0000"
_EXTENSION = "neuroworkflow_agent.surfaces.mcp.extension"
_OTHERS = ("jupyterlab", "notebook", "notebook_shim", "jupyter_lsp", "jupyter_server_terminals", "nbclassic")
_START_S = 90.0
_END_S = 10.0
"""What it does in its end is done within that, or else never."""


def older_mcp() -> str:
    """The folder with version 1 of `mcp`."""
    folder = Path(sys.prefix) / "older-mcp"
    if not folder.is_dir():
        needs.missing("mcp 1", install="scripts/install-older-mcp")
    return str(folder)


def collaboration_environ(major: str) -> dict[str, str]:
    """Variables by which a server finds that major version of jupyter-collaboration."""
    folder = Path(sys.prefix) / "collaboration" / major
    if not folder.is_dir():
        needs.missing("jupyter-collaboration", install="scripts/install-collaboration")
    return {
        "PYTHONPATH": str(folder),
        "JUPYTER_PATH": str(folder / "share" / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(folder / "etc" / "jupyter"),
    }


class Server:
    """The server's process; `more` are arguments of its command line.

    With `collaboration`, a major version of jupyter-collaboration, it has that; with `with_lab`, JupyterLab;
    with `extension`, the module of one that is tested instead of the product's.
    """

    def __init__(
        self,
        home: Path,
        *more: str,
        port: int = 0,
        collaboration: str = "",
        with_lab: bool = False,
        extension: str = _EXTENSION,
        token: str = TOKEN,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.root = home / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        (home / "data").mkdir(parents=True, exist_ok=True)
        extensions = {
            _EXTENSION: False,
            extension: True,
            **({} if with_lab else dict.fromkeys(_OTHERS, False)),
        }
        others = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
        environ = {**others, **(environ or {})}
        environ |= {
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "IPYTHONDIR": str(home / "ipython"),
        }
        if collaboration:
            environ |= collaboration_environ(collaboration)
            extensions |= {"jupyter_server_ydoc": True, "jupyter_server_fileid": True}
        arguments = [
            "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={self.root}",
            f"--ServerApp.jpserver_extensions={extensions!r}", *more,
        ]  # fmt: skip
        self._log = (home / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab" if with_lab else "jupyter_server", *arguments],
            cwd=self.root,
            env=environ,
            stdout=self._log,
            stderr=self._log,
        )
        self.url = self._wait_for_url()

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.home / "server.log").read_text(encoding="utf-8")

    def _wait_for_url(self) -> str:
        file = self.home / "runtime" / f"jpserver-{self.process.pid}.json"
        deadline = time.monotonic() + _START_S
        while not (file.exists() and file.read_text(encoding="utf-8").strip().endswith("}")):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(self.log)
            time.sleep(0.05)
        url = str(json.loads(file.read_text(encoding="utf-8"))["url"]).rstrip("/")
        while not _answers(url):
            if time.monotonic() > deadline:
                raise RuntimeError(self.log)
            time.sleep(0.05)
        return url

    def end_kernels(self) -> None:
        """End those that a test has left."""
        with httpx.Client(
            base_url=self.url, headers={"Authorization": f"token {TOKEN}"}, timeout=30
        ) as client:
            for session in client.get("/api/sessions").json():
                client.delete(f"/api/sessions/{session['id']}")

    def close(self) -> None:
        """End it and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:  # with a page open, a thread of jupyter-collaboration's keeps it
            self.process.kill()
            self.process.wait(timeout=30)
        self._log.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api", timeout=_START_S).is_success
    except httpx.TransportError:
        return False
