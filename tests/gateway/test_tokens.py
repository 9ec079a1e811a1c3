"""Users' own tokens: the Hub's and an issuer's, wrong, expired, revoked, and of somebody else."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.callers import Caller
from neuroworkflow_agent.gateway.hub import HubTokens
from neuroworkflow_agent.gateway.jwts import Jwts

SCOPE = "access:services!service=gw"


class FakeHub:
    """What a Hub says of tokens."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.is_up = True

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        token = request.headers["authorization"].removeprefix("token ")
        self.asked.append(token)
        assert request.url.path == "/hub/api/user"
        if not self.is_up:
            raise httpx.ConnectError("down")
        return httpx.Response(200, json=self.users[token]) if token in self.users else httpx.Response(403)


@pytest.fixture
def hub() -> FakeHub:
    hub = FakeHub()
    hub.users["alices"] = {"kind": "user", "name": "alice", "session_id": None, "scopes": [SCOPE, "x"]}
    return hub


class Clock:
    """Time that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def client(hub: FakeHub) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(hub)) as client:
        yield client


async def test_hub_is_asked_once_and_again_when_its_word_is_old(
    hub: FakeHub, client: httpx.AsyncClient
) -> None:
    clock = Clock()
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30, clock)
    callers = await asyncio.gather(*(tokens.caller("alices") for _ in range(20)))
    assert set(callers) == {Caller("hub", "alice")}
    assert hub.asked == ["alices"]
    del hub.users["alices"]  # revoked
    clock.now = 29
    assert await tokens.caller("alices") == Caller("hub", "alice")
    clock.now = 31
    with pytest.raises(ApiError) as refused:
        await tokens.caller("alices")
    assert refused.value.status == 401
    assert hub.asked == ["alices", "alices"]


async def test_nothing_of_a_token_is_kept_but_its_hash(hub: FakeHub, client: httpx.AsyncClient) -> None:
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    await tokens.caller("alices")
    assert "alices" not in f"{vars(tokens)} {list(tokens._known)}"


@pytest.mark.parametrize(
    ("model", "status"),
    [
        (None, 401),
        ({"kind": "user", "name": "a", "scopes": []}, 403),
        ({"kind": "user", "name": "a", "scopes": ["access:services!service=other"]}, 403),
        ({"kind": "user", "name": "a", "scopes": [SCOPE], "session_id": "browser"}, 403),
        ({"kind": "service", "name": "a", "scopes": [SCOPE]}, 403),
        ({"kind": "user", "scopes": [SCOPE]}, 403),
        (["no model"], 403),
    ],
)
async def test_other_tokens_are_refused(
    hub: FakeHub, client: httpx.AsyncClient, model: Any, status: int
) -> None:
    if model is not None:
        hub.users["x"] = model
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    for _ in range(3):
        with pytest.raises(ApiError) as refused:
            await tokens.caller("x")
        assert refused.value.status == status
    assert hub.asked == ["x"]


async def test_hub_that_is_down_refuses_for_the_moment(hub: FakeHub, client: httpx.AsyncClient) -> None:
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    hub.is_up = False
    with pytest.raises(ApiError) as refused:
        await tokens.caller("alices")
    assert refused.value.status == 503
    hub.is_up = True
    assert (await tokens.caller("alices")).name == "alice"


# -- JWTs ---------------------------------------------------------------------------------------------

ISSUER = "https://issuer.example"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


class FakeIssuer:
    """An OpenID provider."""

    def __init__(self) -> None:
        self.keys = {"one": RSA.public_key()}
        self.fetched = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json={"jwks_uri": f"{ISSUER}/keys"})
        self.fetched += 1
        keys = [
            {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)), "kid": kid}
            for kid, key in self.keys.items()
        ]
        return httpx.Response(200, json={"keys": keys})


def token(key: Any = RSA, algorithm: str = "RS256", kid: str | None = "one", **claims: Any) -> str:
    now = time.time()
    told = {"iss": ISSUER, "aud": "workflows", "sub": "alice", "exp": now + 60, **claims}
    told = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(told, key, algorithm, headers={"kid": kid} if kid else {})


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
async def jwts(issuer: FakeIssuer) -> AsyncIterator[Jwts]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as client:
        yield Jwts(client, ISSUER, "workflows", None)


async def test_valid_token_names_its_owner(jwts: Jwts, issuer: FakeIssuer) -> None:
    assert await jwts.caller(token()) == Caller("jwt", "alice")
    assert await jwts.caller(token(sub="bob")) == Caller("jwt", "bob")
    assert await jwts.caller(token(kid=None)) == Caller("jwt", "alice")
    assert issuer.fetched == 1


@pytest.mark.parametrize(
    "shown",
    [
        token(exp=time.time() - 60),
        token(exp=None),
        token(sub=None),
        token(iss="https://evil.example"),
        token(aud="another"),
        token(aud=None),
        token(nbf=time.time() + 600),
        token(OTHER),
        token(OTHER, kid="two"),
        token(EC, "ES256"),
        token("a secret that is long enough for HMAC", "HS256"),
        jwt.encode({"iss": ISSUER, "aud": "workflows", "sub": "alice", "exp": 9e9}, "", "none"),
        token()[:-6],
        "x.y.z",
        "e30.e30.",
        "not a token",
    ],
)
async def test_any_other_token_is_refused(jwts: Jwts, shown: str) -> None:
    with pytest.raises(ApiError) as refused:
        await jwts.caller(shown)
    assert refused.value.status == 401
    assert shown not in refused.value.message


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def test_public_key_is_no_shared_secret(jwts: Jwts) -> None:
    """The classic: a token 'signed' with the public key, as if it were an HMAC's."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = {"iss": ISSUER, "aud": "workflows", "sub": "root", "exp": 9e9}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "one"}, claims))
    forged = f"{signed}.{_base64(hmac.digest(public, signed.encode(), 'sha256'))}"
    with pytest.raises(ApiError):
        await jwts.caller(forged)


async def test_rotated_keys_are_fetched_but_not_for_every_made_up_one(issuer: FakeIssuer) -> None:
    clock = Clock()
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as client:
        jwts = Jwts(client, ISSUER, "workflows", None, clock)
        await jwts.caller(token())
        issuer.keys = {"two": OTHER.public_key()}
        for n in range(10):
            with pytest.raises(ApiError):
                await jwts.caller(token(OTHER, kid=f"made-up-{n}"))
        assert issuer.fetched == 1
        clock.now = 10
        assert (await jwts.caller(token(OTHER, kid="two"))).name == "alice"
        with pytest.raises(ApiError):
            await jwts.caller(token())
        assert issuer.fetched == 2


async def test_issuer_that_does_not_answer() -> None:
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _request: httpx.Response(500))
    ) as client:
        with pytest.raises(ApiError) as refused:
            await Jwts(client, ISSUER, "workflows", None).caller(token())
    assert refused.value.status == 503
