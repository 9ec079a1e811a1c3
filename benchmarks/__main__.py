"""`python -m benchmarks [PART …]`: one table, everything in one run."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from rich.console import Console
from rich.table import Table

PARTS = (
    "turn",
    "first",
    "reaction",
    "memory",
    "kernel",
    "chat_kernel",
    "log",
    "save",
    "notebook",
    "panel",
    "side_bar",
    "web",
    "gateway",
    "load",
    "nodes",
    "variables",
    "undo",
    "verify",
    "batch",
    "mcp",
    "mcp_peer",
    "acp_peer",
)


def main() -> int:
    """Measure the named parts, or all of them."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure, and print one table with what is to be reached. Exit code 1 if anything is missed.",
        epilog="Numbers compare within one run on a quiet machine. `python -m benchmarks.tasks` measures models.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all by default: {', '.join(PARTS)}")
    parts = parser.parse_args().parts
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {min(unknown)!r}; choose among {', '.join(PARTS)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # people's machines keep compiled modules
    table = Table("what", "measured", "to reach", "")
    missed = False
    for part in parts or PARTS:
        for row in importlib.import_module(f"benchmarks.bench_{part}").rows():
            mark = "" if row.ok is None else "ok" if row.ok else "MISSED"
            missed = missed or row.ok is False
            table.add_row(row.name, row.value, row.target, mark)
    Console(width=130).print(table)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
