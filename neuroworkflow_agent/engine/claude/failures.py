"""How a `claude` process ended, in words for people."""

from __future__ import annotations

from claude_agent_sdk import (
    CLIConnectionError,
    CLIJSONDecodeError,
    CLINotFoundError,
    ProcessError,
    ResultError,
)

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import ClaudeNotFoundError, SessionNotFoundError
from neuroworkflow_agent.events import EndReason

_NO_CONVERSATION = "No conversation found with session ID"


def describe(failure: BaseException | None, stderr: str, config: AgentConfig) -> tuple[EndReason, str]:
    """The end of the turn that was running when the process ended, and what happened.

    Parameters
    ----------
    failure
        What the SDK raised; None if the process just ended.
    stderr
        The last lines the process wrote there.
    config
        The session's settings.
    """
    if _NO_CONVERSATION in (text := f"{failure}\n{stderr}"):
        session_id = text.split(_NO_CONVERSATION, 1)[1].lstrip(": ").split()[:1]
        return "error", str(SessionNotFoundError(session_id[0] if session_id else "?"))
    match failure:
        case CLINotFoundError():
            return "error", str(ClaudeNotFoundError.at(config.cli_path))
        case ResultError():
            return "error", " ".join(str(failure).split())
        case CLIJSONDecodeError():
            return (
                "cut_off",
                f"The claude process wrote something that is not a message.{_last_words(stderr)}",
            )
        case ProcessError():
            return (
                "cut_off",
                f"The claude process ended with exit code {failure.exit_code}.{_last_words(stderr)}",
            )
        case CLIConnectionError():
            return "cut_off", f"The claude process could not be reached: {failure}{_last_words(stderr)}"
        case None:
            return "cut_off", f"The claude process ended before the turn did.{_last_words(stderr)}"
        case _:
            return "cut_off", f"The claude process was lost: {failure}{_last_words(stderr)}"


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return f" It last said: {lines[-1][:300]}" if lines else ""
