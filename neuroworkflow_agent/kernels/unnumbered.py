"""The agent's code is not a numbered cell: its results and errors take nothing of the user's cells.

IPython counts code outside the history as the cell that ran last, or the one to come: its result would replace
that cell's `Out[n]` and the user's `_`, and its tracebacks would point to a cell where something else stands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from neuroworkflow_agent.kernels.guards import patched

_NAME = "agent"
"""Stands in tracebacks for the number: `Cell In[agent], line 1`."""


@contextmanager
def unnumbered(shell: Any) -> Iterator[None]:
    """Let the code that runs in the block leave `_`, `Out` and the numbers of cells alone."""
    hook, compiler = shell.displayhook, shell.compile
    cache, write_prompt = compiler.cache, hook.write_output_prompt
    before = (hook.exec_result, shell.last_execution_result, shell.last_execution_succeeded)

    def cache_by_name(transformed_code: str, _number: object = 0, raw_code: str | None = None) -> Any:
        return cache(transformed_code, _NAME, raw_code)

    try:
        with (
            patched(compiler, "cache", cache_by_name),
            patched(hook, "write_output_prompt", lambda: _write_prompt(hook, write_prompt)),
            patched(hook, "update_user_ns", _nothing),
            patched(hook, "log_output", _nothing),
        ):
            yield
    finally:
        hook.exec_result, shell.last_execution_result, shell.last_execution_succeeded = before


def _write_prompt(hook: Any, write_prompt: Callable[[], None]) -> None:
    """What a display hook writes before a result: in a terminal no number.

    To a front end the number of the cell that waits for the agent: JupyterLab shows no result without one.
    """
    if getattr(hook, "msg", None):
        write_prompt()
    else:
        sys.stdout.write(hook.shell.separate_out)


def _nothing(_result: object) -> None:
    """Keep nothing of a result."""
