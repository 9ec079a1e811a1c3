"""The chat kernel's process: the subkernel is started before anything else is imported."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.scratch import sweep
from neuroworkflow_agent.surfaces.chat_kernel.specs import NATIVE
from neuroworkflow_agent.surfaces.chat_kernel.subkernel import Subkernel, started

if TYPE_CHECKING:
    from neuroworkflow_agent.surfaces.chat_kernel.relay import Agent, Relay


def main(arguments: list[str] | None = None) -> None:
    """Be the kernel of a connection file."""
    parser = argparse.ArgumentParser(prog="neuroworkflow-agent-kernel", allow_abbrev=False)
    parser.add_argument("-f", dest="connection_file", required=True)
    parser.add_argument("--subkernel", default=NATIVE)
    asked, options = parser.parse_known_args(arguments)
    connection: dict[str, Any] = json.loads(Path(asked.connection_file).read_text(encoding="utf-8"))
    subkernel: Subkernel | None = None
    with contextlib.suppress(AgentError):  # the relay tries again, and says why not
        subkernel = started(asked.subkernel, connection, options)
    from neuroworkflow_agent.surfaces.chat_kernel.relay import Relay

    sweep()
    kernel_id = Path(asked.connection_file).stem.removeprefix("kernel-")
    Relay(connection, asked.subkernel, subkernel, partial(_agent, kernel_id), options).run()


def _agent(kernel_id: str, relay: Relay) -> Agent:
    from neuroworkflow_agent.surfaces.chat_kernel.agent import AgentThread

    return AgentThread(relay, kernel_id)


if __name__ == "__main__":
    main(sys.argv[1:])
