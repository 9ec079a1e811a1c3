"""What `import` costs: the grammar of IRIs is built when an IRI is checked, and then checks as ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import inspect, sys
import neuroworkflow_agent
{imported}
inspect.getmodule(inspect.currentframe())
assert 'jsonschema' in sys.modules
assert 'lark' not in sys.modules
{used}
assert 'lark' in sys.modules
"""
CHECK = """
from jsonschema import Draft202012Validator as Validator
iri = Validator({'format': 'iri'}, format_checker=Validator.FORMAT_CHECKER)
assert iri.is_valid('a:é')
assert not iri.is_valid('a b')
"""


@pytest.mark.parametrize(
    ("imported", "used"),
    [
        ("import nbformat", CHECK),
        ("import claude_agent_sdk, jsonschema", "import rfc3987_syntax.syntax_helpers"),
    ],
    ids=["checked", "submodule"],
)
def test_grammar_of_iris_is_built_at_its_first_use(imported: str, used: str) -> None:
    pytest.importorskip("rfc3987_syntax")
    program = PROGRAM.format(imported=imported, used=used)
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
