"""The ledger of who was given what: one chain an organisation, told in the same transaction, and never changed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from domain.access import KINDS, AccessEventType, type_of
from domain.refusal import CorruptionError
from infra.access_log import PAGE, append, genesis
from infra.codec import canonical_json, micros
from infra.organisations import found_organisation
from infra.people import OrganisationRole, Person, Role
from infra.runtime import Runtime
from tests.conftest import OpenFund
from tests.domain.test_membership import SENTENCES

GOLDEN = Path(__file__).parents[1] / "golden" / "access"


@pytest.fixture
async def organisation(runtime: Runtime, open_fund: OpenFund) -> UUID:
    """An organisation with six facts, the last two about somebody else than its founder."""
    person = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    founder = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    async with runtime.pool.acquire() as connection, connection.transaction():
        made = await found_organisation(connection, "Acme Capital", founder.id)
    for role in (OrganisationRole.MEMBER, OrganisationRole.ADMIN):
        await runtime.members.set_member(made, person.id, role, actor=founder.id)
    await runtime.members.rename(made, "Acme", actor=person.id)
    await runtime.members.revoke(made, person.email, actor=person.id)
    return made


async def rows(runtime: Runtime, organisation: UUID) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await runtime.pool.fetch(
        "SELECT * FROM access_fact WHERE organisation_id = $1 ORDER BY version", organisation
    )
    return found


async def test_anyone_can_recompute_the_chain(runtime: Runtime, organisation: UUID) -> None:
    digest = hashlib.sha256(f"drypowder organisation {organisation}".encode()).digest()
    assert digest == genesis(organisation)
    found = await rows(runtime, organisation)
    for version, row in enumerate(found, start=1):
        told = (
            f'[{version},{micros(row["recorded_at"])},"{organisation}","{row["type"]}",1,"{row["actor"]}",'
            f"{row['payload']}]"
        )
        digest = hashlib.sha256(digest + told.encode()).digest()
        assert row["hash"] == digest
    assert [row["type"] for row in found] == [
        "ORGANISATION_FOUNDED",
        "MEMBER_ADDED",
        "MEMBER_ADDED",
        "MEMBER_ROLE_CHANGED",
        "ORGANISATION_RENAMED",
        "TOKENS_REVOKED",
    ]
    assert await runtime.access_log.first_bad_version(organisation) == (6, None)


@asynccontextmanager
async def tampering(database: asyncpg.Pool) -> AsyncIterator[PoolConnectionProxy]:
    """A superuser's transaction in which facts can be changed."""
    async with database.acquire() as connection, connection.transaction():
        await connection.execute("ALTER TABLE access_fact DISABLE TRIGGER USER")
        yield connection
        for trigger in ("access_fact_rows_are_immutable", "access_fact_table_is_immutable"):
            await connection.execute(f"ALTER TABLE access_fact ENABLE ALWAYS TRIGGER {trigger}")


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("UPDATE access_fact SET payload = replace(payload, 'Capital', 'Fraud') WHERE {1}", 1),
        ("UPDATE access_fact SET type = 'MEMBER_ADDED' WHERE {4}", 4),
        ("UPDATE access_fact SET actor = gen_random_uuid() WHERE {5}", 5),
        ("UPDATE access_fact SET recorded_at = recorded_at + interval '1 microsecond' WHERE {6}", 6),
        ("UPDATE access_fact SET schema_version = 2 WHERE {3}", 3),
        ("UPDATE access_fact SET hash = sha256('') WHERE {2}", 2),
        ("DELETE FROM access_fact WHERE {3}", 3),
        ("DELETE FROM access_fact WHERE {6}", 6),
        ("DELETE FROM access_fact WHERE organisation_id = $1", 1),
        ("UPDATE organisation SET access_version = 5 WHERE id = $1", 7),
        ("UPDATE organisation SET access_hash = '' WHERE id = $1", 7),
    ],
)
async def test_what_was_tampered_with_is_named(
    runtime: Runtime, database: asyncpg.Pool, organisation: UUID, statement: str, bad: int
) -> None:
    places = [f"organisation_id = $1 AND version = {version}" for version in range(8)]
    async with tampering(database) as connection:
        assert await connection.execute(statement.format(*places), organisation) not in ("UPDATE 0", "DELETE 0")
    whole, found = await runtime.access_log.first_bad_version(organisation)
    assert (whole, found) == (bad - 1, bad)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_fact SET payload = payload",
        "DELETE FROM access_fact",
        "TRUNCATE access_fact",
    ],
)
async def test_no_fact_is_changed_or_removed_even_by_a_superuser(
    runtime: Runtime, database: asyncpg.Pool, organisation: UUID, statement: str
) -> None:
    before = await rows(runtime, organisation)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runtime.pool.execute(statement)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await database.execute(statement)
    assert refused.value.sqlstate == "DP009"
    assert await rows(runtime, organisation) == before


async def test_changes_at_once_make_one_chain(runtime: Runtime, organisation: UUID, owner: Person) -> None:
    people = [await runtime.people.enrol(f"{uuid4().hex}@example.org") for _ in range(8)]
    await asyncio.gather(
        *[
            runtime.members.set_member(organisation, person.id, OrganisationRole.MEMBER, actor=owner.id)
            for person in people
        ]
    )
    assert await runtime.access_log.first_bad_version(organisation) == (14, None)


async def test_a_change_refused_leaves_no_fact(runtime: Runtime, open_fund: OpenFund, owner: Person) -> None:
    fund = await open_fund()
    row = await runtime.funds.fund(fund)
    assert row is not None
    before, _ = await runtime.access_log.first_bad_version(row.organisation_id)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await runtime.members.set_role(fund, uuid4(), Role.VIEWER, actor=owner.id)
    assert await runtime.access_log.first_bad_version(row.organisation_id) == (before, None)


@pytest.mark.parametrize("name", AccessEventType)
def test_a_stored_shape_is_read_for_ever(name: AccessEventType) -> None:
    event, _ = SENTENCES[name]
    assert (GOLDEN / f"{name}.v1.json").read_text() == canonical_json(event) + "\n"
    assert (type_of(event), KINDS[name]) == (name, type(event))


@pytest.mark.parametrize(
    ("shape", "name", "payload"),
    [
        (2, "MEMBER_REMOVED", '{"person_id":"a"}'),
        (1, "MEMBER_ENTHRONED", '{"person_id":"a"}'),
        (1, "MEMBER_REMOVED", "{}"),
        (1, "MEMBER_REMOVED", "x"),
        (1, "ROLE_GIVEN", '{"fund_id":"f","person_id":"a","role":"KING"}'),
    ],
)
async def test_a_fact_that_this_program_cant_read_is_an_error_and_never_skipped(
    runtime: Runtime, organisation: UUID, shape: int, name: str, payload: str
) -> None:
    await runtime.pool.execute(
        """INSERT INTO access_fact (organisation_id, version, schema_version, type, payload, recorded_at, actor, hash)
        VALUES ($1, 7, $2, $3, $4, now(), $1, '')""",
        organisation,
        shape,
        name,
        payload,
    )
    with pytest.raises(CorruptionError):
        await runtime.access_log.page(organisation, below=None, limit=10)
    assert [fact.version for fact in await runtime.access_log.page(organisation, below=7, limit=2)] == [6, 5]


async def test_nothing_to_record_is_no_fact(runtime: Runtime, organisation: UUID) -> None:
    async with runtime.pool.acquire() as connection, connection.transaction():
        assert await append(connection, organisation, [], actor=uuid4()) is None
    assert PAGE > 6
    assert await runtime.access_log.first_bad_version(organisation) == (6, None)
