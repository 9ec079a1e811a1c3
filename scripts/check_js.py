"""Run TypeScript's checker over the panel's joined module, and name the places in its parts."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from neuroworkflow_agent.surfaces.panel import widget

_OPTIONS = (
    "--allowJs --checkJs --strict --noEmit --target es2022 --module es2022 --lib es2022,dom,dom.iterable"
)
_PLACE = re.compile(r"^\S*panel\.mjs(?:\((\d+),(\d+)\)|:(\d+))", re.MULTILINE)
_JS = Path("neuroworkflow_agent", "surfaces", "panel", "js")


def main() -> int:
    """Print what was found; 1 if that is anything."""
    module = widget._script()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "panel.mjs").write_text(module, encoding="utf-8")
        types = _run([sys.argv[1], *_OPTIONS.split(), "--pretty", "false", "panel.mjs"], folder)
        # TypeScript lets a JavaScript file declare a function twice; a browser does not.
        syntax = _run(["node", "--check", "panel.mjs"], folder)
    if types.returncode == syntax.returncode == 0:
        print(f"TypeScript found nothing in the panel's {module.count(chr(10)) + 1} lines.")
        return 0
    print(_PLACE.sub(_in_its_part, types.stdout + syntax.stdout), end="")
    return 1


def _run(command: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def _in_its_part(place: re.Match[str]) -> str:
    """A place in the joined module as one in a file of ours."""
    line, column = int(place[1] or place[3]), place[2] or "1"
    for name in widget._SCRIPTS:
        length = Path(_JS, f"{name}.js").read_text(encoding="utf-8").count("\n") + 1
        if line <= length:
            return f"{_JS / name}.js:{line}:{column}"
        line -= length
    return place[0]


if __name__ == "__main__":
    sys.exit(main())
