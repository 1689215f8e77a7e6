"""Reserve jobs: each run is computed once and ends once, whatever happens to workers and servers."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from time import monotonic
from uuid import UUID

import pytest_asyncio
from hypothesis import given
from hypothesis.strategies import floats
from redis.asyncio import Redis

from domain.capital import FeeCharged
from domain.money import Money
from domain.reserves.options import RunOptions
from domain.reserves.runs import Run, RunStatus
from infra.computing import Computers
from infra.progress import Progress, Words
from infra.queue import Queue
from infra.runs import Runs
from infra.runtime import Runtime, opened
from infra.settings import Settings
from jobs.reserves import optimise, recalculate, seconds_left
from tests.infra.reserving import invest, record
from tests.jobs.funds import Funds, following, until, working

QUICK, LONG = RunOptions(iterations=100), RunOptions(iterations=10_000_000)


@pytest_asyncio.fixture
async def fund_id(funds: Funds) -> UUID:
    found = await funds.opened()
    await invest(funds.runtime, found, funds.actor)
    return found


@pytest_asyncio.fixture
async def computers() -> AsyncIterator[Computers]:
    found = Computers(2)
    yield found
    found.close()


async def asked(funds: Funds, fund_id: UUID, options: RunOptions = QUICK) -> Run:
    return await funds.runtime.runs.request(fund_id, options, None, None, actor=funds.actor)


async def found(runtime: Runtime, fund_id: UUID, run: Run) -> Run:
    now = await runtime.runs.run(fund_id, run.id)
    assert now is not None
    return now


async def over(funds: Funds, fund_id: UUID, run: Run) -> Run:
    async def ended() -> bool:
        return (await found(funds.runtime, fund_id, run)).ended

    await until(ended)
    return await found(funds.runtime, fund_id, run)


async def ends(funds: Funds, fund_id: UUID) -> int:
    number: int = await funds.runtime.pool.fetchval(
        """SELECT count(*) FROM fact WHERE fund_id = $1
        AND type IN ('RESERVES_RECOMMENDED', 'RESERVE_RUN_FAILED', 'RESERVE_RUN_CANCELLED')""",
        fund_id,
    )
    return number


async def computing(funds: Funds, run: Run) -> None:
    """Until a worker is at the run."""

    async def told() -> bool:
        word = await funds.runtime.words.last(run.id)
        return word is not None and word.stage == "simulation"

    await until(told)


async def next_word(words: AsyncIterator[Progress | None]) -> Progress:
    """The next that is heard."""
    while (word := await anext(words)) is None:
        pass
    return word


def computer(computers: Computers) -> int:
    """The only process that computes."""
    (one,) = computers._all
    assert one._process.pid is not None
    return one._process.pid


async def test_a_run_asked_for_is_computed_and_ends_once(funds: Funds, queue: Queue, fund_id: UUID) -> None:
    async with working(funds, queue):
        run = await over(funds, fund_id, await asked(funds, fund_id))
    assert (run.status, await ends(funds, fund_id)) == (RunStatus.SUCCEEDED, 1)
    assert run.advice is not None
    assert {one.company_id for one in run.advice.recommendations} == {"acme", "beta"}
    assert {one.company_id for one in run.advice.unavailable} == {"gone"}
    await funds.runtime.runs.notice(fund_id)
    assert await funds.runtime.runs.open() == []


async def test_two_workers_bring_one_result(funds: Funds, fund_id: UUID, computers: Computers) -> None:
    run = await asked(funds, fund_id)
    done = await asyncio.gather(*(optimise(funds.runtime, computers, fund_id, run.id) for _ in range(2)))
    assert sorted(done) == [False, True]
    assert not await optimise(funds.runtime, computers, fund_id, run.id)
    assert await ends(funds, fund_id) == 1


async def test_runs_at_once_need_no_more_connections_than_there_are(
    funds: Funds, fund_id: UUID, computers: Computers
) -> None:
    few = Settings(database_pool=2, reserve_concurrency=4)
    runs = [await asked(funds, fund_id, RunOptions(iterations=100, seed=seed)) for seed in range(4)]
    async with opened(few, funds.database_url, funds.redis.url) as runtime:
        assert all(await asyncio.gather(*(optimise(runtime, computers, fund_id, run.id) for run in runs)))
    assert await ends(funds, fund_id) == 4


async def test_a_run_that_is_cancelled_is_left_within_a_second(
    funds: Funds, fund_id: UUID, computers: Computers
) -> None:
    await computers.warm()
    run = await asked(funds, fund_id, LONG)
    job = asyncio.ensure_future(optimise(funds.runtime, computers, fund_id, run.id))
    await computing(funds, run)
    await funds.runtime.runs.cancel(fund_id, run.id, actor=funds.actor)
    async with asyncio.timeout(1):
        assert not await job
    assert (await found(funds.runtime, fund_id, run)).status is RunStatus.CANCELLED
    assert await ends(funds, fund_id) == 1


async def test_a_run_is_left_though_the_word_of_its_end_was_lost(
    funds: Funds, fund_id: UUID, computers: Computers
) -> None:
    await computers.warm()
    run = await asked(funds, fund_id, LONG)
    job = asyncio.ensure_future(optimise(funds.runtime, computers, fund_id, run.id))
    await computing(funds, run)
    pool, words = funds.runtime.pool, Words(Redis.from_url("unix:///nowhere"))
    deaf = Runs(pool, pool, funds.runtime.ledger, words)
    await deaf.cancel(fund_id, run.id, actor=funds.actor)
    # Between the worker's own words there is never silence.
    assert not await asyncio.wait_for(job, 20)
    assert (await found(funds.runtime, fund_id, run)).status is RunStatus.CANCELLED


async def test_the_last_word_is_told_again_while_nothing_new_is_done(
    funds: Funds, fund_id: UUID, computers: Computers
) -> None:
    run = await asked(funds, fund_id, LONG)
    job = asyncio.ensure_future(optimise(funds.runtime, computers, fund_id, run.id))
    await computing(funds, run)
    pid = computer(computers)
    # As silent as the solver, which may be at it for seconds.
    os.kill(pid, signal.SIGSTOP)
    async with aclosing(funds.runtime.words.on(run.id)) as words:
        # First what was on its way when it was stopped.
        before, word = None, await next_word(words)
        while before is None or before.share < word.share:
            before, word = word, await next_word(words)
        began = monotonic()
        silent = [word, *[await next_word(words) for _ in range(6)]]
        seconds = monotonic() - began
    os.kill(pid, signal.SIGCONT)
    assert {(word.share, word.stage) for word in silent} == {(silent[0].share, "simulation")}
    assert 2 * seconds <= 8
    left = [word.seconds_left for word in silent if word.seconds_left is not None]
    assert len(left) == len(silent)
    assert left == sorted(left)
    assert 0 <= left[0] < left[-1]
    await funds.runtime.runs.cancel(fund_id, run.id, actor=funds.actor)
    assert not await job


@given(share=floats(0.0, 1.0), gone=floats(0.0, 1e6))
def test_the_seconds_left_are_never_below_nothing(share: float, gone: float) -> None:
    left = seconds_left(share, gone)
    assert (left is None) == (share == 0.0)
    assert left is None or left >= 0.0
    assert left == 0.0 or share < 1.0


async def test_a_run_whose_process_was_killed_is_tried_once_more(
    funds: Funds, fund_id: UUID, computers: Computers
) -> None:
    run = await asked(funds, fund_id, RunOptions(iterations=2_000_000))
    job = asyncio.ensure_future(optimise(funds.runtime, computers, fund_id, run.id))
    await computing(funds, run)
    killed = computer(computers)
    os.kill(killed, signal.SIGKILL)
    assert await job
    assert computer(computers) != killed
    after = await found(funds.runtime, fund_id, run)
    assert (after.status, await ends(funds, fund_id)) == (RunStatus.SUCCEEDED, 1)


async def test_a_run_whose_process_is_killed_again_fails(funds: Funds, fund_id: UUID, computers: Computers) -> None:
    run = await asked(funds, fund_id, LONG)
    job = asyncio.ensure_future(optimise(funds.runtime, computers, fund_id, run.id))
    killed: list[int] = []
    while len(killed) < 2:
        await computing(funds, run)
        (one,) = computers._all
        if (pid := one._process.pid) is not None and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        await asyncio.sleep(0.01)
    assert await job
    failed = await found(funds.runtime, fund_id, run)
    assert (failed.status, failed.error) == (
        RunStatus.FAILED,
        "the process that computed it ended twice: it may need more memory than there is",
    )
    assert await ends(funds, fund_id) == 1


async def test_what_a_worker_left_half_done_another_takes_up(funds: Funds, fund_id: UUID, computers: Computers) -> None:
    run = await asked(funds, fund_id, RunOptions(iterations=2_000_000))
    job = asyncio.ensure_future(optimise(funds.runtime, computers, fund_id, run.id))
    await computing(funds, run)
    job.cancel()
    with suppress(asyncio.CancelledError):
        await job
    assert await optimise(funds.runtime, computers, fund_id, run.id)
    assert (await found(funds.runtime, fund_id, run)).status is RunStatus.SUCCEEDED
    assert await ends(funds, fund_id) == 1


async def test_a_run_that_takes_too_long_fails(funds: Funds, fund_id: UUID, computers: Computers) -> None:
    run = await asked(funds, fund_id, LONG)
    async with opened(Settings(reserve_timeout=1), funds.database_url, funds.redis.url) as hasty:
        assert await optimise(hasty, computers, fund_id, run.id)
    after = await found(funds.runtime, fund_id, run)
    assert (after.status, after.error) == (RunStatus.FAILED, "it took longer than 1 seconds")


async def test_a_run_whose_place_in_the_queue_was_lost_is_computed(funds: Funds, queue: Queue, fund_id: UUID) -> None:
    run = await asked(funds, fund_id)
    async with following(funds, queue):

        async def waits() -> bool:
            return await funds.waiting("optimise", "arq:reserves") != []

        await until(waits)
    await funds.runtime.redis.flushall()
    async with working(funds, queue):
        assert (await over(funds, fund_id, run)).status is RunStatus.SUCCEEDED


async def test_only_what_is_out_of_date_is_asked_for_again(funds: Funds, fund_id: UUID, computers: Computers) -> None:
    other = await funds.opened()
    assert await recalculate(funds.runtime) == 0
    for one in (fund_id, other):
        run = await asked(funds, one)
        assert await optimise(funds.runtime, computers, one, run.id)
    assert await recalculate(funds.runtime) == 0
    await record(funds.runtime, fund_id, funds.actor, FeeCharged(Money(1)))
    assert await recalculate(funds.runtime) == 1
    (again,) = [run for run in await funds.runtime.runs.page(fund_id, below=None, limit=10) if not run.ended]
    assert again.request.options == QUICK
    assert len(await funds.runtime.runs.page(other, below=None, limit=10)) == 1
