"""`python -m benchmarks [PART …]`: one table, everything in one run; exit 1 if a target is missed."""

from __future__ import annotations

import importlib
import os
import sys

from rich.console import Console
from rich.table import Table

PARTS = ("turn", "kernel", "save", "panel", "gateway", "nodes")


def main() -> int:
    """Measure the named parts, or all of them."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # people's machines keep compiled modules
    table = Table("what", "measured", "to reach", "")
    missed = False
    for part in sys.argv[1:] or PARTS:
        for row in importlib.import_module(f"benchmarks.bench_{part}").rows():
            mark = "" if row.ok is None else "ok" if row.ok else "MISSED"
            missed = missed or row.ok is False
            table.add_row(row.name, row.value, row.target, mark)
    Console(width=130).print(table)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
