"""NeuroWorkflow nodes: read, checked, listed and connected, with no kernel and no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroworkflow_agent.nodes.catalogue import list_nodes as list_nodes
    from neuroworkflow_agent.nodes.checker import check_paths as check_paths
    from neuroworkflow_agent.nodes.connections import check_ports as check_ports
    from neuroworkflow_agent.nodes.connections import find_port as find_port
    from neuroworkflow_agent.nodes.trial import try_node as try_node
    from neuroworkflow_agent.nodes.workflow_report import check_workflow as check_workflow

_HOMES = {
    "check_paths": "checker",
    "check_ports": "connections",
    "check_workflow": "workflow_report",
    "find_port": "connections",
    "list_nodes": "catalogue",
    "try_node": "trial",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605 - it is a list of names


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
