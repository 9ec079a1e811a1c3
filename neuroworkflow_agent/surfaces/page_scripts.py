"""The page's modules, which import each other, as the one that anywidget takes."""

from __future__ import annotations

import re
from pathlib import Path

JS = Path(__file__).parent / "panel" / "js"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=class|async|function|const|let)", re.MULTILINE)


def joined(name: str) -> str:
    """The module `name` with all that it imports, each once and before the first that needs it.

    No two of them may give the same name to what they hold.
    """
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in _with_imports(name, {}).values())


def modules_of(*names: str) -> list[str]:
    """Names of these modules and of all that they import."""
    found: dict[str, str] = {}
    for name in names:
        _with_imports(name, found)
    return list(found)


def _with_imports(name: str, found: dict[str, str]) -> dict[str, str]:
    if name not in found:
        text = (JS / f"{name}.js").read_text(encoding="utf-8")
        for needed in _IMPORT.findall(text):
            _with_imports(needed, found)
        found[name] = text
    return found
