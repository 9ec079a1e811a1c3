"""Users' own JupyterHub tokens, as the Hub knows them.

The Hub is asked with the very token whose owner is wanted, as its own services do. What it said is kept for a
while under the token's hash, and one question at a time is asked about one token.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from time import monotonic
from typing import Any

import httpx
from cachetools import TLRUCache

from neuroworkflow_agent.gateway.api_errors import ApiError, unauthorized
from neuroworkflow_agent.gateway.callers import Caller
from neuroworkflow_agent.gateway.fetch import fetch_json

_REFUSED_S = 5.0
_TIMEOUT_S = 10.0
_MAX_KNOWN = 10_000
_MAX_QUESTIONS = 32


class HubTokens:
    """Whose a token is, by the Hub's word.

    Parameters
    ----------
    client
        For requests to the Hub.
    api_url
        The Hub's API.
    service
        Our name there: a token needs the scope `access:services!service=NAME`.
    cache_s
        How long the Hub's word holds.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        api_url: str,
        service: str,
        cache_s: float,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._url = f"{api_url.rstrip('/')}/user"
        self._scopes = {"access:services", f"access:services!service={service}"}
        self._service = service

        def until(_key: bytes, said: Caller | ApiError, now: float) -> float:
            return now + (cache_s if isinstance(said, Caller) else min(_REFUSED_S, cache_s))

        self._known: TLRUCache[bytes, Caller | ApiError] = TLRUCache(_MAX_KNOWN, ttu=until, timer=timer)
        self._asking: dict[bytes, asyncio.Task[Caller | ApiError]] = {}
        self._slots = asyncio.Semaphore(_MAX_QUESTIONS)

    async def caller(self, token: str) -> Caller:
        """Whose `token` is.

        Raises
        ------
        ApiError
            401 if the Hub does not know it, 403 if it must not be used here, 503 if the Hub does not answer.
        """
        key = hashlib.sha256(token.encode()).digest()
        said = self._known.get(key)
        if said is None:
            task = self._asking.get(key)
            if task is None:
                task = self._asking[key] = asyncio.create_task(self._ask(token))
                task.add_done_callback(lambda _done: self._asking.pop(key, None))
            said = await asyncio.shield(task)
            if isinstance(said, Caller) or said.status != 503:
                self._known[key] = said
        if isinstance(said, ApiError):
            raise ApiError(said.status, said.message, reason=said.reason, headers=said.headers)
        return said

    async def _ask(self, token: str) -> Caller | ApiError:
        try:
            async with self._slots:
                status, model = await fetch_json(
                    self._client, self._url, {"authorization": f"token {token}"}, timeout_s=_TIMEOUT_S
                )
        except (httpx.HTTPError, TimeoutError, ValueError):
            status, model = 0, None
        if status in (401, 403):
            return unauthorized("JupyterHub does not know this token, or it has expired.")
        if status == 200:
            return self._read(model)
        return ApiError(
            503, "JupyterHub does not answer; try again soon.", reason="hub", headers={"retry-after": "2"}
        )

    def _read(self, model: Any) -> Caller | ApiError:
        if (
            not isinstance(model, dict)
            or model.get("kind") != "user"
            or not isinstance(model.get("name"), str)
        ):
            return ApiError(403, "Only users' tokens may be used here.", reason="scope")
        if model.get("session_id"):
            # Tokens of a login in a browser; those of servers and of people have none.
            return ApiError(403, "A browser's login may not be used here.", reason="scope")
        scopes = model.get("scopes")
        if not isinstance(scopes, list) or not self._scopes & {str(scope) for scope in scopes}:
            return ApiError(
                403, f"This token lacks the scope access:services!service={self._service}.", reason="scope"
            )
        return Caller("hub", model["name"])
