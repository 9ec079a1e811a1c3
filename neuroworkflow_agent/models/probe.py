"""Does the endpoint answer, and does it know our key and model? One cheap request, no model run."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.models.endpoint import Endpoint, GatewayAccess

_TIMEOUT_S = 10.0
_VERSION = {"anthropic-version": "2023-06-01"}


@dataclass(frozen=True, slots=True)
class Probe:
    """What the endpoint said."""

    answers: bool
    """Whether it answered at all."""
    refusal: str = ""
    """Why it would not serve a turn; empty if it would, as far as one can tell."""
    detail: str = ""
    """What was seen, for people."""


def probe(endpoint: Endpoint) -> Probe:
    """Ask the endpoint for its list of models, and for its own if one is named.

    Servers that do not keep such a list say 404, which is not a refusal.
    """
    if isinstance(endpoint.server, GatewayAccess):
        credentials = {"x-api-key": endpoint.server.token()}
    elif endpoint.server is not None:
        return Probe(True, detail="started when a turn needs it")
    else:
        credentials = _credentials(endpoint)
    headers = {**_VERSION, **credentials}
    if len(headers) == 1 or not endpoint.url.startswith("http"):
        return Probe(True, detail="not asked: the login belongs to the claude program")
    try:
        with httpx.Client(base_url=endpoint.url, headers=headers, timeout=_TIMEOUT_S) as client:
            return _read(client, endpoint)
    except httpx.HTTPError as error:
        return Probe(False, detail=f"no answer from {endpoint.url}: {error}")


def require_willing(endpoint: Endpoint) -> None:
    """Raise if the endpoint refuses us; one that does not answer may yet come back.

    Raises
    ------
    ConfigError
        With what it refuses.
    """
    refusal = probe(endpoint).refusal
    if refusal:
        raise ConfigError(refusal)


def _credentials(endpoint: Endpoint) -> dict[str, str]:
    found = endpoint.environ
    if found.get("ANTHROPIC_AUTH_TOKEN"):
        return {"authorization": f"Bearer {found['ANTHROPIC_AUTH_TOKEN']}"}
    if found.get("ANTHROPIC_API_KEY"):
        return {"x-api-key": found["ANTHROPIC_API_KEY"]}
    return {}


def _read(client: httpx.Client, endpoint: Endpoint) -> Probe:
    model, is_gateway = endpoint.model, isinstance(endpoint.server, GatewayAccess)
    listed = client.get("/v1/models", params={"limit": 1})
    if listed.status_code in (401, 403):
        what = "the token" if is_gateway else "the key"
        advice = _said(listed) if is_gateway and not endpoint.is_signed_in else endpoint.key_advice
        return Probe(
            True,
            f"{client.base_url} refused {what} (HTTP {listed.status_code}). {advice}".strip(),
            f"HTTP {listed.status_code}",
        )
    # A gateway serves the list and no single entries of it.
    if model and model.startswith("claude-") and not is_gateway:
        named = client.get(f"/v1/models/{model}")
        if named.status_code == 404 and _is_api_error(named):
            return Probe(
                True, f"{client.base_url} knows no model {model!r}. Check --model or ANTHROPIC_MODEL."
            )
    return Probe(True, detail=f"HTTP {listed.status_code}")


def _is_api_error(response: httpx.Response) -> bool:
    return bool(_said(response))


def _said(response: httpx.Response) -> str:
    """The message of an error of the API; empty if it is none."""
    try:
        body = response.json()
        return str(body["error"]["message"]) if body["type"] == "error" else ""
    except (ValueError, KeyError, TypeError):
        return ""
