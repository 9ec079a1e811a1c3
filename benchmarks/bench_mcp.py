"""What `/mcp` costs a Jupyter server that starts: its extension with what it needs, and without."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rows import Row

_ROUNDS = 9
_TARGET_MS = 20
_START = """\
import sys, time
_, extension, handler, unwanted = sys.argv
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
app = ServerApp(log_level="ERROR")
app.initialize(["--no-browser", "--allow-root", "--port=0"], find_extensions=False, new_httpserver=False)
started = time.perf_counter()
app.extension_manager.add_extension(extension, enabled=True)
app.extension_manager.link_extension(extension)
app.extension_manager.load_extension(extension)
took = time.perf_counter() - started
print(took * 1000, handler in sys.modules, unwanted in sys.modules)
"""


def rows() -> list[Row]:
    """Each start in a process of its own."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        lacking = Path(folder, "mcp-1.23.0.dist-info")
        lacking.mkdir()
        lacking.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: mcp\nVersion: 1.23.0\n")
        taken = [
            (loading_ms("mcp", "mcp.server", home), loading_ms("mcp", "mcp.server", home, folder))
            for _ in range(_ROUNDS)
        ]
    full, without = (statistics.median(times) for times in zip(*taken, strict=True))
    target = f"<= {_TARGET_MS} ms"
    return [
        Row("Jupyter Server's start, our extension", f"{full:.1f} ms", target, full <= _TARGET_MS),
        Row("  without what it needs", f"{without:.1f} ms", target, without <= _TARGET_MS),
    ]


def loading_ms(surface: str, unwanted: str, home: str, path: str = "") -> float:
    """Milliseconds of an extension's import, linking and loading.

    Parameters
    ----------
    surface
        Whose extension.
    unwanted
        A module that it must not import.
    home
        For what Jupyter keeps.
    path
        May hide the version of `mcp` that is there.
    """
    environ = {**os.environ, "JUPYTER_CONFIG_DIR": home, "JUPYTER_RUNTIME_DIR": home}
    paths = [path, environ.get("PYTHONPATH", "")]
    environ["PYTHONPATH"] = os.pathsep.join(each for each in paths if each)
    done = subprocess.run(
        [sys.executable, "-c", _START, *_modules(surface), unwanted],
        env=environ, cwd=home, capture_output=True, text=True, check=True,
    )  # fmt: skip
    took, is_served, is_imported = done.stdout.split()
    assert (is_served, is_imported) == (str(not path), "False"), done.stdout
    return float(took)


def _modules(surface: str) -> list[str]:
    return [f"neuroworkflow_agent.surfaces.{surface}.{name}" for name in ("extension", "handler")]
