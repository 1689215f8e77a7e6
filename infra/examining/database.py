"""Examining the database: its version and schema, its clock, who has fallen behind, and the newest facts' chains."""

from datetime import datetime, timedelta

import asyncpg

from infra.evaluation import CONSUMER as VARIANCE
from infra.examining.clocks import examine_clock
from infra.examining.finding import Finding, good, wrong
from infra.examining.walls import examine_role, examine_tables
from infra.history import History
from infra.migrate import OLDEST_SERVER, newest_revision
from infra.postgres import Connection, UnavailableError, open_pool
from infra.runs import CONSUMER as RUNS
from infra.snapshots import CONSUMER as SNAPSHOTS
from infra.tenancy import everyone

PATIENCE = timedelta(minutes=1)
"""How long a consumer may take to get to a fact."""
FUNDS, FACTS = 20, 200
"""Of so many funds written to last, the chains of so many newest facts are recomputed."""
_UNSEEN = """
    SELECT count(*) AS funds, min(a.recorded_at) AS since, clock_timestamp() AS now FROM fund f
    LEFT JOIN cursor c ON c.consumer = $1 AND c.fund_id = f.id
    JOIN fact a ON a.fund_id = f.id AND a.version = coalesce(c.version, 0) + 1
    WHERE f.version > coalesce(c.version, 0) AND a.recorded_at < clock_timestamp() - $2::interval
"""


async def examine_database(url: str) -> list[Finding]:
    """What is found of the database; only that it can't be asked, where that is so."""
    try:
        pool = await open_pool(url, 2)
    except (UnavailableError, asyncpg.PostgresError) as fault:
        reason = fault.__cause__ or fault
        remedy = (
            "See whether PostgreSQL runs, and whether DATABASE_URL names it, its database and a role that may log in."
        )
        return [wrong("database", f"can't be used: {type(reason).__name__}", remedy)]
    try:
        with everyone():
            async with pool.acquire() as connection:
                schema = await _schema(connection)
                found = [_version(connection), schema]
                found.append(await examine_clock("database", lambda: connection.fetchval("SELECT clock_timestamp()")))
                if schema.remedy:
                    return found
                found += [await examine_role(connection), await examine_tables(connection)]
                found += [await _consumer(connection, consumer) for consumer in (VARIANCE, SNAPSHOTS, RUNS)]
            return [*found, await _chains(pool)]
    finally:
        await pool.close()


def _version(connection: Connection) -> Finding:
    version = connection.get_server_version()
    told = f"PostgreSQL {version.major}.{version.minor}"
    if version.major < OLDEST_SERVER:
        return wrong("database", told, f"Drypowder needs PostgreSQL {OLDEST_SERVER} or newer.")
    return good("database", told)


async def _schema(connection: Connection) -> Finding:
    newest = newest_revision()
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return wrong("schema", "isn't there", "Run `drypowder migrate`.")
    found = await connection.fetchval("SELECT version_num FROM alembic_version")
    if found == newest:
        return good("schema", f"is at {found}")
    if found is not None and found > newest:
        return wrong("schema", f"is at {found}, and this program at {newest}", "Upgrade this program.")
    return wrong("schema", f"is at {found}, and this program at {newest}", "Run `drypowder migrate`.")


async def _consumer(connection: Connection, consumer: str) -> Finding:
    what = f"consumer {consumer}"
    row = await connection.fetchrow(_UNSEEN, consumer, PATIENCE)
    assert row is not None, "an aggregate has a row"
    if row["funds"] == 0:
        return good(what, "has seen every fact")
    late: datetime = row["since"]
    told = f"hasn't got to facts of {row['funds']} funds, the oldest for {(row['now'] - late).total_seconds():,.0f} s"
    return wrong(what, told, "See whether a worker runs, and what its log says of these funds.")


async def _chains(pool: asyncpg.Pool) -> Finding:
    rows = await pool.fetch("SELECT id FROM fund ORDER BY recorded_at DESC LIMIT $1", FUNDS)
    history, checked = History(pool), 0
    for row in rows:
        facts, bad = await history.first_bad_version(row["id"], newest=FACTS)
        checked += facts
        if bad is not None:
            told = f"of fund {row['id']} is broken at version {bad}"
            return wrong("hash chain", told, "Stop writing, run `drypowder verify`, and restore from a back-up.")
    return good("hash chain", f"of the newest {checked:,} facts of {len(rows)} funds is whole")
