"""What the library does with nodes and workflows: our double, and the real one where it is importable.

Set `NEUROWORKFLOW_LIBRARY` to a directory that holds the real package to compare with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.nodes.contract import LIBRARY_MARK, PORT_TYPES, SHAPES, accepts

DOUBLE = Path(__file__).parent / "library"
_FACTS = Path(__file__).parent / "library_facts.py"


def _facts(library: str) -> dict[str, Any]:
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (library, os.environ.get("PYTHONPATH")))),
    }
    done = subprocess.run(
        [sys.executable, "-P", str(_FACTS)], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def _is_importable() -> bool:
    probe = f"import importlib; importlib.import_module({LIBRARY_MARK!r})"
    environ = {**os.environ, "PYTHONPATH": os.environ.get("NEUROWORKFLOW_LIBRARY", "")}
    return (
        subprocess.run([sys.executable, "-P", "-c", probe], env=environ, capture_output=True).returncode == 0
    )


REAL = os.environ.get("NEUROWORKFLOW_LIBRARY", "")


@pytest.fixture(scope="module")
def double() -> dict[str, Any]:
    return _facts(str(DOUBLE))


def test_double_does_what_the_contract_says(double: dict[str, Any]) -> None:
    assert double == {
        "port types": PORT_TYPES,
        "compatible": [[wanted, given] for wanted in PORT_TYPES for given in PORT_TYPES if accepts(wanted, given)],
        "fields": {name: list(shape.keywords) for name, shape in SHAPES.items()},
        "objective on a port": "TypeError",
        "steps see earlier values": [True, 6, 3],
        "a parameter as an input": [True, None],
        "a missing key": [True, None],
        "a key that is not declared": [True, None],
        "a value that is not a dict": [True, 4],
        "a second output of it": [True, None],
        "a port's value by hand": [True, 3],
        "an exception": [False, None],
        "unknown parameter": "ValueError",
        "below min": "ValueError",
        "above max": "ValueError",
        "not allowed": "ValueError",
        "other constraint": None,
        "required input empty": False,
        "optional input empty": True,
        "information": "dict",
        "workflow": [True, True, 7],
        "unknown node": "ValueError",
        "unknown port": "ValueError",
        "wrong type": "TypeError",
        "same connection twice": 1,
        "same name twice": "ValueError",
        "last source wins": [True, 2],
        "required input of a workflow empty": [False, False],
        "cycle": False,
        "context": "somewhere",
        "fan in": [1, 2],
        "steps without __init__ calling": [True, None],
    }  # fmt: skip


@pytest.mark.skipif(
    not (REAL or _is_importable()), reason="neuroworkflow is not installed; it is not on PyPI"
)
def test_real_library_does_the_same(double: dict[str, Any]) -> None:
    real = _facts(REAL)
    # Its first public version lacks some fields, set_context and fan-in.
    for name, fields in real.pop("fields").items():
        assert fields == [field for field in double["fields"][name] if field in fields]
    assert real == {fact: double[fact] for fact in real}
    assert len(real) >= 25
