"""The names a person may choose a model by, here and now; what they lead to is `choose`'s matter."""

from __future__ import annotations

import importlib.util

from neuroworkflow_agent.config import ANTHROPIC_VARIABLES, AgentConfig
from neuroworkflow_agent.models import local_servers
from neuroworkflow_agent.models.local import weights

_CLAUDE = ("opus", "sonnet", "haiku")
"""Names that Claude Code knows the newest models by."""


def model_names(config: AgentConfig) -> list[str]:
    """Names for `--model`, the automatic choice first; asks servers on this machine, so not for an event loop."""
    names = ["auto"]
    kind = config.sign_in.kind if config.sign_in is not None else None
    has_variable = any(n in config.endpoint for n in (*ANTHROPIC_VARIABLES, "NEUROWORKFLOW_BACKEND_URL"))
    if has_variable or kind in ("anthropic", "gateway"):
        names += _CLAUDE
    has_openai = "OPENAI_API_KEY" in config.endpoint or kind == "openai"
    if has_openai and importlib.util.find_spec("litellm") is not None:
        names.append("openai:gpt-4.1")
    names += [f"{server.key}:{model}" for server, model in local_servers.answering()]
    if weights.installed() is not None and importlib.util.find_spec("xllamacpp") is not None:
        names.append("local")
    if config.model and config.model not in names:
        names.append(config.model)
    return names
