"""An agent that lives in your Jupyter kernel.

`%load_ext neuroworkflow_agent` gives `%chat`; `chat`, `achat` and `Session` do the same from code.
Importing this is cheap: every name is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent import lazy_iri
from neuroworkflow_agent._version import __version__ as __version__

if TYPE_CHECKING:
    from neuroworkflow_agent.config import AgentConfig
    from neuroworkflow_agent.engine.session import Session
    from neuroworkflow_agent.surfaces.calls import achat, chat
    from neuroworkflow_agent.surfaces.panel.widget import ChatPanel

__all__ = [
    "AgentConfig",
    "ChatPanel",
    "Session",
    "achat",
    "chat",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_HOMES = {
    "AgentConfig": "neuroworkflow_agent.config",
    "ChatPanel": "neuroworkflow_agent.surfaces.panel.widget",
    "Session": "neuroworkflow_agent.engine.session",
    "achat": "neuroworkflow_agent.surfaces.calls",
    "chat": "neuroworkflow_agent.surfaces.calls",
}

lazy_iri.put_off()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext neuroworkflow_agent`: register `%chat` and get the agent ready in the background."""
    from neuroworkflow_agent.surfaces import magics

    magics.load(ipython).kernel_chat.prewarm()


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext neuroworkflow_agent`: remove `%chat` and end the session."""
    from neuroworkflow_agent.surfaces import magics

    magics.unload(ipython)
