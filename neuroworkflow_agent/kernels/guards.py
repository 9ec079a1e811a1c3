"""What the agent's code must not do to the kernel it runs in, kept from happening for one run."""

from __future__ import annotations

import builtins
import contextlib
import getpass
import os
import sys
import types
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

_HERE = Path(__file__).parent


def runs_agent_code(shell: Any) -> bool:
    """Whether code of the agent's, whichever surface asked for it, runs in `shell` now."""
    return vars(shell).get("ask_exit") is _no_exit


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


@types.coroutine
def in_one_process(coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Await code of the agent's; a forked child that comes out of it ends there.

    It must not go on as a second kernel, and not even clean up: other threads' locks are held for good.
    """
    pid = os.getpid()
    step, value = coroutine.send, None
    while True:
        try:
            yielded = step(value)
        except BaseException as end:
            result = end.value if isinstance(end, StopIteration) else None
            if os.getpid() != pid:
                _end_child(_exit_code(result))
            if isinstance(end, StopIteration):
                return result
            raise
        if os.getpid() != pid:
            _end_child(0)
        try:
            step, value = coroutine.send, (yield yielded)
        except BaseException as thrown:  # noqa: BLE001 - goes on into the code
            step, value = coroutine.throw, thrown


def _exit_code(result: Any) -> int:
    """What a process that ran this as a script would have ended with."""
    error = result.error_before_exec or result.error_in_exec if result is not None else KernelExitError()
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return error.code or 0
    return 0 if error is None else 1


def _end_child(code: int) -> NoReturn:
    for output in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            output.flush()
    os._exit(code & 0xFF)


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
