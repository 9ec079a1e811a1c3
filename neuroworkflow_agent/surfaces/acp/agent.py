"""What a client of the Agent Client Protocol asks for, done.

An `AcpAgent` lives on the engine's loop and owns the sessions of one client until `aclose`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import acp
from acp.interfaces import Client
from acp.schema import (
    AgentCapabilities,
    CloseSessionResponse,
    ForkSessionResponse,
    Implementation,
    InitializeResponse,
    ListSessionsResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PromptCapabilities,
    PromptResponse,
    ResumeSessionResponse,
    SessionCapabilities,
    SessionCloseCapabilities,
    SessionForkCapabilities,
    SessionInfo,
    SessionListCapabilities,
    SessionResumeCapabilities,
    SetSessionConfigOptionResponse,
    SetSessionModeResponse,
)

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.credentials import UnusableSignInError
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import AgentError, ConfigError, SessionNotFoundError
from neuroworkflow_agent.ids import SessionId, new_session_id
from neuroworkflow_agent.models.endpoint import NoEndpointError
from neuroworkflow_agent.surfaces.acp.client_servers import servers_of_client
from neuroworkflow_agent.surfaces.acp.session import MODEL, AcpSession
from neuroworkflow_agent.workspace import Workspace

NOTEBOOK = "notebook"
"""In a new session's `_meta`: path of the notebook whose kernel runs the code, from the folder."""
_PAGE = 50
_MAX_SESSIONS = 50
"""Open at once."""
_SIGN_IN, _NOT_THERE, _REFUSED = -32000, -32002, -32602
"""Codes of errors, as the protocol has them."""


class AcpAgent(acp.Agent):
    """The agent as its client sees it.

    Parameters
    ----------
    portal
        The worker thread.
    model, mode
        What sessions begin with; None for the user's settings.
    takes_servers
        Whether MCP servers that the client passes are used.
    """

    def __init__(
        self,
        portal: Portal,
        *,
        model: str | None = None,
        mode: str | None = None,
        takes_servers: bool = False,
    ) -> None:
        self._portal = portal
        self._model, self._mode = model, mode
        self._takes_servers = takes_servers
        self._sessions: dict[str, AcpSession] = {}
        self._client: Client | None = None

    def on_connect(self, conn: Client) -> None:
        """Remember who is told."""
        self._client = conn

    async def initialize(
        self,
        protocol_version: int,
        client_capabilities: Any = None,  # noqa: ARG002 - nothing of the client is needed
        client_info: Any = None,  # noqa: ARG002
        **_more: Any,
    ) -> InitializeResponse:
        """Say what there is."""
        return InitializeResponse(
            protocol_version=min(protocol_version, acp.PROTOCOL_VERSION),
            agent_info=Implementation(
                name="neuroworkflow-agent", title="NeuroWorkflow agent", version=__version__
            ),
            agent_capabilities=AgentCapabilities(
                load_session=True,
                prompt_capabilities=PromptCapabilities(image=True, embedded_context=True),
                session_capabilities=SessionCapabilities(
                    list=SessionListCapabilities(),
                    resume=SessionResumeCapabilities(),
                    fork=SessionForkCapabilities(),
                    close=SessionCloseCapabilities(),
                ),
            ),
        )

    # -- sessions -------------------------------------------------------------------------------------

    async def new_session(
        self,
        cwd: str,
        additional_directories: list[str] | None = None,  # noqa: ARG002 - a session has one workspace
        mcp_servers: list[Any] | None = None,
        **more: Any,
    ) -> NewSessionResponse:
        """Begin a session in a folder."""
        session = self._make(cwd, new_session_id(), mcp_servers, more)
        await self._opened(session, session.begin())
        return NewSessionResponse(
            session_id=session.session_id, modes=session.modes, config_options=await session.options()
        )

    async def load_session(
        self,
        cwd: str,
        session_id: str,
        mcp_servers: list[Any] | None = None,
        additional_directories: list[str] | None = None,  # noqa: ARG002 - as above
        **more: Any,
    ) -> LoadSessionResponse:
        """Go on with a stored session, and show it."""
        session = await self._go_on(cwd, session_id, mcp_servers, more, is_shown=True)
        return LoadSessionResponse(modes=session.modes, config_options=await session.options())

    async def resume_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: list[str] | None = None,  # noqa: ARG002 - as above
        mcp_servers: list[Any] | None = None,
        **more: Any,
    ) -> ResumeSessionResponse:
        """Go on with a stored session that the client shows already."""
        session = await self._go_on(cwd, session_id, mcp_servers, more, is_shown=False)
        return ResumeSessionResponse(modes=session.modes, config_options=await session.options())

    async def fork_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: list[str] | None = None,  # noqa: ARG002 - as above
        mcp_servers: list[Any] | None = None,
        **more: Any,
    ) -> ForkSessionResponse:
        """Go on in a copy of a stored session."""
        if self._is_unsaid(session_id):
            begun = await self.new_session(cwd, mcp_servers=mcp_servers, **more)
            return ForkSessionResponse(
                session_id=begun.session_id, modes=begun.modes, config_options=begun.config_options
            )
        config = self._config(cwd)
        with _as_request_errors():
            found = await asyncio.to_thread(transcripts.fork, SessionId(session_id), config)
        try:
            session = await self._go_on(cwd, found, mcp_servers, more, is_shown=False)
        except BaseException:
            await asyncio.to_thread(transcripts.delete, found, config)
            raise
        return ForkSessionResponse(
            session_id=session.session_id, modes=session.modes, config_options=await session.options()
        )

    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **_more: Any
    ) -> ListSessionsResponse:
        """The stored sessions of a folder, the newest first."""
        folder = cwd or str(Path.cwd())
        first = int(cursor) if cursor and cursor.isdecimal() else 0
        config = self._config(folder)
        found = await asyncio.to_thread(transcripts.sessions, config, limit=first + _PAGE + 1)
        page = found[first : first + _PAGE]
        return ListSessionsResponse(
            sessions=[
                SessionInfo(
                    session_id=each.session_id,
                    cwd=folder,
                    title=each.title,
                    updated_at=each.modified.isoformat(),
                )
                for each in page
            ],
            next_cursor=str(first + _PAGE) if len(found) > first + _PAGE else None,
        )

    async def close_session(self, session_id: str, **_more: Any) -> CloseSessionResponse:
        """End a session's turn, process and kernel; it stays stored."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            await session.aclose()
        return CloseSessionResponse()

    # -- turns ----------------------------------------------------------------------------------------

    async def prompt(self, session_id: str, prompt: list[Any], **_more: Any) -> PromptResponse:
        """Run a turn."""
        with _as_request_errors():
            return await self._session(session_id).prompt(prompt)

    async def cancel(self, session_id: str, **_more: Any) -> None:
        """Stop the turn."""
        if (session := self._sessions.get(session_id)) is not None:
            session.cancel()

    async def set_session_mode(self, session_id: str, mode_id: str, **_more: Any) -> SetSessionModeResponse:
        """Choose what the agent may do unasked, from the next turn on."""
        with _as_request_errors():
            await self._session(session_id).change(mode=mode_id)
        return SetSessionModeResponse()

    async def set_config_option(
        self, config_id: str, session_id: str, value: str | bool, **_more: Any
    ) -> SetSessionConfigOptionResponse:
        """Choose the model, from the next turn on."""
        session = self._session(session_id)
        with _as_request_errors():
            if config_id != MODEL:
                raise ConfigError(f"There is no setting {config_id!r}. There is {MODEL!r}.")
            await session.change(model=str(value))
        return SetSessionConfigOptionResponse(config_options=await session.options())

    async def authenticate(self, method_id: str, **_more: Any) -> None:
        """Signing in is a command of ours, not the client's."""
        raise acp.RequestError(
            _REFUSED, f"There is no way {method_id!r} to sign in. In a terminal: neuroworkflow-agent login"
        )

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """There is nothing beyond the protocol."""
        raise acp.RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """What is not known is passed over."""

    async def aclose(self) -> None:
        """End all sessions. Idempotent."""
        sessions, self._sessions = list(self._sessions.values()), {}
        await asyncio.gather(*(session.aclose() for session in sessions), return_exceptions=True)

    # -- small parts ----------------------------------------------------------------------------------

    def _config(self, cwd: str) -> AgentConfig:
        with _as_request_errors():
            if not Path(cwd).is_absolute() or not Path(cwd).is_dir():
                raise ConfigError(f"cwd must be the absolute path of a folder, got {cwd!r}.")
            return AgentConfig.from_env(workspace=Path(cwd)).with_changes(model=self._model, mode=self._mode)

    def _make(
        self, cwd: str, session_id: SessionId, servers: list[Any] | None, more: dict[str, Any]
    ) -> AcpSession:
        config, unused = self._config(cwd), tuple(server.name for server in servers or ())
        with _as_request_errors():
            if len(self._sessions) >= _MAX_SESSIONS:
                raise ConfigError(f"{_MAX_SESSIONS} sessions are open already; close one.")
            if unused and self._takes_servers:
                taken = {**servers_of_client(servers or ()), **config.mcp_servers}
                config, unused = replace(config, mcp_servers=taken), ()
            named = more.get(NOTEBOOK)
            notebook = Workspace(config.workspace).resolve(str(named)) if named else None
        assert self._client is not None
        return AcpSession(config, self._client, self._portal, session_id, notebook, unused)

    async def _go_on(
        self,
        cwd: str,
        session_id: str,
        mcp_servers: list[Any] | None,
        more: dict[str, Any],
        *,
        is_shown: bool,
    ) -> AcpSession:
        is_unsaid = self._is_unsaid(session_id)
        await self.close_session(session_id)
        session = self._make(cwd, SessionId(session_id), mcp_servers, more)
        await self._opened(session, session.begin() if is_unsaid else session.go_on(is_shown=is_shown))
        return session

    def _is_unsaid(self, session_id: str) -> bool:
        """Whether it was begun here, and nothing has been said in it, so that it is nowhere stored."""
        session = self._sessions.get(session_id)
        return session is not None and not session.chat.has_history

    async def _opened(self, session: AcpSession, opening: Any) -> None:
        with _as_request_errors():
            try:
                await opening
            except BaseException:
                await session.aclose()
                raise
        self._sessions[session.session_id] = session

    def _session(self, session_id: str) -> AcpSession:
        if (session := self._sessions.get(session_id)) is None:
            raise acp.RequestError(_NOT_THERE, f"There is no open session {session_id!r}.")
        return session


@contextlib.contextmanager
def _as_request_errors() -> Iterator[None]:
    """Tell the client what went wrong, in our words."""
    try:
        yield
    except (NoEndpointError, UnusableSignInError) as error:
        raise acp.RequestError(_SIGN_IN, str(error)) from None
    except SessionNotFoundError as error:
        raise acp.RequestError(_NOT_THERE, str(error)) from None
    except AgentError as error:
        raise acp.RequestError(_REFUSED, str(error)) from None
