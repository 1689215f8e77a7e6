"""The worker: does the jobs, survives its servers, ends when told."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from arq import Retry
from arq.cron import CronJob

from infra.computing import Computers
from infra.queue import Queue
from infra.snapshots import SnapshotKind
from jobs.worker import (
    MAX_TRIES,
    daily_look,
    deliver,
    evaluate,
    keep_up_snapshots,
    nightly_snapshots,
    optimise,
    recalculate,
    refresh_summary,
    workers,
)
from tests.histories import process
from tests.jobs.funds import Funds, until, working

PROJECT = Path(__file__).parents[2]
ENDING = 20.0
"""Seconds within which a worker has ended once told to."""


async def wait_for_snapshots(funds: Funds, fund_id: UUID, number: int) -> None:
    """Until the fund has as many automatic snapshots that hold for its newest version."""

    async def made() -> bool:
        found: int = await funds.runtime.pool.fetchval(
            "SELECT count(*) FROM snapshot WHERE fund_id = $1 AND kind = 'AUTO' AND hi IS NULL", fund_id
        )
        assert found <= number
        return found == number

    await until(made)


def crons(funds: Funds, queue: Queue) -> list[CronJob]:
    """The jobs that run by the clock."""
    every = workers(funds.runtime, queue, funds.redis.url)
    found = [one for jobs in every for one in jobs.cron_jobs]
    assert all(one.unique and not one.run_at_startup for one in found)
    return found


def next_run(cron: CronJob, after: datetime) -> datetime:
    """When it runs next, to the second: arq adds a fraction so that other schedulers come first."""
    cron.calculate_next(after)
    assert cron.next_run is not None
    return cron.next_run.replace(microsecond=0)


async def test_more_facts_than_the_frequency_bring_a_snapshot(funds: Funds, queue: Queue) -> None:
    async with working(funds, queue):
        few, many = await funds.opened(99), await funds.opened(101)
        await wait_for_snapshots(funds, many, 1)
        assert await funds.snapshots(few) == []

        async def done() -> bool:
            return await funds.waiting() == []

        await until(done)
        # A job that was done can be asked for again: nothing of it is kept.
        await funds.runtime.pool.execute("DELETE FROM snapshot")
        await queue.keep_up_snapshots(many, 1)
        await wait_for_snapshots(funds, many, 1)


async def test_the_nights_job_runs_at_midnight_in_utc_and_makes_every_funds_snapshot(
    funds: Funds, queue: Queue
) -> None:
    nightly, _, _ = crons(funds, queue)
    assert next_run(nightly, datetime(2026, 3, 29, 0, 30, tzinfo=UTC)) == datetime(2026, 3, 30, tzinfo=UTC)
    fund_id = await funds.opened()
    itself = await funds.queue_itself()
    await itself.enqueue_job(nightly.name)
    await itself.aclose()
    async with working(funds, queue):

        async def taken() -> bool:
            return [one.kind for one in await funds.snapshots(fund_id)] == [SnapshotKind.SCHEDULED]

        await until(taken)


async def test_the_daily_look_is_early_in_the_morning_in_utc(funds: Funds, queue: Queue) -> None:
    _, _, daily = crons(funds, queue)
    assert next_run(daily, datetime(2026, 3, 29, 0, 30, tzinfo=UTC)) == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert next_run(daily, datetime(2026, 3, 29, 5, 0, 30, tzinfo=UTC)) == datetime(2026, 3, 30, 5, tzinfo=UTC)


async def test_reserves_are_recalculated_every_hour(funds: Funds, queue: Queue) -> None:
    _, hourly, _ = crons(funds, queue)
    assert next_run(hourly, datetime(2026, 3, 29, 0, 30, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 7, tzinfo=UTC)
    assert next_run(hourly, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 7, tzinfo=UTC)


async def test_each_channel_outward_and_reserves_have_queues_of_their_own(funds: Funds, queue: Queue) -> None:
    ledgers, *outward = workers(funds.runtime, queue, funds.redis.url)
    assert sorted(ledgers.functions) == [
        "cron:daily_look",
        "cron:nightly_snapshots",
        "cron:recalculate",
        "evaluate",
        "keep_up_snapshots",
        "refresh_summary",
    ]
    assert [(one.queue_name, list(one.functions)) for one in outward] == [
        ("arq:email", ["deliver"]),
        ("arq:slack", ["deliver"]),
        ("arq:webhook", ["deliver"]),
        ("arq:reserves", ["optimise"]),
    ]


async def test_while_the_database_is_away_a_job_is_tried_again_later_and_later(funds: Funds, queue: Queue) -> None:
    async with process(funds.database_url, funds.redis.url) as gone:
        pass
    pauses = []
    for attempt in (1, 2, 5, 6, MAX_TRIES):
        ctx = {"runtime": gone, "queue": queue, "computers": Computers(1), "job_try": attempt}
        fund_id, retries = str(uuid4()), []
        for job in (
            keep_up_snapshots(ctx, fund_id),
            nightly_snapshots(ctx),
            evaluate(ctx, fund_id),
            daily_look(ctx),
            deliver(ctx, fund_id, "EMAIL"),
            refresh_summary(ctx),
            optimise(ctx, fund_id, "run"),
            recalculate(ctx),
        ):
            with pytest.raises(Retry) as tried:
                await job
            retries.append(tried.value.defer_score)
        (pause,) = set(retries)
        pauses.append(pause)
    assert pauses == [2_000, 4_000, 32_000, 60_000, 60_000]


class WorkerProcess:
    """`python -m jobs` as an operator runs it."""

    def __init__(self, funds: Funds, log: Path, **chosen: str) -> None:
        self._log = log
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env = {**kept, "DATABASE_URL": funds.database_url, "REDIS_URL": funds.redis.url, **chosen}
        with log.open("ab") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jobs"], cwd=PROJECT, env=env, stdout=told, stderr=told
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def told(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    async def says(self, text: str) -> None:
        """Waits until it has logged that."""

        async def said() -> bool:
            assert self.running, self.told
            return text in self.told

        await until(said)

    def tell(self) -> None:
        """Tells it to stop."""
        assert self.running, self.told
        self._process.send_signal(signal.SIGTERM)

    async def ends(self) -> None:
        """Tells it to stop, and sees that it does, in order."""
        self.tell()
        status = await asyncio.to_thread(self._process.wait, ENDING)
        assert status == 0, self.told
        assert "Traceback" not in self.told

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def worker_process(funds: Funds, log: Path, **chosen: str) -> Iterator[WorkerProcess]:
    started = WorkerProcess(funds, log, **chosen)
    try:
        yield started
    finally:
        started.kill()


@asynccontextmanager
async def held_up(funds: Funds, fund_id: UUID) -> AsyncIterator[None]:
    """Keeps whoever fills the fund's gaps waiting, so that a job is surely at it."""
    async with funds.runtime.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 1))", fund_id)
        yield


async def wait_for_waiting_job(funds: Funds) -> None:
    async def waits() -> bool:
        found: bool = await funds.runtime.pool.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
        )
        return found

    await until(waits)


async def test_a_worker_process_does_its_jobs_and_ends_when_told(funds: Funds, tmp_path: Path) -> None:
    before = await funds.opened(150)
    with worker_process(funds, tmp_path / "log") as process_:
        await wait_for_snapshots(funds, before, 1)
        later = await funds.opened(150)
        await wait_for_snapshots(funds, later, 1)
        await process_.ends()


async def test_a_worker_process_goes_on_after_redis_was_killed(funds: Funds, tmp_path: Path) -> None:
    with worker_process(funds, tmp_path / "log") as process_:
        await wait_for_snapshots(funds, await funds.opened(150), 1)
        await funds.kill_redis()
        meanwhile = await funds.opened(150)
        await process_.says("the worker waits")
        await funds.start_redis()
        await wait_for_snapshots(funds, meanwhile, 1)
        await wait_for_snapshots(funds, await funds.opened(150), 1)
        await process_.ends()


async def test_a_worker_process_goes_on_after_redis_was_killed_in_the_middle_of_a_job(
    funds: Funds, tmp_path: Path
) -> None:
    with worker_process(funds, tmp_path / "log") as process_:
        busy = await funds.opened(150)
        async with held_up(funds, busy):
            await wait_for_waiting_job(funds)
            await funds.kill_redis()
            await process_.says("the worker waits")
            await funds.start_redis()
            await wait_for_snapshots(funds, await funds.opened(150), 1)
        assert process_.running


async def test_a_job_in_hand_is_finished_before_a_worker_ends(funds: Funds, tmp_path: Path) -> None:
    fund_id = await funds.opened(150)
    with worker_process(funds, tmp_path / "log", DRAIN_LIMIT="60") as process_:
        async with held_up(funds, fund_id):
            await wait_for_waiting_job(funds)
            process_.tell()
        await process_.ends()
    assert [one.version for one in await funds.snapshots(fund_id)] == [150]
    assert "jobs under way" not in process_.told


async def test_a_job_that_keeps_a_worker_too_long_is_done_by_the_next(funds: Funds, tmp_path: Path) -> None:
    fund_id = await funds.opened(150)
    async with held_up(funds, fund_id):
        with worker_process(funds, tmp_path / "log", DRAIN_LIMIT="0.2") as first:
            await wait_for_waiting_job(funds)
            await first.ends()
            assert "jobs under way took too long: they are done again" in first.told
    with worker_process(funds, tmp_path / "log") as second:
        await wait_for_snapshots(funds, fund_id, 1)
        await second.ends()


async def test_a_worker_process_waits_for_redis_to_come(funds: Funds, tmp_path: Path) -> None:
    fund_id = await funds.opened(150)
    await funds.kill_redis()
    with worker_process(funds, tmp_path / "log") as process_:
        await process_.says("the worker waits: Redis can't be reached")
        await funds.start_redis()
        await wait_for_snapshots(funds, fund_id, 1)
        await process_.ends()


async def test_a_worker_process_ends_when_told_while_it_waits(funds: Funds, tmp_path: Path) -> None:
    await funds.kill_redis()
    with worker_process(funds, tmp_path / "log") as process_:
        await process_.says("the worker waits")
        await process_.ends()
        await funds.start_redis()
