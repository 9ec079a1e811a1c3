"""Run the main job on notebooks/quickstart.ipynb; without a model, play a recording and say so."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.models.endpoint import NoEndpointError
from neuroworkflow_agent.testing import ScriptedModel, replies_from_json

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
PROMPT = "Plot the spike raster and tell me the mean firing rate."


def main() -> int:
    result = NOTEBOOKS / "quickstart.result.ipynb"
    command = [
        sys.executable,
        "-m",
        "neuroworkflow_agent",
        "run",
        str(NOTEBOOKS / "quickstart.ipynb"),
        PROMPT,
    ]
    with contextlib.ExitStack() as stack:
        environ = dict(os.environ)
        try:
            endpoint = choose_endpoint(AgentConfig.from_env())
            print(f"Model: {endpoint.name}, because {endpoint.why}.", file=sys.stderr)
        except NoEndpointError:
            print(
                "No model is configured, so this plays a RECORDING: the answers below were written beforehand. "
                "The kernel, the code and the notebook are real. Set ANTHROPIC_API_KEY for a real model.",
                file=sys.stderr,
            )
            script = replies_from_json((NOTEBOOKS / "quickstart.script.json").read_text(encoding="utf-8"))
            environ.update(stack.enter_context(ScriptedModel(script)).environ)
        code = subprocess.run([*command, "--output", str(result)], env=environ, check=False).returncode
    if code == 0:
        print(f"\nThe notebook with the agent's cells: {result}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
