"""What was used, by account and day, in SQL.

`Ledger` owns one thread, which alone talks to the database, and one task, which hands it everything that has
been asked for since it last came back, as one transaction. Both end with `close`. What cannot be written
while the database is away is kept and written when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from neuroworkflow_agent.gateway.usage import Usage

_log = logging.getLogger("neuroworkflow_agent.gateway")
_MICRO = 1_000_000
_RETRY_S = 1.0
_TRIES = 3
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
    sa.Column("account", sa.String(300), primary_key=True),
    sa.Column("model", sa.String(100), primary_key=True),
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


class LedgerUnavailableError(Exception):
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


@dataclass(slots=True)
class _Entry:
    day: date
    account: str
    usage: Usage
    cost_usd: float
    done: asyncio.Future[None]


@dataclass(slots=True)
class _Question:
    account: str
    with_hub: bool
    done: asyncio.Future[Totals]


class Ledger:
    """The record of what was used.

    Parameters
    ----------
    url
        The database, as SQLAlchemy writes it: `sqlite:///…` or `postgresql+psycopg://…`.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._upsert = _upsert(self._engine.dialect.name)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="neuroworkflow-gateway ledger")
        self._waiting: list[_Entry | _Question] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    async def open(self) -> None:
        """Make the table if need be, and begin to work.

        Raises
        ------
        LedgerUnavailableError
            If the database does not answer.
        """
        await self._in_thread(self._create)
        self._task = asyncio.create_task(self._work(), name="neuroworkflow-gateway ledger")

    async def close(self) -> None:
        """Write what is left, and end."""
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        with contextlib.suppress(LedgerUnavailableError):
            await self._run_batch()
        if self._waiting:
            _log.error("%d entries of the usage record could not be written.", len(self._waiting))
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()

    async def add(self, account: str, usage: Usage, cost_usd: float) -> None:
        """Write down what a message used; returns when it counts."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        usage = replace(usage, model=_storable(usage.model, 100))
        self._ask(_Entry(_today(), _storable(account, 300), usage, cost_usd, done))
        await asyncio.shield(done)

    async def totals(self, account: str, *, with_hub: bool) -> Totals:
        """What was used today.

        Parameters
        ----------
        account
            Whose.
        with_hub
            Whether everybody's total is needed too; it is zero if not.

        Raises
        ------
        LedgerUnavailableError
            If the database does not answer.
        """
        done: asyncio.Future[Totals] = asyncio.get_running_loop().create_future()
        self._ask(_Question(_storable(account, 300), with_hub, done))
        return await done

    async def is_available(self) -> bool:
        """Whether the database answers."""
        try:
            await self.totals("", with_hub=False)
        except LedgerUnavailableError:
            return False
        return True

    def _ask(self, job: _Entry | _Question) -> None:
        self._waiting.append(job)
        self._wake.set()

    async def _work(self) -> None:
        while not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._run_batch()
            except LedgerUnavailableError as error:
                _log.error("The usage record cannot be reached: %s", error)
                # Entries wait for the database; a question that comes meanwhile is worth another try at once.
                asyncio.get_running_loop().call_later(_RETRY_S, self._wake.set)

    async def _run_batch(self) -> None:
        batch, self._waiting = self._waiting, []
        entries = [job for job in batch if isinstance(job, _Entry)]
        questions = [job for job in batch if isinstance(job, _Question) and not job.done.done()]
        if not entries and not questions:
            return
        try:
            totals = await self._in_thread(self._transact, entries, questions)
        except LedgerUnavailableError:
            # Nothing was written: entries stay, whoever asked is told.
            self._waiting = [*entries, *self._waiting]
            _fail(questions)
            raise
        except Exception:  # noqa: BLE001 - the task's boundary: what one batch met must not end the record
            _log.exception("%d entries of the usage record are lost.", len(entries))
            _fail([*entries, *questions])
            return
        for entry in entries:
            if not entry.done.done():
                entry.done.set_result(None)
        for question in questions:
            if not question.done.done():
                question.done.set_result(totals[question.account])

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, function, *arguments)
        except _AWAY as error:
            raise LedgerUnavailableError(_without_sql(error)) from error

    # -- in the thread --------------------------------------------------------------------------------

    def _create(self) -> None:
        for attempt in range(_TRIES):
            try:
                _metadata.create_all(self._engine)
                return
            except sa.exc.DBAPIError:  # another replica makes it just now
                if attempt == _TRIES - 1:
                    raise

    def _transact(self, entries: Sequence[_Entry], questions: Sequence[_Question]) -> dict[str, Totals]:
        with self._engine.connect() as connection:
            if entries:
                connection.execute(self._upsert, _rows(entries))
            # The commit comes last: what fails before it can be tried again without counting twice.
            totals = _read(connection, questions) if questions else {}
            connection.commit()
            return totals


def _fail(jobs: Sequence[_Entry | _Question]) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(LedgerUnavailableError("The usage record cannot be reached."))
            job.done.exception()  # whoever waited may have gone


def _upsert(dialect: str) -> sa.Insert:
    """Adds to a row, or makes it."""
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(_usage)
    added = {name: _usage.c[name] + statement.excluded[name] for name in _COUNTS}
    return statement.on_conflict_do_update(index_elements=["day", "account", "model"], set_=added)


def require_database(url: str) -> None:
    """Make the table if need be.

    Raises
    ------
    LedgerUnavailableError
        If the database does not answer.
    """
    lines(url, _today(), _today())


def lines(url: str, since: date, until: date, account: str | None = None) -> list[Line]:
    """What was used, by day, account and model.

    Raises
    ------
    LedgerUnavailableError
        If the database does not answer.
    """
    engine = _engine(url)
    wanted = sa.select(_usage).where(_usage.c.day.between(since, until))
    if account is not None:
        wanted = wanted.where(_usage.c.account == account)
    try:
        _metadata.create_all(engine)
        with engine.connect() as connection:
            rows = connection.execute(wanted.order_by(_usage.c.day, _usage.c.account, _usage.c.model))
            return [_line(row._asdict()) for row in rows]
    except sa.exc.SQLAlchemyError as error:
        raise LedgerUnavailableError(_without_sql(error)) from error
    finally:
        engine.dispose()


def _line(row: dict[str, Any]) -> Line:
    cost_usd = row.pop("cost_microusd") / _MICRO
    return Line(**row, cost_usd=cost_usd)


def _engine(url: str) -> sa.Engine:
    is_file = sa.make_url(url).get_backend_name() == "sqlite"
    engine = sa.create_engine(url, pool_pre_ping=not is_file)
    if is_file:
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Several processes may share the file, and a reader never waits for a writer."""
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _rows(entries: Sequence[_Entry]) -> list[dict[str, Any]]:
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


def _read(connection: sa.Connection, questions: Sequence[_Question]) -> dict[str, Totals]:
    accounts = {question.account for question in questions}
    day = _today()
    rows = connection.execute(_BY_ACCOUNT, {"day": day, "accounts": sorted(accounts)})
    used = {account: Used(int(tokens), int(cost) / _MICRO) for account, tokens, cost in rows}
    hub = Used()
    if any(question.with_hub for question in questions):
        tokens, cost = connection.execute(_BY_HUB, {"day": day}).one()
        hub = Used(int(tokens), int(cost) / _MICRO)
    return {account: Totals(used.get(account, Used()), hub) for account in accounts}


def _storable(name: str, max_chars: int) -> str:
    """A name as every database takes it: some refuse NUL, and what is no whole character."""
    return "".join(char if char.isprintable() else "?" for char in name)[:max_chars]


def _today() -> date:
    return datetime.now(UTC).date()


def _without_sql(error: sa.exc.SQLAlchemyError) -> str:
    """The database's own words: the statement's values name accounts."""
    return str(getattr(error, "orig", None) or type(error).__name__)
