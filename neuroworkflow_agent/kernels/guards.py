"""What the agent's code must not do to the kernel it runs in, kept from happening for one run."""

from __future__ import annotations

import builtins
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

_HERE = Path(__file__).parent


class InputNotAvailableError(RuntimeError):
    """The agent's code asked the user something through `input`."""

    def __init__(self) -> None:
        super().__init__(
            "input() is not available to code the agent runs. "
            "Ask the user in the conversation, or put the value in a variable."
        )


class KernelExitError(RuntimeError):
    """The agent's code tried to end the kernel."""

    def __init__(self) -> None:
        super().__init__("exit() would end the user's kernel and was ignored; their variables are safe.")


@contextmanager
def guarded(shell: Any, source: str) -> Iterator[None]:
    """Refuse input and exit while `source` runs; a forked child ends with the block."""
    pid = os.getpid()
    before = (builtins.input, getpass.getpass)
    builtins.input = _no_input
    getpass.getpass = _no_input
    shell.ask_exit = _no_exit
    # IPython looks for the semicolon that silences a result in its history, where this code is not.
    shell.displayhook.quiet = lambda: shell.displayhook.semicolon_at_end_of_expression(source)
    exc_info = shell._get_exc_info
    shell._get_exc_info = lambda *args: _without_our_frames(exc_info(*args))
    try:
        yield
    finally:
        if os.getpid() != pid:
            # A forked child came back from the agent's code. It must not go on as a second kernel.
            os._exit(0)
        builtins.input, getpass.getpass = before
        vars(shell).pop("ask_exit", None)
        vars(shell.displayhook).pop("quiet", None)
        vars(shell).pop("_get_exc_info", None)


def _without_our_frames(exc_info: Any) -> Any:
    """End a traceback where the user's code called into ours: a guard, or the interrupt's handler."""
    tb = exc_info[2]
    while tb is not None and tb.tb_next is not None:
        if Path(tb.tb_next.tb_frame.f_code.co_filename).parent == _HERE:
            tb.tb_next = None
            break
        tb = tb.tb_next
    return exc_info


def _no_input(*_args: Any, **_kwargs: Any) -> NoReturn:
    raise InputNotAvailableError


def _no_exit(*_args: Any, **_kwargs: Any) -> NoReturn:
    raise KernelExitError
