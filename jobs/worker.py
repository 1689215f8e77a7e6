"""The worker process: arq's jobs and the follower that asks for them."""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from typing import Any
from uuid import UUID

from arq import cron, func
from arq.cron import CronJob
from arq.worker import Function, Worker
from redis.exceptions import RedisError

from domain.rules import DeliveryChannel
from infra import tenancy
from infra.computing import Computers
from infra.exposition import Exposition, PortTakenError, exposed
from infra.hands import chosen
from infra.locate import servers
from infra.logs import configure
from infra.metrics import Metrics
from infra.postgres import UnavailableError
from infra.queue import (
    DELIVER,
    EVALUATE,
    KEEP_UP_SNAPSHOTS,
    OPTIMISE,
    REFRESH_SUMMARY,
    RESERVES_QUEUE,
    Queue,
    channel_queue,
    redis_settings,
)
from infra.revision import SchemaError, check_revision
from infra.runtime import Runtime, opened
from infra.settings import settings
from infra.tracing import traced
from jobs import alerts, reserves, snapshots
from jobs.doing import job
from jobs.follow import follow

# By its name when it is the program, too.
log = logging.getLogger("jobs.worker")

PAUSE_SECONDS = 1.0
"""Before trying again when PostgreSQL or Redis is away."""
MAX_TRIES = 60
"""Of a job while the database is away: about an hour's."""
POLL_SECONDS = 0.05
"""Between two looks into a queue: an alert waits for that long at most."""
HEARTBEAT_SECONDS = 10
"""Between two signs of life that a worker leaves in Redis."""
MOST_DELIVERING = 50
"""Funds whose notices one channel delivers at once: servers that hang keep only their own fund waiting."""
RECALCULATED_MINUTE = 7
"""Of each hour: a little after others' jobs of the full hour."""
DAILY_LOOK_HOUR = 5
"""In UTC: before the day's digests, in most of the world."""


@job
async def keep_up_snapshots(ctx: dict[str, Any], fund_id: str) -> int:
    """Job: the snapshots a fund lacks."""
    return await snapshots.keep_up(ctx["runtime"], UUID(fund_id))


@job
async def evaluate(ctx: dict[str, Any], fund_id: str) -> int:
    """Job: a fund's news evaluated."""
    return await alerts.evaluate(ctx["runtime"], ctx["queue"], UUID(fund_id))


@job
async def refresh_summary(ctx: dict[str, Any]) -> None:
    """Job: the summary of variances up to date."""
    await ctx["runtime"].board.refresh()


@job
async def daily_look(ctx: dict[str, Any]) -> int:
    """Job: what the day has made overdue, and reminders."""
    return await alerts.look_again(ctx["runtime"], ctx["queue"])


@job
async def deliver(ctx: dict[str, Any], fund_id: str, channel: str) -> int:
    """Job: a fund's notices by one channel."""
    return await alerts.deliver(ctx["runtime"], UUID(fund_id), DeliveryChannel(channel))


@job
async def optimise(ctx: dict[str, Any], fund_id: str, run_id: str) -> bool:
    """Job: a reserve run."""
    return await reserves.optimise(ctx["runtime"], ctx["computers"], UUID(fund_id), run_id)


@job
async def recalculate(ctx: dict[str, Any]) -> int:
    """Job: new runs in place of those out of date."""
    return await reserves.recalculate(ctx["runtime"])


@job
async def nightly_snapshots(ctx: dict[str, Any]) -> int:
    """Job: the night's snapshots."""
    return await snapshots.nightly(ctx["runtime"])


def workers(runtime: Runtime, queue: Queue, redis_url: str, computers: Computers | None = None) -> list[Worker]:
    """The arq workers with every job of the product: one for the ledger's, and one for each channel outward."""
    computing = computers or Computers(runtime.settings.reserve_concurrency, chosen(runtime.settings))
    functions = [
        func(keep_up_snapshots, name=KEEP_UP_SNAPSHOTS, keep_result=0),
        func(evaluate, name=EVALUATE, keep_result=0),
        func(refresh_summary, name=REFRESH_SUMMARY, keep_result=0),
    ]
    cron_jobs = [
        cron(nightly_snapshots, hour=0, minute=0, run_at_startup=False, max_tries=MAX_TRIES),
        cron(recalculate, minute=RECALCULATED_MINUTE, run_at_startup=False, max_tries=MAX_TRIES),
        cron(daily_look, hour=DAILY_LOOK_HOUR, minute=0, run_at_startup=False, max_tries=MAX_TRIES),
    ]
    outward = [func(deliver, name=DELIVER, keep_result=0)]

    def worker(functions: Sequence[Function], *, cron_jobs: Sequence[CronJob] | None, **chosen: Any) -> Worker:
        return Worker(
            functions=functions,
            cron_jobs=cron_jobs,
            redis_settings=redis_settings(redis_url),
            ctx={"runtime": runtime, "queue": queue, "computers": computing},
            handle_signals=False,
            max_tries=MAX_TRIES,
            timezone=UTC,
            log_results=False,
            health_check_interval=HEARTBEAT_SECONDS,
            **chosen,
        )

    return [
        worker(functions, cron_jobs=cron_jobs, poll_delay=POLL_SECONDS),
        *(
            worker(
                outward,
                cron_jobs=None,
                queue_name=channel_queue(channel),
                max_jobs=MOST_DELIVERING,
                poll_delay=POLL_SECONDS,
            )
            for channel in DeliveryChannel
            if channel is not DeliveryChannel.IN_APP
        ),
        worker(
            [func(optimise, name=OPTIMISE, keep_result=0, timeout=runtime.settings.reserve_timeout + 60)],
            cron_jobs=None,
            queue_name=RESERVES_QUEUE,
            max_jobs=runtime.settings.reserve_concurrency,
            poll_delay=POLL_SECONDS,
        ),
    ]


async def run(database_url: str, redis_url: str) -> None:
    """Works until told to stop, then finishes what it is at; waits and goes on when PostgreSQL or Redis goes away."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    own, metrics = settings(), Metrics()
    shown = Exposition(metrics, own.metrics_token)
    async with exposed(shown, own.host, own.metrics_port), metrics.watching_loop():
        with traced(own, "worker"):
            await _work_until(stop, shown, database_url, redis_url)


async def _work_until(stop: asyncio.Event, shown: Exposition, database_url: str, redis_url: str) -> None:
    stopping = asyncio.ensure_future(stop.wait())
    while not stop.is_set():
        working = asyncio.ensure_future(_work(shown, database_url, redis_url, stop))
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((working,), timeout=settings().drain_limit)
        working.cancel()
        try:
            await working
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
            log.warning("jobs under way took too long: they are done again")
        except (UnavailableError, RedisError, OSError) as fault:
            log.warning("the worker waits: %s", fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)


async def _work(shown: Exposition, database_url: str, redis_url: str, stop: asyncio.Event) -> None:
    async with opened(settings(), database_url, redis_url, metrics=shown.metrics) as runtime, shown.of(runtime):
        await check_revision(runtime.pool)
        queue = await Queue.connected(redis_url)
        computers = Computers(runtime.settings.reserve_concurrency, chosen(runtime.settings))
        every = workers(runtime, queue, redis_url, computers)
        try:
            async with asyncio.TaskGroup() as tasks:
                endless = [
                    *(tasks.create_task(one.async_run()) for one in every),
                    tasks.create_task(follow(runtime, queue)),
                    # The first run shouldn't wait for NumPy and the solver.
                    tasks.create_task(computers.warm()),
                ]
                log.info("the worker takes up jobs")
                await stop.wait()
                await _finish(every)
                for task in endless:
                    task.cancel()
        except* (UnavailableError, RedisError, OSError) as faults:
            raise faults.exceptions[0] from None
        finally:
            for one in every:
                await _close(one)
            computers.close()
            await queue.close()


async def _finish(every: Sequence[Worker]) -> None:
    """Returns when the jobs under way are done; no others are taken up."""
    for one in every:
        one.allow_pick_jobs = False
    # What was just being taken up is among its tasks by then.
    await asyncio.sleep(2 * POLL_SECONDS)
    while under_way := [task for one in every for task in one.tasks.values() if not task.done()]:
        await asyncio.wait(under_way)


async def _close(jobs: Worker) -> None:
    """Ends arq's worker. The jobs it was at are done again, so how they end now is of no interest."""
    for task in jobs.tasks.values():
        task.cancel()
    await asyncio.gather(*jobs.tasks.values(), return_exceptions=True)
    # Not Worker.close(): it fails where a job did, or where Redis is away, and that would hide why we end.
    pool = getattr(jobs, "_pool", None)
    if pool is not None:
        with suppress(RedisError, OSError):
            await pool.delete(jobs.health_check_key)
        await pool.aclose(close_connection_pool=True)


def main() -> None:
    """The `drypowder worker` command's process."""
    configure(settings().log_level, settings().log_format)
    database_url, redis_url = servers()
    try:
        with tenancy.everyone():
            asyncio.run(run(database_url, redis_url))
    except (PortTakenError, SchemaError) as fault:
        sys.exit(f"drypowder: {fault}")
