"""Which notebook a kernel belongs to: what its server, its hub or its editor says, and never a guess.

The server is the process that started the kernel: it left a file with its address and its token among its user's
runtime files, which is believed only if nobody else can have written it, and says over its API which notebook the kernel
runs for. On a hub the token is the one that the hub gave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from neuroworkflow_agent.trusted_text import UnfitFileError, read_trusted_text

_TIMEOUT_S = 3.0
_DRIVE = "RTC:"
"""What JupyterLab puts before paths of notebooks that are open in a room."""
_MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Belonging:
    """What is known of a kernel's notebook."""

    path: Path | None
    """Its file; None if it is not known."""
    said_by: str
    """Who says so, or what is missing, as a sentence without its full stop."""


def find_notebook(
    environ: Mapping[str, str], *, kernel_id: str, runtime_dir: Path, editor_path: object = None
) -> Belonging:
    """Find a kernel's notebook. Asks its server, so not for an event loop.

    Parameters
    ----------
    environ
        Of the kernel.
    kernel_id
        As its connection file is called; empty if unknown.
    runtime_dir
        Where servers of this user leave their files.
    editor_path
        What VS Code has put into the kernel, `__vsc_ipynb_file__`.
    """
    if isinstance(editor_path, str) and Path(editor_path).is_file():
        return Belonging(Path(editor_path), "VS Code")
    server = _server(environ, runtime_dir)
    if server is not None and kernel_id:
        url, root = str(server.get("url", "")), str(server.get("root_dir", ""))
        found = _from_server(url, _token(server, environ), root, kernel_id)
        if found is not None:
            return found
    named = environ.get("JPY_SESSION_NAME", "")
    if named and Path(named).is_absolute() and Path(named).suffix == ".ipynb" and Path(named).is_file():
        return Belonging(
            Path(named), "the kernel's environment, JPY_SESSION_NAME; its server was not reached"
        )
    return Belonging(None, "nothing says which notebook this kernel belongs to")


@dataclass(frozen=True, slots=True)
class RunningNotebook:
    """A notebook that has a kernel."""

    path: Path
    """Its file, resolved."""
    kernel_id: str
    kernel_name: str
    """Of the kernelspec."""


def running_notebooks(below: Path, environ: Mapping[str, str], *, runtime_dir: Path) -> list[RunningNotebook]:
    """The notebooks in a folder, or below it, that have kernels on running servers of this user's. Asks the servers."""
    below, found = below.resolve(), []
    for file in sorted(runtime_dir.glob("jpserver-*.json")):
        server = _described(file)
        root = Path(str(server.get("root_dir", ""))).resolve()
        if server.get("root_dir") and (below.is_relative_to(root) or root.is_relative_to(below)):
            sessions = _sessions(str(server.get("url", "")), _token(server, environ)) or []
            found += [each for each in notebooks_of(sessions, root) if each.path.is_relative_to(below)]
    return found


def notebooks_of(sessions: list[dict[str, Any]], root: Path) -> list[RunningNotebook]:
    """The notebooks among a server's sessions, whose paths are from `root`."""
    return [
        RunningNotebook(
            file_of(root, each["path"]).resolve(),
            str(each["kernel"]["id"]),
            str(each["kernel"].get("name", "")),
        )
        for each in sessions
        if each.get("type") == "notebook" and each.get("kernel")
    ]


def file_of(root: Path, api_path: str) -> Path:
    """The file of a path as a server names it."""
    return root / api_path.removeprefix(_DRIVE).lstrip("/")


def _server(environ: Mapping[str, str], runtime_dir: Path) -> dict[str, Any] | None:
    """What the server that started the kernel has written of itself."""
    process = environ.get("JPY_PARENT_PID", "")
    if not process.isdecimal():
        return None
    found = _described(runtime_dir / f"jpserver-{process}.json")
    return found if str(found.get("pid")) == process else None


def _described(file: Path) -> dict[str, Any]:
    """What a server has written of itself; empty if that cannot be believed."""
    try:
        # It says where a token of the user's goes.
        found = json.loads(read_trusted_text(file, _MAX_BYTES))
    except (OSError, UnfitFileError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _token(server: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    return str(server.get("token") or "") or environ.get("JUPYTERHUB_API_TOKEN", "")


def _sessions(url: str, token: str) -> list[dict[str, Any]] | None:
    """The sessions of a server, each with `type`, `path` and a kernel's `id`; None if it does not tell."""
    headers = {"Authorization": f"token {token}"} if token else {}
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/api/sessions", headers=headers, timeout=_TIMEOUT_S, trust_env=False
        )
        return [
            {
                "type": each["type"],
                "path": str(each["path"]),
                "kernel": {"id": each["kernel"]["id"], "name": each["kernel"].get("name", "")},
            }
            for each in answer.raise_for_status().json()
        ]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return None


def _from_server(url: str, token: str, root: str, kernel_id: str) -> Belonging | None:
    sessions = _sessions(url, token)
    if sessions is None:
        return None
    paths = {
        each["path"] for each in sessions if each["kernel"]["id"] == kernel_id and each["type"] == "notebook"
    }
    if len(paths) != 1:
        many = (
            f"{len(paths)} notebooks share this kernel"
            if paths
            else "no notebook of the server has this kernel"
        )
        return Belonging(None, f"{many}, says the Jupyter server at {url}")
    path = file_of(Path(root), *paths)
    known = path if root and path.is_file() else None
    return Belonging(known, f"the Jupyter server at {url}")
