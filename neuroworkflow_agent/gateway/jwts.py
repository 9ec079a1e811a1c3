"""Users' JWTs for workflow tools: signature, issuer, audience and expiry.

The issuer's keys are fetched when a token needs one that is not known, and not more often than every few
seconds, so that made-up tokens cannot make the gateway hammer the issuer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import httpx
import jwt

from neuroworkflow_agent.gateway.api_errors import ApiError, unauthorized
from neuroworkflow_agent.gateway.callers import Caller
from neuroworkflow_agent.gateway.fetch import fetch_json

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Only with public keys: with a shared one, whoever verifies could sign."""
_LEEWAY_S = 10
_FETCH_EVERY_S = 5.0
_KEEP_S = 3600.0
_TIMEOUT_S = 10.0


class Jwts:
    """Verifies tokens of one issuer.

    Parameters
    ----------
    client
        For requests to the issuer.
    issuer, audience
        What `iss` and `aud` must be.
    jwks_url
        Where the keys are; None asks the issuer's OpenID configuration.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        issuer: str,
        audience: str,
        jwks_url: str | None,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._timer = timer
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = -_KEEP_S
        self._lock = asyncio.Lock()

    async def caller(self, token: str) -> Caller:
        """Whose `token` is.

        Raises
        ------
        ApiError
            401 if it is not valid, 503 if the issuer does not answer.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in _ALGORITHMS:
                raise unauthorized("The workflow token is signed in a way that is not taken here.")
            key = await self._key(header.get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise unauthorized("The workflow token has expired; log in again for a new one.") from None
        except jwt.PyJWTError as error:
            raise unauthorized(f"The workflow token is not valid: {type(error).__name__}.") from None
        return Caller("jwt", str(claims["sub"])[:200])

    async def _key(self, kid: str | None) -> jwt.PyJWK:
        if self._age_s() > _KEEP_S or kid not in self._keys:  # known ones do not wait for made-up ones
            async with self._lock:
                if self._age_s() > (_FETCH_EVERY_S if kid not in self._keys else _KEEP_S):
                    await self._fetch()
        if kid not in self._keys:
            raise unauthorized("The workflow token is signed with a key that its issuer does not publish.")
        return self._keys[kid]

    def _age_s(self) -> float:
        return self._timer() - self._fetched_at

    async def _fetch(self) -> None:
        self._fetched_at = self._timer()
        try:
            url = self._jwks_url or await self._discover()
            _, published = await fetch_json(self._client, url, timeout_s=_TIMEOUT_S)
            keys = jwt.PyJWKSet.from_dict(published).keys
        except (
            httpx.HTTPError,
            TimeoutError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            jwt.PyJWTError,
        ):
            if not self._keys:
                raise ApiError(
                    503,
                    "The issuer of workflow tokens does not answer.",
                    reason="issuer",
                    headers={"retry-after": "5"},
                ) from None
            return
        self._keys = {key.key_id: key for key in keys}
        if len(keys) == 1:  # such an issuer need not name it
            self._keys[None] = keys[0]

    async def _discover(self) -> str:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        _, configuration = await fetch_json(self._client, url, timeout_s=_TIMEOUT_S)
        self._jwks_url = str(configuration["jwks_uri"])
        return self._jwks_url
