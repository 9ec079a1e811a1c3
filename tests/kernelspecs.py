"""Kernelspecs of other languages for tests: each function has one be found below a folder, and gives its name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests import needs


def r(_kernels: Path) -> str:
    needs.program("R", install="sudo apt install r-cran-irkernel")
    return "ir"


def bash(kernels: Path) -> str:
    write_spec(kernels, "bash", [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"], "bash")
    return "bash"


def deno(kernels: Path) -> str:
    program = needs.program("deno", install="pip install deno")
    write_spec(kernels, "deno", [program, "jupyter", "--kernel", "--conn", "{connection_file}"], "typescript")
    return "deno"


def octave(kernels: Path) -> str:
    needs.program("octave", install="sudo apt install octave")
    needs.module("octave_kernel", install="pip install octave-kernel")
    write_spec(
        kernels, "octave", [sys.executable, "-m", "octave_kernel", "-f", "{connection_file}"], "octave"
    )
    return "octave"


def xeus(kernels: Path) -> str:
    needs.module("xpython", install="pip install xeus-python")
    write_spec(
        kernels, "xeus", [sys.executable, "-m", "xpython_launcher", "-f", "{connection_file}"], "python"
    )
    return "xeus"


def write_spec(kernels: Path, name: str, argv: list[str], language: str) -> None:
    """Write a kernelspec."""
    folder = kernels / name
    folder.mkdir(parents=True)
    said = {"argv": argv, "display_name": name, "language": language}
    (folder / "kernel.json").write_text(json.dumps(said))
