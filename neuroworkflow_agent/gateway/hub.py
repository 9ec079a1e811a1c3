"""Users' own JupyterHub tokens, as the Hub knows them.

The Hub is asked with the very token whose owner is wanted, as its own services do. What it said is kept for a
while under the token's hash, and one question at a time is asked about one token: a task of `HubTokens`, which
ends with its answer or when nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx
from cachetools import TTLCache

from neuroworkflow_agent.gateway.api_errors import ApiError, unauthorized
from neuroworkflow_agent.gateway.body import ClientGoneError
from neuroworkflow_agent.gateway.callers import Asker, Caller
from neuroworkflow_agent.gateway.fetch import fetch_json
from neuroworkflow_agent.gateway.questions import Place, Questions

_REFUSED_S = 5.0
_TIMEOUT_S = 10.0
_MAX_KNOWN = 10_000
_REMEMBERED_S = 3_600.0


@dataclass(eq=False, slots=True)
class _Question:
    """One that is waiting or asked."""

    key: bytes
    """The token's hash."""
    task: asyncio.Task[Caller | ApiError]
    askers: int = 0


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
    peer_questions
        Most questions of one address that wait.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        api_url: str,
        service: str,
        cache_s: float,
        *,
        peer_questions: int = 200,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._url = f"{api_url.rstrip('/')}/user"
        self._scopes = {"access:services", f"access:services!service={service}"}
        self._service = service
        # Apart from each other, so that made-up tokens do not push out good ones.
        self._good: TTLCache[bytes, Caller] = TTLCache(_MAX_KNOWN, cache_s, timer)
        self._bad: TTLCache[bytes, ApiError] = TTLCache(_MAX_KNOWN, min(_REFUSED_S, cache_s), timer)
        self._once_good: TTLCache[bytes, None] = TTLCache(_MAX_KNOWN, _REMEMBERED_S, timer)
        self._asking: dict[bytes, _Question] = {}
        self._questions = Questions(peer_questions, timer)

    async def caller(self, token: str, asker: Asker) -> Caller:
        """Whose `token` is.

        Raises
        ------
        ApiError
            401 if the Hub does not know it, 403 if it must not be used here, 429 or 503 if it cannot be asked now
            or does not answer.
        ClientGoneError
            If `asker` has gone meanwhile.
        """
        key = hashlib.sha256(token.encode()).digest()
        said = self._good.get(key) or self._bad.get(key)
        if said is None:
            said = await self._answer_to(self._asking.get(key) or self._begin(key, token, asker.peer), asker)
        if isinstance(said, ApiError):
            raise ApiError(said.status, said.message, reason=said.reason, headers=said.headers)
        return said

    def _begin(self, key: bytes, token: str, peer: str) -> _Question:
        """Have a question wait for its turn."""
        place = self._questions.enter(None if key in self._once_good else peer)
        question = _Question(key, asyncio.create_task(self._ask(key, token, place)))
        self._asking[key] = question

        def end(_done: object) -> None:
            self._questions.leave(place)
            if self._asking.get(key) is question:
                del self._asking[key]

        question.task.add_done_callback(end)
        return question

    async def _answer_to(self, question: _Question, asker: Asker) -> Caller | ApiError:
        """What the Hub says; a question whose last asker has gone is dropped."""
        waiting: set[asyncio.Future[Any]] = {question.task, asker.when_gone()}
        question.askers += 1
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if question.task.done():
                return question.task.result()
            raise ClientGoneError
        finally:
            question.askers -= 1
            if not question.askers and not question.task.done():
                self._asking.pop(question.key, None)  # for whoever asks next, before it has ended
                question.task.cancel()

    async def _ask(self, key: bytes, token: str, place: Place) -> Caller | ApiError:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._questions.wait(place)
            said = await self._ask_hub(token)
        except ApiError as refusal:
            return refusal
        except (httpx.HTTPError, TimeoutError, ValueError):
            return ApiError(
                503, "JupyterHub does not answer; try again soon.", reason="hub", headers={"retry-after": "2"}
            )
        if isinstance(said, Caller):
            self._good[key], self._once_good[key] = said, None
        else:
            self._bad[key] = said
            self._once_good.pop(key, None)
            if said.status == 401:
                self._questions.was_wrong(place)
        return said

    async def _ask_hub(self, token: str) -> Caller | ApiError:
        status, model = await fetch_json(
            self._client, self._url, {"authorization": f"token {token}"}, timeout_s=_TIMEOUT_S
        )
        if status in (401, 403):
            return unauthorized("JupyterHub does not know this token, or it has expired.")
        if status != 200:
            raise ValueError(f"status {status}")
        return self._read(model)

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
