"""Whether an output fits an input: by type, as the library decides it, and by meaning, as a person would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.nodes.catalogue import NodeEntry, PortEntry
from neuroworkflow_agent.nodes.contract import FILE_TYPES, PORT_TYPES, accepts
from neuroworkflow_agent.nodes.meanings import compare

Verdict: TypeAlias = Literal["fits", "fits by type", "fits by type only", "does not fit"]
"""By type and by meaning · by type, the meaning is unclear · by type, but it means something else · not at all."""


class NoSuchPortError(AgentError, LookupError):
    """A node or port of this name is not there."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What is to be said of one connection."""

    verdict: Verdict
    reason: str

    @property
    def ok(self) -> bool:
        """Whether it may be made without a second look."""
        return self.verdict in ("fits", "fits by type")


def check_ports(given: PortEntry, wanted: PortEntry) -> Fit:
    """Whether the input `wanted` takes the output `given`."""
    if given.type not in PORT_TYPES or wanted.type not in PORT_TYPES:
        return Fit("fits by type", "a port's type cannot be read")
    if not accepts(wanted.type, given.type):
        return Fit("does not fit", f"an input of type {wanted.type} does not take {given.type}")
    kinds = {given.type, wanted.type}
    if len(kinds) == 2 and kinds <= FILE_TYPES - {"FILE_PATH"}:
        return Fit("fits by type only", f"both are paths, but of {given.type} and {wanted.type}")
    meaning = compare((given.name, given.description), (wanted.name, wanted.description))
    if meaning.verdict == "different":
        return Fit("fits by type only", meaning.reason)
    types = given.type if given.type == wanted.type else f"{given.type} into {wanted.type}"
    if meaning.verdict == "same":
        return Fit("fits", f"{types}, and {meaning.reason}")
    return Fit("fits by type", f"{types}; {meaning.reason}, so look whether they mean the same")


def find_port(
    nodes: Sequence[NodeEntry], name: str, direction: Literal["output", "input"]
) -> tuple[NodeEntry, PortEntry]:
    """The node and port that `node.port` names; the node by its class or its type.

    Raises
    ------
    NoSuchPortError
        With the names there are.
    """
    node_name, dot, port_name = name.rpartition(".")
    if not dot:
        raise NoSuchPortError(f"{name!r} is not NODE.PORT, such as SpikeRateNode.firing_rate_hz.")
    found = [node for node in nodes if node_name in (node.class_name, node.type)]
    if not found:
        known = ", ".join(sorted(node.class_name for node in nodes)[:40]) or "none"
        raise NoSuchPortError(f"There is no node {node_name!r} here. Nodes: {known}.")
    if len(found) > 1:
        where = ", ".join(node.path for node in found)
        raise NoSuchPortError(f"There are {len(found)} nodes {node_name!r}: {where}. Name a smaller folder.")
    node = found[0]
    port = node.output(port_name) if direction == "output" else node.input(port_name)
    if port is None:
        ports = node.outputs if direction == "output" else node.inputs
        known = ", ".join(each.name for each in ports) or "none"
        raise NoSuchPortError(
            f"{node.class_name} has no {direction} {port_name!r}. Its {direction}s: {known}."
        )
    return node, port
