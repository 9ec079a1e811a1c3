"""A zoo of hostile and huge objects, watched around code and taken back: nothing of theirs runs."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

from neuroworkflow_agent.state.turn_variables import TurnVariables
from tests.kernels.zoo import Zoo, animals

_LOOK_S = 5.0
"""How long one look at all of them may take at most, with huge ones among them; a tenth of that is usual."""


def _identities(names: dict[Any, Any]) -> set[tuple[Any, int]]:
    return {(name if type(name) is str else id(name), id(value)) for name, value in names.items()}


def test_no_foreign_code_runs_while_a_turn_is_remembered_and_undone(tmp_path: Path) -> None:
    zoo = Zoo()
    names: dict[Any, Any] = animals(zoo, tmp_path)
    assert len(names) >= 60
    names |= {"held": list(names.values()), "plain_list": [1], "gone": 1, "rebound": names["a_frame"]}
    before = dict(names)
    variables = TurnVariables()
    zoo.armed = True
    started = perf_counter()
    variables.prepare(names, {})
    variables.before(names, {})
    names["plain_list"].append(2)
    del names["gone"]
    names["rebound"], names["new"] = names["plain"], names["a_list"]
    changes = variables.after(names)
    effects = variables.effects(names)
    limits = variables.limits
    done = variables.take_back(names, [each.key for each in effects])
    took_s = perf_counter() - started
    fired = list(zoo.fired)
    zoo.armed = False
    assert fired == []
    assert (changes.new, changes.rebound, changes.deleted) == (("new",), ("rebound",), ("gone",))
    assert "plain_list" in changes.in_place
    assert [each.obstacle for each in done] == [""] * 4
    assert names["plain_list"] == [1]
    assert _identities(names) == _identities(before)
    said = " ".join(limits)
    assert [
        name for name in ("plain", "a_frame", "an_array", "objects", "held") if f"{name} (" not in said
    ] == []
    assert took_s < _LOOK_S
