"""A process that answers one question about nodes: `python -m neuroworkflow_agent.nodes`, JSON in, JSON out.

The agent asks in a process of its own, so that no file, however odd, can hurt the user's kernel or make it
wait. SIGTERM ends it together with whatever it runs.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from neuroworkflow_agent.nodes.answers import answer, failed

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    question = json.load(sys.stdin)
    try:
        given = answer(question["question"], question["arguments"], os.environ)
    except Exception as error:  # noqa: BLE001 - whoever asked is told
        given = {"failed": failed(error)}
    json.dump(given, sys.stdout)
