"""The table of variables beside a chat: sent to the pages while one of them shows it, after each run of code.

`VariablesTable` owns a callback of IPython's while it is watched; `close` ends that. All else is on the engine's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.kernels.variables.namespace import Namespace, Variable

_GATHERED_S = 0.1
"""How long runs of code that follow each other are gathered."""
_EVENT = "post_run_cell"


class VariablesTable:
    """The user's variables as rows.

    Parameters
    ----------
    shell
        The shell, whose runs of code are followed.
    namespace
        The user's variables.
    portal
        The worker thread.
    post
        Sends a message to the pages.
    hide
        Takes known secrets out of a text.
    """

    def __init__(
        self,
        shell: Any,
        namespace: Namespace,
        portal: Portal,
        post: Callable[[dict[str, Any]], None],
        hide: Callable[[str], str],
    ) -> None:
        self._shell = shell
        self._namespace = namespace
        self._portal = portal
        self._post = post
        self._hide = hide
        self._is_watched = False
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Send the rows now and whenever code has run."""
        if not self._is_watched:
            self._is_watched = True
            self._shell.events.register(_EVENT, self._after_code)
        self._send()

    def close(self) -> None:
        """Send nothing any more. Idempotent."""
        if self._is_watched:
            self._is_watched = False
            self._shell.events.unregister(_EVENT, self._after_code)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _after_code(self, _result: Any = None) -> None:
        """On the main thread."""
        self._portal.post(self._send_soon)

    def _send_soon(self) -> None:
        if self._timer is None and self._is_watched:
            self._timer = asyncio.get_running_loop().call_later(_GATHERED_S, self._send)

    def _send(self) -> None:
        self._timer = None
        rows = [self._row(each) for each in self._namespace.variables()]
        self._post({"type": "variables", "rows": rows})

    def _row(self, variable: Variable) -> dict[str, Any]:
        summary = variable.summary
        return {
            "name": variable.name,
            "type": summary.type,
            "shape": summary.shape_text,
            "dtype": summary.dtype,
            "size": summary.size_bytes,
            "about": self._hide(summary.about),
        }
