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
            "Ask the user in the session, or put the value in a variable."
        )


class KernelExitError(RuntimeError):
    """The agent's code tried to end the kernel."""

    def __init__(self) -> None:
        super().__init__("exit() would end the user's kernel and was ignored; their variables are safe.")


@contextmanager
def patched(target: Any, name: str, value: Any) -> Iterator[None]:
    """Give an object's attribute another value for the block; one that was its class's alone is taken off again."""
    is_own = name in vars(target)
    before = vars(target).get(name)
    setattr(target, name, value)
    try:
        yield
    finally:
        if is_own:
            setattr(target, name, before)
        else:
            vars(target).pop(name, None)


@contextmanager
def guarded(shell: Any, source: str) -> Iterator[None]:
    """Refuse input, exit and the debugger while `source` runs; a forked child ends with the block."""
    pid = os.getpid()
    hook, exc_info = shell.displayhook, shell._get_exc_info
    try:
        with (
            patched(builtins, "input", _no_input),
            patched(getpass, "getpass", _no_input),
            patched(shell, "ask_exit", _no_exit),
            patched(shell, "debugger", _no_debugger),
            # IPython looks for the semicolon that silences a result in its history, where this code is not.
            patched(hook, "quiet", lambda: hook.semicolon_at_end_of_expression(source)),
            patched(shell, "_get_exc_info", lambda *args: _without_our_frames(exc_info(*args))),
        ):
            yield
    finally:
        if os.getpid() != pid:
            # A forked child came back from the agent's code. It must not go on as a second kernel.
            os._exit(0)


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


def _no_debugger(*_args: Any, **_kwargs: Any) -> None:
    """Called by IPython once it has shown an error, with `%pdb on`; the error must not become one of its own."""
    sys.stderr.write(
        "The debugger asks for input, which code the agent runs cannot have; it was not started.\n"
    )
