"""What `check-node --fix` puts right, and that it does nothing else."""

from __future__ import annotations

import ast
import json
import os
import random
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuroworkflow_agent import replacing
from neuroworkflow_agent.cli import app
from neuroworkflow_agent.nodes.checker import check_paths
from neuroworkflow_agent.nodes.edits import FileText
from neuroworkflow_agent.nodes.findings import RULES
from neuroworkflow_agent.nodes.fixes import FIXABLE
from neuroworkflow_agent.nodes.fixing import fix_files, fix_text
from neuroworkflow_agent.nodes.selection import Selections
from tests import tiers
from tests.nodes.faults import CORRECT, FAULTS, Fault

_RATE = (CORRECT / "FiringRateNode.py").read_text()
_ISI = (CORRECT / "IsiStatisticsNode.py").read_text()
_STEPS = "        self._define_process_steps()\n"
_SUPER = "        super().__init__(name)\n"


def _fixed(path: Path) -> str:
    for each in fix_files(check_paths([path]).findings):
        assert each.save() == ""
    return path.read_text()


@pytest.mark.parametrize(
    ("code", "correct", "right", "wrong"),
    [
        ("NW011", _RATE, "from neuroworkflow.core.port import PortType\n", ""),
        ("NW102", _RATE, "NODE_DEFINITION = Node", "NODE_DEFINITION: NodeDefinitionSchema = Node"),
        ("NW103", _RATE, "PortDefinition(\n                type=PortType.LIST, description=", "PortDefinition(\n                PortType.LIST, "),
        ("NW106", _RATE, 'description="Firing rate of the population in Hz"', 'description=f"Firing rate of the population in Hz"'),
        ("NW107", _ISI, 'outputs=["mean_isi_ms", "isi_cv"]', 'outputs=("mean_isi_ms", "isi_cv")'),
        ("NW107", _RATE, "optimization_range=[100.0, 2000.0]", "optimization_range=(100.0, 2000.0)"),
        ("NW302", _RATE, "type=PortType.LIST", "type=list"),
        ("NW413", _ISI, _STEPS, ""),
        ("NW414", _ISI, _SUPER, ""),
        ("NW413", _ISI, _SUPER + _STEPS, ""),
        ("NW016", _ISI, "        self._define_process_steps()\n", "        self._define_process_steps()  # noqa: NW304 - it is right\n"),
    ],
)  # fmt: skip
def test_what_leaves_nothing_to_decide_becomes_what_it_was(
    code: str, correct: str, right: str, wrong: str, tmp_path: Path
) -> None:
    path = tmp_path / f"{'FiringRate' if correct is _RATE else 'IsiStatistics'}Node.py"
    assert right in correct
    broken = correct.replace(right, wrong, 1)
    if right == _SUPER + _STEPS:
        broken = broken.replace(
            "def __init__(self, name: str) -> None:\n",
            "def __init__(self, name: str) -> None:\n        pass\n",
        )
        correct = correct.replace(_SUPER + _STEPS, f"{_SUPER}        pass\n{_STEPS}")
    path.write_text(broken)
    assert code in {finding.code for finding in check_paths([path]).findings}
    new = _fixed(path)
    # An import may stand elsewhere among the others.
    assert sorted(new.splitlines()) == sorted(correct.splitlines())
    assert new == correct or code == "NW011"
    assert check_paths([path]).findings == []


def test_node_without_init_gets_one_that_takes_what_it_took(tmp_path: Path) -> None:
    init = re.search(r"    def __init__.*?\n\n", _ISI, re.DOTALL)
    assert init is not None
    path = tmp_path / "IsiStatisticsNode.py"
    path.write_text(_ISI.replace(init.group(), ""))
    assert (
        '    def __init__(self, name, description=""):\n        super().__init__(name, description)\n'
        in _fixed(path)
    )
    assert check_paths([path]).findings == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# noqa: NW304, E501, NW203 - long", "# noqa: E501 - long"),
        ("# type: int  # noqa: NW304 - it is right", "# type: int"),
        ("# noqa: NW304 - it is right  # pylint: disable=x", "# pylint: disable=x"),
    ],
)
def test_comments_of_others_stay(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "FiringRateNode.py"
    path.write_text(_RATE.replace('stage="analysis",', f'stage="analysis",  {before}'))
    assert _fixed(path) == _RATE.replace('stage="analysis",', f'stage="analysis",  {after}')


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        # What one line holds, a line more would not.
        ("    def __init__(self, name: str) -> None:\n" + _SUPER + _STEPS, "    def __init__(self, name): super().__init__(name)\n"),
        (_SUPER + _STEPS, _SUPER + "        return\n"),
        ('outputs=["mean_isi_ms", "isi_cv"]', 'outputs={"mean_isi_ms", "isi_cv"}'),
        ('type=PortType.DICT', 'type="DICT"'),
        ('tool="SciPy"', 'tool=f"Sci{1}"'),
        ("NODE_DEFINITION = Node", "NODE_DEFINITION: (NodeDefinitionSchema) = Node"),
        ("PortDefinition(\n                type=PortType.DICT", "PortDefinition(\n                (PortType.DICT)"),
        ("PortDefinition(\n                type=PortType.DICT", "PortDefinition(\n                *(PortType.DICT,)"),
        ('stage="analysis",', ""),
    ],
)  # fmt: skip
def test_what_is_not_mechanical_stays(right: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "IsiStatisticsNode.py"
    assert right in _ISI
    path.write_text(_ISI.replace(right, wrong, 1))
    report = check_paths([path])
    assert report.findings
    assert list(fix_files(report.findings)) == []


def test_project_and_comments_keep_their_findings(tmp_path: Path) -> None:
    path = tmp_path / "IsiStatisticsNode.py"
    path.write_text(
        _ISI.replace(
            'outputs=["mean_isi_ms", "isi_cv"]', 'outputs=("mean_isi_ms", "isi_cv")  # noqa: NW107 - so'
        )
    )
    assert list(fix_files(check_paths([path]).findings)) == []
    path.write_text(_ISI.replace('outputs=["mean_isi_ms", "isi_cv"]', 'outputs=("mean_isi_ms", "isi_cv")'))
    (tmp_path / "pyproject.toml").write_text('[tool.neuroworkflow-agent]\nignore = ["NW107"]\n')
    assert list(fix_files(check_paths([path]).findings)) == []


_MARK = "# -*- coding: latin-1 -*-\n"


@pytest.mark.parametrize(
    ("encoding", "end"),
    # Python finds no encoding in a file of one line, as it reads one that ends its lines as old Macs did.
    [
        (each, end)
        for each in ("utf-8", "utf-8-sig", "latin-1")
        for end in ("\n", "\r\n", "\r")
        if (each, end) != ("latin-1", "\r")
    ],
)
def test_line_ends_encoding_and_mode_stay(encoding: str, end: str, tmp_path: Path) -> None:
    text = (_MARK if encoding == "latin-1" else "") + _RATE.replace("Names of the", "Noms à lire des")
    wrong = text.replace("from neuroworkflow.core.port import PortType\n", "").replace(
        "type=PortType.DICT", "type=dict", 1
    )
    path = tmp_path / "FiringRateNode.py"
    path.write_bytes(wrong.rstrip("\n").replace("\n", end).encode(encoding))
    path.chmod(0o640)
    (fixed,) = fix_files(check_paths([path]).findings)
    assert fixed.save() == ""
    data = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(data.decode(encoding).split(end)) == sorted(text.rstrip("\n").split("\n"))
    assert not re.search("[\r\n]", data.decode(encoding).replace(end, ""))
    assert [each.name for each in tmp_path.iterdir()] == ["FiringRateNode.py"]
    assert check_paths([path]).findings == []


def test_each_line_keeps_its_own_end(tmp_path: Path) -> None:
    ends = ("\n", "\r\n", "\r")
    lines = _RATE.replace("type=PortType.LIST", "type=list").split("\n")
    raw = "".join(f"{line}{ends[number % 3]}" for number, line in enumerate(lines))
    path = tmp_path / "FiringRateNode.py"
    path.write_bytes(raw.encode())
    _fixed(path)
    assert path.read_bytes() == raw.replace("type=list", "type=PortType.LIST").encode()


def test_link_stays_and_its_file_is_fixed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "FiringRateNode.py"
    real.write_text(_RATE.replace("type=PortType.LIST", "type=list"))
    link = tmp_path / "FiringRateNode.py"
    link.symlink_to(real)
    assert _fixed(link) == _RATE
    assert link.is_symlink()


def test_file_that_changes_meanwhile_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "FiringRateNode.py"
    path.write_text(_RATE.replace("type=PortType.LIST", "type=list"))
    (fixed,) = fix_files(check_paths([path]).findings)
    path.write_text("theirs = 1\n")
    assert (
        fixed.save() == f"'{path}' was changed by somebody else meanwhile, so it was not fixed. Fix it again."
    )
    assert path.read_text() == "theirs = 1\n"
    assert [each.name for each in tmp_path.iterdir()] == ["FiringRateNode.py"]


def test_what_is_written_in_the_very_moment_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "FiringRateNode.py"
    path.write_text(_RATE.replace("type=PortType.LIST", "type=list"))
    (fixed,) = fix_files(check_paths([path]).findings)
    exchange = replacing._exchange

    def late(one: Path, other: Path) -> bool:
        monkeypatch.setattr(replacing, "_exchange", exchange)
        path.write_text("theirs = 1\n")
        return exchange(one, other)

    monkeypatch.setattr(replacing, "_exchange", late)
    assert "was changed by somebody else" in fixed.save()
    assert path.read_text() == "theirs = 1\n"


def test_file_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "FiringRateNode.py"
    path.write_text(_RATE.replace("type=PortType.LIST", "type=list"))
    (fixed,) = fix_files(check_paths([path]).findings)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert fixed.save() == f"'{path}' cannot be written, so it was not fixed. Make it writable."
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check-node", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_command_fixes_says_so_and_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "FiringRateNode.py"
    path.write_text(_RATE.replace("type=PortType.LIST", "type=list"))
    assert _run("--fix", path.name) == (
        0,
        "",
        "1 finding fixed in 1 file\n1 file, 1 node: 0 errors, 0 warnings\n",
    )
    assert path.read_text() == _RATE
    assert json.loads(_run("--fix", "--json", path.name)[1])["fixed"] == 0


def test_diff_changes_nothing_and_can_be_applied(tmp_path: Path) -> None:
    path = tmp_path / "FiringRateNode.py"
    wrong = _RATE.replace("type=PortType.LIST", "type=list").rstrip("\n").replace("\n", "\r\n")
    path.write_bytes(wrong.encode())
    command = [sys.executable, "-m", "neuroworkflow_agent", "check-node", "--diff", path.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert path.read_bytes() == wrong.encode()
    assert b"\n-                type=list, " in done.stdout
    subprocess.run(["git", "apply", "-p0", "-"], input=done.stdout, cwd=tmp_path, check=True, timeout=60)
    assert path.read_bytes() == _RATE.rstrip("\n").replace("\n", "\r\n").encode()
    assert _run("--diff", str(path)) == (0, "", "")


def test_files_of_others_are_passed_over_when_asked_to(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("x = 1\n")
    assert _run(str(tmp_path / "helpers.py"))[0] == 1
    assert _run("--skip-others", str(tmp_path / "helpers.py")) == (
        0,
        "",
        "0 files, 0 nodes: 0 errors, 0 warnings\n",
    )


@pytest.mark.parametrize(
    "fault", [each for each in FAULTS if each.code in FIXABLE], ids=lambda fault: fault.code
)
def test_fixing_a_fault_raises_no_other(fault: Fault, tmp_path: Path) -> None:
    path = fault.write(tmp_path)
    _fixed(path)
    ast.parse(path.read_text())
    assert {finding.code for finding in check_paths([path]).findings} <= {fault.code}


_PIECES = (b"", b"None", b"(", b")", b"{}", b"**x", b"'", b"\n", b"\r", b"\t", b"lambda: 0", b"*a", b"[]", b"\xff", b"f'{x}'", b"f'x'", b"type=list, ", b"(1, 2)", b"# noqa: NW304 - so", b"# noqa: NW107", b"\xc2\xb5", b"\x0c", b"\\\n", b";", b": int", b"pass", b'"""')  # fmt: skip


def _mutated(chance: random.Random) -> bytes:
    """A node, correct or not, with pieces cut out, doubled, exchanged or replaced."""
    data = chance.choice(_SEEDS)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((0, 0, 1, 5, 40)))
        piece = data[at:end]
        data = data[:at] + chance.choice((*_PIECES, piece * 2, piece[::-1])) + data[end:]
    return data.replace(b"\n", b"\r\n") if chance.random() < 0.1 else data


_SEEDS = [
    *(path.read_bytes() for path in sorted(CORRECT.glob("*.py"))),
    *(fault.source.encode() for fault in FAULTS if fault.code in FIXABLE),
    *(fault.source.encode() for fault in FAULTS if fault.code in FIXABLE),
]


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
def test_mutated_files_never_crash_the_checker_nor_fixing(tmp_path: Path) -> None:
    chance = random.Random(tiers.SEED)
    path = tmp_path / "MutatedNode.py"
    fixed = 0
    for _ in range(tiers.count(10_000)):
        data = _mutated(chance)
        path.write_bytes(data)
        findings = check_paths([path]).findings
        assert {each.code for each in findings} <= RULES.keys() - {"NW013"}, data
        for each in fix_files(findings):
            assert each.before.data == data
            ast.parse(each.after.data)
            again, count = fix_text(each.after, each.path, Selections())
            assert (again, count) == (each.after, 0), data
            assert each.save() == ""
            after = check_paths([path]).findings
            assert len([f for f in after if f.code in FIXABLE]) < len(
                [f for f in findings if f.code in FIXABLE]
            ), data
            fixed += 1
    assert fixed


def test_text_that_could_not_be_written_back_is_left_alone() -> None:
    assert FileText.of(b"# -*- coding: utf-7 -*-\nx = '+AGE-'\n") is None
    assert FileText.of(b"# -*- coding: klingon -*-\n") is None
