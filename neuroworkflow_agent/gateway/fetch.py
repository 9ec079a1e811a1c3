"""A small JSON answer of a server we trust but do not rely on: in time, of bounded size, or an error."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

_TIMEOUT_S = 10.0
_MAX_BYTES = 2**20


async def fetch_json(
    client: httpx.AsyncClient,
    url: str,
    headers: dict[str, str] | None = None,
    *,
    timeout_s: float = _TIMEOUT_S,
) -> tuple[int, Any]:
    """Status and value of what `url` answers; the value is None where the status is an error's.

    Parameters
    ----------
    client
        Asks it.
    url
        What is asked.
    headers
        Further headers.
    timeout_s
        For all of it: a server that sends a byte now and then is as good as one that sends none.

    Raises
    ------
    httpx.HTTPError, TimeoutError, ValueError
        If it does not answer in time, or with anything but JSON of a small size.
    """
    asked = {"accept-encoding": "identity", **(headers or {})}
    async with (
        asyncio.timeout(timeout_s),
        client.stream("GET", url, headers=asked, timeout=timeout_s) as answer,
    ):
        if not answer.is_success:
            return answer.status_code, None
        if "content-encoding" in answer.headers:  # a little of it may be very much
            raise ValueError("encoded, though that was not asked for")
        body = b""
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > _MAX_BYTES:
                raise ValueError(f"more than {_MAX_BYTES} bytes")
    try:
        return answer.status_code, json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
