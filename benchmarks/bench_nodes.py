"""Checking 1,000 node files, against parsing them and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rows import Row, in_turn, median_ms
from neuroworkflow_agent.skills import bundled_skills_dir

_FILES = 1000
_PARSE = "import ast, pathlib, sys\nfor path in pathlib.Path(sys.argv[1]).glob('*.py'): ast.parse(path.read_text())"


def rows() -> list[Row]:
    """Median of three runs each, in turn; and the question that follows one Write."""
    skills = bundled_skills_dir()
    assert skills is not None
    sources = [path.read_text() for path in sorted(skills.glob("*/examples/**/*Node.py"))]
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for number in range(_FILES):
            source = sources[number % len(sources)].replace("Node(Node)", f"{number}Node(Node)", 1)
            (folder / f"{number}.py").write_text(source)
        lines = sum(len(path.read_text().splitlines()) for path in folder.glob("*.py"))
        one = folder / "0.py"
        look = json.dumps({"question": "look_at_file", "arguments": {"folder": directory, "path": str(one)}})
        checked, parsed, looked = in_turn(
            3,
            lambda: _run("-m", "neuroworkflow_agent", "check-node", directory),
            lambda: _run("-c", _PARSE, directory),
            lambda: _run("-P", "-m", "neuroworkflow_agent.nodes", told=look),
        )
    value = f"{median_ms(checked) / 1000:.2f} s for {lines:,} lines; parsing alone, in one process, {median_ms(parsed) / 1000:.2f} s"
    return [
        Row(f"check-node, {_FILES:,} files", value, "<= 2.5 s", median_ms(checked) <= 2500),
        Row("findings after a Write, in their own process", f"{median_ms(looked):.0f} ms"),
    ]


def _run(*arguments: str, told: str = "") -> None:
    done = subprocess.run([sys.executable, *arguments], input=told, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
