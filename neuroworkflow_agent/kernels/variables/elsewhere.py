"""Variables of a kernel in another process, which may lack this package: listed by code that it runs there.

Only types that are known exactly are asked for a value or a shape: no `__repr__`, `__len__` or property of a class
that somebody wrote is called.
"""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.languages import language_named
from neuroworkflow_agent.kernels.variables.namespace import SECRET_NAME, ToldVariables
from neuroworkflow_agent.text import one_line, show_invisible

_TIME_S = 2.0
_MAX_LINE_CHARS = 400

_LISTING = """
def listing(names, hidden):
    import sys
    plain, sized = (int, float, complex, bool, type(None)), (list, tuple, dict, set, frozenset)
    libraries = {"numpy": ("ndarray",), "pandas": ("DataFrame", "Series")}
    # The classes themselves: anybody may give theirs the name of one.
    shaped = [vars(sys.modules[name]).get(each) for name in libraries if name in sys.modules for each in libraries[name]]
    found = []
    for name in list(names)[:5000]:
        if type(name) is not str or name.startswith("_") or name in hidden:
            continue
        value = names.get(name)
        kind = type(value)
        module, title = type.__dict__["__module__"].__get__(kind), type.__dict__["__name__"].__get__(kind)
        called = f"{module}.{title}" if type(module) is str and module != "builtins" else title
        if called == "module":
            continue
        about = {"name": name[:200], "type": called[:200]}
        if kind in plain and not (kind is int and value.bit_length() > 400):
            about["value"] = repr(value)[:200]
        elif kind is str:
            about["value"], about["shape"] = repr(value[:100])[:200], str(len(value))
        elif kind in sized or kind in (bytes, bytearray, range):
            about["shape"] = str(len(value))
        elif any(kind is each for each in shaped):
            about["shape"] = str(value.shape)
            index = type(value.columns) if title == "DataFrame" else None
            if index is not None and index is vars(sys.modules["pandas"]).get("Index"):
                about["value"] = ", ".join([each for each in value.columns[:20] if type(each) is str])[:200]
        found.append(about)
        if len(found) >= 500:
            break
    import json
    return json.dumps(found)
"""


async def list_variables(kernel: ClientKernel) -> list[dict[str, str]]:
    """Name and type of each variable of the user's, and value or shape where those are plain.

    Raises
    ------
    KernelError
        If the kernel's language has no way to say it, or it could not.
    """
    if kernel.language != "python":
        return await _printed_variables(kernel)
    place = "get_ipython()"
    asked = (
        f"(lambda space: (exec({_LISTING!r}, space), "
        f"space['listing']({place}.user_ns, {place}.user_ns_hidden))[1])({{}})"
    )
    answer = await kernel.evaluate(asked)
    found: list[dict[str, Any]] = json.loads(ast.literal_eval(answer))
    return found


async def _printed_variables(kernel: ClientKernel) -> list[dict[str, str]]:
    language = language_named(kernel.language)
    if not language.probe:
        raise KernelError(f"Variables cannot be listed in {language.title}.")
    found = language.read_probe(await kernel.printed(language.probe, _TIME_S))
    return [
        {"name": each.name, "type": each.kind}
        | ({"shape": each.shape} if each.shape else {})
        | ({"value": each.value} if each.value else {})
        for each in found
    ]


class VariableContextElsewhere:
    """As `VariableContext`, of such a kernel.

    Parameters
    ----------
    kernel
        The kernel.
    """

    def __init__(self, kernel: ClientKernel) -> None:
        self._kernel = kernel
        self._told = ToldVariables()

    async def take(self, first: Sequence[str], budget_chars: int, hide: Callable[[str], str]) -> str:
        """See `ToldVariables.take`; empty where the kernel does not say.

        Parameters
        ----------
        first
            Names of those that are told first, and each time.
        """
        try:
            async with asyncio.timeout(2 * _TIME_S):
                found = {each["name"]: hide(_line(each)) for each in await list_variables(self._kernel)}
        except (KernelError, TimeoutError):
            return ""
        wanted = {name: found[name] for name in first if name in found}
        self._told.forget_some(wanted)
        return self._told.take({**wanted, **found}, budget_chars)

    def forget(self) -> None:
        """See `ToldVariables.forget`."""
        self._told.forget()


def _line(about: dict[str, str]) -> str:
    name, value = about["name"], about.get("value", "")
    if value and SECRET_NAME.search(name):
        value = "not shown, since its name says that it is secret"
    said = " ".join(filter(None, (about["type"], about.get("shape"), value)))
    return one_line(show_invisible(f"{name}: {said}"), _MAX_LINE_CHARS)
