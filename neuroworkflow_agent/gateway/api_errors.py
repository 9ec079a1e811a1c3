"""What the gateway itself says no to, in the Messages API's own shape."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from neuroworkflow_agent.wire import error_body


class ApiError(Exception):
    """A request that is answered here.

    Parameters
    ----------
    status
        HTTP status.
    message
        For the caller; names no secret.
    reason
        One word for the log and the metrics.
    headers
        Further headers of the answer.
    """

    def __init__(
        self, status: int, message: str, *, reason: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(error_body(self.status, self.message), self.status, self.headers)


def unauthorized(message: str) -> ApiError:
    """Nobody we know."""
    return ApiError(401, message, reason="credential", headers={"www-authenticate": "Bearer"})
