"""Variables of a kernel in another process, which may lack this package: listed by code that it runs there.

Only types that are known exactly are asked for a value or a shape: no `__repr__`, `__len__` or property of a class
that somebody wrote is called.
"""

from __future__ import annotations

import ast
import json
from typing import Any

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.client import ClientKernel

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
        If the kernel is not Python's, or could not say.
    """
    if kernel.language != "python":
        raise KernelError(f"The kernel's language is {kernel.language!r}; variables are listed of Python's.")
    place = "get_ipython()"
    asked = (
        f"(lambda space: (exec({_LISTING!r}, space), "
        f"space['listing']({place}.user_ns, {place}.user_ns_hidden))[1])({{}})"
    )
    answer = await kernel.evaluate(asked)
    found: list[dict[str, Any]] = json.loads(ast.literal_eval(answer))
    return found
