"""Facts stay as they were written: the table itself refuses changes, from whoever asks."""

from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from domain.capital import FeeCharged, FundOpened
from infra.drafts import Draft
from infra.ledger import Ledger
from infra.migrate import migrate_in_loop
from infra.people import Person
from infra.postgres import open_pool, plain_url
from infra.runtime import Runtime
from infra.states import END, States
from tests.conftest import OPENED_AT, OpenFund, Servers
from tests.spec import instant, usd

AT = instant("2010-06-01")
ATTEMPTS = [
    pytest.param("UPDATE fact SET payload = '{}' WHERE fund_id = $1", "UPDATE", id="update"),
    pytest.param("UPDATE fact SET payload = payload WHERE fund_id = $1", "UPDATE", id="update to the same"),
    pytest.param("DELETE FROM fact WHERE fund_id = $1", "DELETE", id="delete"),
    pytest.param(
        "INSERT INTO fact SELECT * FROM fact WHERE fund_id = $1 "
        "ON CONFLICT (fund_id, version) DO UPDATE SET payload = '{}'",
        "UPDATE",
        id="upsert",
    ),
    pytest.param(
        "MERGE INTO fact USING (SELECT $1::uuid AS id) given ON fact.fund_id = given.id "
        "WHEN MATCHED THEN UPDATE SET payload = '{}'",
        "UPDATE",
        id="merge",
    ),
]


async def rows(connection: asyncpg.Pool, fund_id: UUID) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        "SELECT * FROM fact WHERE fund_id = $1 ORDER BY version", fund_id
    )
    return found


@pytest.mark.parametrize("role", ["origin", "replica", "local"])
@pytest.mark.parametrize(("statement", "operation"), ATTEMPTS)
async def test_a_superuser_can_not_change_a_fact(
    runtime: Runtime,
    database: asyncpg.Pool,
    owner: Person,
    open_fund: OpenFund,
    statement: str,
    operation: str,
    role: str,
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [Draft(FeeCharged(usd(1)), AT)], actor=owner.id)
    before = await rows(runtime.pool, fund_id)
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"SET LOCAL session_replication_role = {role}")
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(statement, fund_id)
        await transaction.rollback()
    assert refused.value.sqlstate == "DP009"
    assert str(refused.value) == f"facts are immutable: {operation} refused"
    assert await rows(runtime.pool, fund_id) == before


@pytest.mark.parametrize("role", ["origin", "replica", "local"])
async def test_a_superuser_can_not_empty_the_table(
    runtime: Runtime, database: asyncpg.Pool, open_fund: OpenFund, role: str
) -> None:
    fund_id = await open_fund()
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"SET LOCAL session_replication_role = {role}")
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute("TRUNCATE fact")
        await transaction.rollback()
    assert (refused.value.sqlstate, str(refused.value)) == ("DP009", "facts are immutable: TRUNCATE refused")
    assert len(await rows(runtime.pool, fund_id)) == 1


@pytest_asyncio.fixture(scope="module")
async def plain_owner(servers: Servers) -> AsyncIterator[asyncpg.Pool]:
    """A database migrated and used by a role that owns it and is no superuser."""
    name, password = f"owner_{uuid4().hex}", uuid4().hex
    parts = urlsplit(plain_url(servers.database_url))
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit(parts._replace(netloc=f"{name}:{quote(password)}@{host}", path=f"/{name}"))
    administrator = await asyncpg.connect(plain_url(servers.database_url))
    try:
        await administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        await administrator.execute(f"CREATE DATABASE {name} OWNER {name}")
        try:
            await migrate_in_loop(url)
            pool = await open_pool(url, 3)
            yield pool
            await pool.close()
        finally:
            await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await administrator.execute(f"DROP ROLE {name}")
    finally:
        await administrator.close()


async def test_a_plain_owner_can_migrate_record_and_import(plain_owner: asyncpg.Pool) -> None:
    person: UUID = await plain_owner.fetchval(
        "INSERT INTO person (id, email) VALUES ($1, 'a@example.org') RETURNING id", uuid4()
    )
    ledger = Ledger(plain_owner, States(plain_owner), lambda _fund_id, _version: None)
    fund_id, _ = await ledger.open_fund(FundOpened("A", "USD", 2006, usd(100)), OPENED_AT, actor=person)
    await ledger.record(fund_id, [Draft(FeeCharged(usd(1)), AT)], actor=person, key="k")
    await ledger.record_all(fund_id, [Draft(FeeCharged(usd(2)), AT)] * 3, actor=person, key="file")
    state = (await States(plain_owner).state(fund_id, END, 5)).state
    assert state.fees == usd(7)


@pytest.mark.parametrize("triggered", [True, False], ids=["with triggers", "without triggers"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE fact SET payload = '{}'", "DELETE FROM fact", "TRUNCATE fact", "UPDATE fact SET version = 0 WHERE false"],
)
async def test_a_plain_owner_has_no_right_to_change_a_fact(
    plain_owner: asyncpg.Pool, statement: str, triggered: bool
) -> None:
    async with plain_owner.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        if not triggered:
            await connection.execute("ALTER TABLE fact DISABLE TRIGGER USER")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
        await transaction.rollback()
