"""Who may come in: a token in the address once, then a cookie; only under names of this machine, and not from other sites' pages.

`Access` stands before the app. Cookies are signed with a secret that is kept in a file of the user's own, so that they outlive
the server; the token is another one each time.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.private_files import one_at_a_time, write_private

COOKIE_AGE_S = 30 * 24 * 3600
_SECRET_BYTES = 32
_SAFE = frozenset({"GET", "HEAD"})
_OPEN = ("/healthz", "/manifest.webmanifest", "/static/")
"""Paths, or their beginnings, that say nothing of anybody's."""
_MAX_FORM_BYTES = 4096
_FORBIDDEN = 403
_SIGN_IN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin"><title>Sign in</title><link rel="stylesheet" href="{up}static/style.css"></head>
<body class="nwa-gate"><main><h1>Sign in</h1>
{wrong}<p>Open the address that the server has printed, or paste the token that stands in it.</p>
<form method="post" action="{up}sign-in"><label>Token <input name="token" type="password" autocomplete="off" required autofocus></label>
<button>Sign in</button></form></main></body></html>
"""
"""With a referrer, since without one browsers name no origin for a form that they send: https://fetch.spec.whatwg.org/#append-a-request-origin-header."""
_WRONG = (
    '<p role="alert">This is not the token of this server; it has another one each time it is started.</p>\n'
)


@dataclass(frozen=True, slots=True)
class Keys:
    """What lets people in."""

    token: str
    """In the address that is printed."""
    secret: bytes
    """Signs cookies."""
    cookie: str
    """Name of the cookie; servers of one machine differ in it."""

    def signed(self, until: int) -> str:
        """A cookie's value that is good until then, in seconds since 1970."""
        sign = hmac.new(self.secret, f"{self.cookie} {until}".encode(), hashlib.sha256).hexdigest()
        return f"{until}.{sign}"

    def is_good(self, value: str) -> bool:
        """Whether a cookie's value is one of ours that is still good."""
        until = value.partition(".")[0]
        if not (until.isdecimal() and len(until) < 16):
            return False
        return (
            hmac.compare_digest(value.encode(), self.signed(int(until)).encode()) and int(until) > time.time()
        )

    def is_token(self, value: str) -> bool:
        """Whether it is the token."""
        return hmac.compare_digest(value.encode(), self.token.encode())


def make_keys(port: int) -> Keys:
    """A token of its own for the server on this port, and the user's secret.

    Raises
    ------
    ConfigError
        If the secret cannot be kept.
    """
    path = state_directory("web") / "secret"
    try:
        secret = _kept_secret(path)
    except OSError as error:
        raise ConfigError(
            f"The secret of the page's cookies cannot be kept in '{path}': {error.strerror}. "
            "Make room there, or set XDG_STATE_HOME to another directory of yours."
        ) from error
    return Keys(secrets.token_urlsafe(24), secret, f"neuroworkflow-{port}")


def _kept_secret(path: Path) -> bytes:
    """The user's secret, made if there is none; what a machine's crash has left of one is none: anybody could sign with it."""
    with one_at_a_time(path.parent):  # two servers that start at once take the same one
        if path.is_file() and not path.is_symlink():  # a pipe would be waited for
            secret = path.read_bytes()
            if len(secret) == _SECRET_BYTES:
                return secret
        secret = secrets.token_bytes(_SECRET_BYTES)
        write_private(path, secret)
        return secret


class Access:
    """Lets a request through, or answers it.

    Parameters
    ----------
    app
        What is behind.
    keys
        What lets people in.
    names
        Names of hosts under which the server may be called, beside addresses and `localhost`.
    """

    def __init__(self, app: ASGIApp, keys: Keys, names: Collection[str] = ()) -> None:
        self._app = app
        self._keys = keys
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = await self._refusal(scope, receive)
        await (answer or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope, receive: Receive) -> Response | None:
        """What is answered instead of the app; None where it may be asked."""
        headers, path = Headers(scope=scope), scope["path"]
        host = headers.get("host", "")
        if not self._is_name_ours(host):
            return PlainTextResponse("This server is not known under that name.", _FORBIDDEN)
        if scope["method"] not in _SAFE and not _is_same_origin(headers, host):
            return PlainTextResponse("This request comes from another site.", _FORBIDDEN)
        if path.startswith(_OPEN):
            return None
        request = Request(scope, receive)
        if scope["method"] == "POST" and path == "/sign-in":
            return await self._sign_in(request)
        if scope["method"] in _SAFE and "token" in request.query_params:
            return self._with_cookie(request, request.query_params["token"])
        return None if self._has_cookie(request) else _sign_in_page(path)

    async def _sign_in(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM_BYTES:
                return PlainTextResponse("This is too long for a token.", _FORBIDDEN)
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        return self._with_cookie(request, form.get("token", "").strip())

    def _with_cookie(self, request: Request, token: str) -> Response:
        """The same page again, without the token in its address."""
        is_token = self._keys.is_token(token)
        if not is_token and not self._has_cookie(request):
            return _sign_in_page(request.url.path, _WRONG)
        rest = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
        path = "/" if request.method == "POST" else "/" + request.url.path.lstrip("/")
        answer = RedirectResponse(f"{path}?{urlencode(rest)}" if rest else path, 303)
        if not is_token:  # of a server that ran before; who comes with it was let in then
            return answer
        answer.set_cookie(
            self._keys.cookie,
            self._keys.signed(int(time.time()) + COOKIE_AGE_S),
            max_age=COOKIE_AGE_S,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    def _has_cookie(self, request: Request) -> bool:
        return self._keys.is_good(request.cookies.get(self._keys.cookie, ""))

    def _is_name_ours(self, host: str) -> bool:
        """Addresses are: a name that somebody has lead here, as DNS rebinding does, is not one."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name == "localhost" or name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _sign_in_page(path: str, wrong: str = "") -> Response:
    """In place of the page at `path`; addresses are relative, as a proxy may serve it all below another one."""
    up = "../" * (path.count("/") - 1)
    return HTMLResponse(_SIGN_IN.format(up=up, wrong=wrong), _FORBIDDEN)


def _is_same_origin(headers: Headers, host: str) -> bool:
    """Whether a request that changes something was made by a page of ours; programs that are no browser send no `Origin`."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()
