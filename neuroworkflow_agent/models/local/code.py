"""The code a small model writes, as it may be run. Pure."""

from __future__ import annotations

import ast
import builtins
import difflib
import re

from neuroworkflow_agent.models.local.claims import is_repetition, overwritten
from neuroworkflow_agent.models.local.conversation import SmallPrompt
from neuroworkflow_agent.models.local.request import foreign_file

_IMPORTS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "math": "import math",
    "json": "import json",
    "os": "import os",
}
_DRAWS = re.compile(r"\bplt\.|\.plot\b|\.hist\(|\.boxplot\(|\.imshow\(")
_IS_RANDOM = re.compile(r"\brng\.|\brandom\.|\bdefault_rng\b")
_PATH = "from pathlib import Path"
_SHOWS = re.compile(r"\b(?:print|display)\(|\bplt\.|\.plot\b|savefig|to_csv|\bsave|\bdump")


def with_imports(code: str) -> str:
    """`code` with the usual imports it forgets."""
    missing = [
        line
        for name, line in _IMPORTS.items()
        if re.search(rf"(?<![\w.]){name}\.", code) and not re.search(rf"\b(?:as|import) {name}\b", code)
    ]
    if re.search(r"(?<![\w.])Path\(", code) and "import Path" not in code:
        missing.append(_PATH)
    return "\n".join([*missing, code])


def with_result(code: str) -> str:
    """`code` that also prints what its last line computed, where it would show nothing."""
    body = ast.parse(code).body
    if _SHOWS.search(code) or not body or not isinstance(body[-1], ast.Assign):
        return code
    targets = body[-1].targets
    return f"{code}\nprint({targets[0].id})" if isinstance(targets[0], ast.Name) else code


def objection(code: str, prompt: SmallPrompt) -> str:
    """Why code is not run, as advice to the model; empty if it may be."""
    try:
        if not ast.parse(code).body:
            return "That is only a comment. Write the code, too."
    except SyntaxError as error:
        return f"That is not valid Python ({error.msg}). Write a complete block."
    if any(with_result(with_imports(code)) == run.code or code == run.code for run in prompt.runs):
        return "That code ran already. Write other code."
    request = prompt.request
    if is_repetition(code, request.cells):
        return "Those cells ran already. Write only what the request asks for beyond them."
    taken = "" if request.is_repair else overwritten(code, request.names)
    if taken and not re.search(rf"\b{re.escape(taken)}\b", request.text):
        return f"{taken} exists already and holds the user's data. Use it; do not make it up again."
    if not (request.is_random or request.is_repair) and _IS_RANDOM.search(code):
        return "Do not make up random numbers. Compute it from the variables and files that exist."
    if request.result and request.result not in _defined(code):
        return f"Store the result in {request.result}."
    if request.is_drawing and not _DRAWS.search(code):
        return "Draw it with matplotlib and end with plt.show()."
    if foreign := foreign_file(code, prompt.asked):
        return f"Nobody named the file '{foreign}'. Do not read it."
    unknown, near = _mistaken(code, request.names)
    if near:
        return f"There is no {unknown}; use {near}."
    if request.reads and request.reads not in code:
        return f"Read the file '{request.reads}'."
    return ""


def _defined(code: str) -> set[str]:
    """Names that code gives a value, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


def _mistaken(code: str, names: tuple[str, ...]) -> tuple[str, str]:
    """A name that code uses and nothing defines, and the user's that it is taken for; empty if there is none."""
    tree = ast.parse(code)
    known = {*names, *dir(builtins), *_IMPORTS, "display", "Path", *_defined(code)}
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            known.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.arg):
            known.add(node.arg)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in known:
            near = difflib.get_close_matches(node.id, names, n=1, cutoff=0.7)
            if near:
                return node.id, near[0]
    return "", ""
