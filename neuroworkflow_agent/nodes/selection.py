"""Which findings a project wants: `[tool.neuroworkflow-agent]` in the `pyproject.toml` nearest to each file.

As with ruff, a `pyproject.toml` without that table is passed over, and the longer of two beginnings of a code decides.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.nodes.findings import RULES, UNREADABLE

TABLE: Final = "neuroworkflow-agent"
_FILE: Final = "pyproject.toml"
_SETTINGS: Final = ("select", "ignore")
_MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Findings by the beginnings of their codes."""

    select: tuple[str, ...] = ("NW",)
    ignore: tuple[str, ...] = ()

    def takes(self, code: str) -> bool:
        """Whether findings of this code are wanted; that a file cannot be checked is always told."""
        return code in UNREADABLE or _longest(self.select, code) > _longest(self.ignore, code)


class Selections:
    """The selection for each file; every `pyproject.toml` is read once."""

    def __init__(self) -> None:
        self._of_folder: dict[Path, Selection] = {}
        self._of_file: dict[str, Selection] = {}

    def of_file(self, path: str) -> Selection:
        """The selection that counts for a file.

        Raises
        ------
        ConfigError
            If the nearest one cannot work.
        """
        known = self._of_file.get(path)
        if known is None:
            known = self._of_file[path] = self._of(Path(path).absolute().parent)
        return known

    def _of(self, folder: Path) -> Selection:
        known = self._of_folder.get(folder)
        if known is None:
            file = folder / _FILE
            known = _read(file) if os.path.isfile(file) else None  # noqa: PTH113 - no error where it may not look
            if known is None:
                known = Selection() if folder.parent == folder else self._of(folder.parent)
            self._of_folder[folder] = known
        return known


def _read(file: Path) -> Selection | None:
    """What a `pyproject.toml` selects; None if it says nothing of it."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ConfigError(f"'{file}' is larger than {_MAX_BYTES:,} bytes; it should hold settings alone.")
        tool = tomllib.loads(data.decode()).get("tool")
    except OSError as error:
        raise ConfigError(f"'{file}' cannot be read: {error.strerror}. Make it readable.") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"'{file}' is not TOML: {_one_line(error)}. Correct it.") from None
    table = tool.get(TABLE) if isinstance(tool, dict) else None
    return None if table is None else _checked(table, f"[tool.{TABLE}] in '{file}'")


def _checked(table: Any, where: str) -> Selection:
    if not isinstance(table, dict):
        raise ConfigError(f"{where} must be a table, got {table!r:.100}.")
    for name in table:
        if name not in _SETTINGS:
            raise ConfigError(f"{where} has no setting {name!r:.100}. There are {' and '.join(_SETTINGS)}.")
    given = {name: _codes(table[name], f"{name} of {where}") for name in table}
    return Selection(**given)


def _codes(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ConfigError(f"{what} must be a list of codes such as ['NW304', 'NW2'], got {value!r:.100}.")
    for code in value:
        if not code.startswith("NW") or not any(known.startswith(code) for known in RULES):
            raise ConfigError(
                f"{what} names {code!r:.100}, and no finding begins so. Write codes such as 'NW304' or 'NW3'."
            )
    return tuple(value)


def _longest(beginnings: tuple[str, ...], code: str) -> int:
    return max((len(each) for each in beginnings if code.startswith(each)), default=0)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
