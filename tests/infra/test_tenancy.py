"""The second wall: to the application's own role another organisation's rows are not there, whoever forgot to ask."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast
from uuid import UUID, uuid4

import asyncpg
import pytest

from domain.capital import FeeCharged, FundOpened
from domain.refusal import Forbidden, NotFound
from infra import tenancy
from infra.drafts import Draft
from infra.people import OrganisationRole, Person, Role
from infra.postgres import APPLICATION_ROLE, ScopedConnection, connect, open_pool
from infra.rows import METADATA
from infra.runtime import Runtime
from infra.snapshots import SnapshotKind
from tests.conftest import OPENED_AT, Servers
from tests.spec import instant, usd


@dataclass(frozen=True, slots=True)
class Firm:
    """A person who administers an organisation, and its one fund."""

    person: Person
    fund_id: UUID


async def firm(runtime: Runtime) -> Firm:
    """A firm with a fund of two facts and a snapshot."""
    person = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    fund_id, _ = await runtime.ledger.open_fund(
        FundOpened("A firm's", "USD", 2006, usd(100)), OPENED_AT, actor=person.id, key="first"
    )
    await runtime.ledger.record(fund_id, [Draft(FeeCharged(usd(1)), instant("2010-01-01"))], actor=person.id, key="fee")
    await runtime.snapshots.take(fund_id, SnapshotKind.MANUAL)
    found = await runtime.people.person(person.id)
    assert found is not None
    return Firm(found, fund_id)


@pytest.fixture
async def firms(runtime: Runtime) -> tuple[Firm, Firm]:
    """Two of them."""
    return await firm(runtime), await firm(runtime)


@pytest.fixture(autouse=True)
async def everybody_s_again() -> AsyncIterator[None]:
    """Tests share a context: whom one works for is forgotten with it."""
    yield
    tenancy.act_for((), everyone=True)


@pytest.fixture
async def as_ours(firms: tuple[Firm, Firm]) -> None:
    """The test works for the first firm."""
    tenancy.act_for(firms[0].person.organisations)


FUND_TABLES = sorted(table.name for table in METADATA.sorted_tables if "fund_id" in table.columns)


async def test_every_table_has_its_policy_and_none_is_spared(database: asyncpg.Pool) -> None:
    rows = await database.fetch(
        """SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
            (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT c.relispartition AND c.relname <> 'alembic_version'"""
    )
    assert {row["relname"] for row in rows} == {table.name for table in METADATA.sorted_tables}
    assert [row for row in rows if tuple(row)[1:] != (True, True, 1)] == []


async def test_the_application_works_as_a_role_that_owns_nothing(runtime: Runtime, database: asyncpg.Pool) -> None:
    assert await runtime.pool.fetchval("SELECT current_user") == APPLICATION_ROLE
    role = await database.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = $1",
        APPLICATION_ROLE,
    )
    assert role is not None
    assert tuple(role) == (False,) * 5
    owned = "SELECT count(*) FROM pg_class WHERE relowner = $1::regrole"
    assert await database.fetchval(owned, APPLICATION_ROLE) == 0
    for statement in ("CREATE TABLE mine ()", "ALTER TABLE fact DISABLE ROW LEVEL SECURITY", "SELECT * FROM fact_00"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await runtime.pool.execute(statement)


@pytest.mark.usefixtures("as_ours")
@pytest.mark.parametrize("table", FUND_TABLES)
async def test_a_query_without_a_filter_finds_our_rows_alone(
    runtime: Runtime, firms: tuple[Firm, Firm], table: str
) -> None:
    seen = {row[0] for row in await runtime.pool.fetch(f"SELECT DISTINCT fund_id FROM {table}")}  # noqa: S608
    assert seen <= {firms[0].fund_id}
    if table in ("fact", "snapshot", "membership", "ledger_key", "opening_key"):
        assert seen


@pytest.mark.usefixtures("as_ours")
async def test_funds_people_and_organisations_are_ours_alone(runtime: Runtime, firms: tuple[Firm, Firm]) -> None:
    ours, theirs = firms
    assert [row["id"] for row in await runtime.pool.fetch("SELECT id FROM fund")] == [ours.fund_id]
    assert {row["id"] for row in await runtime.pool.fetch("SELECT id FROM organisation")} == ours.person.organisations
    people = {row["id"] for row in await runtime.pool.fetch("SELECT id FROM person WHERE NOT administrator")}
    assert people == {ours.person.id}
    assert await runtime.names.of_people([str(theirs.person.id)]) == {}
    assert await runtime.funds.by_ids([ours.fund_id, theirs.fund_id]) == {
        ours.fund_id: await runtime.funds.fund(ours.fund_id)
    }


@pytest.mark.usefixtures("as_ours")
async def test_with_the_check_of_roles_taken_away_another_firm_s_fund_is_not_there(
    runtime: Runtime, firms: tuple[Firm, Firm], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = firms[1].fund_id

    async def let_everybody_in(*_: object, **__: object) -> Role:
        return Role.ADMIN

    monkeypatch.setattr(type(runtime.people), "require", let_everybody_in)
    assert await runtime.people.require(firms[0].person, theirs, Role.ADMIN) is Role.ADMIN
    assert await runtime.funds.fund(theirs) is None
    assert await runtime.history.fact(theirs, 1) is None
    assert (await runtime.states.state(theirs, instant("2020-01-01"), 2)).state.version == 0
    with pytest.raises(NotFound):
        await runtime.ledger.record(theirs, [Draft(FeeCharged(usd(1)))], actor=firms[0].person.id)
    with pytest.raises(NotFound):
        await runtime.snapshots.take(theirs, SnapshotKind.MANUAL)
    with pytest.raises(NotFound):
        await anext(aiter(runtime.feed.follow(theirs, 0)))


@pytest.mark.usefixtures("as_ours")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO membership VALUES ($1, $2, 'ADMIN')",
        "INSERT INTO cursor VALUES ('mine', $1, length($2::uuid::text))",
        "UPDATE fund SET organisation_id = $1 WHERE id <> $1 AND id <> $2",
    ],
)
async def test_nothing_is_written_for_another_firm(runtime: Runtime, firms: tuple[Firm, Firm], statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await runtime.pool.execute(statement, firms[1].fund_id, firms[0].person.id)


async def test_without_a_scope_nothing_is_seen(runtime: Runtime, servers: Servers, firms: tuple[Firm, Firm]) -> None:
    tenancy.act_for(())
    assert await runtime.pool.fetchval("SELECT count(*) FROM fund") == 0
    assert await runtime.funds.fund(firms[0].fund_id) is None
    untold = await connect(servers.database_url)
    try:
        assert await untold.fetchval("SELECT count(*) FROM fact") == 0
        # Nor by a setting that means nothing.
        await untold.execute(f"SET {tenancy.SETTING} = ''")
        assert await untold.fetchval("SELECT count(*) FROM fact") == 0
    finally:
        await untold.close()


async def test_a_connection_is_told_anew_for_whom_it_works(runtime: Runtime, firms: tuple[Firm, Firm]) -> None:
    for _ in range(3):
        for one in firms:
            tenancy.act_for(one.person.organisations)
            rows = [row["id"] for row in await runtime.pool.fetch("SELECT id FROM fund")]
            assert rows == [one.fund_id]
    with tenancy.everyone():
        assert await runtime.pool.fetchval("SELECT count(*) > 1 FROM fund")
    assert await runtime.pool.fetchval("SELECT count(*) FROM fund") == 1


async def test_a_part_given_meanwhile_is_seen_once_the_database_says_so(
    runtime: Runtime, firms: tuple[Firm, Firm]
) -> None:
    ours, theirs = firms[0], await firm(runtime)
    tenancy.act_for(ours.person.organisations)
    assert await runtime.people.role(ours.person, theirs.fund_id) is None
    assert await runtime.funds.fund(theirs.fund_id) is None
    with tenancy.everyone():
        await runtime.people.give(ours.person.id, theirs.fund_id, Role.VIEWER)
    assert await runtime.people.role(ours.person, theirs.fund_id) is Role.VIEWER
    assert await runtime.funds.fund(theirs.fund_id) is not None


async def test_a_fund_is_its_opener_s_first_organisation_s(runtime: Runtime, firms: tuple[Firm, Firm]) -> None:
    ours = firms[0].person
    (organisation,) = ours.organisations
    tenancy.act_for(ours.organisations)
    fund_id, _ = await runtime.ledger.open_fund(
        FundOpened("Second", "USD", 2007, usd(100)), OPENED_AT, actor=ours.id, organisation_id=organisation
    )
    third, _ = await runtime.ledger.open_fund(FundOpened("Third", "USD", 2007, usd(1)), OPENED_AT, actor=ours.id)
    for made in (fund_id, third):
        row = await runtime.funds.fund(made)
        assert row is not None
        assert row.organisation_id == organisation


async def test_funds_are_opened_by_an_organisation_s_administrators(
    runtime: Runtime, firms: tuple[Firm, Firm], database: asyncpg.Pool
) -> None:
    (theirs,) = firms[1].person.organisations
    opening = FundOpened("Not mine", "USD", 2007, usd(100))
    newcomer = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    tenancy.act_for(())
    with pytest.raises(NotFound, match="No such organisation"):
        await runtime.ledger.open_fund(opening, OPENED_AT, actor=newcomer.id, organisation_id=theirs)
    await database.execute(
        "INSERT INTO organisation_member VALUES ($1, $2, $3)", theirs, newcomer.id, OrganisationRole.MEMBER.value
    )
    tenancy.act_for([theirs])
    with pytest.raises(Forbidden, match="takes the role ADMIN in the organisation; yours is MEMBER"):
        await runtime.ledger.open_fund(opening, OPENED_AT, actor=newcomer.id, organisation_id=theirs)
    # Their own is founded with their first fund.
    fund_id, _ = await runtime.ledger.open_fund(opening, OPENED_AT, actor=newcomer.id)
    row = await runtime.funds.fund(fund_id)
    assert row is not None
    assert row.organisation_id != theirs
    name = "SELECT name FROM organisation WHERE id = $1"
    assert await runtime.pool.fetchval(name, row.organisation_id) == "Not mine"


async def test_an_organisation_s_administrators_have_every_role_in_its_funds(
    runtime: Runtime, firms: tuple[Firm, Firm], database: asyncpg.Pool
) -> None:
    ours, organisation = firms[0], next(iter(firms[0].person.organisations))
    partner = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    assert await runtime.people.role(partner, ours.fund_id) is None
    await database.execute("INSERT INTO organisation_member VALUES ($1, $2, 'MEMBER')", organisation, partner.id)
    assert await runtime.people.role(partner, ours.fund_id) is None
    assert await runtime.funds.of(partner, after=None, limit=10) == []
    await database.execute("UPDATE organisation_member SET role = 'ADMIN' WHERE person_id = $1", partner.id)
    assert await runtime.people.role(partner, ours.fund_id) is Role.ADMIN
    assert ours.fund_id in [row.id for row in await runtime.funds.of(partner, after=None, limit=10)]


async def test_a_lock_told_of_is_given_back_with_its_connection(servers: Servers) -> None:
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    async with await open_pool(servers.database_url, 1) as pool:
        async with pool.acquire() as connection:
            cast("ScopedConnection", connection).unlock_at_release()
            await connection.execute("SELECT pg_advisory_lock(77)")
            assert await connection.fetchval(held) == 1
        assert await pool.fetchval(held) == 0
