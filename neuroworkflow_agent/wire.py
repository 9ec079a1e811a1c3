"""What both ends of the Messages API agree on: paths, server-sent events, errors. Pure.

Source: Anthropic Messages API, "Streaming messages" and "Errors".
"""

from __future__ import annotations

import json
from typing import Any

GATEWAY_PATH = "/api/chat/anthropic"
"""Where a gateway serves the API."""
USED_UP = "budget for today is used up"
"""How a gateway's refusal is told from others of its status: waiting some minutes does not help."""

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    431: "invalid_request_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def sse(kind: str, **fields: Any) -> str:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def error_body(status: int, message: str) -> dict[str, Any]:
    """The API's body for an error status."""
    return {"type": "error", "error": {"type": _ERROR_TYPES.get(status, "api_error"), "message": message}}
