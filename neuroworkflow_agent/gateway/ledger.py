"""What was used, written down and asked for by many requests at once.

`Ledger` owns the store, one thread, which alone talks to it, and one task, which hands it everything that has
been asked for since it last came back, as one transaction. All end with `close`. What cannot be written while
the database is away is kept and written when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from neuroworkflow_agent.gateway.store import (
    MOST_ACCOUNT_CHARS,
    MOST_MODEL_CHARS,
    Entry,
    Store,
    StoreUnavailableError,
    Totals,
    storable,
    today,
)
from neuroworkflow_agent.gateway.usage import Usage

_log = logging.getLogger("neuroworkflow_agent.gateway")
_RETRY_S = 1.0


@dataclass(slots=True)
class _Addition:
    entry: Entry
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
        self._store = Store(url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="neuroworkflow-gateway ledger")
        self._waiting: list[_Addition | _Question] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    async def open(self) -> None:
        """Make the table if need be, and begin to work.

        Raises
        ------
        StoreUnavailableError
            If the database does not answer.
        """
        await self._in_thread(self._store.create)
        self._task = asyncio.create_task(self._work(), name="neuroworkflow-gateway ledger")

    async def close(self) -> None:
        """Write what is left, and end."""
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        with suppress(StoreUnavailableError):
            await self._run_batch()
        if self._waiting:
            _log.error("%d entries of the usage record could not be written.", len(self._waiting))
        await self._in_thread(self._store.__exit__)
        self._thread.shutdown()

    async def add(self, account: str, usage: Usage, cost_usd: float) -> None:
        """Write down what a message used; returns when it counts."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        usage = replace(usage, model=storable(usage.model, MOST_MODEL_CHARS))
        entry = Entry(today(), storable(account, MOST_ACCOUNT_CHARS), usage, cost_usd)
        self._ask(_Addition(entry, done))
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
        StoreUnavailableError
            If the database does not answer.
        """
        done: asyncio.Future[Totals] = asyncio.get_running_loop().create_future()
        self._ask(_Question(storable(account, MOST_ACCOUNT_CHARS), with_hub, done))
        return await done

    async def is_available(self) -> bool:
        """Whether the database answers."""
        try:
            await self.totals("", with_hub=False)
        except StoreUnavailableError:
            return False
        return True

    def _ask(self, job: _Addition | _Question) -> None:
        self._waiting.append(job)
        self._wake.set()

    async def _work(self) -> None:
        while not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._run_batch()
            except StoreUnavailableError as error:
                _log.error("The usage record cannot be reached: %s", error)
                # Entries wait for the database; a question that comes meanwhile is worth another try at once.
                asyncio.get_running_loop().call_later(_RETRY_S, self._wake.set)

    async def _run_batch(self) -> None:
        batch, self._waiting = self._waiting, []
        additions = [job for job in batch if isinstance(job, _Addition)]
        questions = [job for job in batch if isinstance(job, _Question) and not job.done.done()]
        if not additions and not questions:
            return
        try:
            totals = await self._in_thread(self._exchange, additions, questions)
        except StoreUnavailableError:
            # Nothing was written: additions stay, whoever asked is told.
            self._waiting = [*additions, *self._waiting]
            _fail(questions)
            raise
        except Exception:  # noqa: BLE001 - the task's boundary: what one batch met must not end the record
            _log.exception("%d entries of the usage record are lost.", len(additions))
            _fail([*additions, *questions])
            return
        for addition in additions:
            if not addition.done.done():
                addition.done.set_result(None)
        for question in questions:
            if not question.done.done():
                question.done.set_result(totals[question.account])

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _exchange(self, additions: Sequence[_Addition], questions: Sequence[_Question]) -> dict[str, Totals]:
        """In the thread: one transaction for all."""
        return self._store.exchange(
            [addition.entry for addition in additions],
            {question.account for question in questions},
            with_hub=any(question.with_hub for question in questions),
        )


def _fail(jobs: Sequence[_Addition | _Question]) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(StoreUnavailableError("The usage record cannot be reached."))
            job.done.exception()  # whoever waited may have gone
