"""The tables of the usage record, and how an older record is brought up to date.

Schema 1 is `gateway_usage` alone. Schema 2 adds the other three and changes nothing of the first, so that replicas
of both write to one record while they are being replaced.
"""

from __future__ import annotations

import sqlalchemy as sa

MOST_ACCOUNT_CHARS = 300
MOST_MODEL_CHARS = 100
MOST_ID_CHARS = 40
VERSION = 2
COUNTS = (
    "requests",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_microusd",
)
_FIRST_TRANSACTION = 7_311_402_001
"""Names PostgreSQL's lock for making the tables: replicas that start together make them one after the other."""

metadata = sa.MetaData()
usage = sa.Table(
    "gateway_usage",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("account", sa.String(MOST_ACCOUNT_CHARS), primary_key=True),
    sa.Column("model", sa.String(MOST_MODEL_CHARS), primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False, default=0) for name in COUNTS),
)
exchanges = sa.Table(
    "gateway_exchanges",
    metadata,
    sa.Column("id", sa.String(MOST_ID_CHARS), primary_key=True),
    sa.Column("replica", sa.String(MOST_ID_CHARS), nullable=False),
    sa.Column("account", sa.String(MOST_ACCOUNT_CHARS), nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_microusd", sa.BigInteger, nullable=False),
    sa.Column("answer_tokens", sa.BigInteger),
    sa.Column("settled_at", sa.BigInteger),
    comment="Requests: what is reserved for one while it runs (settled_at is NULL), and that it is written down.",
)
_is_open = exchanges.c.settled_at.is_(None)
sa.Index(
    "gateway_exchanges_open",
    exchanges.c.day,
    exchanges.c.account,
    postgresql_where=_is_open,
    sqlite_where=_is_open,
)
sa.Index("gateway_exchanges_answers", exchanges.c.account, exchanges.c.settled_at)
sa.Index("gateway_exchanges_age", exchanges.c.day)
replicas = sa.Table(
    "gateway_replicas",
    metadata,
    sa.Column("id", sa.String(MOST_ID_CHARS), primary_key=True),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
)
schema = sa.Table("gateway_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))


class UnknownSchemaError(Exception):
    """The database holds a record that this version must not write to."""


def bring_up_to_date(connection: sa.Connection) -> None:
    """Make the tables, or add those that an older record lacks; in one transaction, which is the caller's.

    Raises
    ------
    UnknownSchemaError
        If it was written by a newer version, or `gateway_usage` is somebody else's table.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_FIRST_TRANSACTION)))
    found = sa.inspect(connection)
    version = None
    if found.has_table(schema.name):
        version = connection.execute(sa.select(sa.func.max(schema.c.version))).scalar()
        if version is not None and version > VERSION:
            raise UnknownSchemaError(
                f"The usage record is of schema {version}, and this version knows up to {VERSION}. Start the version that wrote it, or set another NEUROWORKFLOW_GATEWAY_DATABASE_URL."
            )
    if found.has_table(usage.name):
        missing = {column.name for column in usage.columns} - {
            each["name"] for each in found.get_columns(usage.name)
        }
        if missing:
            raise UnknownSchemaError(
                f"The database has another table gateway_usage: it lacks {', '.join(sorted(missing))}. Set another NEUROWORKFLOW_GATEWAY_DATABASE_URL."
            )
    metadata.create_all(connection)
    if version is None:
        connection.execute(schema.insert().values(version=VERSION))
