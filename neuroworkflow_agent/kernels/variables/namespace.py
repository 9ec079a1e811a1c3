"""The user's names, most recently used first, and what is told of them.

Read from any thread; one look at the names costs some ten microseconds, and describing ends when its time is up.
"""

from __future__ import annotations

import re
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.kernels.variables.describe import describe
from neuroworkflow_agent.kernels.variables.genuine import is_a, module_name, plain, type_name
from neuroworkflow_agent.kernels.variables.names import users_names
from neuroworkflow_agent.kernels.variables.summary import Summary, label
from neuroworkflow_agent.text import one_line, show_invisible

TIME_S = 0.003
"""How long describing may take at one time; what is left then is told by its type."""
_CONTEXT_TIME_S = 0.01
_ALWAYS = 20
"""So many of the latest are described in any case."""
MAX_VARIABLES = 500
MAX_CONTEXT_CHARS = 6_000
"""About 2,000 tokens, for the model."""
_PACKAGE = "neuroworkflow_agent"
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_RECENT_CELLS = 40
_RECENT_CHARS = 5_000
SECRET_NAME = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_MAX_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Variable:
    """A name of the user's and what it stands for."""

    name: str
    """As it is in the namespace."""
    summary: Summary
    """What its value is."""

    @property
    def line(self) -> str:
        """`name: what it is`, on one line."""
        return f"{one_line(show_invisible(self.name), _MAX_NAME_CHARS)}: {self.summary.line}"


class Namespace:
    """The user's variables in a shell.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def names(self) -> list[str]:
        """The user's names, most recently used first, then most recently made."""
        return [name for name, _ in self._bindings()]

    def __contains__(self, name: str) -> bool:
        return any(name == each for each, _ in self._all())

    def kinds(self) -> list[tuple[str, str]]:
        """Names with their values' types, in the same order."""
        return [(name, label(type_name(type(value)))) for name, value in self._bindings()]

    def variables(self, *, time_s: float = TIME_S, limit: int = MAX_VARIABLES) -> list[Variable]:
        """Variables with short summaries; those beyond `time_s` have their types alone."""
        bindings = self._bindings()[:limit]
        end = time.perf_counter() + time_s
        return [
            _variable(name, value, is_late=place >= _ALWAYS and time.perf_counter() > end)
            for place, (name, value) in enumerate(bindings)
        ]

    def describe(self, name: str) -> Summary | None:
        """All that can be told of one variable, hidden ones too; None if there is none of that name."""
        for each, value in self._all():
            if each == name:
                return _described(name, value, full=True)
        return None

    def _all(self) -> Iterator[tuple[str, Any]]:
        # Not looked up: a key of another type may compare by code of its own.
        for name, value in list(dict.items(self._shell.user_ns)):
            if type(name) is str:
                yield name, value

    def _bindings(self) -> list[tuple[str, Any]]:
        mine = [
            (name, value)
            for name, value in users_names(self._shell.user_ns, self._shell.user_ns_hidden).items()
            if not name.startswith("_") and _is_told(value)
        ]
        mine.reverse()
        order = {name: place for place, name in enumerate(self._recently_used())}
        mine.sort(key=lambda binding: order.get(binding[0], len(order)))
        return mine

    def _recently_used(self) -> Iterator[str]:
        """Names in the user's last cells, the last one first, each once."""
        history = getattr(self._shell, "history_manager", None)
        sources = list(history.input_hist_raw[-_RECENT_CELLS:]) if history is not None else []
        seen: set[str] = set()
        for source in reversed(sources):
            for name in _IDENTIFIER.findall(plain(source)[:_RECENT_CHARS]):
                if name not in seen:
                    seen.add(name)
                    yield name


class ToldVariables:
    """What the model knows of variables: at first it is told all, later what is different."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def take(self, now: dict[str, str], budget_chars: int) -> str:
        """Lines about variables that are new or have changed since the last call, and names that are gone.

        Parameters
        ----------
        now
            A line for each variable, by name, the most important first.
        budget_chars
            Most characters to return.
        """
        new = [line for name, line in now.items() if self._told.get(name) != line]
        gone = [name for name in self._told if name not in now]
        self._told = now
        if gone:
            new.append(f"No longer there: {', '.join(one_line(show_invisible(name), 80) for name in gone)}")
        return fitted(new, budget_chars) if new else ""

    def forget_some(self, names: Iterable[str]) -> None:
        """Tell of these next time, whether they are different or not."""
        for name in names:
            self._told[name] = ""

    def forget(self) -> None:
        """Tell all of it again next time, to another session."""
        self._told = {}


class VariableContext:
    """What the model is told of the namespace with a message.

    Parameters
    ----------
    namespace
        The user's variables.
    """

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._told = ToldVariables()

    def take(self, budget_chars: int, hide: Callable[[str], str] = str) -> str:
        """See `ToldVariables.take`.

        Parameters
        ----------
        budget_chars
            Most characters to return.
        hide
            Takes known secrets out of a text.
        """
        now = {each.name: hide(each.line) for each in self._namespace.variables(time_s=_CONTEXT_TIME_S)}
        return self._told.take(now, budget_chars)

    def forget(self) -> None:
        """See `ToldVariables.forget`."""
        self._told.forget()


def fitted(lines: Sequence[str], budget_chars: int) -> str:
    """As many lines as fit, and how many are left out."""
    kept: list[str] = []
    room = budget_chars - 60
    for line in lines:
        if len(line) + 1 > room:
            break
        kept.append(line)
        room -= len(line) + 1
    left = len(lines) - len(kept)
    return "\n".join([*kept, f"[{left} more; inspect_variables tells of them]"] if left else kept)


def _variable(name: str, value: Any, *, is_late: bool) -> Variable:
    if is_late:
        return Variable(name, Summary(label(type_name(type(value)))))
    return Variable(name, _described(name, value, full=False))


def _described(name: str, value: Any, *, full: bool) -> Summary:
    if type(value) is str and SECRET_NAME.search(name):
        return Summary("str", about="not shown, since its name says that it is secret")
    return describe(value, full=full)


def _is_told(value: Any) -> bool:
    """Whether it is data, or a function or class of the notebook's own; of what was imported nothing is told."""
    kind = type(value)
    if kind is types.ModuleType or kind is types.BuiltinFunctionType:
        return False
    if kind is types.FunctionType:
        return plain(value.__module__) in ("__main__", "")
    if is_a(value, type):
        return module_name(value) in ("__main__", "")
    return module_name(kind).partition(".")[0] != _PACKAGE and type_name(kind) != "ufunc"
