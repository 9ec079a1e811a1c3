"""A server that serves elsewhere over HTTP, spoken to message by message.

`Remote` owns its HTTP client and its session at the server until `aclose`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.errors import ConfigError, ToolFailed
from neuroworkflow_agent.tools.registry import Answer

_PROTOCOL = "2025-06-18"
_SESSION = "mcp-session-id"
_CONNECT_S = 10.0
_NOT_FOUND = 404
_HELLO = "initialize"
Message = dict[str, Any]
_READY: Message = {"jsonrpc": "2.0", "method": "notifications/initialized"}


class Remote:
    """A connection to `/mcp` of a Jupyter server.

    Parameters
    ----------
    url
        Of the Jupyter server.
    token
        Its token.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url.rstrip('/')}/mcp"
        headers = {"Accept": "application/json, text/event-stream"}
        if token:
            headers["Authorization"] = f"token {token}"
        self._http = httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(None, connect=_CONNECT_S))
        self._number = 0
        self._hello: Message = {}

    async def send(self, message: Message) -> AsyncIterator[Message]:
        """Send a message, and what comes in answer to it.

        A server that was started anew has forgotten the session: another one is begun then, and the message sent again.

        Raises
        ------
        ConfigError
            If the server cannot be reached or refuses.
        """
        if message.get("method") == _HELLO:
            self._hello = message
        for is_last in (False, True):
            async with self._posted(message) as response:
                if response.status_code != _NOT_FOUND or is_last or not self._forget_session():
                    async for each in self._answers(response):
                        yield each
                    return
            await self._begin_again()

    async def listen(self) -> AsyncIterator[Message]:
        """What the server says unasked, until it ends that."""
        async with self._http.stream("GET", self._url) as response:
            if not response.is_error:
                async for each in _messages(response):
                    yield each

    @contextlib.asynccontextmanager
    async def _posted(self, message: Message) -> AsyncIterator[httpx.Response]:
        try:
            async with self._http.stream("POST", self._url, json=message) as response:
                yield response
        except httpx.TransportError as error:
            raise ConfigError(f"No Jupyter server answers at {self._url!r}: {error}.") from error

    async def _answers(self, response: httpx.Response) -> AsyncIterator[Message]:
        if session := response.headers.get(_SESSION):
            self._http.headers[_SESSION] = session
        if response.is_error:
            await response.aread()
            raise _refused(self._url, response)
        async for each in _messages(response):
            self._note_version(each)
            yield each

    def _forget_session(self) -> bool:
        """Whether there was one."""
        return self._http.headers.pop(_SESSION, None) is not None

    async def _begin_again(self) -> None:
        for message in (self._hello, _READY):
            async with self._posted(message) as response:
                async for _ in self._answers(response):
                    pass

    async def start(self) -> None:
        """Begin a session."""
        about = {"name": "neuroworkflow-agent", "version": __version__}
        await self.ask("initialize", {"protocolVersion": _PROTOCOL, "capabilities": {}, "clientInfo": about})
        async for _ in self.send(_READY):
            pass

    async def call(self, name: str, arguments: dict[str, Any]) -> Answer:
        """Call a tool.

        Raises
        ------
        ToolFailed
            If it says so.
        """
        result = await self.ask("tools/call", {"name": name, "arguments": arguments})
        if result.get("isError"):
            texts = [block.get("text", "") for block in result["content"]]
            raise ToolFailed("\n".join(texts), result["content"])
        return Answer(result["content"], result.get("structuredContent") or {})

    async def ask(self, method: str, params: Message) -> Message:
        """The result of a request."""
        number = self._number = self._number + 1
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        async for message in self.send(request):
            if message.get("id") == number and "result" in message:
                result: Message = message["result"]
                return result
            if message.get("id") == number:
                raise ConfigError(f"The server refused {method}: {message.get('error', {}).get('message')}.")
        raise ConfigError(f"The server gave no answer to {method}.")

    async def aclose(self) -> None:
        """End the session. Idempotent."""
        if self._http.headers.get(_SESSION) and not self._http.is_closed:
            with contextlib.suppress(httpx.HTTPError):  # it ends by itself when nobody uses it
                await self._http.delete(self._url, timeout=_CONNECT_S)
        await self._http.aclose()

    def _note_version(self, message: Message) -> None:
        """Name the version that was agreed upon in what is sent from then on."""
        result = message.get("result")
        if isinstance(result, dict) and isinstance(version := result.get("protocolVersion"), str):
            self._http.headers["mcp-protocol-version"] = version


async def _messages(response: httpx.Response) -> AsyncIterator[Message]:
    if "text/event-stream" not in response.headers.get("content-type", ""):
        if text := (await response.aread()).decode():
            yield json.loads(text)
        return
    async for line in response.aiter_lines():
        if line.startswith("data:") and (data := line[5:].strip()):
            yield json.loads(data)


def _refused(url: str, response: httpx.Response) -> ConfigError:
    match response.status_code:
        case 401 | 403:
            return ConfigError(f"{url!r} does not take the token. JUPYTER_TOKEN or --token gives another.")
        case 404:
            return ConfigError(
                f"There is nothing at {url!r}. Install neuroworkflow-agent[server] where that server runs."
            )
        case 503 if "open sessions" in response.text:
            return ConfigError(
                f"{url!r} has as many clients as it takes. End some, or raise c.NotebooksOverMcp.max_sessions there."
            )
        case status:
            return ConfigError(f"{url!r} answered {status}: {response.text[:200]}")
