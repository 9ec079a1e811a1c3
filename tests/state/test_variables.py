"""Variables of a turn: what code did to them is told, and taken back as it is said to be."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from neuroworkflow_agent.kernels.base import NameChanges
from neuroworkflow_agent.state import keeping
from neuroworkflow_agent.state.turn_variables import TurnVariables


class Turn:
    """A turn that runs code in a namespace of its own."""

    def __init__(self, setup: str = "") -> None:
        self.names: dict[str, Any] = {}
        exec(f"import numpy as np, pandas as pd\n{setup}", self.names)
        self.hidden = {"__builtins__": self.names["__builtins__"]}
        self.variables = TurnVariables()

    def run(self, code: str) -> NameChanges:
        self.variables.before(self.names, self.hidden)
        exec(code, self.names)
        return self.variables.after(self.names)

    def told(self) -> dict[str, str]:
        return {each.name: each.obstacle or each.verb for each in self.variables.effects(self.names)}

    def undo(self) -> dict[str, str]:
        """Take everything back; what was left, and why."""
        keys = [each.key for each in self.variables.effects(self.names)]
        done = self.variables.take_back(self.names, keys)
        return {each.name: each.obstacle for each in done if each.obstacle}


def test_each_kind_of_change_is_told() -> None:
    turn = Turn("a = 1; b = [1]; c = 3; d = np.zeros(3); e = object(); f = 2; df = pd.DataFrame({'x': [1]})")
    changes = turn.run("a = 2; b.append(2); del c; d[0] = 1; f = 2; g = {}; df.loc[0, 'x'] = 5")
    assert changes == NameChanges(
        new=("g",), rebound=("a",), deleted=("c",), in_place=("b", "d", "df"), not_looked_at=("e",)
    )


def test_what_a_turn_makes_is_not_said_to_be_kept_by_reference() -> None:
    turn = Turn("a = 1; old = [[1]]")
    turn.run("made = object(); taken = old.pop()")
    turn.run("made.__class__; taken.append(2); late = made")
    assert turn.variables.limits == ["Functions, classes and modules are not looked into: np, pd."]
    assert turn.undo() == {}
    assert (turn.names["old"], "made" in turn.names, "taken" in turn.names) == ([[1]], False, False)


SETUP = """
x = 1.5
text = "abc"
items = [1, [2, 3], {"k": [4]}]
alias = items
inner = items[1]
table = {"a": np.arange(4.0), "b": {1, 2}}
array = np.arange(12.0).reshape(3, 4)
view = array[:, 1]
fortran = np.asfortranarray(array)
times = np.array(["2020-01-01"], dtype="M8[D]")
zero = np.array(7)
empty = np.zeros((0, 3))
words = np.array(["ab", "c"])
df = pd.DataFrame({"n": [1, 2], "s": ["u", "v"]}, index=pd.Index([3, 4], name="i"))
series = df["n"]
letters = bytearray(b"abc")
def closure(held=items):
    return held
"""


@pytest.mark.parametrize(
    "code",
    [
        "x = 2; text = None; del items; new = 1",
        "items.append(5); items[1].clear(); items[2]['k'] += [9]",
        "table['a'][:] = 0; table['b'].add(3); table['c'] = table",
        "view[:] = -1; fortran *= 2; times[0] = '2021-01-01'; zero[...] = 0; words[0] = 'zz'",
        "array.shape = (4, 3); array.flags.writeable = False",
        "df.loc[3, 'n'] = 100; df['new'] = 0; df.index.name = 'j'; df.attrs['k'] = 1",
        "df.pop('n'); df.columns = ['t']; df.insert(0, 'u', [9, 9])",
        "series.iloc[0] = 9; series.name = 'm'",
        "letters[0] = 0; letters.extend(b'xyz')",
        "array = array + 1; df = df.assign(n=0); items = items + [1]",
        "closure().append('through a closure')",
        "items[:] = []; alias = None; inner = None",
    ],
)
def test_everything_is_as_before(code: str) -> None:
    turn = Turn(SETUP)
    original = dict(turn.names)
    expected = Turn(SETUP).names
    turn.run(code)
    turn.run("pass")
    assert turn.undo() == {}
    names = [name for name in original if not name.startswith("_") and name not in ("np", "pd")]
    assert [name for name in names if turn.names.get(name) is not original[name]] == []
    assert {name for name in turn.names if name not in original} == set()
    for name in set(names) - {"closure"}:
        assert_alike(turn.names[name], expected[name])
    assert turn.names["items"] is turn.names["alias"]
    assert turn.names["items"][1] is turn.names["inner"]
    assert np.shares_memory(turn.names["view"], turn.names["array"])


def assert_alike(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
        assert (one.dtype, one.flags.writeable) == (other.dtype, other.flags.writeable)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_flags=True)
        assert one.attrs == other.attrs
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_alike(one[key], other[key])
    else:
        assert one == other


def test_polars_frames_are_as_before() -> None:
    pytest.importorskip("polars")
    turn = Turn(
        "import polars as pl; f = pl.DataFrame({'a': [1, 2]}); s = pl.Series('s', [1.5, None]); g = f"
    )
    assert turn.run("f[0, 'a'] = 7; f.insert_column(0, pl.Series('z', [0, 0])); s[0] = 3").in_place == (
        "f", "s", "g",
    )  # fmt: skip
    assert turn.undo() == {}
    assert turn.names["f"].to_dict(as_series=False) == {"a": [1, 2]}
    assert turn.names["g"] is turn.names["f"]
    assert turn.names["s"].to_list() == [1.5, None]


def test_what_the_user_changed_since_stays() -> None:
    turn = Turn("a = 1; items = [1]; array = np.zeros(2); df = pd.DataFrame({'x': [1]}); gone = 1")
    turn.run("a = 2; items.append(2); array[0] = 1; df['y'] = 2; gone = 2; new = 5")
    exec("a = 3; items.append(3); array[1] = 1; df['z'] = 3; del gone; new = 6", turn.names)
    since = "it was changed since"
    assert turn.undo() == dict.fromkeys(("a", "items", "array", "df", "gone", "new"), since)
    assert (turn.names["a"], turn.names["items"], turn.names["new"]) == (3, [1, 2, 3], 6)


def test_a_change_of_the_users_between_two_pieces_is_not_lost() -> None:
    turn = Turn("a = 1; items = [1]")
    turn.run("a = 2; items.append(2)")
    exec("a = 3; items.append(3)", turn.names)
    turn.run("a = 4; items.append(4)")
    assert all("as you had changed it" in verb for verb in turn.told().values())
    assert turn.undo() == {}
    assert (turn.names["a"], turn.names["items"]) == (3, [1, 2, 3])


def test_an_object_without_a_name_is_watched_on() -> None:
    turn = Turn("items = [1]")
    turn.run("grow = (lambda held: lambda: held.append(2))(items); del items")
    turn.run("grow()")
    grow = turn.names["grow"]
    assert turn.undo() == {}
    assert turn.names["items"] == [1]
    turn = Turn("items = [1]")
    turn.run("grow = (lambda held: lambda: held.append(2))(items); del items")
    grow = turn.names["grow"]
    grow()
    assert turn.undo() == {"items": "what it was bound to was changed since"}


class Hostile:
    """Runs code whenever anybody looks at it."""

    calls: ClassVar[list[str]] = []

    def __getattribute__(self, name: str) -> Any:
        Hostile.calls.append(name)
        raise RuntimeError(name)

    def __repr__(self) -> str:
        Hostile.calls.append("repr")
        return "?"

    def __eq__(self, other: object) -> bool:
        Hostile.calls.append("eq")
        return True

    def __hash__(self) -> int:
        Hostile.calls.append("hash")
        return 1

    def __len__(self) -> int:
        Hostile.calls.append("len")
        return 1

    def __iter__(self) -> Any:
        Hostile.calls.append("iter")
        return iter(())

    def __bool__(self) -> bool:
        Hostile.calls.append("bool")
        return True


class Meta(type):
    """The like, for whoever looks at a class."""

    def __getattribute__(cls, name: str) -> Any:
        Hostile.calls.append(f"class {name}")
        return super().__getattribute__(name)

    def __hash__(cls) -> int:
        Hostile.calls.append("class hash")
        return 1

    def __eq__(cls, other: object) -> bool:
        Hostile.calls.append("class eq")
        return True


class HostileArray(np.ndarray):
    def __array_finalize__(self, obj: Any) -> None:
        Hostile.calls.append("finalize")


class HostileFrame(pd.DataFrame):  # type: ignore[misc]
    @property
    def _constructor(self) -> Any:
        Hostile.calls.append("constructor")
        return HostileFrame


def test_nothing_foreign_runs_while_we_look() -> None:
    turn = Turn()
    one, other = Hostile(), Hostile()
    in_array = np.empty(1, dtype=object)
    in_array[0] = one
    in_frame = pd.DataFrame({"h": [1]}, dtype=object)
    in_frame._mgr.blocks[0].values[0, 0] = one
    turn.names |= {
        "h": one,
        "in_list": [one, (other, [one])],
        "in_set": {one},
        "as_key": {one: 1, other: 2},
        "in_array": in_array,
        "in_frame": in_frame,
        "array": np.zeros(2).view(HostileArray),
        "frame": HostileFrame({"x": [1]}),
        "gone": one,
        "rebound": one,
        "of_a_hostile_class": Meta("Made", (), {})(),
    }
    Hostile.calls.clear()
    turn.run("in_list.append(1); del gone; rebound = None")
    assert turn.told()
    assert turn.variables.limits
    assert turn.undo() == {}
    assert len(turn.names["in_list"]) == 2
    assert Hostile.calls == []
    said = " ".join(turn.variables.limits)
    for name in (
        "h",
        "in_list",
        "in_set",
        "as_key",
        "in_array",
        "in_frame",
        "array",
        "frame",
        "gone",
        "rebound",
    ):
        assert f"{name} (" in said


def test_what_goes_beyond_the_budgets_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "COPY_BYTES", 1000)
    monkeypatch.setattr(keeping, "HASH_BYTES", 3000)
    monkeypatch.setattr(keeping, "MAX_ITEMS", 100)
    turn = Turn(
        "small = np.zeros(100); seen = np.zeros(200); unseen = np.zeros(300); long = list(range(200))"
    )
    changes = turn.run("small[0] = seen[0] = unseen[0] = long[0] = 1")
    assert changes.in_place == ("small", "seen")
    assert changes.not_looked_at == ("unseen", "long")
    assert turn.undo() == {"seen": "it is too large to be copied"}
    assert turn.variables.limits[0] == (
        "Not looked into, so what code changed inside them stays: unseen (it is too large to be looked at), "
        "long (it holds too much to be looked at)."
    )
    assert (turn.names["small"][0], turn.names["seen"][0]) == (0, 1)


def test_arrays_are_copied_ahead_and_only_what_is_still_true_is_used() -> None:
    turn = Turn("a = np.zeros(3); b = np.zeros(3)")
    turn.variables.prepare(turn.names, turn.hidden)
    turn.names["b"][0] = 5  # by the user, before the code runs
    turn.run("a[1] = b[1] = 1")
    assert turn.undo() == {}
    assert (list(turn.names["a"]), list(turn.names["b"])) == ([0, 0, 0], [5, 0, 0])


def test_frames_of_a_pandas_without_copy_on_write_are_kept_by_reference_and_said_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pd, "__version__", "2.3.3")
    turn = Turn("df = pd.DataFrame({'x': [1]}); was = df")
    changes = turn.run("df.loc[0, 'x'] = 5; df = None; was.loc[0, 'x'] = 6")
    assert (changes.rebound, changes.not_looked_at) == (("df",), ("was",))
    assert turn.undo() == {}
    assert (turn.names["df"] is turn.names["was"], turn.names["df"].loc[0, "x"]) == (True, 6)
    assert "kept by reference, for this pandas has no copy-on-write" in " ".join(turn.variables.limits)
