"""Run TypeScript's checker over the panel's joined module and the notebook page's, and name the places in their parts."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from neuroworkflow_agent.surfaces import notebook_page
from neuroworkflow_agent.surfaces.panel import widget

_OPTIONS = (
    "--allowJs --checkJs --strict --noEmit --target es2022 --module es2022 --lib es2022,dom,dom.iterable"
)
_PLACE = re.compile(r"^\S*module\.mjs(?:\((\d+),(\d+)\)|:(\d+))", re.MULTILINE)
_JS = Path("neuroworkflow_agent", "surfaces", "panel", "js")


def main() -> int:
    """Print what was found; 1 if that is anything."""
    found = [_check("panel", widget._SCRIPTS), _check("notebook page", notebook_page._SCRIPTS)]
    return 1 if any(found) else 0


def _check(what: str, parts: tuple[str, ...]) -> bool:
    """Check the parts as one module; whether something was found."""
    module = "\n".join((_JS / f"{name}.js").read_text(encoding="utf-8") for name in parts)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "module.mjs").write_text(module, encoding="utf-8")
        types = _run([sys.argv[1], *_OPTIONS.split(), "--pretty", "false", "module.mjs"], folder)
        # TypeScript lets a JavaScript file declare a function twice; a browser does not.
        syntax = _run(["node", "--check", "module.mjs"], folder)
    if types.returncode == syntax.returncode == 0:
        print(f"TypeScript found nothing in the {what}'s {module.count(chr(10)) + 1} lines.")
        return False
    print(_PLACE.sub(lambda place: _in_its_part(place, parts), types.stdout + syntax.stdout), end="")
    return True


def _run(command: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def _in_its_part(place: re.Match[str], parts: tuple[str, ...]) -> str:
    """A place in the joined module as one in a file of ours."""
    line, column = int(place[1] or place[3]), place[2] or "1"
    for name in parts:
        length = Path(_JS, f"{name}.js").read_text(encoding="utf-8").count("\n") + 1
        if line <= length:
            return f"{_JS / name}.js:{line}:{column}"
        line -= length
    return place[0]


if __name__ == "__main__":
    sys.exit(main())
