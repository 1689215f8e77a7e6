"""Tables: SQLModel and the migrations agree, and a database is brought up to date once, whoever asks."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain.access import FundJoined, MemberAdded, OrganisationFounded, RoleGiven
from infra import access, migrate as migrating
from infra.access_log import AccessLog
from infra.membership import Members
from infra.migrate import UnsupportedServerError, migrate_in_loop
from infra.people import OrganisationRole, Person, Role
from infra.postgres import UnavailableError, open_pool, plain_url
from infra.revision import OURS
from infra.rows import FundRow
from infra.runtime import Runtime
from tests.conftest import OpenFund, Servers


@pytest.fixture
async def empty_database(servers: Servers) -> AsyncIterator[str]:
    """The address of a database with nothing in it."""
    name = f"empty_{uuid4().hex}"
    parts = urlsplit(plain_url(servers.database_url))
    administrator = await asyncpg.connect(plain_url(servers.database_url))
    try:
        await administrator.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(parts._replace(path=f"/{name}"))
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await administrator.close()


async def tables(url: str) -> dict[str, int]:
    """The names and object ids of a database's tables, their partitions left out."""
    connection = await asyncpg.connect(plain_url(url))
    try:
        rows = await connection.fetch(
            "SELECT relname, oid::int FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
            "AND relnamespace = 'public'::regnamespace"
        )
        return {row["relname"]: row["oid"] for row in rows}
    finally:
        await connection.close()


async def test_the_migrations_make_the_tables_that_the_rows_describe(servers: Servers) -> None:
    plain = plain_url(servers.database_url)
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(plain), poolclass=NullPool
    )

    def differences(connection: Connection) -> list[object]:
        def is_whole(_: object, name: str | None, kind: str, reflected: bool, __: object) -> bool:
            return not (kind == "table" and reflected and re.fullmatch(r"\w+_\d\d", name or ""))

        options = {"compare_type": True, "compare_server_default": True, "include_object": is_whole}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, FundRow.metadata))

    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


async def test_migrating_again_changes_nothing(empty_database: str) -> None:
    assert await tables(empty_database) == {}
    await migrate_in_loop(empty_database)
    made = await tables(empty_database)
    assert set(made) == {table.name for table in FundRow.metadata.sorted_tables} | {"alembic_version"}
    await migrate_in_loop(empty_database)
    assert await tables(empty_database) == made


async def test_migrators_that_start_together_make_one_schema(empty_database: str) -> None:
    # SQLAlchemy's spelling of the address is as good as the plain one.
    other = empty_database.replace("postgresql://", "postgresql+asyncpg://", 1)
    await asyncio.gather(*(migrate_in_loop(url) for url in (empty_database, other) * 2))
    connection = await asyncpg.connect(empty_database)
    try:
        assert await connection.fetchval("SELECT array_agg(version_num) FROM alembic_version") == [OURS]
        # Every migrator gave its lock back.
        locks = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
        assert await connection.fetchval(locks) == 0
    finally:
        await connection.close()


async def test_a_server_that_is_too_old_is_refused_and_left_as_it_was(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No server that old is at hand: the oldest taken is put above the one that is.
    monkeypatch.setattr(migrating, "OLDEST_SERVER", 1_000)
    with pytest.raises(UnsupportedServerError, match="Drypowder needs PostgreSQL 1000 or newer"):
        await migrate_in_loop(empty_database)
    assert await tables(empty_database) == {}


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: object) -> None:
    with pytest.raises(UnavailableError, match="the database can't be reached"):
        await migrate_in_loop(f"postgresql://postgres@/drypowder?host={tmp_path}")


async def test_a_fund_is_found_and_listed_by_those_who_take_part(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    mine = sorted([await open_fund() for _ in range(3)])
    person = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    for fund_id in mine:
        await runtime.people.give(person.id, fund_id, Role.VIEWER)
    assert [row.id for row in await runtime.funds.of(person, after=None, limit=10)] == mine
    assert [row.id for row in await runtime.funds.of(person, after=mine[0], limit=1)] == [mine[1]]
    assert await runtime.funds.of(person, after=mine[2], limit=10) == []
    administrator = await runtime.people.enrol(f"{uuid4().hex}@example.org", administrator=True)
    assert [row.id for row in await runtime.funds.of(administrator, after=mine[0], limit=1)] != []
    found = await runtime.funds.fund(mine[0])
    assert found is not None
    assert (found.id, found.version, found.size_cents) == (mine[0], 1, 60_000_000_00)
    assert await runtime.funds.fund(uuid4()) is None
    assert set(await runtime.funds.by_ids([*mine, uuid4()])) == set(mine)
    assert await runtime.funds.by_ids([]) == {}


async def test_what_was_given_before_there_was_a_ledger_is_told_as_it_stands(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, upgrade = empty_database, command.upgrade
    with monkeypatch.context() as before:
        before.setattr(command, "upgrade", lambda config, _: upgrade(config, "0005"))
        before.setattr(access, "APPEND_ONLY", ("fact",))
        await migrate_in_loop(url)
    ann, ben, fund, firm = (UUID(int=number) for number in range(1, 5))
    old = await asyncpg.connect(url, server_settings={"drypowder.organisations": "*"})
    for person, address in ((ann, "ann@example.org"), (ben, "ben@example.org")):
        await old.execute("INSERT INTO person (id, email) VALUES ($1, $2)", person, address)
    await old.execute("INSERT INTO organisation (id, name) VALUES ($1, 'Müller & Söhne')", firm)
    await old.execute("INSERT INTO organisation_member VALUES ($1, $2, 'ADMIN')", firm, ann)
    await old.execute(
        """INSERT INTO fund VALUES ($1, 'Fund I', 'USD', 2006, 1, 'UTC', now(), 0, '', 'epoch', 'epoch', $2)""",
        fund,
        firm,
    )
    await old.execute("INSERT INTO membership VALUES ($1, $2, 'VIEWER')", fund, ben)
    await old.close()
    await migrate_in_loop(url)
    pool = await open_pool(url, 2)
    log = AccessLog(pool)
    assert await log.first_bad_version(firm) == (4, None)
    assert [fact.event for fact in await log.page(firm, below=None, limit=10)][::-1] == [
        OrganisationFounded("Müller & Söhne"),
        MemberAdded(str(ann), OrganisationRole.ADMIN),
        FundJoined(str(fund)),
        RoleGiven(str(fund), str(ben), Role.VIEWER),
    ]
    # And goes on from there.
    await Members(pool).set_role(fund, ann, Role.ADMIN, actor=ann)
    assert await log.first_bad_version(firm) == (5, None)
    await pool.close()
