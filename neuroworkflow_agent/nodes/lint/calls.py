"""Which function a call means, as far as imports tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from neuroworkflow_agent.nodes.source import Source


@dataclass(frozen=True, slots=True)
class NamedCall:
    """A call of a function that has a name."""

    node: ast.Call
    function: str
    """With its module, as `numpy.random.normal`; of a method `.sample`."""

    def has(self, *names: str) -> bool:
        """Whether it is given one of these arguments, or may be."""
        return any(each.arg in (None, *names) for each in self.node.keywords)

    @property
    def is_bare(self) -> bool:
        """Whether it is given nothing, or None."""
        given = [*self.node.args, *(each.value for each in self.node.keywords)]
        return all(isinstance(each, ast.Constant) and each.value is None for each in given)


class Calls:
    """The calls of one source, in the order of the text.

    Parameters
    ----------
    source
        The code cells of a notebook, or a script.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @cached_property
    def all(self) -> list[NamedCall]:
        """Every call with a name."""
        return list(self._named())

    def _named(self) -> Iterator[NamedCall]:
        for node in self._source.walked.nodes:
            if isinstance(node, ast.Call) and (name := self.name_of(node.func)):
                yield NamedCall(node, name)

    def name_of(self, function: ast.AST) -> str:
        """What a function is called with its module; empty if that has no name."""
        parts: list[str] = []
        while isinstance(function, ast.Attribute):
            parts.append(function.attr)
            function = function.value
        if not isinstance(function, ast.Name):
            return f".{parts[0]}" if parts else ""
        first = self._imported.get(function.id)
        if first is None and parts:
            return f".{parts[0]}"
        return ".".join([first or function.id, *reversed(parts)])

    @cached_property
    def _imported(self) -> dict[str, str]:
        """Names that imports bind, with what each means."""
        names: dict[str, str] = {}
        for node in self._source.walked.nodes:
            if isinstance(node, ast.ImportFrom):
                module = node.module or ""
                names.update((each.asname or each.name, f"{module}.{each.name}") for each in node.names)
            elif isinstance(node, ast.Import):
                for each in node.names:
                    name = each.asname or each.name.split(".")[0]
                    names[name] = each.name if each.asname else name
        return names
