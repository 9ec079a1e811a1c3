"""`/neuroworkflow` of a Jupyter server: the page, what it asks for, and what says nothing of anybody's."""

from __future__ import annotations

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import authenticated

from neuroworkflow_agent.surfaces.asgi_handler import AsgiHandler


class PageHandler(AsgiHandler):
    """The page; whoever has not signed in is sent to do so."""

    def get_login_url(self) -> str:
        """Where to sign in."""
        return JupyterHandler.get_login_url(self)

    async def check_user(self) -> None:
        """As for all, once it is known who it is."""
        authenticated(lambda _self: None)(self)
        if not self._finished:
            await super().check_user()

    async def get(self) -> None:
        """The page, with the cookie that what it asks for has to show."""
        if self.request.path == self._root_path:
            self.redirect(f"{self._root_path}/")
            return
        assert self.xsrf_token
        await self.serve()


class RequestHandler(AsgiHandler):
    """What the page asks for."""

    async def get(self) -> None:
        """What is so, and what happens."""
        await self.serve()

    async def post(self) -> None:
        """Something to be done."""
        await self.serve()

    async def delete(self) -> None:
        """The end of a chat."""
        await self.serve()


class OpenHandler(AsgiHandler):
    """The page's files."""

    async def check_user(self) -> None:
        """Let anybody have them: browsers fetch some without cookies."""

    @allow_unauthenticated
    async def get(self) -> None:
        """A file."""
        await self.serve()
