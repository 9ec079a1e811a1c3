"""Whether anything listens where a model server should be; nothing is sent there."""

from __future__ import annotations

import socket
import urllib.request
from urllib.parse import SplitResult, urlsplit

_TIMEOUT_S = 2.0
_PORTS = {"http": 80, "https": 443}


def refused_address(url: str) -> str:
    """`HOST:PORT` of a URL where connections are refused.

    Empty if one is taken, if nothing answers at all, which may pass, or if a proxy stands in between.
    """
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    if not host or not port or _has_proxy(parts):
        return ""
    try:
        socket.create_connection((host, port), _TIMEOUT_S).close()
    except ConnectionRefusedError:
        return f"{host}:{port}"
    except OSError:
        return ""
    return ""


def _has_proxy(parts: SplitResult) -> bool:
    return parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.netloc)
