"""Two servers of notebooks over MCP, in one's own terms: ours, and jupyter-mcp-server's.

Both serve one notebook of a Jupyter server with jupyter-collaboration, at its `/mcp`. The other one comes from an environment
of its own, whose Python JUPYTER_MCP_SERVER names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nbformat

from neuroworkflow_agent.notebooks.room import Room, RoomServer
from neuroworkflow_agent.surfaces.mcp.remote import Remote
from neuroworkflow_agent.testing.ports import free_port

NAME = "shared.ipynb"
END = "#END"
"""Last line of each cell, before which edits put theirs."""
_TOKEN = "bench-token"
_START_S = 240.0
_COLLABORATION = Path(sys.prefix) / "collaboration" / "5"
_OURS = {
    "neuroworkflow_agent.surfaces.mcp.extension": True,
    "jupyter_server_ydoc": True,
    "jupyter_server_fileid": True,
}


@dataclass
class Peer:
    """A server and how its tools are called; `clients` call them."""

    name: str
    url: str
    root: Path
    clients: list[Remote] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether it is this package's."""
        return self.name == "ours"

    async def connect(self, count: int) -> None:
        """Have so many clients at the notebook."""
        self.clients = [Remote(self.url, _TOKEN) for _ in range(count)]
        for client in self.clients:
            await client.start()
        if not self.is_ours:
            about = {"notebook_name": "n", "notebook_path": NAME, "kernel_id": "NEW"}
            await self.clients[0].call("use_notebook", about)

    async def aclose(self) -> None:
        """Let the clients go."""
        for client in self.clients:
            await client.aclose()

    async def person(self) -> Room:
        """Somebody who types."""
        return await Room.join(RoomServer(self.url, _TOKEN, "Person"), NAME)

    async def read(self, client: Remote, cell: str) -> None:
        """Read a cell."""
        await self._call(client, "cell_get", "read_cell", {"cell_id": cell})

    async def edit(self, client: Remote, cell: str, token: str) -> None:
        """Put a token into a cell."""
        old, new = END, f"# {token}\n{END}"
        if self.is_ours:
            await client.call("cell_edit", {"path": NAME, "cell_id": cell, "old": old, "new": new})
        else:
            about = {"notebook_name": "n", "cell_id": cell, "old_string": old, "new_string": new}
            await client.call("edit_cell_source", about)

    async def execute(self, client: Remote, cell: str) -> None:
        """Run a cell."""
        if self.is_ours:
            await client.call("cell_execute", {"path": NAME, "cell_id": cell})
        else:
            await client.call("execute_cell", {"cell_id": cell})

    async def insert(self, client: Remote, source: str) -> None:
        """A new first cell."""
        if self.is_ours:
            await client.call("cell_insert", {"path": NAME, "source": source, "index": 0})
        else:
            about = {"notebook_name": "n", "cell_index": 0, "cell_type": "code", "cell_source": source}
            await client.call("insert_cell", about)

    async def move(self, client: Remote, cell: str) -> None:
        """A cell to the first place."""
        if self.is_ours:
            await client.call("cell_move", {"path": NAME, "cell_id": cell, "index": 0})
        else:
            about = {"notebook_name": "n", "source_cell_id": cell, "target_index": 0}
            await client.call("move_cell", about)

    async def _call(self, client: Remote, ours: str, theirs: str, about: dict[str, Any]) -> None:
        if self.is_ours:
            await client.call(ours, {"path": NAME, **about})
        else:
            await client.call(theirs, {"notebook_name": "n", **about})


@contextlib.asynccontextmanager
async def served(home: Path, cells: int) -> AsyncIterator[list[Peer]]:
    """Both servers with a notebook of so many cells each; ours alone, where JUPYTER_MCP_SERVER is not set."""
    pythons = {"ours": sys.executable}
    if other := os.environ.get("JUPYTER_MCP_SERVER"):
        pythons["jupyter-mcp-server"] = other
    with contextlib.ExitStack() as stack:
        found = []
        for name, python in pythons.items():
            root = home / name / "root"
            root.mkdir(parents=True)
            _write(root / NAME, cells)
            found.append(Peer(name, stack.enter_context(_server(python, home / name, name == "ours")), root))
        await asyncio.gather(*(asyncio.to_thread(_wait, peer.url) for peer in found))
        yield found


def _write(file: Path, count: int) -> None:
    cells = [nbformat.v4.new_code_cell(f"print({number})\n{END}", id=f"c{number}") for number in range(count)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), file)


@contextlib.contextmanager
def _server(python: str, home: Path, is_ours: bool) -> Iterator[str]:
    port = free_port()
    environ = {
        key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "PYTHONPATH"))
    }
    environ |= {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")} | {
        "IPYTHONDIR": str(home / "ipython")
    }
    arguments = [
        "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={_TOKEN}", f"--ServerApp.root_dir={home / 'root'}",
    ]  # fmt: skip
    if is_ours:
        environ |= {"PYTHONPATH": str(_COLLABORATION)}
        arguments.append(f"--ServerApp.jpserver_extensions={_OURS!r}")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", "jupyter_server", *arguments], env=environ, cwd=home, stdout=log, stderr=log
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(url: str) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/api", timeout=60).is_success:
                return
        time.sleep(0.2)
    raise RuntimeError(f"No server at {url}.")
