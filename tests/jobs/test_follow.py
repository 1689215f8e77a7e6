"""From new facts to jobs: none lost between a fact and the job it calls for, none asked for in vain."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from infra.cursors import Behind, Cursors
from infra.queue import KEEP_UP_SNAPSHOTS, Queue
from infra.snapshots import SnapshotKind
from jobs import snapshots
from jobs.follow import SNAPSHOTS, follow, react
from tests.jobs.conftest import Funds, until

FREQUENCY = 100


def job(fund_id: UUID, step: int) -> str:
    return f"{KEEP_UP_SNAPSHOTS}:{fund_id}:{step}"


@asynccontextmanager
async def following(funds: Funds, queue: Queue) -> AsyncIterator[None]:
    """The follower, as the worker runs it."""
    task = asyncio.ensure_future(follow(funds.runtime, queue))
    try:
        yield
    finally:
        task.cancel()
        outcome = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(outcome[0], asyncio.CancelledError)


async def test_a_job_is_asked_for_when_a_fund_crosses_a_multiple_of_the_frequency_and_not_otherwise(
    funds: Funds, queue: Queue
) -> None:
    assert funds.runtime.settings.snapshot_frequency == FREQUENCY
    cursors = Cursors(funds.runtime.pool)
    fund_id = await funds.opened()
    asked: list[str] = []
    for version, steps in ((1, []), (2, []), (99, []), (100, [1]), (101, []), (199, []), (399, [3]), (400, [4])):
        await funds.reach(fund_id, version)
        await react(funds.runtime, cursors, queue)
        asked += [job(fund_id, step) for step in steps]
        assert await funds.waiting() == sorted(asked), version
        assert await cursors.behind(SNAPSHOTS) == []


async def test_each_fund_counts_for_itself(funds: Funds, queue: Queue) -> None:
    first, second, third = await funds.opened(60), await funds.opened(60), await funds.opened(250)
    await react(funds.runtime, Cursors(funds.runtime.pool), queue)
    assert await funds.waiting() == [job(third, 2)]
    await funds.reach(second, 130)
    await funds.reach(first, 99)
    await react(funds.runtime, Cursors(funds.runtime.pool), queue)
    assert await funds.waiting() == sorted([job(third, 2), job(second, 1)])


async def test_while_redis_is_away_the_cursor_stays_and_nothing_is_lost(
    funds: Funds, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    cursors = Cursors(funds.runtime.pool)
    fund_id = await funds.opened(150)
    await funds.kill_redis()
    await react(funds.runtime, cursors, queue)
    assert "reactions wait: Redis can't be reached" in caplog.text
    assert await cursors.behind(SNAPSHOTS) == [Behind(fund_id, 0, 150)]
    await funds.start_redis()
    await react(funds.runtime, cursors, queue)
    assert await cursors.behind(SNAPSHOTS) == []
    assert await funds.waiting() == [job(fund_id, 1)]


async def crash_before_the_cursor_moves(funds: Funds, queue: Queue) -> None:
    """Ends a follower after it asked for a job and before it noted that it did."""
    async with funds.runtime.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE cursor IN SHARE MODE")
        reacting = asyncio.ensure_future(react(funds.runtime, Cursors(funds.runtime.pool), queue))

        async def asked() -> bool:
            return bool(await funds.waiting())

        await until(asked)
        assert not reacting.done()
        reacting.cancel()
        await asyncio.gather(reacting, return_exceptions=True)


async def test_a_crash_between_asking_and_moving_the_cursor_asks_again_for_the_same_job(
    funds: Funds, queue: Queue
) -> None:
    cursors = Cursors(funds.runtime.pool)
    fund_id = await funds.opened(150)
    await crash_before_the_cursor_moves(funds, queue)
    assert await cursors.behind(SNAPSHOTS) == [Behind(fund_id, 0, 150)]
    await react(funds.runtime, cursors, queue)
    assert await funds.waiting() == [job(fund_id, 1)]
    assert await cursors.behind(SNAPSHOTS) == []


async def test_a_job_asked_for_again_after_it_was_done_makes_nothing_more(funds: Funds, queue: Queue) -> None:
    fund_id = await funds.opened(150)
    await crash_before_the_cursor_moves(funds, queue)
    assert await snapshots.keep_up(funds.runtime, fund_id) == 1
    made = await funds.snapshots(fund_id)
    await react(funds.runtime, Cursors(funds.runtime.pool), queue)
    assert await snapshots.keep_up(funds.runtime, fund_id) == 0
    assert await funds.snapshots(fund_id) == made


async def test_the_follower_catches_up_and_then_reacts_to_what_comes(funds: Funds, queue: Queue) -> None:
    before = await funds.opened(120)

    async with following(funds, queue):

        async def caught_up() -> bool:
            return await funds.waiting() == [job(before, 1)]

        await until(caught_up)
        later = await funds.opened(230)

        async def reacted() -> bool:
            return await funds.waiting() == sorted([job(before, 1), job(later, 2)])

        await until(reacted)


async def test_the_follower_goes_on_when_redis_comes_back(funds: Funds, queue: Queue) -> None:
    async with following(funds, queue):
        first = await funds.opened(120)

        async def asked() -> bool:
            return job(first, 1) in await funds.waiting()

        await until(asked)
        await funds.kill_redis()
        second = await funds.opened(120)
        await funds.start_redis()
        third = await funds.opened(120)

        async def asked_for_all() -> bool:
            return await funds.waiting() == sorted(job(one, 1) for one in (first, second, third))

        await until(asked_for_all)


async def test_other_codes_snapshots_are_replaced_though_their_fund_has_no_news(
    funds: Funds, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    ours, others = await funds.opened(120), await funds.opened(120)
    cursors = Cursors(funds.runtime.pool)
    for fund_id in (ours, others):
        await funds.runtime.snapshots.take(fund_id, SnapshotKind.MANUAL)
        await cursors.advance(SNAPSHOTS, fund_id, 120)
    await funds.runtime.pool.execute("UPDATE snapshot SET fingerprint = '' WHERE fund_id = $1", others)
    async with following(funds, queue):

        async def asked() -> bool:
            return await funds.waiting() == [job(others, 0)]

        await until(asked)


async def test_a_follower_started_without_redis_says_so_and_follows(
    funds: Funds, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    fund_id = await funds.opened(120)
    await funds.runtime.snapshots.take(fund_id, SnapshotKind.MANUAL)
    await funds.runtime.pool.execute("UPDATE snapshot SET fingerprint = ''")
    await funds.kill_redis()
    with caplog.at_level(logging.WARNING, "jobs.follow"):
        async with following(funds, queue):

            async def told() -> bool:
                return "reactions wait" in caplog.text

            await until(told)
            assert "other code's snapshots stay" in caplog.text
            await funds.start_redis()

            async def asked() -> bool:
                return await funds.waiting() == [job(fund_id, 1)]

            await until(asked)
