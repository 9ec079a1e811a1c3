"""The usage record in SQLite or PostgreSQL. Blocks, but not for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any, Self

import sqlalchemy as sa
from cachetools import TTLCache
from sqlalchemy.dialects import postgresql, sqlite

from neuroworkflow_agent.gateway import reservations
from neuroworkflow_agent.gateway.database import DatabaseConnection, make_engine
from neuroworkflow_agent.gateway.reservations import Reservation
from neuroworkflow_agent.gateway.tables import COUNTS, bring_up_to_date, usage
from neuroworkflow_agent.gateway.totals import MICRO, Decided, Entry, Line, Standing, Totals, Used, today

_TRIES = 3
_FORGET_EVERY_S = 60.0
_ANSWERS_S = 60.0

_tokens = sum((usage.c[name] for name in COUNTS[2:5]), start=usage.c.input_tokens)
_sums = sa.func.coalesce(sa.func.sum(_tokens), 0), sa.func.coalesce(sa.func.sum(usage.c.cost_microusd), 0)
_of_day = usage.c.day == sa.bindparam("day")
_by_hub = sa.select(*_sums).where(_of_day)
_by_account = (
    sa.select(usage.c.account, *_sums)
    .where(_of_day, usage.c.account.in_(sa.bindparam("accounts", expanding=True)))
    .group_by(usage.c.account)
)


def _parts(**parts: sa.Select[Any]) -> sa.CompoundSelect[Any]:
    """Rows of several questions, each with the name of its own before it."""
    return sa.union_all(*(each.add_columns(sa.literal_column(f"'{name}'")) for name, each in parts.items()))


_used_by = _by_account.with_only_columns(usage.c.account, sa.literal_column("0"), *_sums)
_used_by_all = _by_hub.with_only_columns(sa.literal_column("''"), sa.literal_column("0"), *_sums)
# In one statement, which sees one moment: whoever settles meanwhile is neither missed nor counted twice.
_standing = _parts(reserved=reservations.RESERVED_BY, used=_used_by)
_standing_with_hub = _parts(reserved=reservations.RESERVED, used=_used_by, hub=_used_by_all)


class StoreUnavailableError(Exception):
    """The database does not answer, or does not take what is to be written."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is done in one transaction, in this order."""

    entries: Sequence[Entry] = ()
    """What was used, to be written down once each."""
    released: Sequence[str] = ()
    """Requests that used nothing: what is reserved for them is given back."""
    reservations: Sequence[Reservation] = ()
    questions: frozenset[str] = frozenset()
    """Accounts whose totals are wanted."""
    is_proof: bool = False
    """Whether to find out if the database can be written to, and say that this replica runs."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a `Batch`."""

    decided: list[Decided] = field(default_factory=list)
    """For each reservation."""
    totals: dict[str, Totals] = field(default_factory=dict)


class Store:
    """One database; use it as a context manager, from one thread at a time.

    Parameters
    ----------
    url
        As SQLAlchemy writes it: `sqlite:///…` or `postgresql+psycopg://…`.
    replica
        Under which name this process reserves.
    """

    def __init__(self, url: str, replica: str = "") -> None:
        self._replica = replica
        self._open: DatabaseConnection | None = None
        self._is_aborted = False
        self._engine = make_engine(url, self._remember)
        self._upsert = _upsert(self._engine.dialect.name)
        self._is_seen = False
        self._forget_at = 0.0
        self._answers: TTLCache[str, int] = TTLCache(10_000, _ANSWERS_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._engine.dispose()
        if self._open is not None:
            self._open.forget()

    def abort(self) -> None:
        """Break off what another thread is doing here; it gets an error."""
        self._is_aborted = True
        if self._open is not None:
            self._open.abort()

    def create(self) -> None:
        """Make the tables if need be, and bring those of an older version up to date.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        UnknownSchemaError
            If it is not ours to write to.
        """
        for attempt in range(_TRIES):
            connection = self._connect()
            try:
                with connection, connection.begin():
                    bring_up_to_date(connection)
                return
            except sa.exc.SQLAlchemyError as error:  # perhaps another replica makes them just now
                if attempt == _TRIES - 1:
                    raise _unavailable(error) from error

    def exchange(self, batch: Batch) -> Done:
        """Do all of it, or nothing; it may be done again without counting anything twice.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer or does not take it; trying again later may work.
        """
        self._is_aborted = False
        try:
            return self._try(batch)
        except sa.exc.DBAPIError as error:
            # A connection that was kept may have been closed meanwhile.
            if error.connection_invalidated and not self._is_aborted:
                with contextlib.suppress(sa.exc.SQLAlchemyError):
                    return self._try(batch)
            raise _unavailable(error) from error
        except sa.exc.SQLAlchemyError as error:
            raise _unavailable(error) from error

    def _try(self, batch: Batch) -> Done:
        with self._engine.connect() as connection:
            done = self._do(connection, batch)
            connection.commit()
            return done

    def _connect(self) -> sa.Connection:
        try:
            return self._engine.connect()
        except sa.exc.SQLAlchemyError as error:
            raise _unavailable(error) from error

    def lines(self, since: date, until: date, account: str | None = None) -> list[Line]:
        """What was used, by day, account and model.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        wanted = sa.select(usage).where(usage.c.day.between(since, until))
        if account is not None:
            wanted = wanted.where(usage.c.account == account)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(wanted.order_by(usage.c.day, usage.c.account, usage.c.model))
                return [_line(row._asdict()) for row in rows]
        except sa.exc.SQLAlchemyError as error:
            raise _unavailable(error) from error

    def _do(self, connection: sa.Connection, batch: Batch) -> Done:
        decides = bool(batch.reservations) or batch.is_proof
        # First, since in SQLite too whoever reads before it writes may find that somebody else has written.
        at = reservations.wait_for_turn(connection, is_durable=bool(batch.entries)) if decides else None
        if at is not None and (batch.is_proof or not self._is_seen):
            reservations.be_seen(connection, self._replica, at)
        if batch.entries:
            once = list({entry.id: entry for entry in batch.entries}.values())
            fresh = reservations.settle(connection, once, self._replica)
            if rows := _rows(once, fresh):
                connection.execute(self._upsert, rows)
        if batch.released:
            reservations.release(connection, batch.released)
        decided = self._decide(connection, batch.reservations, at) if at and batch.reservations else []
        totals = _totals(connection, batch.questions, today()) if batch.questions else {}
        if at is not None and monotonic() > self._forget_at:
            self._forget_at = monotonic() + _FORGET_EVERY_S
            reservations.forget(connection, at.date() - timedelta(days=reservations.KEPT_DAYS), at)
        self._is_seen = self._is_seen or at is not None
        return Done(decided, totals)

    def _decide(self, connection: sa.Connection, asked: Sequence[Reservation], at: datetime) -> list[Decided]:
        accounts = {each.account for each in asked}
        with_hub = any(each.with_hub for each in asked)
        standing, hub = self._standings(connection, accounts, at, with_hub=with_hub)
        decided, granted = [], []
        for each in asked:
            amount = each.amount(self._usual_answer(connection, each.account))
            mine = standing[each.account]
            fits = each.fits(mine, hub, amount)
            decided.append(Decided(fits, mine, hub, amount, at))
            if fits:
                granted.append((each, amount))
                standing[each.account] = Standing(mine.used, mine.reserved + amount, mine.running + 1)
                hub = Standing(hub.used, hub.reserved + amount, hub.running + 1)
        if granted:
            reservations.hold(connection, granted, self._replica, at.date())
        return decided

    def _standings(
        self, connection: sa.Connection, accounts: set[str], at: datetime, *, with_hub: bool
    ) -> tuple[dict[str, Standing], Standing]:
        """How each account stands, and everybody together, which is zero if it is not asked for."""
        values = {
            "day": at.date(), "accounts": sorted(accounts), "replica": self._replica, "now": int(at.timestamp()),
        }  # fmt: skip
        standing = dict.fromkeys(accounts, Standing())
        hub = Standing()
        for account, count, tokens, cost, part in connection.execute(
            _standing_with_hub if with_hub else _standing, values
        ):
            amount = Used(int(tokens), int(cost) / MICRO)
            if part == "hub":
                hub = replace(hub, used=amount)
            elif part == "used":
                standing[account] = replace(standing[account], used=amount)
            else:
                if account in standing:
                    standing[account] = replace(standing[account], reserved=amount, running=count)
                if with_hub:
                    hub = replace(hub, reserved=hub.reserved + amount, running=hub.running + count)
        return standing, hub

    def _usual_answer(self, connection: sa.Connection, account: str) -> int:
        known = self._answers.get(account)
        if known is None:
            known = self._answers[account] = reservations.usual_answer_tokens(connection, account)
        return known

    def _remember(self, connection: Any, _record: Any) -> None:
        if self._open is not None:
            self._open.forget()
        self._open = DatabaseConnection(connection)


def _upsert(dialect: str) -> sa.Insert:
    """Adds to a row, or makes it."""
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(usage)
    added = {name: usage.c[name] + statement.excluded[name] for name in COUNTS}
    return statement.on_conflict_do_update(index_elements=["day", "account", "model"], set_=added)


def _line(row: dict[str, Any]) -> Line:
    cost_usd = row.pop("cost_microusd") / MICRO
    return Line(**row, cost_usd=cost_usd)


def _rows(entries: Sequence[Entry], fresh: set[str]) -> list[dict[str, Any]]:
    """One row a key, in one order everywhere: replicas that lock rows in different orders wait for each other."""
    rows: dict[tuple[date, str, str], dict[str, Any]] = {}
    for entry in entries:
        if entry.id not in fresh:
            continue
        key = (entry.day, entry.account, entry.usage.model)
        row = rows.setdefault(
            key, dict(zip(("day", "account", "model"), key, strict=True)) | dict.fromkeys(COUNTS, 0)
        )
        row["requests"] += 1
        for name in COUNTS[1:5]:
            row[name] += entry.count(name)
        row["cost_microusd"] += entry.cost_microusd
    return [rows[key] for key in sorted(rows)]


def _used(connection: sa.Connection, accounts: frozenset[str], day: date) -> dict[str, Used]:
    rows = connection.execute(_by_account, {"day": day, "accounts": sorted(accounts)})
    return {account: Used(int(tokens), int(cost) / MICRO) for account, tokens, cost in rows}


def _totals(connection: sa.Connection, accounts: frozenset[str], day: date) -> dict[str, Totals]:
    used = _used(connection, accounts, day)
    tokens, cost = connection.execute(_by_hub, {"day": day}).one()
    hub = Used(int(tokens), int(cost) / MICRO)
    return {account: Totals(used.get(account, Used()), hub) for account in accounts}


def _unavailable(error: sa.exc.SQLAlchemyError) -> StoreUnavailableError:
    """With the database's own words, one line of them: the statement's values name accounts."""
    words = str(getattr(error, "orig", None) or type(error).__name__).strip()
    return StoreUnavailableError(words.partition("\n")[0])
