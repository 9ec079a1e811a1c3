"""What running requests have reserved, and that each request is written down once: statements of one transaction.

A reservation holds as long as its replica is seen. Which replicas are, the database's own clock tells where there is
a server; a clock that was set back or forward lets reservations go and never keeps them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from neuroworkflow_agent.gateway.tables import VERSION, UnknownSchemaError, exchanges, replicas, schema
from neuroworkflow_agent.gateway.totals import MICRO, Entry, Standing, Used

LEASE_S = 60
"""How long a replica counts as running after it was last seen."""
KEPT_DAYS = 7
"""How long a request is known to have been written down."""
_FIRST_ANSWER_TOKENS = 4_000
_LEAST_ANSWERS = 20
_MOST_ANSWERS = 100
_PERCENTILE = 0.95
_MOST_FORGOTTEN = 2_000

_one_at_a_time = sa.update(schema).values(version=schema.c.version).where(schema.c.version == VERSION)
_server_time = sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.BigInteger)
_not_durable = sa.func.set_config("synchronous_commit", "off", sa.true())
_running = sa.or_(
    exchanges.c.replica == sa.bindparam("replica"),
    exchanges.c.replica.in_(
        sa.select(replicas.c.id).where(
            replicas.c.seen_at.between(sa.bindparam("now") - LEASE_S, sa.bindparam("now") + LEASE_S)
        )
    ),
)
RESERVED = (
    sa.select(
        exchanges.c.account,
        sa.func.count(),
        sa.func.sum(exchanges.c.tokens),
        sa.func.sum(exchanges.c.cost_microusd),
    )
    .where(exchanges.c.settled_at.is_(None), exchanges.c.day == sa.bindparam("day"), _running)
    .group_by(exchanges.c.account)
)
"""What running requests of each account have reserved of a `day`, as `replica` sees it at `now`."""
RESERVED_BY = RESERVED.where(exchanges.c.account.in_(sa.bindparam("accounts", expanding=True)))
_answers = (
    sa.select(exchanges.c.answer_tokens)
    .where(exchanges.c.account == sa.bindparam("of"), exchanges.c.answer_tokens.is_not(None))
    .order_by(exchanges.c.settled_at.desc())
    .limit(_MOST_ANSWERS)
)
_release = sa.delete(exchanges).where(
    exchanges.c.id.in_(sa.bindparam("ids", expanding=True)), exchanges.c.settled_at.is_(None)
)
_old = (
    sa.select(exchanges.c.id)
    .where(exchanges.c.day < sa.bindparam("before"))
    .limit(_MOST_FORGOTTEN)
    .scalar_subquery()
)
_forget = sa.delete(exchanges).where(exchanges.c.id.in_(_old))
_forget_replicas = sa.delete(replicas).where(
    sa.or_(
        replicas.c.seen_at < sa.bindparam("now") - 86_400, replicas.c.seen_at > sa.bindparam("now") + 86_400
    )
)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A request that asks to be admitted."""

    id: str
    account: str
    prompt: Used
    """What its prompt is expected to use."""
    usd_per_answer_token: float
    most_answer_tokens: int | None
    """What the request itself allows; None if that is not known."""
    fits: Callable[[Standing, Standing, Used], bool]
    """Whether there is room for so much, by the account's standing and by everybody's."""
    with_hub: bool
    """Whether everybody's standing is needed; it is zero if not."""

    def amount(self, usual_answer_tokens: int) -> Used:
        """What it reserves."""
        most = self.most_answer_tokens
        answer = usual_answer_tokens if most is None else min(usual_answer_tokens, most)
        return Used(self.prompt.tokens + answer, self.prompt.cost_usd + answer * self.usd_per_answer_token)


def wait_for_turn(connection: sa.Connection, *, is_durable: bool) -> datetime:
    """Be the only replica that decides until the transaction ends; gives the time by which it decides.

    What is not durable is there for everybody at the commit, but not waited for until it is on the disk: a server that
    crashes takes its reservations with it, as a replica does. It writes, so that a database which takes no writes is found out before anybody is admitted.

    Raises
    ------
    UnknownSchemaError
        If a newer version has taken the record over.
    """
    if connection.dialect.name == "postgresql":
        claim = _one_at_a_time.returning(_server_time, *(() if is_durable else (_not_durable,)))
        seconds = connection.execute(claim).scalar()
    else:
        seconds = int(time.time()) if connection.execute(_one_at_a_time).rowcount else None
    if seconds is None:
        raise UnknownSchemaError(f"The usage record is not of schema {VERSION} any more.")
    return datetime.fromtimestamp(seconds, UTC)


def be_seen(connection: sa.Connection, replica: str, at: datetime) -> None:
    """Let this replica's reservations hold for a while."""
    insert = _insert(connection)(replicas).values(id=replica, seen_at=int(at.timestamp()))
    connection.execute(
        insert.on_conflict_do_update(index_elements=["id"], set_={"seen_at": insert.excluded.seen_at})
    )


def hold(
    connection: sa.Connection, granted: Sequence[tuple[Reservation, Used]], replica: str, day: date
) -> None:
    """Write down what is reserved."""
    rows = [
        {
            "id": asked.id,
            "replica": replica,
            "account": asked.account,
            "day": day,
            "tokens": amount.tokens,
            "cost_microusd": round(amount.cost_usd * MICRO),
        }
        for asked, amount in granted
    ]
    connection.execute(_insert(connection)(exchanges).on_conflict_do_nothing(index_elements=["id"]), rows)


def release(connection: sa.Connection, ids: Collection[str]) -> None:
    """Give back what was reserved for requests that used nothing."""
    connection.execute(_release, {"ids": sorted(ids)})


def settle(connection: sa.Connection, entries: Sequence[Entry], replica: str) -> set[str]:
    """Take down requests that have come to their end; gives the ids of those that were not down yet."""
    insert = _insert(connection)(exchanges)
    now = int(time.time())
    statement = insert.on_conflict_do_update(
        index_elements=["id"],
        set_={"settled_at": insert.excluded.settled_at, "answer_tokens": insert.excluded.answer_tokens},
        where=exchanges.c.settled_at.is_(None),
    ).returning(exchanges.c.id)
    rows = [
        {
            "id": each.id,
            "replica": replica,
            "account": each.account,
            "day": each.day,
            "tokens": 0,
            "cost_microusd": 0,
            "answer_tokens": each.answer_tokens,
            "settled_at": now,
        }
        for each in entries
    ]
    return set(connection.execute(statement, rows).scalars())


def usual_answer_tokens(connection: sa.Connection, account: str) -> int:
    """As many as 95 of 100 of an account's last whole answers had at most; 4,000 while few are known."""
    found = sorted(connection.execute(_answers, {"of": account}).scalars())
    if len(found) < _LEAST_ANSWERS:
        return _FIRST_ANSWER_TOKENS
    return int(found[min(len(found) - 1, int(len(found) * _PERCENTILE))])


def forget(connection: sa.Connection, before: date, at: datetime) -> None:
    """Drop some of what is no longer needed: requests of days long past, replicas not seen for a day."""
    connection.execute(_forget, {"before": before})
    connection.execute(_forget_replicas, {"now": int(at.timestamp())})


def _insert(connection: sa.Connection) -> Callable[[sa.Table], postgresql.Insert | sqlite.Insert]:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
