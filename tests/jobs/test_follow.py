"""From new facts to jobs: none lost between a fact and the job it calls for, none asked for in vain."""

import asyncio
import logging
from dataclasses import dataclass
from uuid import UUID

import pytest

from infra.cursors import Behind, Cursors
from infra.evaluation import CONSUMER as VARIANCE
from infra.queue import EVALUATE, KEEP_UP_SNAPSHOTS, Queue
from infra.snapshots import CONSUMER as SNAPSHOTS, SnapshotKind
from jobs import snapshots
from jobs.follow import Asked, react
from tests.jobs.funds import Funds, following, until

FREQUENCY = 100


def job(fund_id: UUID, step: int) -> str:
    return f"{KEEP_UP_SNAPSHOTS}:{fund_id}:{step}"


async def test_a_job_is_asked_for_when_a_fund_crosses_a_multiple_of_the_frequency_and_not_otherwise(
    funds: Funds, queue: Queue
) -> None:
    assert funds.runtime.settings.snapshot_frequency == FREQUENCY
    cursors = Cursors(funds.runtime.pool)
    fund_id = await funds.opened()
    asked: list[str] = []
    for version, steps in ((1, []), (2, []), (99, []), (100, [1]), (101, []), (199, []), (399, [3]), (400, [4])):
        await funds.reach(fund_id, version)
        await react(funds.runtime, cursors, queue, Asked())
        asked += [job(fund_id, step) for step in steps]
        assert await funds.waiting() == sorted(asked), version
        assert await cursors.behind(SNAPSHOTS) == []


async def test_each_fund_counts_for_itself(funds: Funds, queue: Queue) -> None:
    first, second, third = await funds.opened(60), await funds.opened(60), await funds.opened(250)
    await react(funds.runtime, Cursors(funds.runtime.pool), queue, Asked())
    assert await funds.waiting() == [job(third, 2)]
    await funds.reach(second, 130)
    await funds.reach(first, 99)
    await react(funds.runtime, Cursors(funds.runtime.pool), queue, Asked())
    assert await funds.waiting() == sorted([job(third, 2), job(second, 1)])


async def test_while_redis_is_away_the_cursor_stays_and_nothing_is_lost(
    funds: Funds, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    cursors = Cursors(funds.runtime.pool)
    fund_id = await funds.opened(150)
    await funds.kill_redis()
    await react(funds.runtime, cursors, queue, Asked())
    assert "reactions wait: Redis can't be reached" in caplog.text
    assert await cursors.behind(SNAPSHOTS) == [Behind(fund_id, 0, 150)]
    await funds.start_redis()
    await react(funds.runtime, cursors, queue, Asked())
    assert await cursors.behind(SNAPSHOTS) == []
    assert await funds.waiting() == [job(fund_id, 1)]


async def crash_before_the_cursor_moves(funds: Funds, queue: Queue) -> None:
    """Ends a follower after it asked for a job and before it noted that it did."""
    async with funds.runtime.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE cursor IN SHARE MODE")
        reacting = asyncio.ensure_future(react(funds.runtime, Cursors(funds.runtime.pool), queue, Asked()))

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
    await react(funds.runtime, cursors, queue, Asked())
    assert await funds.waiting() == [job(fund_id, 1)]
    assert await cursors.behind(SNAPSHOTS) == []


async def test_a_job_asked_for_again_after_it_was_done_makes_nothing_more(funds: Funds, queue: Queue) -> None:
    fund_id = await funds.opened(150)
    await crash_before_the_cursor_moves(funds, queue)
    assert await snapshots.keep_up(funds.runtime, fund_id) == 1
    made = await funds.snapshots(fund_id)
    await react(funds.runtime, Cursors(funds.runtime.pool), queue, Asked())
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


@dataclass
class Clock:
    """Seconds that pass when they are told to."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the follower takes for the time."""
    made = Clock()
    monkeypatch.setattr("jobs.follow.monotonic", made)
    return made


async def test_every_new_version_is_to_be_evaluated_and_asked_for_at_once(funds: Funds, queue: Queue) -> None:
    cursors, asked = Cursors(funds.runtime.pool), Asked()
    fund_id = await funds.opened()
    names = []
    for version in (1, 2, 5):
        await funds.reach(fund_id, version)
        await react(funds.runtime, cursors, queue, asked)
        names.append(f"{EVALUATE}:{fund_id}:{version}")
        assert await funds.waiting(EVALUATE) == names
    # Done only once it is done: asking moves no cursor.
    assert await cursors.behind(VARIANCE) == [Behind(fund_id, 0, 5)]
    await cursors.advance(VARIANCE, fund_id, 5)
    await react(funds.runtime, cursors, queue, Asked())
    assert await funds.waiting(EVALUATE) == names


async def test_what_was_asked_for_and_not_done_is_asked_for_again_ever_more_rarely(clock: Clock) -> None:
    asked, moments = Asked(), []
    for _ in range(400):
        if asked.turn("fund", 7) is not None:
            moments.append(clock.now - 1_000)
        clock.now += 1
    assert moments == [0, 5, 15, 30, 50, 75, 105, 140, 180, 225, 275, 330, 390]
    clock.now += 10_000
    assert asked.turn("fund", 7) is not None
    gaps = []
    for _ in range(3):
        last = clock.now
        while asked.turn("fund", 7) is None:
            clock.now += 1
        gaps.append(clock.now - last)
    assert gaps == [60, 60, 60]


async def test_each_turn_has_a_name_of_its_own_and_the_first_is_every_followers(clock: Clock) -> None:
    first, other = Asked(), Asked()
    assert first.turn("fund", 7) == other.turn("fund", 7) == "7"
    clock.now += 5
    again, others = first.turn("fund", 7), other.turn("fund", 7)
    assert again is not None
    assert others is not None
    assert len({"7", again, others}) == 3
    # What is new is asked for at once, and what was done may come again.
    assert first.turn("fund", 8) == "8"
    assert first.turn("fund", 8) is None
    first.keep(set())
    assert first.turn("fund", 8) == "8"


async def test_one_looks_for_deliveries_once_a_second_at_most(clock: Clock) -> None:
    asked, looks = Asked(), 0
    for _ in range(40):
        looks += asked.look_is_due()
        clock.now += 0.125
    assert looks == 5
