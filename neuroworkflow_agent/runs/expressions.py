"""Python expressions in the kernel of a run that has ended; they leave no name there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.kernels.base import Execution

Execute: TypeAlias = Callable[[str, float], Execution]
"""Runs code in the kernel, for at most so many seconds."""
_TIMEOUT_S = 60.0
_PYTHON = ("python", "python3", "ipython")
# In one expression, so that no name is left; `item` is for numpy's numbers.
_PRINTED = (
    "(lambda v: __import__('builtins').print({mark!r} + __import__('json').dumps("
    "v, default=lambda o: o.item() if getattr(o, 'ndim', 1) == 0 else repr(o)) + {mark!r}))({value})"
)
# Functions and methods only: a class or a fitted model may be called, too, and is true as it is.
_TRUTH = (
    "(lambda v, r: __import__('builtins').bool(v(__import__('types').SimpleNamespace(**__import__('json').loads(r)))"
    " if __import__('builtins').type(v).__name__ in ('function', 'method', 'builtin_function_or_method') else v))((\n{expression}\n), {run!r})"
)


def evaluated(expression: str, execute: Execute, language: str) -> tuple[Any, str]:
    """The value of an expression as JSON has it, else why there is none."""
    return _printed(f"(\n{expression}\n)", execute, language)


def is_true(expression: str, run: Mapping[str, str], execute: Execute, language: str) -> tuple[Any, str]:
    """Whether an expression is true, else why that cannot be told; a function has to be true of the run.

    Parameters
    ----------
    run
        What a function finds as attributes of its one argument.
    """
    return _printed(_TRUTH.format(expression=expression, run=json.dumps(run)), execute, language)


def _printed(value: str, execute: Execute, language: str) -> tuple[Any, str]:
    if language not in _PYTHON:
        return None, f"the kernel's language is {language}"
    mark = secrets.token_hex(8)
    try:
        ran = execute(_PRINTED.format(mark=mark, value=value), _TIMEOUT_S)
    except AgentError as error:
        return None, str(error)
    if ran.error is not None:
        return None, f"{ran.error.ename}: {ran.error.evalue}"
    found = "".join(str(output.get("text", "")) for output in ran.outputs).split(mark)
    try:
        return json.loads(found[1], parse_constant=str), ""  # NaN is none of JSON's numbers
    except (IndexError, ValueError):
        return None, "it gave no value"
