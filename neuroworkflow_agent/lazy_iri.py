"""The grammar of IRIs, built when an IRI is first checked instead of at import.

nbformat and the Agent SDK import jsonschema; where Jupyter is installed, that imports rfc3987_syntax, which
builds thirty-five parsers: a second of CPU in every process, for a format that neither notebooks nor tools
use. jsonschema will not import it later itself: https://github.com/python-jsonschema/jsonschema/issues/1428
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any

_NAME = "rfc3987_syntax"
_lock = threading.RLock()


def put_off() -> None:
    """Let `rfc3987_syntax` be loaded at its first use; does nothing where it is loaded or not installed."""
    if _NAME not in sys.modules and (spec := importlib.util.find_spec(_NAME)) is not None:
        later = _Later(_NAME)
        # What `inspect` and the import system ask of any module must not load it.
        later.__spec__, later.__loader__, later.__file__ = spec, spec.loader, spec.origin
        later.__path__ = list(spec.submodule_search_locations or ())
        sys.modules[_NAME] = later


class _Later(ModuleType):
    """Stands for the module until something of it is used."""

    @staticmethod
    def is_valid_syntax(*arguments: Any, **options: Any) -> Any:
        """The one function that jsonschema takes at its import."""
        return _load().is_valid_syntax(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {_NAME!r} has no attribute {name!r}")
        return getattr(_load(), name)


def _load() -> Any:
    """The module itself, from now on the only one of its name."""
    with _lock:
        if isinstance(sys.modules.get(_NAME), _Later):
            del sys.modules[_NAME]
        return importlib.import_module(_NAME)
