"""`python -m benchmarks.kill_nine [N]`: SIGKILL a headless run at N random moments; the notebook must stay whole."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

from neuroworkflow_agent.testing import Reply, ScriptedModel

_CELLS = 20


def main(count: int, seed: int = 0) -> int:
    """Kill `count` runs; the number of notebooks that lost something."""
    moments = random.Random(seed)
    lost = orphans = in_cells = in_turn = 0
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, **model.environ, "CLAUDE_CONFIG_DIR": home, "XDG_STATE_HOME": home}
        for number in range(count):
            path = Path(home) / f"n{number}.ipynb"
            sources = [f"v{n} = {n}\nv{n}" for n in range(_CELLS)]
            nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
            model._steps[:] = [Reply.code(f"w{n} = {n}\nw{n}") for n in range(200)]
            command = [sys.executable, "-m", "neuroworkflow_agent", "run", str(path), "go", "--quiet"]
            process = subprocess.Popen(
                command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(moments.uniform(0.3, 6.0))
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
            found = [cell.source for cell in notebook.cells]
            lost += found[:_CELLS] != sources
            in_turn += len(found) > _CELLS
            in_cells += len(found) == _CELLS and any(cell.outputs for cell in notebook.cells)
            _gone, alive = psutil.wait_procs(children, timeout=20)
            orphans += len(alive)
    print(f"{count} kills: {lost} notebooks lost something, {orphans} processes left; ", end="")
    print(f"{in_cells} fell among the cells, {in_turn} in the turn, the rest before the first save")
    return lost + orphans


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
