"""Who holds a notebook of a Jupyter server: its room, where that server has real-time collaboration, else its file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.surfaces.mcp.notebooks import HolderMaker
from neuroworkflow_agent.surfaces.mcp.service import hold_file

_EXTENSION = "jupyter_server_ydoc"
_NEEDED = ("pycrdt", "jupyter_ydoc")
_WILDCARDS = ("", "*", "0.0.0.0", "::")  # noqa: S104 - where the server listens is not ours to say
_USER = "Agent (MCP)"


def holder_maker(serverapp: Any) -> HolderMaker:
    """What gives holders for the notebooks of a server."""
    if not _collaborates(serverapp):
        return hold_file
    from neuroworkflow_agent.notebooks.room import RoomServer
    from neuroworkflow_agent.notebooks.room_holder import RoomHolder

    server = RoomServer(_url(serverapp), _token(serverapp), _USER)

    async def hold_room(_path: Path, name: str) -> Holder:
        return RoomHolder(server, name)

    return hold_room


def _collaborates(serverapp: Any) -> bool:
    apps = serverapp.extension_manager.extension_apps.get(_EXTENSION, ())
    is_on = any(not getattr(app, "disable_rtc", False) for app in apps)
    return is_on and not serverapp.sock and all(find_spec(name) is not None for name in _NEEDED)


def _url(serverapp: Any) -> str:
    host = "127.0.0.1" if serverapp.ip in _WILDCARDS else serverapp.ip
    host = f"[{host}]" if ":" in host else host
    scheme = "https" if serverapp.certfile else "http"
    return f"{scheme}://{host}:{serverapp.port}{serverapp.base_url}".rstrip("/")


def _token(serverapp: Any) -> str:
    """What lets us in at the server that we are a part of: its token, or the one that it has of its hub."""
    hub = getattr(serverapp.identity_provider, "hub_auth", None)
    return str(getattr(hub, "api_token", "") or serverapp.identity_provider.token or "")
