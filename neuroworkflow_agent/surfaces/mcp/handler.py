"""`/mcp` of a Jupyter server."""

from __future__ import annotations

from tornado.web import HTTPError

from neuroworkflow_agent.surfaces.asgi_handler import AsgiHandler

_FORBIDDEN = 403


class McpHandler(AsgiHandler):
    """One request of the streamable HTTP transport."""

    def check_xsrf_cookie(self) -> None:
        """Say that the token is wrong, rather than that a cookie is missing which no client has."""
        # Tornado also asks before it is known who it is, when `current_user` only warns.
        if getattr(self, "_jupyter_current_user", self) is None:
            raise HTTPError(_FORBIDDEN, "The token is missing or wrong.")
        super().check_xsrf_cookie()

    async def get(self) -> None:
        """What the server says unasked."""
        await self.serve()

    async def post(self) -> None:
        """A message."""
        await self.serve()

    async def delete(self) -> None:
        """The end of a session."""
        await self.serve()
