"""The agent as a persona of jupyter-ai, which talks to it as a client of the Agent Client Protocol.

Imported by jupyter-ai alone, through the entry point `jupyter_ai.personas`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from jupyter_ai_acp_client.base_acp_persona import BaseAcpPersona
from jupyter_ai_persona_manager import PersonaDefaults

_ICON = Path(__file__).with_name("persona.svg")


class NeuroWorkflowPersona(BaseAcpPersona):  # type: ignore[misc]
    """The agent in jupyter-ai's chats."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, executable=[sys.executable, "-m", "neuroworkflow_agent", "acp"], **kwargs)

    @property
    def defaults(self) -> PersonaDefaults:
        """What it is called, and how it looks."""
        return PersonaDefaults(
            name="NeuroWorkflow",
            description="Runs code in a kernel, sees its outputs, edits files, makes NeuroWorkflow nodes.",
            avatar_path=str(_ICON),
            system_prompt="",
        )

    async def is_authed(self) -> bool:
        """Whether a turn can be served is said by the agent itself, in words."""
        return True
