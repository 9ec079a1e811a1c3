"""Run the main job on notebooks/quickstart.ipynb, with whatever model this machine has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.models.local.weights import EMBEDDED, assemble, installed
from neuroworkflow_agent.models.sidecar import Sidecar

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
PROMPT = "Plot the spike raster and tell me the mean firing rate."


def main() -> int:
    console = Console(stderr=True)
    try:
        endpoint = choose_endpoint(AgentConfig.from_env())
    except AgentError as error:
        console.print(str(error))
        return 2
    if isinstance(endpoint.server, Sidecar) and (cache := endpoint.server.settings.get("cache")):
        _put_together(Path(cache), console)
    result = NOTEBOOKS / "quickstart.result.ipynb"
    command = [
        sys.executable,
        "-m",
        "neuroworkflow_agent",
        "run",
        str(NOTEBOOKS / "quickstart.ipynb"),
        PROMPT,
    ]
    code = subprocess.run([*command, "--output", str(result)], check=False).returncode
    if code == 0:
        ipython = Path(sys.executable).with_name("ipython")  # `run` has said where the notebook is
        console.print(
            f"\nAsk it yourself: {ipython}\n  %load_ext neuroworkflow_agent\n  %chat TEXT", soft_wrap=True
        )
    return code


def _put_together(cache: Path, console: Console) -> None:
    """The embedded model's file, with a bar the first time."""
    columns = (TextColumn("Putting {task.description} together"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        weights = installed() or EMBEDDED
        task = progress.add_task(weights.name, total=weights.size_bytes)
        assemble(cache, weights, on_progress=lambda written: progress.update(task, completed=written))


if __name__ == "__main__":
    sys.exit(main())
