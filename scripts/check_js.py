"""Run TypeScript's checker over the pages' modules, and have Node read them as anywidget is given them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from neuroworkflow_agent.surfaces.page_scripts import JS, joined

_WEB = JS.parent.parent / "web" / "js"
_OPTIONS = (
    "--allowJs --checkJs --strict --noEmit --target es2022 --module es2022 --lib es2022,dom,dom.iterable "
    "--moduleResolution bundler --pretty false"
)


def main() -> int:
    """Print what was found; 1 if that is anything."""
    modules = sorted(str(path) for folder in (JS, _WEB) for path in folder.glob("*.js"))
    is_sound = _succeeds([sys.argv[1], *_OPTIONS.split(), *modules])
    for name in ("widget", "notebook_widget"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, f"{name}.mjs")
            file.write_text(joined(name), encoding="utf-8")
            # TypeScript sees each module by itself; joined, no two may have one name.
            is_sound = _succeeds(["node", "--check", str(file)]) and is_sound
    if is_sound:
        print(f"TypeScript found nothing in the pages' {len(modules)} modules.")
    return 0 if is_sound else 1


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
