"""Where Claude Code keeps sessions for a user whose home cannot be written: in a private directory.

Without one the CLI answers, but writes nothing down, and no session can be gone on with.
"""

from __future__ import annotations

import os

from neuroworkflow_agent.directories import can_write, private_directory, user_home

_VARIABLE = "CLAUDE_CONFIG_DIR"


def settle_home() -> None:
    """Set `CLAUDE_CONFIG_DIR` where `~/.claude` cannot be written and nothing else is said.

    In the process's environment: the SDK, which reads sessions, and the CLI, which writes them, look there.

    Raises
    ------
    ConfigError
        If there is no place for it.
    """
    if os.environ.get(_VARIABLE):
        return
    home = user_home()
    if home is None or not can_write(home / ".claude"):
        os.environ[_VARIABLE] = str(private_directory("claude"))
