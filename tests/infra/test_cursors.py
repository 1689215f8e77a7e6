"""Cursors: how far each consumer has followed each fund, never back."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest_asyncio

from domain.capital import FeeCharged, FundOpened
from domain.money import Money
from infra.cursors import MOST_FUNDS, Behind, Cursors
from infra.drafts import Draft
from infra.runtime import Runtime
from tests.conftest import OPENED_AT, Servers
from tests.histories import own_database, process

ONE, OTHER = "one consumer", "another"


@pytest_asyncio.fixture
async def alone(servers: Servers) -> AsyncIterator[Runtime]:
    """A runtime on a database without any fund."""
    async with own_database(servers.database_url) as url, process(url, servers.redis_url) as runtime:
        yield runtime


async def opened_fund(runtime: Runtime, facts: int) -> UUID:
    """A fund with as many facts."""
    actor = (await runtime.people.enrol("owner@example.org")).id
    fund_id, _ = await runtime.ledger.open_fund(FundOpened("F", "USD", 2006, Money(100)), OPENED_AT, actor=actor)
    if facts > 1:
        fee = Draft(FeeCharged(Money(1)), OPENED_AT)
        await runtime.ledger.record(fund_id, [fee] * (facts - 1), actor=actor)
    return fund_id


async def test_without_funds_nobody_is_behind(alone: Runtime) -> None:
    assert await Cursors(alone.pool).behind(ONE) == []


async def test_a_new_consumer_has_seen_nothing_and_a_moved_cursor_tells_what_is_left(alone: Runtime) -> None:
    cursors = Cursors(alone.pool)
    first, second = await opened_fund(alone, 5), await opened_fund(alone, 1)
    assert set(await cursors.behind(ONE)) == {Behind(first, 0, 5), Behind(second, 0, 1)}
    await cursors.advance(ONE, first, 3)
    assert set(await cursors.behind(ONE)) == {Behind(first, 3, 5), Behind(second, 0, 1)}
    await cursors.advance(ONE, first, 5)
    await cursors.advance(ONE, second, 1)
    assert await cursors.behind(ONE) == []
    assert len(await cursors.behind(OTHER)) == 2


async def test_a_cursor_never_goes_back(alone: Runtime) -> None:
    cursors = Cursors(alone.pool)
    fund_id = await opened_fund(alone, 5)
    for version in (4, 2, 0):
        await cursors.advance(ONE, fund_id, version)
        assert await cursors.behind(ONE) == [Behind(fund_id, 4, 5)]
    await asyncio.gather(*(cursors.advance(ONE, fund_id, version) for version in (1, 5, 3, 2, 4) * 4))
    assert await cursors.behind(ONE) == []


async def test_many_funds_come_in_parts_until_none_is_left(alone: Runtime) -> None:
    cursors = Cursors(alone.pool)
    funds = [uuid4() for _ in range(MOST_FUNDS + 20)]
    firm = uuid4()
    await alone.pool.execute("INSERT INTO organisation (id, name) VALUES ($1, 'A firm')", firm)
    await alone.pool.execute(
        "INSERT INTO fund SELECT id, 'F', 'USD', 2006, 100, 'UTC', $2, 3, '', $2, $2, $3 FROM unnest($1::uuid[]) id",
        funds,
        OPENED_AT,
        firm,
    )
    found = []
    parts = []
    while part := await cursors.behind(ONE):
        parts.append(len(part))
        found += [one.fund_id for one in part]
        for one in part:
            await cursors.advance(ONE, one.fund_id, one.version)
    assert parts == [MOST_FUNDS, 20]
    assert sorted(found) == sorted(funds)
