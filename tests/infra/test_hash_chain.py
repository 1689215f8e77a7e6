"""The hash chain: anyone can recompute it, and whatever was tampered with is named."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from domain.capital import FeeCharged
from domain.correction import EventVoided
from domain.investing import CompanyAdded, InvestmentMade
from infra.drafts import Draft
from infra.history import PAGE
from infra.people import Person
from infra.runtime import Runtime
from tests.conftest import OpenFund
from tests.spec import ACME, instant, share, usd

AT = instant("2010-06-01")
Tampering: TypeAlias = PoolConnectionProxy
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
async def fund_id(runtime: Runtime, owner: Person, open_fund: OpenFund) -> UUID:
    """A fund of six facts with something in every column."""
    made = await open_fund()
    drafts = [
        Draft(CompanyAdded(ACME, 'Ácme "Ltd"\\\n\u2028 €😀', None, "Seed"), instant("2006-12-31")),
        Draft(InvestmentMade(ACME, usd("1234567.89"), share("0.125")), AT + timedelta(microseconds=1)),
        Draft(FeeCharged(usd(1), "audit\t\x7f\x1f"), AT, {"b": [1, 2.5, None, True], "a": {"é": "\b\f\r/"}}),
    ]
    await runtime.ledger.record(made, drafts, actor=owner.id, key="clé", correlation_id="request 1")
    await runtime.ledger.record(made, [Draft(EventVoided(3, "typed wrong"), AT)], actor=owner.id)
    await runtime.ledger.record(made, [Draft(FeeCharged(usd(2)))], actor=owner.id)
    return made


def plain(thing: object) -> str:
    return json.dumps(thing, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def canonical(row: asyncpg.Record) -> str:
    """A fact's canonical text, as documented: made with nothing of ours."""
    return plain(
        [
            row["version"],
            micros(row["recorded_at"]),
            str(row["fund_id"]),
            row["type"],
            row["schema_version"],
            micros(row["occurred_at"]),
            micros(row["touches_at"]),
            str(row["actor"]),
            row["company_id"],
            row["correlation_id"],
            row["idempotency_key"],
            None if row["metadata"] is None else json.loads(row["metadata"]),
            json.loads(row["payload"]),
        ]
    )


async def test_anyone_can_recompute_the_chain_from_the_documented_bytes(runtime: Runtime, fund_id: UUID) -> None:
    rows = await runtime.pool.fetch("SELECT * FROM fact WHERE fund_id = $1 ORDER BY version", fund_id)
    before = hashlib.sha256(f"drypowder fund {fund_id}".encode()).digest()
    for row in rows:
        before = hashlib.sha256(before + canonical(row).encode()).digest()
        assert row["hash"] == before
    assert await runtime.pool.fetchval("SELECT hash FROM fund WHERE id = $1", fund_id) == before
    assert len(rows) == 6


async def test_an_untouched_chain_is_whole(runtime: Runtime, fund_id: UUID, open_fund: OpenFund) -> None:
    assert await runtime.history.first_bad_version(fund_id) == (6, None)
    assert await runtime.history.first_bad_version(await open_fund()) == (1, None)


@asynccontextmanager
async def tampering(database: asyncpg.Pool) -> AsyncIterator[Tampering]:
    """A superuser's transaction in which facts can be changed."""
    async with database.acquire() as connection, connection.transaction():
        await connection.execute("ALTER TABLE fact DISABLE TRIGGER USER")
        yield connection
        await connection.execute("ALTER TABLE fact ENABLE ALWAYS TRIGGER fact_rows_are_immutable")
        await connection.execute("ALTER TABLE fact ENABLE ALWAYS TRIGGER fact_table_is_immutable")


@pytest.mark.parametrize(
    ("statement", "whole", "bad"),
    [
        ("UPDATE fact SET payload = replace(payload, '123456789', '123456788') WHERE {3}", 2, 3),
        ("UPDATE fact SET payload = payload || ' ' WHERE {6}", 5, 6),
        ("UPDATE fact SET payload = '{{}}' WHERE {1}", 0, 1),
        ("UPDATE fact SET metadata = '{{}}' WHERE {4}", 3, 4),
        ("UPDATE fact SET metadata = NULL WHERE {4}", 3, 4),
        ("UPDATE fact SET occurred_at = occurred_at + interval '1 microsecond' WHERE {2}", 1, 2),
        ("UPDATE fact SET touches_at = touches_at - interval '1 microsecond' WHERE {5}", 4, 5),
        ("UPDATE fact SET recorded_at = recorded_at + interval '1 microsecond' WHERE {6}", 5, 6),
        ("UPDATE fact SET actor = gen_random_uuid() WHERE {3}", 2, 3),
        ("UPDATE fact SET company_id = 'beta' WHERE {3}", 2, 3),
        ("UPDATE fact SET company_id = NULL WHERE {5}", 4, 5),
        ("UPDATE fact SET correlation_id = NULL WHERE {2}", 1, 2),
        ("UPDATE fact SET idempotency_key = 'other' WHERE {4}", 3, 4),
        ("UPDATE fact SET type = 'PROCEEDS_RECEIVED' WHERE {3}", 2, 3),
        ("UPDATE fact SET schema_version = 2 WHERE {3}", 2, 3),
        ("UPDATE fact SET hash = sha256('') WHERE {3}", 2, 3),
        ("UPDATE fact SET version = 7 WHERE {6}", 5, 6),
        ("DELETE FROM fact WHERE {1}", 0, 1),
        ("DELETE FROM fact WHERE {3}", 2, 3),
        ("DELETE FROM fact WHERE {6}", 5, 6),
        ("DELETE FROM fact WHERE fund_id = $1", 0, 1),
        ("UPDATE fund SET hash = sha256('') WHERE id = $1", 6, 7),
        ("UPDATE fund SET version = 7 WHERE id = $1", 6, 7),
        ("UPDATE fund SET version = 5 WHERE id = $1", 5, 6),
        (
            "UPDATE fund SET version = 5, hash = (SELECT hash FROM fact WHERE {5}) WHERE id = $1",
            5,
            6,
        ),
        (
            """INSERT INTO fact SELECT fund_id, 7, schema_version, type, occurred_at, touches_at, recorded_at, actor,
            company_id, correlation_id, idempotency_key, metadata, payload, hash FROM fact WHERE {6}""",
            6,
            7,
        ),
    ],
)
async def test_what_was_tampered_with_is_named(
    runtime: Runtime, database: asyncpg.Pool, fund_id: UUID, statement: str, whole: int, bad: int
) -> None:
    places = [f"fund_id = $1 AND version = {version}" for version in range(8)]
    async with tampering(database) as connection:
        assert await connection.execute(statement.format(*places), fund_id) not in ("UPDATE 0", "DELETE 0")
    assert await runtime.history.first_bad_version(fund_id) == (whole, bad)


async def test_two_facts_in_one_another_s_place_are_named(
    runtime: Runtime, database: asyncpg.Pool, fund_id: UUID
) -> None:
    async with tampering(database) as connection:
        for version, other in ((3, 99), (4, 3), (99, 4)):
            await connection.execute(
                "UPDATE fact SET version = $3 WHERE fund_id = $1 AND version = $2", fund_id, version, other
            )
    assert await runtime.history.first_bad_version(fund_id) == (2, 3)


async def rehash(connection: Tampering, fund_id: UUID, version: int, *, after: int | None = None) -> None:
    """Gives a fact the hash that its columns have now, following the fact before it or another."""
    row = await connection.fetchrow("SELECT * FROM fact WHERE fund_id = $1 AND version = $2", fund_id, version)
    before = await connection.fetchval(
        "SELECT hash FROM fact WHERE fund_id = $1 AND version = $2", fund_id, after or version - 1
    )
    assert row is not None
    hashed = hashlib.sha256(before + canonical(row).encode()).digest()
    await connection.execute("UPDATE fact SET hash = $3 WHERE fund_id = $1 AND version = $2", fund_id, version, hashed)


async def rehead(connection: Tampering, fund_id: UUID) -> None:
    """Gives the head the hash of the last fact."""
    await connection.execute(
        "UPDATE fund SET hash = (SELECT hash FROM fact WHERE fund_id = $1 ORDER BY version DESC LIMIT 1) WHERE id = $1",
        fund_id,
    )


async def test_a_fact_rewritten_with_its_own_hash_breaks_the_next(
    runtime: Runtime, database: asyncpg.Pool, fund_id: UUID
) -> None:
    async with tampering(database) as connection:
        await connection.execute(
            """UPDATE fact SET payload = '{"amount":999,"kind":"audit"}' WHERE fund_id = $1 AND version = 4""", fund_id
        )
        await rehash(connection, fund_id, 4)
    assert await runtime.history.first_bad_version(fund_id) == (4, 5)


async def test_a_moment_of_recording_that_does_not_rise_is_named_even_where_it_is_hashed(
    runtime: Runtime, database: asyncpg.Pool, fund_id: UUID
) -> None:
    async with tampering(database) as connection:
        await connection.execute(
            """UPDATE fact SET recorded_at = (SELECT recorded_at FROM fact WHERE fund_id = $1 AND version = 5)
            WHERE fund_id = $1 AND version = 6""",
            fund_id,
        )
        await rehash(connection, fund_id, 6)
        await rehead(connection, fund_id)
    assert await runtime.history.first_bad_version(fund_id) == (5, 6)


async def test_a_gap_is_named_even_where_the_chain_was_closed_over_it(
    runtime: Runtime, database: asyncpg.Pool, fund_id: UUID
) -> None:
    async with tampering(database) as connection:
        await connection.execute("DELETE FROM fact WHERE fund_id = $1 AND version = 5", fund_id)
        await rehash(connection, fund_id, 6, after=4)
        await rehead(connection, fund_id)
    assert await runtime.history.first_bad_version(fund_id) == (4, 5)


async def test_a_chain_of_one_fund_is_none_of_another(runtime: Runtime, database: asyncpg.Pool, fund_id: UUID) -> None:
    other = uuid4()
    async with tampering(database) as connection:
        await connection.execute(
            "UPDATE fact SET fund_id = $2 WHERE fund_id = $1",
            fund_id,
            other,
        )
        await connection.execute("UPDATE fund SET id = $2 WHERE id = $1", fund_id, other)
    assert await runtime.history.first_bad_version(other) == (0, 1)


async def test_tampering_beyond_the_first_page_of_facts_is_named(
    runtime: Runtime, database: asyncpg.Pool, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    fee = Draft(FeeCharged(usd(1)), AT)
    await runtime.ledger.record(fund_id, [fee] * PAGE, actor=owner.id)
    await runtime.ledger.record(fund_id, [fee] * 10, actor=owner.id)
    assert await runtime.history.first_bad_version(fund_id) == (PAGE + 11, None)
    async with tampering(database) as connection:
        await connection.execute("DELETE FROM fact WHERE fund_id = $1 AND version = $2", fund_id, PAGE + 1)
    assert await runtime.history.first_bad_version(fund_id) == (PAGE, PAGE + 1)


async def test_appends_during_a_check_do_not_look_like_tampering(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = 1
    while version < 60:
        (_, bad), answer = await asyncio.gather(
            runtime.history.first_bad_version(fund_id),
            runtime.ledger.record(fund_id, [Draft(FeeCharged(usd(1)), AT)] * 2, actor=owner.id),
        )
        assert bad is None
        version = answer.last_version
