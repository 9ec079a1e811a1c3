"""What is said of one variable, as a value."""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.kernels.variables.genuine import plain, type_name
from neuroworkflow_agent.text import one_line, show_invisible

MAX_NAMES = 12
"""Names of columns, keys and fields in the short form."""
MAX_NAMES_FULL = 100
MAX_SCALAR_CHARS = 60
_MAX_INT_BITS = 200
_MAX_DECIMAL_BYTES = 200
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Summary:
    """A value as far as it can be told cheaply and safely."""

    type: str
    """Its class's name, with that of the known class below it where that says more."""
    shape: tuple[int, ...] | None = None
    """Lengths of its axes, or its length; None where it has none or nobody knows."""
    dtype: str = ""
    """Type of its elements, where they have one."""
    size_bytes: int | None = None
    """Memory of its own, of containers without what is in them; None where that would cost something to find out."""
    about: str = ""
    """Its value, columns, units or what else tells it apart, in a line."""
    more: tuple[str, ...] = ()
    """Further lines, where more was asked for."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        head = " ".join(part for part in (self.type, self.shape_text, self.dtype) if part)
        size = size_text(self.size_bytes) if self.size_bytes is not None and self.size_bytes >= 1000 else ""
        return ", ".join(part for part in (head, size, self.about) if part)

    @property
    def shape_text(self) -> str:
        """The shape as Python writes it, or `length 3` of what is no array; empty without one."""
        if self.shape is None:
            return ""
        is_length = len(self.shape) == 1 and not self.dtype
        return f"length {self.shape[0]}" if is_length else str(self.shape)


def size_text(size: int) -> str:
    """A size as people say it: `24 kB`."""
    amount, unit = float(size), _UNITS[0]
    for unit in _UNITS:
        if amount < 999.5 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.3g} {unit}"


def scalar_text(value: Any) -> str:
    """A plain value as text, cut; empty for one that is not plain, which is not asked."""
    kind = type(value)
    if kind is str:
        return repr(one_line(show_invisible(value[: MAX_SCALAR_CHARS * 2]), MAX_SCALAR_CHARS))
    if kind is int:
        return (
            str(value) if value.bit_length() <= _MAX_INT_BITS else f"an integer of {value.bit_length()} bits"
        )
    if kind is bytes or kind is bytearray:
        return repr(bytes(value[:20])) + ("…" if len(value) > 20 else "")
    if value is None or kind in (bool, float, complex, range, dt.date, dt.timedelta):
        return repr(value)[:MAX_SCALAR_CHARS]
    if kind is dt.datetime and value.tzinfo is None:
        return str(value.isoformat(" "))
    if kind is decimal.Decimal and decimal.Decimal.__sizeof__(value) <= _MAX_DECIMAL_BYTES:
        return str(value)
    if kind is pathlib.PosixPath and all(type(part) is str for part in getattr(value, "_raw_paths", ())):
        return scalar_text(str(value))
    return ""


def label(value: Any, max_chars: int = 40) -> str:
    """A column's, a key's or a field's name as text; of what is not plain, its type."""
    if type(value) is str:
        return one_line(show_invisible(value[: 2 * max_chars]), max_chars)
    if type(value) is tuple:
        return f"({', '.join(label(each, 20) for each in value[:4])})"
    return scalar_text(value) or f"<{one_line(type_name(type(value)), max_chars)}>"


def names_text(names: Iterable[str], total: int) -> str:
    """Some names of `total`, and how many more there are."""
    shown = list(names)
    rest = f", … {total - len(shown)} more" if total > len(shown) else ""
    return ", ".join(shown) + rest


def units_text(attributes: Any) -> str:
    """The units that a dictionary of attributes names; empty if it names none in words."""
    if type(attributes) is not dict:
        return ""
    found = next((v for k, v in list(attributes.items())[:50] if type(k) is str and k == "units"), "")
    return one_line(plain(found)[:80], 40)
