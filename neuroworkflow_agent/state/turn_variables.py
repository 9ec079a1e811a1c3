"""The variables of one turn: watched around each piece of its code, and taken back.

`before` and `after` are called on the thread that runs the code, `prepare` on any; what a turn has removed lives on
here until it is let go.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.kernels.base import NameChanges
from neuroworkflow_agent.kernels.variables.names import users_names
from neuroworkflow_agent.state.effects import Effect
from neuroworkflow_agent.state.keeping import COPY_BYTES, Keeper, Prepared
from neuroworkflow_agent.state.namespace import MISSING, Snapshot
from neuroworkflow_agent.state.values import FORGOTTEN, Array, Node, equal, is_definition, size_of

VARIABLE_KEYS = ("name:", "content:")
"""How the keys of its effects begin."""
_CHANGED_SINCE = "it was changed since"
_LATER = ", as you had changed it during the turn"


@dataclass(slots=True)
class _Binding:
    """A name that the turn bound, rebound or deleted."""

    before: Any
    left: Any
    is_later: bool = False
    is_forgotten: bool = False
    held: list[tuple[Node, Any]] = field(default_factory=list)
    """What the value before consists of, as the turn has left that."""

    @property
    def obstacle(self) -> str:
        """Why it would not be what it was, though it were bound again; empty if it would."""
        if self.is_forgotten:
            return FORGOTTEN
        is_as_left = all(node.same(node.look(), left) for node, left in self.held)
        return "" if is_as_left else "what it was bound to was changed since"


@dataclass(slots=True)
class _Content:
    """An object that the turn changed in place."""

    node: Node
    left: Any
    names: list[str]
    """By which it was reached."""
    is_later: bool = False


class TurnVariables:
    """Of one turn."""

    def __init__(self) -> None:
        self._prepared: Prepared = {}
        self._snapshot: Snapshot | None = None
        self._bindings: dict[str, _Binding] = {}
        self._contents: dict[int, _Content] = {}
        self._by_reference: dict[str, str] = {}
        """Names whose values, or parts of them, are not kept, and why."""
        self._definitions: dict[str, None] = {}
        self.has_run = False
        """Whether any code of the turn has run."""
        self._lock = threading.Lock()

    # -- while the turn runs --------------------------------------------------------------------------

    def prepare(self, namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> None:
        """Copy arrays ahead, while the model writes its code."""
        keeper = Keeper(users_names(namespace, hidden).values(), arrays_only=True)
        with self._lock:
            self._prepared = {key: node for key, node in keeper.nodes.items() if isinstance(node, Array)}

    def before(self, namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> None:
        """Code is about to run."""
        with self._lock:
            prepared = self._prepared
        self._snapshot = Snapshot(namespace, hidden, prepared, self._values_before.values())

    def after(self, namespace: Mapping[str, Any]) -> NameChanges:
        """It has ended; what it changed."""
        snapshot, self._snapshot = self._snapshot, None
        assert snapshot is not None
        self.has_run = True
        changes = snapshot.compare(namespace)
        for name in (*changes.new, *changes.rebound, *changes.deleted):
            self._note_binding(name, snapshot.names.get(name, MISSING), namespace.get(name, MISSING))
        values_before = self._values_before
        # What was made in this turn, or taken out of something older and given a name, has no name here.
        made_here = self._bindings.keys() - values_before.keys()
        older = {name: value for name, value in snapshot.names.items() if name not in made_here}
        older |= values_before
        for node in snapshot.changed_nodes:
            self._note_content(node, older, snapshot.keeper)
        for name, value in values_before.items():
            self._bindings[name].held = [(node, node.left) for node in snapshot.keeper.reached(value)[0]]
        self._note_gaps(older, snapshot.keeper)
        # What has not changed need not be copied again for the next piece.
        self._prepared = {
            key: node
            for key, node in snapshot.keeper.nodes.items()
            if isinstance(node, Array) and node not in snapshot.changed_nodes
        }
        return changes

    def end(self) -> None:
        """The turn has ended; copies of what it has not changed go, but of code that runs on."""
        self._prepared = {}

    @property
    def is_watching(self) -> bool:
        """Whether code runs that was seen to begin."""
        return self._snapshot is not None

    @property
    def nbytes(self) -> int:
        """What its copies take, and what it keeps alive as far as that can be told."""
        kept = sum(content.node.nbytes for content in self._contents.values())
        return kept + sum(size_of(binding.before) for binding in self._bindings.values())

    def forget_copies(self) -> None:
        """Let go of what takes memory; it cannot be put back any more."""
        for content in self._contents.values():
            content.node.forget()
        for binding in self._bindings.values():
            if size_of(binding.before):
                binding.before, binding.held, binding.is_forgotten = None, [], True

    @property
    def _values_before(self) -> dict[str, Any]:
        """What names were bound to, that the turn has bound otherwise."""
        return {name: each.before for name, each in self._bindings.items() if each.before is not MISSING}

    def _note_binding(self, name: str, before: Any, left: Any) -> None:
        known = self._bindings.get(name)
        if known is None:
            self._bindings[name] = _Binding(before, left)
        elif equal(known.left, before):
            known.left = left
        else:  # somebody else bound it in between
            self._bindings[name] = _Binding(before, left, is_later=True)

    def _note_content(self, node: Node, values: Mapping[str, Any], keeper: Keeper) -> None:
        names = [name for name, value in values.items() if node in keeper.reached(value)[0]]
        known = self._contents.get(id(node.value))
        if known is None:
            self._contents[id(node.value)] = _Content(node, node.left, names)
        elif node.same(known.left, node.before):
            known.left = node.left
            known.names += [name for name in names if name not in known.names]
        else:
            self._contents[id(node.value)] = _Content(node, node.left, names, is_later=True)

    def _note_gaps(self, values: Mapping[str, Any], keeper: Keeper) -> None:
        for name, value in values.items():
            _, gaps = keeper.reached(value)
            if not gaps:
                continue
            if is_definition(value):
                self._definitions[name] = None
            else:
                self._by_reference[name] = gaps[0]

    # -- afterwards -----------------------------------------------------------------------------------

    def effects(self, namespace: Mapping[str, Any]) -> list[Effect]:
        """What would be done, and what cannot be, as things are."""
        bound = [self._of_binding(name, each, namespace) for name, each in self._bindings.items()]
        return [*bound, *(self._of_content(key, each) for key, each in self._contents.items())]

    @property
    def limits(self) -> list[str]:
        """What cannot be taken back or told, in sentences."""
        said = []
        if self._by_reference:
            listed = ", ".join(f"{name} ({why})" for name, why in self._by_reference.items())
            said.append(f"Not looked into, so what code changed inside them stays: {listed}.")
        if self._definitions:
            said.append(
                f"Functions, classes and modules are not looked into: {', '.join(self._definitions)}."
            )
        return said

    def take_back(self, namespace: MutableMapping[str, Any], keys: Collection[str]) -> list[Effect]:
        """Put variables back; what became of each. On the thread that runs code, while none runs.

        Parameters
        ----------
        keys
            Of effects.
        """
        wanted = [each for each in self.effects(namespace) if each.key in keys]
        done = []
        for effect in wanted:
            kind, _, key = effect.key.partition(":")
            reason = effect.obstacle
            if not reason and kind == "name":
                _bind(namespace, key, self._bindings.pop(key).before)
            elif not reason and not (reason := self._contents[int(key)].node.put_back()):
                self._contents.pop(int(key))
            done.append(effect.became(reason))
        return done

    def _of_binding(self, name: str, binding: _Binding, namespace: Mapping[str, Any]) -> Effect:
        verb = "is unbound" if binding.before is MISSING else "is bound to what it was"
        now = namespace.get(name, MISSING)
        obstacle = binding.obstacle if equal(now, binding.left) else _CHANGED_SINCE
        verb += _LATER if binding.is_later else ""
        return Effect("variables", f"name:{name}", name, verb, obstacle)

    def _of_content(self, key: int, content: _Content) -> Effect:
        node = content.node
        obstacle = node.obstacle
        if not obstacle and not node.same(node.look(), content.left):
            obstacle = _CHANGED_SINCE
        verb = f"has what it held ({node.way})" + (_LATER if content.is_later else "")
        name = ", ".join(content.names) or type(node.value).__name__
        return Effect("variables", f"content:{key}", name, verb, obstacle)


def let_go(turns: Collection[TurnVariables]) -> None:
    """Forget the copies of the oldest turns where those of all are too much.

    Parameters
    ----------
    turns
        The oldest one first.
    """
    room = COPY_BYTES
    for variables in reversed(list(turns)):
        room -= variables.nbytes
        if room < 0:
            variables.forget_copies()


def _bind(namespace: MutableMapping[str, Any], name: str, value: Any) -> None:
    if value is MISSING:
        namespace.pop(name, None)
    else:
        namespace[name] = value
