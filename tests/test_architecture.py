"""ARCHITECTURE.md names each module once, and none that is not there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import neuroworkflow_agent

_PACKAGE = Path(neuroworkflow_agent.__file__).parent
_PAGE = _PACKAGE.parent / "ARCHITECTURE.md"
_NAMES = re.compile(r"( *)((?:[\w.]+(?:\.py|\.css|/) +)+)\S")


def test_tree_names_each_module_once_and_nothing_else() -> None:
    named = Counter(_named())
    assert [path for path, times in named.items() if times > 1] == []
    assert [path for path in named if not (_PACKAGE / path).exists()] == []
    modules = {
        str(path.relative_to(_PACKAGE)) for path in _PACKAGE.rglob("*.py") if path.name != "__init__.py"
    }
    assert sorted(path for path in modules - set(named) if not _is_summed_up(path, named)) == []


def _named() -> list[str]:
    """Paths in the tree, from the package's folder; folders end with a slash."""
    tree = _PAGE.read_text(encoding="utf-8").split("```\nneuroworkflow_agent/\n", 1)[1].split("\n```", 1)[0]
    paths, folders = [], [""]
    for line in tree.splitlines():
        found = _NAMES.match(line)
        assert found, line
        depth = len(found[1]) // 2 - 1
        names = found[2].split()
        paths += [folders[depth] + name for name in names]
        if names[0].endswith("/"):
            folders[depth + 1 :] = [folders[depth] + names[0]]
    return paths


def _is_summed_up(path: str, named: Counter[str]) -> bool:
    """Whether one line stands for all modules of its folder."""
    folder = path.rpartition("/")[0] + "/"
    return folder in named and not any(name.startswith(folder) and name != folder for name in named)
