"""The table of what was used, in SQLite or PostgreSQL. Blocks. The only user of SQLAlchemy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from neuroworkflow_agent.gateway.usage import Usage

_MICRO = 1_000_000
_TRIES = 3
MOST_ACCOUNT_CHARS = 300
MOST_MODEL_CHARS = 100
_AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
"""What may pass by itself; anything else would only fail again."""
_COUNTS = (
    "requests",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_microusd",
)

_metadata = sa.MetaData()
_usage = sa.Table(
    "gateway_usage",
    _metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("account", sa.String(MOST_ACCOUNT_CHARS), primary_key=True),
    sa.Column("model", sa.String(MOST_MODEL_CHARS), primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False, default=0) for name in _COUNTS),
)
_tokens = sum((_usage.c[name] for name in _COUNTS[2:5]), start=_usage.c.input_tokens)

_SUMS = sa.func.coalesce(sa.func.sum(_tokens), 0), sa.func.coalesce(sa.func.sum(_usage.c.cost_microusd), 0)
_BY_HUB = sa.select(*_SUMS).where(_usage.c.day == sa.bindparam("day"))
_BY_ACCOUNT = (
    sa.select(_usage.c.account, *_SUMS)
    .where(
        _usage.c.day == sa.bindparam("day"), _usage.c.account.in_(sa.bindparam("accounts", expanding=True))
    )
    .group_by(_usage.c.account)
)


class StoreUnavailableError(Exception):
    """The database does not answer."""


@dataclass(frozen=True, slots=True)
class Used:
    """What was used up in a day."""

    tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one account and of everybody, today."""

    account: Used
    hub: Used


@dataclass(frozen=True, slots=True)
class Line:
    """One account's use of one model on one day."""

    day: date
    account: str
    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What one message used."""

    day: date
    account: str
    usage: Usage
    cost_usd: float


class Store:
    """One database; use it as a context manager, from one thread at a time.

    Parameters
    ----------
    url
        As SQLAlchemy writes it: `sqlite:///…` or `postgresql+psycopg://…`.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._upsert = _upsert(self._engine.dialect.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._engine.dispose()

    def create(self) -> None:
        """Make the table if need be.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        for attempt in range(_TRIES):
            try:
                _metadata.create_all(self._engine)
                return
            except sa.exc.DBAPIError as error:  # perhaps another replica makes it just now
                if attempt == _TRIES - 1:
                    raise StoreUnavailableError(_without_sql(error)) from error

    def exchange(self, entries: Sequence[Entry], accounts: set[str], *, with_hub: bool) -> dict[str, Totals]:
        """Write entries, then read today's totals; all of it or nothing.

        Parameters
        ----------
        entries
            What to add.
        accounts
            Whose totals to read.
        with_hub
            Whether everybody's total is needed too; it is zero if not.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer; trying again later may work.
        """
        try:
            with self._engine.connect() as connection:
                if entries:
                    connection.execute(self._upsert, _rows(entries))
                # The commit comes last: what fails before it can be tried again without counting twice.
                totals = _read(connection, accounts, with_hub=with_hub) if accounts else {}
                connection.commit()
                return totals
        except _AWAY as error:
            raise StoreUnavailableError(_without_sql(error)) from error

    def lines(self, since: date, until: date, account: str | None = None) -> list[Line]:
        """What was used, by day, account and model.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        wanted = sa.select(_usage).where(_usage.c.day.between(since, until))
        if account is not None:
            wanted = wanted.where(_usage.c.account == account)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(wanted.order_by(_usage.c.day, _usage.c.account, _usage.c.model))
                return [_line(row._asdict()) for row in rows]
        except _AWAY as error:
            raise StoreUnavailableError(_without_sql(error)) from error


def today() -> date:
    """The day that counts, UTC."""
    return datetime.now(UTC).date()


def storable(name: str, max_chars: int) -> str:
    """A name as every database takes it: some refuse NUL, and what is not a whole character."""
    return "".join(char if char.isprintable() else "?" for char in name)[:max_chars]


def _upsert(dialect: str) -> sa.Insert:
    """Adds to a row, or makes it."""
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(_usage)
    added = {name: _usage.c[name] + statement.excluded[name] for name in _COUNTS}
    return statement.on_conflict_do_update(index_elements=["day", "account", "model"], set_=added)


def _line(row: dict[str, Any]) -> Line:
    cost_usd = row.pop("cost_microusd") / _MICRO
    return Line(**row, cost_usd=cost_usd)


def _engine(url: str) -> sa.Engine:
    is_file = sa.make_url(url).get_backend_name() == "sqlite"
    engine = sa.create_engine(url, pool_pre_ping=not is_file)
    if is_file:
        _keep_private(engine.url.database or "")
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _keep_private(file: str) -> None:
    """Make the file for its user alone; SQLite gives those it puts beside it the same mode."""
    with contextlib.suppress(OSError):  # what is in the way is said when it is opened
        if file and file != ":memory:" and not file.startswith("file:"):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            for each in (Path(file), Path(f"{file}-wal"), Path(f"{file}-shm")):
                if each.exists():
                    each.chmod(0o600)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Several processes may share the file, and a reader never waits for a writer."""
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _rows(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """One row a key, in one order everywhere: replicas that lock rows in different orders wait for each other."""
    rows: dict[tuple[date, str, str], dict[str, Any]] = {}
    for entry in entries:
        key = (entry.day, entry.account, entry.usage.model)
        row = rows.setdefault(
            key, dict(zip(("day", "account", "model"), key, strict=True)) | dict.fromkeys(_COUNTS, 0)
        )
        row["requests"] += 1
        for name in _COUNTS[1:5]:
            row[name] += getattr(entry.usage, name)
        row["cost_microusd"] += round(entry.cost_usd * _MICRO)
    return [rows[key] for key in sorted(rows)]


def _read(connection: sa.Connection, accounts: set[str], *, with_hub: bool) -> dict[str, Totals]:
    day = today()
    rows = connection.execute(_BY_ACCOUNT, {"day": day, "accounts": sorted(accounts)})
    used = {account: Used(int(tokens), int(cost) / _MICRO) for account, tokens, cost in rows}
    hub = Used()
    if with_hub:
        tokens, cost = connection.execute(_BY_HUB, {"day": day}).one()
        hub = Used(int(tokens), int(cost) / _MICRO)
    return {account: Totals(used.get(account, Used()), hub) for account in accounts}


def _without_sql(error: sa.exc.SQLAlchemyError) -> str:
    """The database's own words: the statement's values name accounts."""
    return str(getattr(error, "orig", None) or type(error).__name__)
