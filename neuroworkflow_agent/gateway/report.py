"""What was used, for an administrator to read."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from neuroworkflow_agent.errors import GatewayError
from neuroworkflow_agent.gateway.settings import load_settings
from neuroworkflow_agent.gateway.store import Store, StoreUnavailableError
from neuroworkflow_agent.gateway.tables import UnknownSchemaError
from neuroworkflow_agent.gateway.totals import today

_NUMBERS = {
    "requests": "requests",
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cached",
    "cache_write_tokens": "to cache",
}


def as_rows(days: int, account: str | None) -> list[dict[str, Any]]:
    """One row a day, account and model, JSON-safe.

    Raises
    ------
    GatewayError
        If the database does not answer.
    """
    since = today() - timedelta(days=days - 1)
    try:
        with Store(load_settings().database()) as store:
            store.create()
            found = store.lines(since, today(), account)
    except (StoreUnavailableError, UnknownSchemaError) as error:
        raise GatewayError(f"The usage record cannot be read: {error}") from None
    return [{**dataclasses.asdict(line), "day": line.day.isoformat()} for line in found]


def as_table(rows: list[dict[str, Any]]) -> Table:
    """The same for a terminal, with a sum."""
    table = Table("day", "account", "model", show_footer=True, box=SIMPLE, padding=0)
    table.columns[1].no_wrap = True
    table.columns[2].overflow = "fold"
    table.columns[0].footer = "sum"
    for name, title in _NUMBERS.items():
        table.add_column(title, f"{sum(row[name] for row in rows):,}", justify="right")
    table.add_column("USD", f"{sum(row['cost_usd'] for row in rows):.4f}", justify="right")
    for row in rows:
        numbers = (f"{row[name]:,}" for name in _NUMBERS)
        table.add_row(row["day"], row["account"], row["model"], *numbers, f"{row['cost_usd']:.4f}")
    return table
