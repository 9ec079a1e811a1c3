"""Every exception of the package, as one tree.

Exceptions carry fields, log nothing and say in one sentence what happened, the value, and what would
work. An exception in the *user's* code is not here: it is `Execution.error`, a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class AgentError(Exception):
    """Anything this package raises on purpose."""


class ConfigError(AgentError, ValueError):
    """A setting that cannot work; the message names the argument or the environment variable."""


class EngineError(AgentError):
    """Claude could not be started or continued."""


class ClaudeNotFoundError(EngineError):
    """The `claude` executable is missing."""

    @classmethod
    def at(cls, path: str | Path | None) -> ClaudeNotFoundError:
        where = f" at {str(path)!r}" if path else ""
        return cls(
            f"Claude CLI not found{where}. Install claude-agent-sdk with its bundled CLI, or set cli_path."
        )


class SessionNotFoundError(EngineError, KeyError):
    """No session has this id in this workspace."""

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.session_id = session_id

    def __str__(self) -> str:
        return f"No session {self.session_id!r}. List those of this workspace with 'sessions list' or '%chat --sessions'."


class SessionBusyError(EngineError):
    """A turn is running; turns of one session never interleave."""


class SessionClosedError(EngineError):
    """The session was closed for good."""


class TurnFailedError(EngineError):
    """A turn did not complete, for callers that asked for an answer rather than for events."""

    def __init__(self, message: str, *, end: str, session_id: str | None = None) -> None:
        super().__init__(message)
        self.end = end
        self.session_id = session_id


class RunError(AgentError):
    """A recorded run, or many of them, cannot begin, be found or be read."""


class YamlError(RunError):
    """A file that people write is not YAML that can be read."""


class KernelError(AgentError):
    """The kernel could not be used."""


class NoKernelSpecError(KernelError):
    """No kernelspec has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        listed = ", ".join(sorted(known)) or "none"
        super().__init__(f"No kernelspec named {name!r}. Installed here: {listed}.")
        self.name = name


class KernelDiedError(KernelError):
    """The kernel process ended while it was needed."""


class KernelStartError(KernelError):
    """A kernel was started and did not come up."""

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name
        """Its kernelspec."""

    @classmethod
    def ended(cls, name: str) -> KernelStartError:
        return cls(
            f"The kernel {name!r} ended twice before it answered; what it said is on standard error. "
            "'jupyter kernelspec list' says where its kernel.json is.",
            name=name,
        )

    @classmethod
    def not_runnable(cls, name: str, reason: str) -> KernelStartError:
        return cls(
            f"The program of the kernel {name!r} cannot be run: {reason}. "
            "'jupyter kernelspec list' says where its kernel.json is.",
            name=name,
        )

    @classmethod
    def silent(cls, name: str, timeout_s: float) -> KernelStartError:
        return cls(
            f"The kernel {name!r} did not answer within {timeout_s:g} s of its start. "
            "--start-timeout gives it longer.",
            name=name,
        )


class ExecutionTimeoutError(KernelError, TimeoutError):
    """Code ran longer than it was allowed to and was interrupted."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"The code was interrupted after timeout_s={timeout_s:g} seconds.")
        self.timeout_s = timeout_s


class NotebookError(AgentError):
    """A notebook document or file that cannot be used as asked."""


class NotebookConflictError(NotebookError):
    """Someone else changed the file; ours was saved beside it."""

    def __init__(self, path: Path, saved_as: Path) -> None:
        super().__init__(
            f"'{path}' was changed by another program meanwhile. It was left as it is; "
            f"this run's notebook is saved as '{saved_as}'."
        )
        self.path = path
        self.saved_as = saved_as


class NotebookLockedError(NotebookError):
    """Another process of ours has the notebook."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"'{path}' is being run by another process. Wait until it has ended, or pass --output PATH."
        )


class EditRefusedError(NotebookError):
    """An edit of a cell that was not made; the notebook is as it was."""

    def __init__(self, message: str, *, current: str | None = None) -> None:
        super().__init__(message)
        self.current = current
        """The text that the cell has now, where the edit was made for another one."""


class WorkspaceError(AgentError):
    """The workspace cannot be used."""


class OutsideWorkspaceError(WorkspaceError, PermissionError):
    """A path leads out of the workspace."""

    def __init__(self, path: str, root: Path) -> None:
        super().__init__(
            f"{path!r} is outside the workspace '{root}'. Move the file there or start the agent "
            "with a workspace that contains it (NEUROWORKFLOW_WORKSPACE_ROOT)."
        )
        self.path = path
        self.root = root


class KeyFileError(OutsideWorkspaceError):
    """A path leads to the key that the user signed in with."""

    def __init__(self, path: str, root: Path) -> None:
        super().__init__(path, root)
        self.args = (f"{path!r} holds the user's key, and is neither read nor written. Leave it alone.",)


class GatewayError(AgentError):
    """The gateway refused, failed, or did not answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status; None if there was no answer."""


class ToolFailed(AgentError):  # noqa: N818 - not an error of ours: the tool's answer to the model
    """Raised inside a tool for the model to read; becomes a tool result with `is_error`.

    Parameters
    ----------
    message
        What the model should know.
    blocks
        Content blocks to answer with instead.
    """

    def __init__(self, message: str, blocks: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.blocks = blocks


def sentence(error: Exception) -> str:
    """What an error says, for people; of what the system has refused without a number, and with the file that it is about."""
    if isinstance(error, OSError) and error.strerror and not isinstance(error, AgentError):
        return f"{error.strerror}: '{error.filename}'." if error.filename else f"{error.strerror}."
    return str(error)


def why_no_notebook(error: Exception) -> str:
    """Why a file is no notebook: what its reader says, unless that is only where its JSON broke the reader."""
    said = "".join(str(error).strip().splitlines()[:1])
    is_broken = (
        isinstance(error, AttributeError | TypeError | LookupError | RecursionError | AssertionError)
        or "object has no attribute" in said
    )
    return "its JSON is not that of a notebook" if is_broken or not said else said
