"""Which names cells give and need."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.notebooks.names import CellNames, cell_names

CASES = [
    ("import numpy as np, os.path\nfrom a import b as q", "np os q", "", ""),
    ("x = x + 1", "x", "x", ""),
    ("x = 1\nprint(x)", "x", "", ""),
    ("n += 1", "n", "n", "n"),
    ("df['a'] = 1\ndf.dropna(inplace=True)", "", "df", "df"),
    ("ys = [f(v) for v in xs if v > k]", "ys", "f xs k", ""),
    ("{k: v for k, v in d.items()}", "", "d", "d"),
    ("[c for b in rows for c in b]", "", "rows", ""),
    ("def f(a, *b, c=z, **d):\n    w = 1\n    return a + w + g()\ndef g(): return h", "f g", "z h", ""),
    ("def f():\n    global G\n    G = k", "f G", "k", ""),
    ("class A(Base):\n    n = 1\n    def m(self): return other + self.n", "A", "Base other", ""),
    ("g = lambda a: a + h\nh = 1", "g h", "", ""),
    ("with open(p) as file:\n    text = file.read()", "file text", "p", "file"),
    ("for i, (a, b) in pairs: pass", "i a b", "pairs", ""),
    ("try:\n    a = 1\nexcept E as e:\n    print(e)", "a e", "E", ""),
    ("match v:\n    case {'a': first, **rest}: print(first, rest)", "first rest", "v", ""),
    ("if (n := len(q)) > 2: n", "n", "q", ""),
    ("x: int\ny: float = 2.0", "y", "", ""),
    ("f'{z:>{w}}'", "", "z w", ""),
    ("del q", "", "q", ""),
    ("a, b = b, a", "a b", "a b", ""),
    ("%matplotlib inline\n%time r = f(2)", "", "", ""),
    ("%%time\nr = w + 1", "r", "w", ""),
    ("%%bash\necho $HOME", "", "", ""),
    ("", "", "", ""),
]


@pytest.mark.parametrize(("source", "gives", "needs", "alters"), CASES, ids=[each[0] for each in CASES])
def test_names_of_a_cell(source: str, gives: str, needs: str, alters: str) -> None:
    found = cell_names(source)
    assert found == CellNames(frozenset(gives.split()), frozenset(needs.split()), frozenset(alters.split()))


@pytest.mark.parametrize(
    "source",
    ["from numpy import *", "exec(text)", "globals()['a'] = 1", "%run other.py", "def f(:", "x = [" * 5000],
)
def test_what_may_give_names_unseen_is_said_to_be_opaque(source: str) -> None:
    assert cell_names(source).is_opaque
