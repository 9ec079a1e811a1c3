"""For tests of the agent, and of software around it: a scripted model and a faulty `claude`.

`ScriptedModel` speaks the Messages API on loopback, so the real CLI can be
tested against it; see docs/testing.md.
"""

from neuroworkflow_agent.models.scripted.replies import (
    Dropped,
    Failure,
    Malformed,
    Reply,
    Silence,
    Text,
    Thinking,
    ToolCall,
    replies_from_json,
)
from neuroworkflow_agent.models.scripted.server import RecordedRequest, ScriptedModel

__all__ = [
    "Dropped",
    "Failure",
    "Malformed",
    "RecordedRequest",
    "Reply",
    "ScriptedModel",
    "Silence",
    "Text",
    "Thinking",
    "ToolCall",
    "replies_from_json",
]
