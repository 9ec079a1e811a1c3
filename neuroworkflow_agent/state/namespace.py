"""A namespace before and after code of the agent's: which names are new, rebound, deleted, changed in place.

A `Snapshot` holds the bindings, which costs nothing, and a `Keeper` of their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from neuroworkflow_agent.kernels.base import NameChanges
from neuroworkflow_agent.kernels.variables.names import users_names
from neuroworkflow_agent.state.keeping import Keeper, Prepared
from neuroworkflow_agent.state.values import Node, equal, is_definition

MISSING: Any = object()
"""Stands for the value of a name that there is not."""


class Snapshot:
    """A namespace at one time, before code runs.

    Parameters
    ----------
    namespace
        The namespace.
    hidden
        Names that were there before the user's first cell, with their values.
    prepared
        As for `Keeper`.
    beside
        Values to keep though no name leads to them.
    """

    def __init__(
        self,
        namespace: Mapping[str, Any],
        hidden: Mapping[str, Any],
        prepared: Prepared | None = None,
        beside: Iterable[Any] = (),
    ) -> None:
        self._hidden = hidden
        self.names = users_names(namespace, hidden)
        self.keeper = Keeper([*self.names.values(), *beside], prepared=prepared)
        self.changed_nodes: list[Node] = []
        """Objects that were changed in place, each with its `left`."""

    def compare(self, namespace: Mapping[str, Any]) -> NameChanges:
        """What has changed since; nodes that have are told what they are now."""
        after = users_names(namespace, self._hidden)
        before = self.names
        self.changed_nodes = []
        for node in self.keeper.nodes.values():
            node.left = node.look()
            if not node.same(node.before, node.left):
                self.changed_nodes.append(node)
        changed = {id(node) for node in self.changed_nodes}
        kept = [name for name in before if name in after and equal(before[name], after[name])]
        in_place, unseen = [], []
        for name in kept:
            nodes, gaps = self.keeper.reached(before[name])
            if any(id(node) in changed for node in nodes):
                in_place.append(name)
            elif gaps and not is_definition(before[name]):
                unseen.append(name)
        return NameChanges(
            new=tuple(name for name in after if name not in before),
            rebound=tuple(name for name in before if name in after and not equal(before[name], after[name])),
            deleted=tuple(name for name in before if name not in after),
            in_place=tuple(in_place),
            not_looked_at=tuple(unseen),
        )
