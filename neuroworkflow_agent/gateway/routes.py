"""Which methods and paths exist. Pure.

Paths are compared as they came over the wire: nothing is decoded, joined or shortened, so `/v1/../x`, `//v1`,
`%2f` and the like are simply paths that do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.wire import GATEWAY_PATH

Purpose: TypeAlias = Literal[
    "messages", "count_tokens", "models", "list_tools", "call_tool", "health", "readiness", "metrics"
]

_UPSTREAM: dict[str, tuple[str, Purpose]] = {
    "/v1/messages": ("POST", "messages"),
    "/v1/messages/count_tokens": ("POST", "count_tokens"),
    "/v1/models": ("GET", "models"),
}
_OURS: dict[str, tuple[str, Purpose]] = {
    "/api/chat/mcp-tools": ("GET", "list_tools"),
    "/api/chat/mcp-tools/": ("GET", "list_tools"),
    "/api/chat/mcp-call": ("POST", "call_tool"),
    "/api/chat/mcp-call/": ("POST", "call_tool"),
    "/healthz": ("GET", "health"),
    "/readyz": ("GET", "readiness"),
    "/metrics": ("GET", "metrics"),
}


@dataclass(frozen=True, slots=True)
class Route:
    """An existing method and path."""

    purpose: Purpose
    upstream_path: str
    """Where it is upstream; empty where the gateway answers itself."""


class Routes:
    """The allow-list.

    Parameters
    ----------
    service_prefix
        Path under which a Hub's proxy shows the gateway as well; empty for none.
    """

    def __init__(self, service_prefix: str = "") -> None:
        self._table: dict[bytes, tuple[str, Route]] = {}
        for prefix in {"", service_prefix.rstrip("/")}:
            for path, (method, purpose) in _UPSTREAM.items():
                for base in ("", GATEWAY_PATH):
                    self._table[f"{prefix}{base}{path}".encode()] = (method, Route(purpose, path))
            for path, (method, purpose) in _OURS.items():
                self._table[f"{prefix}{path}".encode()] = (method, Route(purpose, ""))

    def find(self, method: str, raw_path: bytes) -> Route:
        """What a request is for.

        Raises
        ------
        ApiError
            404 or 405.
        """
        entry = self._table.get(raw_path)
        if entry is None:
            raise ApiError(404, "This path is not served here.", reason="path")
        allowed, found = entry
        if method != allowed:
            raise ApiError(405, f"Use {allowed} here.", reason="method", headers={"allow": allowed})
        return found
