"""What was used, written down, and what is reserved, by many requests at once.

`Ledger` owns the store, the journal, a thread that alone talks to the store, and one task, which hands it everything
that has been asked for since it last came back, as one transaction. All end with `close`. An entry is in the journal
before it is in the database, and leaves it when the database has it. While that takes none, `trouble` says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from neuroworkflow_agent.gateway.journal import Journal
from neuroworkflow_agent.gateway.journal_file import lost
from neuroworkflow_agent.gateway.reservations import LEASE_S, Reservation
from neuroworkflow_agent.gateway.store import Batch, Done, Store, StoreUnavailableError
from neuroworkflow_agent.gateway.tables import MOST_ACCOUNT_CHARS, MOST_MODEL_CHARS, UnknownSchemaError
from neuroworkflow_agent.gateway.totals import Decided, Entry, Totals, storable, today
from neuroworkflow_agent.gateway.usage import Usage
from neuroworkflow_agent.gateway.waiting import Waiting
from neuroworkflow_agent.gateway.worker import Worker

_log = logging.getLogger("neuroworkflow_agent.gateway")
_RETRY_S = 1.0
_ANSWER_S = 4.0
"""How long the database may take for one transaction."""
_BREAK_OFF_S = 1.0
_PROOF_EVERY_S = LEASE_S / 4
_PROOF_S = 1.0
_CLOSE_S = 8.0
_MOST_AT_ONCE = 500
_NOTHING = Batch([], [], [], frozenset())
CANNOT_WRITE = (
    "The usage record cannot be written, so nothing is served until it can; the gateway's log says why."
)
"""What callers are told. The database's own words may name its users and machines."""


class Ledger:
    """The record of what was used.

    Parameters
    ----------
    url
        The database, as SQLAlchemy writes it: `sqlite:///…` or `postgresql+psycopg://…`.
    journal_dir
        Where entries are kept until the database has them.
    """

    def __init__(self, url: str, journal_dir: Path) -> None:
        self._replica = uuid4().hex
        self._store = Store(url, self._replica)
        self._journal = Journal(journal_dir, url)
        self._worker = Worker("neuroworkflow-gateway ledger")
        self._waiting = Waiting()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closing = False
        self._is_created = False
        self._asked_at: float | None = None
        """Since when the database has been at the present batch."""
        self._proved_at = -_PROOF_EVERY_S
        self._is_failing = True
        self._logged = ""

    async def open(self) -> None:
        """Take up what an earlier process left, and begin to work; the database may be away.

        Raises
        ------
        ConfigError
            If entries cannot be kept here.
        UnknownSchemaError
            If the database is not ours to write to.
        """
        self._journal.open()
        try:
            while await self._run_batch():
                pass
        except StoreUnavailableError as error:
            if isinstance(error.__cause__, UnknownSchemaError):
                await self.close()
                raise error.__cause__ from None
            self._fail(error)
        self._task = asyncio.create_task(self._work(), name="neuroworkflow-gateway ledger")
        self._wake_later()

    async def close(self) -> None:
        """Write what is left, and end; what the database does not take stays in the journal."""
        self._is_closing = True
        self._wake.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=_CLOSE_S)
            if not done:
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=_BREAK_OFF_S)
        self._waiting.fail(CANNOT_WRITE)
        if self._waiting.unkept:
            _log.error("These entries could not be kept: %s", lost(self._waiting.unkept))
        self._journal.sync()
        self._journal.close()
        await asyncio.wait({self._worker.do(self._store.__exit__)}, timeout=_BREAK_OFF_S)
        self._worker.close(_BREAK_OFF_S / 10)

    @property
    def trouble(self) -> str | None:
        """Why nothing may be served now, as a sentence; None if what is used can be written down."""
        is_late = self._asked_at is not None and time.monotonic() - self._asked_at > _ANSWER_S / 2
        return CANNOT_WRITE if self._is_failing or is_late else None

    def add(
        self, account: str, usage: Usage, cost_usd: float, *, exchange_id: str = "", day: date | None = None,
        is_whole: bool = True,
    ) -> asyncio.Future[None]:  # fmt: skip
        """Write down what a request used, once. It is kept from now on.

        Parameters
        ----------
        account
            Whose.
        usage, cost_usd
            What.
        exchange_id
            The request's own id: what is reserved under it is given back, and it counts once.
        day
            On which it was admitted; None for today.
        is_whole
            Whether its answer came to its end.

        Returns
        -------
        asyncio.Future
            Done when it counts, or when the database is away and nobody is to wait for it.
        """
        entry = Entry(
            exchange_id or uuid4().hex,
            day or today(),
            storable(account, MOST_ACCOUNT_CHARS),
            replace(usage, model=storable(usage.model, MOST_MODEL_CHARS)),
            cost_usd,
            is_whole,
        )
        try:
            self._journal.append(entry)
        except OSError as error:
            _log.error(
                "An entry of the usage record is in memory alone, for the journal takes none: %s", error
            )
            self._waiting.unkept.append(entry)
        written = self._waiting.when_written(entry.id)
        self._wake.set()
        if self.trouble is not None and not written.done():
            written.set_result(None)
        return written

    async def reserve(self, reservation: Reservation) -> Decided:
        """Set aside what a request may use, if it fits.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        reservation = replace(reservation, account=storable(reservation.account, MOST_ACCOUNT_CHARS))
        done: asyncio.Future[Decided] = self._question()
        self._waiting.reservations.append((reservation, done))
        return await done

    def release(self, exchange_id: str) -> None:
        """Give back what is reserved for a request that used nothing."""
        self._waiting.released.add(exchange_id)
        self._wake.set()

    async def totals(self, account: str) -> Totals:
        """What was used today, by an account and by everybody.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        name = storable(account, MOST_ACCOUNT_CHARS)
        done: asyncio.Future[Totals] = self._question()
        self._waiting.questions.append((name, done))
        return await done

    async def is_available(self) -> bool:
        """Whether the database takes what is written, found out now; it may take a second."""
        if self.trouble is not None:
            return False
        if time.monotonic() - self._proved_at < _PROOF_S:
            return True
        done: asyncio.Future[None] = self._question()
        self._waiting.proofs.append(done)
        with suppress(StoreUnavailableError, TimeoutError):
            async with asyncio.timeout(_PROOF_S):
                await done
                return True
        return False

    def _question(self) -> asyncio.Future[Any]:
        if (trouble := self.trouble) is not None:
            raise StoreUnavailableError(trouble)
        self._wake.set()
        return asyncio.get_running_loop().create_future()

    # -- the task -------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            try:
                while await self._run_batch():
                    pass
            except StoreUnavailableError as error:
                self._fail(error)
            self._wake_later()

    def _wake_later(self) -> None:
        """For another try, or to be seen."""
        if self._timer is not None:
            self._timer.cancel()
        wait_s = _RETRY_S if self._is_failing else _PROOF_EVERY_S
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._wake.set)

    async def _run_batch(self) -> bool:
        """Do what has been asked for; whether there is more."""
        is_due = self._is_failing or time.monotonic() - self._proved_at >= _PROOF_EVERY_S
        asked = self._waiting.take(_MOST_AT_ONCE)
        entries = [*self._journal.next(_MOST_AT_ONCE), *asked.unkept]
        batch = Batch(
            entries,
            asked.released,
            [reservation for reservation, _ in asked.reservations],
            frozenset(account for account, _ in asked.questions),
            is_proof=is_due or bool(asked.proofs),
        )
        if batch == _NOTHING:
            return False
        try:
            done = await self._carry_out(batch)
        except BaseException:
            self._waiting.take_back(asked, CANNOT_WRITE)
            raise
        self._journal.settle()
        for exchange_id in asked.answer(done):
            self.release(exchange_id)
        self._waiting.are_written(entries)
        if batch.is_proof:
            self._proved_at = time.monotonic()
        if self._journal.is_empty:
            self._recover()
        return not self._journal.is_empty or self._waiting.has_jobs

    async def _carry_out(self, batch: Batch) -> Done:
        self._asked_at = time.monotonic()
        working = self._worker.do(self._exchange, batch)
        try:
            finished, _ = await asyncio.wait({working}, timeout=_ANSWER_S)
            if not finished:
                # Whoever waits is told now; the thread may need a moment to come back, or never does.
                self._fail(StoreUnavailableError(f"the database has not answered for {_ANSWER_S:g} s"))
                self._store.abort()
            return await working
        except (StoreUnavailableError, asyncio.CancelledError):
            raise
        except UnknownSchemaError as error:
            raise StoreUnavailableError(str(error)) from error
        except Exception as error:
            _log.exception("The usage record could not be written.")
            raise StoreUnavailableError(type(error).__name__) from error
        finally:
            self._asked_at = None

    def _exchange(self, batch: Batch) -> Done:
        """In the thread: one transaction for all."""
        if not self._is_created:
            self._store.create()
            self._is_created = True
        try:
            return self._store.exchange(batch)
        except StoreUnavailableError:
            self._is_created = False
            raise

    def _fail(self, error: StoreUnavailableError) -> None:
        """Say that nothing can be written, and let nobody wait for it."""
        self._is_failing = True
        if str(error) != self._logged:
            self._logged = str(error)
            _log.error("The usage record cannot be written; requests are refused until it can: %s", error)
        self._waiting.fail(CANNOT_WRITE)
        asyncio.get_running_loop().run_in_executor(None, self._journal.sync)

    def _recover(self) -> None:
        if self._logged:
            _log.info("The usage record can be written again.")
        self._is_failing, self._logged = False, ""
