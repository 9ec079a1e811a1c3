"""Standing instructions: the user's own, and a workspace's once the user has approved them as they are.

A downloaded folder's `AGENTS.md` would steer the agent; so it is followed only while its hash is the one that the
user approved, which is kept in their state directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from neuroworkflow_agent.approved_texts import ApprovedTexts
from neuroworkflow_agent.trusted_text import UnfitFileError, read_trusted_text

OF_WORKSPACE = ("AGENTS.md", "CLAUDE.md")
"""Names of a workspace's instructions."""
_MAX_BYTES = 100_000
APPROVED = ApprovedTexts("instructions")
"""Those of workspaces that the user has approved."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """What is to be followed, and what is not."""

    followed: tuple[tuple[str, str], ...] = ()
    """Names of files, and their texts; the user's own first."""
    notices: tuple[str, ...] = ()
    """What the user should know: what is followed, and what is not and why."""


def users_file() -> Path | None:
    """Where the user's own instructions are, or would be; None for a user id without a name or a home."""
    try:
        return user_config_path("neuroworkflow-agent") / "instructions.md"
    except RuntimeError:
        return None


def find_instructions(workspace: Path) -> Instructions:
    """Instructions for sessions in a workspace."""
    followed: list[tuple[str, str]] = []
    notices: list[str] = []
    own = users_file()
    for path in (*([own] if own else []), *(workspace / name for name in OF_WORKSPACE)):
        name = str(path) if path == own else path.name
        try:
            text = read_instructions(path)
        except FileNotFoundError:
            continue
        except (UnfitFileError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            notices.append(f"Instructions in {name} are not followed: the file {reason}.")
            continue
        if not text.strip() or text in [known for _, known in followed]:
            continue
        if path == own or APPROVED.has(path, text):
            followed.append((name, text))
        else:
            notices.append(
                f"Instructions in {name} are not followed: you have not approved them as they are. "
                f"To read and approve them: neuroworkflow-agent instructions approve {name}"
            )
    if followed:
        notices.insert(0, f"Instructions followed: {', '.join(name for name, _ in followed)}.")
    return Instructions(tuple(followed), tuple(notices))


def read_instructions(path: Path) -> str:
    """The text of a file of instructions.

    Raises
    ------
    FileNotFoundError
        If there is none.
    UnfitFileError
        If it is not a file that may be followed.
    """
    return read_trusted_text(path, _MAX_BYTES)
