"""Build the side bar from its source into the package, and the template for its translations; or see whether what is there was.

What npm installs is kept beside the environment and is installed anew when the lock file changes.
"""

from __future__ import annotations

import filecmp
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from translatable import ROOT, SOURCE, TEMPLATE, template

BUILT = ROOT / "neuroworkflow_agent" / "labextension"
_NEEDED = ("neuroworkflow_agent/surfaces/panel", "neuroworkflow_agent/render/markdown.css")
"""What the source imports from the package."""
_INSTALL = "npm ci --ignore-scripts --no-audit --no-fund --silent --fetch-timeout=60000 --fetch-retries=1"


def main() -> int:
    """Build, or with `--check` compare; 1 if that fails."""
    modules = install()
    if subprocess.run([modules / ".bin" / "tsc", "-p", SOURCE], cwd=SOURCE, check=False).returncode:
        return 1
    # Below what npm installed, so that this is found by paths which are the same wherever the project lies.
    with tempfile.TemporaryDirectory(dir=SOURCE, prefix=".build-") as folder:
        made = build(Path(folder), modules)
        if "--check" not in sys.argv:
            shutil.rmtree(BUILT, ignore_errors=True)
            shutil.copytree(made, BUILT)
            TEMPLATE.write_bytes(template())
            return 0
        differing = sorted(set(compare(made, BUILT)))
    if not TEMPLATE.exists() or TEMPLATE.read_bytes() != template():
        differing.append(TEMPLATE.name)
    if differing:
        print(f"Run scripts/build-labextension and commit what it makes: {', '.join(differing)} differ.")
        return 1
    print("The side bar's source builds to the files in the package.")
    return 0


def install() -> Path:
    """Have npm install what the lock file names; returns the `node_modules`."""
    lock = (SOURCE / "package-lock.json").read_bytes()
    modules, mark = SOURCE / "node_modules", SOURCE / "node_modules" / ".lock-sha256"
    wanted = hashlib.sha256(lock).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        subprocess.run(_INSTALL.split(), cwd=SOURCE, check=True, stdout=sys.stderr)
        mark.write_text(wanted)
    return modules


def build(folder: Path, modules: Path) -> Path:
    """Build a copy of the source in a folder of its own; returns what it was built to."""
    source, package = folder / "labextension", folder / "neuroworkflow_agent"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("node_modules", ".build-*"))
    for name in _NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    builder = modules / "@jupyterlab" / "builder" / "lib" / "build-labextension.js"
    subprocess.run(
        ["node", builder, "--core-path", "core", "."], cwd=source, check=True, stdout=subprocess.DEVNULL
    )
    return package / "labextension"


def compare(one: Path, other: Path) -> Iterator[str]:
    """The files that only one of two directories has, or that differ."""
    names = {str(path.relative_to(top)) for top in (one, other) for path in top.rglob("*") if path.is_file()}
    _same, differing, missing = filecmp.cmpfiles(one, other, names, shallow=False)
    yield from [*differing, *missing]


if __name__ == "__main__":
    sys.exit(main())
