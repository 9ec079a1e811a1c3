"""Whether the user is signed in, and whether that is what serves, in words; never the key."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.models.choose import choose_endpoint

_NO_KEYS = ("ANTHROPIC_BASE_URL", "JUPYTERHUB_API_TOKEN", "OPENAI_BASE_URL")
"""Variables that lead somewhere, and hold nothing to sign in with."""


@dataclass(frozen=True, slots=True)
class SignInStatus:
    """What there is to say."""

    is_signed_in: bool
    """Whether a key was kept that can be used, or the environment has one."""
    text: str


def describe(config: AgentConfig) -> SignInStatus:
    """Whether the user is signed in, and where, and whether it counts."""
    if config.sign_in_trouble:
        return SignInStatus(False, config.sign_in_trouble)
    if (kept := config.sign_in) is not None:
        sentences = [f"Signed in to {kept.url} ({kept.kind}), kept in {kept.place}.", *notes(config)]
        return SignInStatus(True, " ".join(sentences))
    variable = next((name for name in config.endpoint if name not in _NO_KEYS), None)
    if variable is not None:
        return SignInStatus(True, f"{variable} is set, and serves. Nothing is kept by 'login'.")
    return SignInStatus(False, "Not signed in. To sign in: neuroworkflow-agent login")


def notes(config: AgentConfig) -> Iterator[str]:
    """Why what the user signed in with does not serve, if it does not."""
    if config.sign_in is None:
        return
    if config.sign_in.kind == "openai" and importlib.util.find_spec("litellm") is None:
        yield 'It needs LiteLLM as well: pip install "neuroworkflow-agent[openai]".'
        return
    try:
        endpoint = choose_endpoint(replace(config, model=None))
    except AgentError as error:
        yield str(error)
        return
    if not endpoint.is_signed_in:
        yield f"It is not used now: {endpoint.why}, and that goes first."
