"""Users' own tokens: the Hub's and an issuer's, wrong, expired, revoked, and of somebody else."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.body import ClientGoneError
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
        self.takes_s = 0.01

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.takes_s)
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


class Asker:
    """Whoever shows a token, until they go."""

    def __init__(self, peer: str = "10.0.0.1") -> None:
        self.peer = peer
        self._gone = asyncio.get_running_loop().create_future()

    def when_gone(self) -> asyncio.Future[None]:
        return self._gone

    def go(self) -> None:
        self._gone.set_result(None)


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
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30, timer=clock)
    callers = await asyncio.gather(*(tokens.caller("alices", Asker()) for _ in range(20)))
    assert set(callers) == {Caller("hub", "alice")}
    assert hub.asked == ["alices"]
    del hub.users["alices"]  # revoked
    clock.now = 29
    assert await tokens.caller("alices", Asker()) == Caller("hub", "alice")
    clock.now = 31
    with pytest.raises(ApiError) as refused:
        await tokens.caller("alices", Asker())
    assert refused.value.status == 401
    assert hub.asked == ["alices", "alices"]


async def test_nothing_of_a_token_is_kept_but_its_hash(hub: FakeHub, client: httpx.AsyncClient) -> None:
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    await tokens.caller("alices", Asker())
    assert "alices" not in f"{vars(tokens)} {list(tokens._good)} {list(tokens._once_good)}"


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
            await tokens.caller("x", Asker())
        assert refused.value.status == status
    assert hub.asked == ["x"]


async def test_hub_that_is_down_refuses_for_the_moment(hub: FakeHub, client: httpx.AsyncClient) -> None:
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    hub.is_up = False
    with pytest.raises(ApiError) as refused:
        await tokens.caller("alices", Asker())
    assert refused.value.status == 503
    hub.is_up = True
    assert (await tokens.caller("alices", Asker())).name == "alice"


# -- many questions at once ----------------------------------------------------------------------------


def show(tokens: HubTokens, count: int, asker: Asker, name: str = "made-up") -> list[asyncio.Task[Any]]:
    """So many different tokens, shown at once."""
    return [asyncio.create_task(tokens.caller(f"{name}-{n}", asker)) for n in range(count)]


async def outcomes(showing: list[asyncio.Task[Any]]) -> Counter[int | str]:
    """How often each status, or the name of what else happened."""
    answers = await asyncio.gather(*showing, return_exceptions=True)
    return Counter(each.status if isinstance(each, ApiError) else type(each).__name__ for each in answers)


async def test_questions_whose_askers_have_gone_are_dropped(hub: FakeHub, client: httpx.AsyncClient) -> None:
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    asker = Asker()
    showing = show(tokens, 150, asker)
    await asyncio.sleep(0)
    asker.go()
    assert await outcomes(showing) == {"ClientGoneError": 150}
    assert (await tokens.caller("alices", Asker())).name == "alice"
    assert len(hub.asked) <= 9
    assert not tokens._asking


async def test_question_stays_while_anybody_waits_for_it(hub: FakeHub, client: httpx.AsyncClient) -> None:
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    hub.takes_s = 0.3
    one, other = Asker(), Asker("10.0.0.2")
    showing = [asyncio.create_task(tokens.caller("alices", each)) for each in (one, other)]
    await asyncio.sleep(0)
    one.go()
    gone, said = await asyncio.gather(*showing, return_exceptions=True)
    assert isinstance(gone, ClientGoneError)
    assert said == Caller("hub", "alice")
    assert hub.asked == ["alices"]


async def test_token_is_asked_about_anew_when_its_askers_have_gone(
    hub: FakeHub, client: httpx.AsyncClient
) -> None:
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    hub.takes_s = 0.5
    one = Asker()
    gone = asyncio.create_task(tokens.caller("alices", one))
    for _ in range(20):
        await asyncio.sleep(0)
    one.go()
    await asyncio.sleep(0)
    assert await tokens.caller("alices", Asker()) == Caller("hub", "alice")
    with pytest.raises(ClientGoneError):
        await gone


async def test_made_up_tokens_make_only_their_address_wait(hub: FakeHub, client: httpx.AsyncClient) -> None:
    clock = Clock()
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30, peer_questions=100, timer=clock)
    showing = show(tokens, 2_000, Asker())
    await asyncio.sleep(0)
    started = time.monotonic()
    assert (await tokens.caller("alices", Asker("10.0.0.2"))).name == "alice"
    assert time.monotonic() - started < 0.5
    counted = await outcomes(showing)
    assert set(counted) == {401, 429}
    assert counted[401] <= 58  # what was allowed, and what was being asked when it was used up
    assert len(hub.asked) <= 59


async def test_token_that_was_good_goes_before_made_up_ones_of_its_address(
    hub: FakeHub, client: httpx.AsyncClient
) -> None:
    """Behind a proxy all callers share one address."""
    clock = Clock()
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30, timer=clock)
    await tokens.caller("alices", Asker())
    clock.now = 60
    showing = show(tokens, 2_000, Asker())
    await asyncio.sleep(0)
    assert (await tokens.caller("alices", Asker())).name == "alice"
    assert len(hub.asked) < 30
    await outcomes(showing)


async def test_address_with_many_wrong_tokens_is_asked_about_slowly(
    hub: FakeHub, client: httpx.AsyncClient
) -> None:
    clock = Clock()
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30, timer=clock)
    await outcomes(show(tokens, 100, Asker()))
    with pytest.raises(ApiError) as refused:
        await tokens.caller("alices", Asker())
    assert (refused.value.status, refused.value.headers) == (429, {"retry-after": "1"})
    clock.now = 2
    assert (await tokens.caller("alices", Asker())).name == "alice"
    asked = len(hub.asked)
    await outcomes(show(tokens, 100, Asker(), "more"))
    assert len(hub.asked) - asked <= 10 + 8


async def test_queue_has_an_end(hub: FakeHub, client: httpx.AsyncClient) -> None:
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    showing = [task for n in range(60) for task in show(tokens, 40, Asker(f"10.0.1.{n}"), f"of-{n}")]
    counted = await outcomes(showing)
    assert counted[401] <= 1_032
    assert counted[503] == 60 * 40 - counted[401]


async def test_refused_tokens_do_not_push_out_good_ones(
    hub: FakeHub, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuroworkflow_agent.gateway.hub._MAX_KNOWN", 20)
    tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
    await tokens.caller("alices", Asker())
    for n in range(5):
        await outcomes(show(tokens, 10, Asker(f"10.0.1.{n}"), f"of-{n}"))
    await tokens.caller("alices", Asker())
    assert hub.asked.count("alices") == 1


async def test_hub_that_answers_garbage_refuses_for_the_moment() -> None:
    answers = iter([b"<html>", b"", b"[" * 100_000, b"\xff\xfe"])
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=next(answers)))
    async with httpx.AsyncClient(transport=transport) as client:
        tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
        assert await outcomes(show(tokens, 4, Asker())) == {503: 4}


async def test_hub_that_never_answers_holds_up_its_askers_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("neuroworkflow_agent.gateway.hub._TIMEOUT_S", 0.1)

    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as client:
        tokens = HubTokens(client, "http://hub/hub/api", "gw", 30)
        started = time.monotonic()
        assert await outcomes(show(tokens, 40, Asker())) == {503: 40}
        assert time.monotonic() - started < 5


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


async def test_made_up_key_makes_no_known_one_wait(issuer: FakeIssuer) -> None:
    clock = Clock()
    is_slow = False

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30 if is_slow else 0)
        return issuer(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        jwts = Jwts(client, ISSUER, "workflows", None, clock)
        await jwts.caller(token())
        clock.now, is_slow = 10, True
        made_up = asyncio.create_task(jwts.caller(token(OTHER, kid="made-up")))
        await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            assert (await jwts.caller(token())).name == "alice"
        made_up.cancel()
        await asyncio.wait([made_up])


async def test_issuer_that_does_not_answer() -> None:
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _request: httpx.Response(500))
    ) as client:
        with pytest.raises(ApiError) as refused:
            await Jwts(client, ISSUER, "workflows", None).caller(token())
    assert refused.value.status == 503
