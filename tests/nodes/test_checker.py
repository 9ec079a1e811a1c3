"""The checker finds what is wrong, all of it and nothing else, and survives any file."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuroworkflow_agent.nodes.catalogue import as_text, list_nodes, read_nodes
from neuroworkflow_agent.nodes.checker import check_file, check_paths
from neuroworkflow_agent.nodes.contract import STAGES
from neuroworkflow_agent.nodes.findings import RULES
from neuroworkflow_agent.nodes.model import NodeClass
from neuroworkflow_agent.nodes.source import MAX_BYTES
from tests import tiers
from tests.nodes.faults import FAULTS, Fault

CORRECT = Path(__file__).parent / "correct"
_RUN_ONLY = {code for code in RULES if "NW600" < code < "NW700"}
_WORKFLOW = {code for code in RULES if code > "NW700"}  # and of notebooks: tests/nodes/test_lint.py
_COMMENTS = {"NW016", "NW017"}  # in test_noqa.py
_HOSTILE = {"NW001", "NW002", "NW003", "NW005", "NW013", "NW014"}


def test_correct_nodes_of_every_stage_and_tool_raise_nothing() -> None:
    report = check_paths([CORRECT])
    assert report.findings == []
    nodes = list_nodes([CORRECT])
    assert {node.stage for node in nodes} == set(STAGES)
    assert {node.tool for node in nodes} == {"NEST", "TVB", "Brian2", "NEURON", "SciPy", "custom"}
    assert report.summary == "12 files, 12 nodes: 0 errors, 0 warnings"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.code)
def test_each_fault_raises_its_finding_and_no_other(fault: Fault, tmp_path: Path) -> None:
    (found,) = check_paths([fault.write(tmp_path)]).findings
    assert found.code == fault.code
    line = fault.source.splitlines()[found.line - 1]
    assert fault.line_of in line if fault.line_of else found.line == 1
    assert 1 <= found.column <= len(line) + 1
    assert found.message.endswith(".")
    assert found.remedy.endswith(".")


def test_every_rule_that_reads_has_a_fault() -> None:
    assert {fault.code for fault in FAULTS} == set(RULES) - _RUN_ONLY - _WORKFLOW - _HOSTILE - _COMMENTS
    assert len(FAULTS) + len(list(CORRECT.glob("*.py"))) >= 60


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Choices are what a search tries; a range would be one of numbers.
        ('"allowed_values": ["mean", "median"]}', '"allowed_values": ["mean", "median"]}, optimizable=True'),
        ('default_value="mean"', 'optimizable=True, default_value="mean"'),
        # Without either the range says nothing, as the library's own nodes have it.
        ("optimizable=True,\n                optimization_range=[100.0, 2000.0]", "optimization_range=[]"),
        ("optimization_range=[100.0, 2000.0]", "optimization_range=[1.0, 1e7]"),
        ("optimization_range=[100.0, 2000.0]", "optimization_range=[1000, 2000]"),
    ],
)
def test_what_a_search_can_use_raises_nothing(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "FiringRateNode.py"
    text = (CORRECT / "FiringRateNode.py").read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert check_paths([path]).findings == []


def _deep(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "DeepNode.py"
    path.write_text(f"# NODE_DEFINITION\nx = {text}\n")
    return path


def _bytes(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "OddNode.py"
    path.write_bytes(data)
    return path


def _pipe(tmp_path: Path) -> Path:
    path = tmp_path / "PipeNode.py"
    os.mkfifo(path)
    return path


def _loop(tmp_path: Path) -> Path:
    path = tmp_path / "LoopNode.py"
    path.symlink_to(path)
    return path


_HOSTILE_FILES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "missing": ("NW001", lambda tmp: tmp / "NoNode.py"),
    "pipe": ("NW001", _pipe),
    "link to itself": ("NW001", _loop),
    "device": ("NW001", lambda _: Path("/dev/zero")),
    "name no system takes": ("NW001", lambda tmp: tmp / ("x" * 300 + ".py")),
    "binary": ("NW002", lambda tmp: _bytes(tmp, random.Random(1).randbytes(2000))),
    "null bytes": ("NW002", lambda tmp: _bytes(tmp, b"x = 1\0\n")),
    "utf-16": ("NW002", lambda tmp: _bytes(tmp, "NODE_DEFINITION = 1".encode("utf-16"))),
    "unknown encoding": ("NW002", lambda tmp: _bytes(tmp, b"# -*- coding: klingon -*-\n")),
    "encoding that is not a text": ("NW002", lambda tmp: _bytes(tmp, b"# -*- coding: hex -*-\nx = 1\n")),
    "not in its encoding": ("NW002", lambda tmp: _bytes(tmp, b"# -*- coding: ascii -*-\nx = '\xe9'\n")),
    "empty": ("NW006", lambda tmp: _bytes(tmp, b"")),
    "ten megabytes in one literal": ("NW003", lambda tmp: _bytes(tmp, b"x = [" + b"1," * 5_000_000 + b"]")),
    "ten megabytes of text": ("NW003", lambda tmp: _bytes(tmp, b"x = '" + b"a" * 10_000_000 + b"'")),
    "brackets": ("NW005", lambda tmp: _deep(tmp, "(" * 5000 + ")" * 5000)),
    "lists": ("NW005", lambda tmp: _deep(tmp, "[" * 150 + "]" * 150 + "+ 1" * 2000)),
    "signs": ("NW005", lambda tmp: _deep(tmp, "-" * 50_000 + "1")),
    "sums": ("NW005", lambda tmp: _deep(tmp, "1" + " + 1" * 100_000)),
    "calls": ("NW005", lambda tmp: _deep(tmp, "f" + "()" * 100_000)),
    "attributes": ("NW005", lambda tmp: _deep(tmp, "f" + ".a" * 100_000)),
    "unfinished": ("NW004", lambda tmp: _bytes(tmp, b"class X(Node):\n    NODE_DEFINITION = Node(")),
    "a huge number": ("NW004", lambda tmp: _deep(tmp, "9" * 100_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", _HOSTILE_FILES)
def test_hostile_file_gives_a_finding(name: str, tmp_path: Path) -> None:
    code, make = _HOSTILE_FILES[name]
    report = check_paths([make(tmp_path)])
    assert [finding.code for finding in report.findings] == [code]
    assert len(report.findings[0].text) < 1000


@pytest.mark.parametrize("value", ["0x" + "f" * 9000, r"'\ud800\x1b[31mred'", "{1, 2}", "{(1, 2): 3}", "float('nan')", "1j", "b'x'", "...", "[[[]]]", "{'min': {}}", "-0.0", "{'allowed_values': 5, 'min': None, 'max': []}"])  # fmt: skip
@pytest.mark.parametrize("place", ["default_value=1000.0", 'constraints={"min": 1.0, "max": 1e7}', "optimization_range=[100.0, 2000.0]", "optimizable=True", "optional=True", 'type="firing_rate"', 'stage="analysis"', "type=PortType.LIST", 'inputs=["chosen"]'])  # fmt: skip
def test_odd_values_anywhere_are_survived(value: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / "FiringRateNode.py"
    text = (CORRECT / "FiringRateNode.py").read_text()
    assert place in text
    path.write_text(text.replace(place, f"{place.split('=')[0]}={value}", 1))
    report = check_paths([path])
    assert "NW013" not in {finding.code for finding in report.findings}
    str(report).encode()
    json.dumps([node.as_dict() for node in read_nodes(path)], allow_nan=False)
    listed = as_text(read_nodes(path))
    assert listed.encode()
    assert "\x1b" not in f"{report}{listed}"


def test_failure_of_the_checker_itself_is_a_finding(
    correct_nodes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(node: NodeClass) -> None:
        raise KeyError(node.name)

    monkeypatch.setattr("neuroworkflow_agent.nodes.checker.check_node", fail)
    report = check_paths([correct_nodes])
    assert {finding.code for finding in report.findings} == {"NW013"}
    assert len(report.findings) == 12


def test_latin_1_with_its_cookie_is_read(tmp_path: Path) -> None:
    text = (
        (CORRECT / "FiringRateNode.py")
        .read_text()
        .replace("Names of the neurons", "Noms des neurones, à lire")
    )
    path = tmp_path / "FiringRateNode.py"
    path.write_bytes(b"# -*- coding: latin-1 -*-\n" + text.encode("latin-1"))
    assert check_paths([path]).findings == []


def test_columns_count_characters_and_lines_survive_a_mark_at_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "FiringRateNode.py"
    text = (CORRECT / "FiringRateNode.py").read_text()
    text = text.replace('stage="analysis",', 'stage="décodé", tool="cüstom", wrong=1,').replace(
        'tool="custom",', "", 1
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = {finding.code: finding for finding in check_paths([path]).findings}
    line = path.read_text(encoding="utf-8-sig").splitlines()[found["NW108"].line - 1]
    assert line[found["NW108"].column - 1 :].startswith("1,")


def test_nothing_of_the_file_runs(tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    path = tmp_path / "FiringRateNode.py"
    text = (CORRECT / "FiringRateNode.py").read_text()
    path.write_text(
        f"open({str(proof)!r}, 'w')\n{text.replace('default_value=1000.0', f'default_value=open({str(proof)!r}, chr(119))')}"
    )
    assert "NW501" in {finding.code for finding in check_paths([path]).findings}
    list_nodes([tmp_path])
    assert not proof.exists()


def test_folder_passes_other_files_by_and_a_named_one_must_hold_a_node(correct_nodes: Path) -> None:
    other = correct_nodes / "helpers.py"
    other.write_text("def f(x):\n    return x\n")
    (correct_nodes / "__pycache__").mkdir()
    (correct_nodes / "__pycache__" / "OldNode.py").write_text("NODE_DEFINITION = 1 +")
    assert check_paths([correct_nodes]).summary == "12 files, 12 nodes: 0 errors, 0 warnings"
    assert [finding.code for finding in check_paths([other]).findings] == ["NW006"]


def test_class_called_node_of_another_library_is_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "tree.py"
    path.write_text("# like NODE_DEFINITION\nfrom anytree import Node\n\n\nclass Leaf(Node):\n    pass\n")
    assert check_file(path, is_named=False).nodes == []


def test_type_is_compared_with_nodes_that_are_not_checked(correct_nodes: Path) -> None:
    (correct_nodes / "sandbox").mkdir()
    copy = correct_nodes / "sandbox" / "OtherNode.py"
    copy.write_text(
        (correct_nodes / "FiringRateNode.py").read_text().replace("class FiringRateNode", "class OtherNode")
    )
    (found,) = check_paths([copy]).findings
    assert found.code == "NW112"
    assert "FiringRateNode.py" in found.message


def test_copies_in_another_tree_are_no_other_nodes(correct_nodes: Path, tmp_path: Path) -> None:
    shutil.copytree(correct_nodes, tmp_path / "gui" / "nodes")
    assert check_paths([tmp_path]).findings == []
    flat = tmp_path / "flat"
    for name in ("analysis", "io"):
        (flat / name).mkdir(parents=True)
        shutil.copy(correct_nodes / "FiringRateNode.py", flat / name)
    assert [finding.code for finding in check_paths([flat]).findings] == ["NW112"]


def test_node_behind_an_optional_import_is_checked_as_any_other(tmp_path: Path) -> None:
    text = (CORRECT / "FiringRateNode.py").read_text()
    head, _, body = text.partition("from neuroworkflow")
    imports, _, cls = body.partition("\n\n\nclass")
    block = "\n".join(f"    {line}" if line else "" for line in f"from neuroworkflow{imports}".splitlines())
    path = tmp_path / "FiringRateNode.py"
    path.write_text(f"{head}try:\n{block}\nexcept ImportError:\n    print('no library')\n\n\nclass{cls}")
    assert check_paths([path]).findings == []
    inside = "\n".join(f"    {line}" if line else "" for line in f"class{cls}".splitlines())
    path.write_text(f"{head}from neuroworkflow{imports}\n\nif True:\n{inside}\n")
    assert check_paths([path]).summary == "1 file, 1 node: 0 errors, 0 warnings"


def test_environments_are_passed_by(correct_nodes: Path) -> None:
    environment = correct_nodes / "my-environment"
    environment.mkdir()
    (environment / "pyvenv.cfg").touch()
    (environment / "OldNode.py").write_text("NODE_DEFINITION = (")
    assert check_paths([correct_nodes]).findings == []


def test_notebook_is_no_node_file(tmp_path: Path) -> None:
    (tmp_path / "nodes.ipynb").write_text("{}")
    (found,) = check_paths([tmp_path / "nodes.ipynb"]).findings
    assert (found.code, found.message) == ("NW006", "This is a notebook, and a node is a Python file.")


def test_many_files_are_checked_in_several_processes_as_in_one(tmp_path: Path) -> None:
    for number in range(160):
        fault = FAULTS[number % len(FAULTS)]
        folder = tmp_path / str(number)
        folder.mkdir()
        fault.write(folder)
    command = [sys.executable, "-m", "neuroworkflow_agent", "check-node", "--json", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    alone = check_paths([tmp_path])
    assert json.loads(done.stdout)["findings"] == [finding.as_dict() for finding in alone.findings]
    assert len(alone.nodes) > 150
    # A script as a person writes it, which other processes must not import.
    script = tmp_path / "look.py"
    script.write_text(
        "from pathlib import Path\nfrom neuroworkflow_agent.nodes import check_paths\nprint(check_paths([Path.cwd()]).summary)\n"
    )
    plain = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (plain.stdout, plain.stderr) == (f"{alone.summary}\n", "")


def test_deep_stack_of_the_caller_gives_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "FiringRateNode.py"
    path.write_text((CORRECT / "FiringRateNode.py").read_text())

    def call_deeply(left: int) -> list[str]:
        if left:
            return call_deeply(left - 1)
        return [finding.code for finding in check_file(path).findings]

    limit = sys.getrecursionlimit()
    assert call_deeply(limit // 2) == []


_NAMES = st.from_regex(r"[a-z]{3,8}_(ms|hz|mv)", fullmatch=True)


@st.composite
def valid_nodes(draw: st.DrawFn) -> str:
    """A correct node with random parts: parameters, ports, and a chain of methods."""
    names = draw(st.lists(_NAMES, min_size=4, max_size=8, unique=True))
    n_inputs = draw(st.integers(1, len(names) - 2))
    inputs, outputs = names[:n_inputs], names[n_inputs:]
    kinds = draw(
        st.lists(
            st.sampled_from(["FLOAT", "DICT", "LIST", "ANY", "OBJECT"]),
            min_size=len(names),
            max_size=len(names),
        )
    )
    optional = draw(st.lists(st.booleans(), min_size=n_inputs, max_size=n_inputs))
    low = draw(st.floats(-1e6, 1e6))
    high = low + draw(st.floats(1.0, 1e6))
    stage = draw(st.sampled_from(STAGES))

    def port(name: str, kind: str, is_optional: bool = False) -> str:
        return f"            {name!r}: PortDefinition(type=PortType.{kind}, description='About {name}, with its unit'{', optional=True' if is_optional else ''}),\n"

    ports_in = "".join(port(*each) for each in zip(inputs, kinds, optional, strict=False))
    ports_out = "".join(port(name, kind) for name, kind in zip(outputs, kinds[n_inputs:], strict=False))
    guards = "".join(
        f"        if {name} is None:\n            {name} = self.empty\n"
        for name, is_optional in zip(inputs, optional, strict=True)
        if is_optional
    )
    values = ", ".join(f"{name!r}: self.compute({name!r}, between)" for name in outputs)
    return f'''"""Made at random."""

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import MethodDefinition, NodeDefinitionSchema, ParameterDefinition, PortDefinition


class RandomNode(Node):
    """Random."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="random_node",
        description="Computes {len(outputs)} values from {n_inputs} others.",
        stage="{stage}",
        tool="custom",
        model_source="https://example.org/{stage}",
        parameters={{
            "factor": ParameterDefinition(default_value={low!r}, description="Unitless factor", constraints={{"min": {low!r}, "max": {high!r}}}, optimizable=True, optimization_range=[{low!r}, {high!r}]),
        }},
        inputs={{
{ports_in}        }},
        outputs={{
{ports_out}        }},
        methods={{
            "first": MethodDefinition(description="Begin", inputs={inputs!r}, outputs=["between"]),
            "second": MethodDefinition(description="End", inputs=["between"], outputs={outputs!r}),
        }},
    )

    def __init__(self, name):
        super().__init__(name)
        self.empty = 0
        self._define_process_steps()

    def _define_process_steps(self):
        self.add_process_step("first", self.first, method_key="first")
        self.add_process_step("second", self.second, method_key="second")

    def first(self, {", ".join(inputs)}):
{guards}        return {{"between": [{", ".join(inputs)}]}}

    def second(self, between):
        return {{{values}}}

    def compute(self, name, between):
        return between[0], self._parameters["factor"]
'''


_WRITING_FILES = settings(
    max_examples=tiers.count(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_WRITING_FILES
@given(source=valid_nodes())
def test_random_correct_nodes_raise_nothing(source: str, tmp_path: Path) -> None:
    path = tmp_path / "RandomNode.py"
    path.write_text(source)
    assert [finding.text for finding in check_paths([path]).findings] == []


@st.composite
def mutated_nodes(draw: st.DrawFn) -> bytes:
    """A correct node with pieces cut out, doubled, exchanged or replaced."""
    file = draw(st.sampled_from(sorted(CORRECT.glob("*.py"))))
    data = file.read_bytes()
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        end = min(len(data), at + draw(st.integers(1, 80)))
        piece = data[at:end]
        other = draw(
            st.sampled_from(
                [
                    b"",
                    piece * 2,
                    piece[::-1],
                    b"None",
                    b"(",
                    b"{}",
                    b"**x",
                    b"'",
                    b"\n",
                    b"\t",
                    b"\0",
                    b"lambda: 0",
                    b"*a",
                    b"-1",
                    b"[]",
                    b"\xff",
                    b"yield",
                    b"f'{x}'",
                ]
            )
        )
        data = data[:at] + other + data[end:]
    return data


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
@settings(_WRITING_FILES, max_examples=tiers.count(10_000))
@given(data=mutated_nodes())
def test_mutated_nodes_never_crash_it(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "MutatedNode.py"
    path.write_bytes(data)
    report = check_paths([path])
    assert all(
        finding.code in RULES.keys() - {"NW013"} and finding.line >= 1 and finding.column >= 1
        for finding in report.findings
    )
    json.dumps([node.as_dict() for node in read_nodes(path)], allow_nan=False)


_WORDS = """
NODE_DEFINITION = NodeDefinitionSchema ( ) { } [ ] , : . type description parameters inputs outputs methods PortDefinition
ParameterDefinition MethodDefinition PortType DICT 'a' 'b' 1 2.5 None True self _parameters add_process_step method_key return
dict list ** * lambda if else for in is not or and def class Node __init__ super _define_process_steps optional constraints min max
"""
_TOKENS = st.lists(st.sampled_from(_WORDS.split()), max_size=60)


@_WRITING_FILES
@given(inside=_TOKENS, outside=_TOKENS)
def test_random_definitions_never_crash_it(inside: list[str], outside: list[str], tmp_path: Path) -> None:
    path = tmp_path / "TokenNode.py"
    path.write_text(
        f"class TokenNode(Node):\n    NODE_DEFINITION = NodeDefinitionSchema({' '.join(inside)})\n    {' '.join(outside)}\n"
    )
    codes = {finding.code for finding in check_paths([path]).findings}
    assert codes
    assert "NW013" not in codes


def test_largest_file_that_is_read_is_still_checked(tmp_path: Path) -> None:
    path = tmp_path / "FiringRateNode.py"
    text = (CORRECT / "FiringRateNode.py").read_text()
    path.write_text(text + "#" * (MAX_BYTES - len(text) - 1) + "\n")
    assert check_paths([path]).findings == []
