"""What a notebook's metadata say of its kernel and its language. Anybody may have written them, in any shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def about(notebook: Any, key: str) -> Mapping[str, Any]:
    """The metadata `language_info` or `kernelspec`; empty if they are no mapping."""
    said = notebook.metadata.get(key)
    return said if isinstance(said, Mapping) else {}


def language_of(notebook: Any) -> str:
    """The language of its code, as it is written there; `python` if it is not."""
    named = about(notebook, "language_info").get("name") or about(notebook, "kernelspec").get("language")
    return str(named or "python")
