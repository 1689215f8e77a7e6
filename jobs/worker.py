"""The worker process: arq's jobs and the follower that asks for them."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import Any
from uuid import UUID

from arq import Retry, cron, func
from arq.worker import Worker
from redis.exceptions import RedisError

from infra.locate import servers
from infra.logs import configure
from infra.postgres import UnavailableError
from infra.queue import KEEP_UP_SNAPSHOTS, Queue, redis_settings
from infra.runtime import Runtime, opened
from infra.settings import settings
from jobs import snapshots
from jobs.follow import follow

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Before trying again when PostgreSQL or Redis is away."""
MAX_PAUSE_SECONDS = 60
"""Pauses between a job's tries double up to this."""
MAX_TRIES = 60
"""Of a job while the database is away: about an hour's."""


@contextmanager
def _backing_off(ctx: dict[str, Any]) -> Iterator[None]:
    """Has the job tried again later when the database is away."""
    try:
        yield
    except UnavailableError as fault:
        raise Retry(defer=min(2 ** ctx["job_try"], MAX_PAUSE_SECONDS)) from fault


async def keep_up_snapshots(ctx: dict[str, Any], fund_id: str) -> int:
    """Job: the snapshots a fund lacks."""
    with _backing_off(ctx):
        return await snapshots.keep_up(ctx["runtime"], UUID(fund_id))


async def nightly_snapshots(ctx: dict[str, Any]) -> int:
    """Job: the night's snapshots."""
    with _backing_off(ctx):
        return await snapshots.nightly(ctx["runtime"])


def worker(runtime: Runtime, redis_url: str) -> Worker:
    """The arq worker with every job of the product."""
    return Worker(
        functions=[func(keep_up_snapshots, name=KEEP_UP_SNAPSHOTS, keep_result=0)],
        cron_jobs=[cron(nightly_snapshots, hour=0, minute=0, run_at_startup=False, max_tries=MAX_TRIES)],
        redis_settings=redis_settings(redis_url),
        ctx={"runtime": runtime},
        handle_signals=False,
        max_tries=MAX_TRIES,
        timezone=UTC,
        log_results=False,
    )


async def run(database_url: str, redis_url: str) -> None:
    """Works until told to stop; waits and goes on when PostgreSQL or Redis goes away."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.ensure_future(stop.wait())
    while not stop.is_set():
        working = asyncio.ensure_future(_work(database_url, redis_url))
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        try:
            await working
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
        except (UnavailableError, RedisError, OSError) as fault:
            log.warning("the worker waits: %s", fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)


async def _work(database_url: str, redis_url: str) -> None:
    async with opened(settings(), database_url, redis_url) as runtime:
        queue = await Queue.connected(redis_url)
        jobs = worker(runtime, redis_url)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(jobs.async_run())
                tasks.create_task(follow(runtime, queue))
        except* (UnavailableError, RedisError, OSError) as faults:
            raise faults.exceptions[0] from None
        finally:
            await _close(jobs)
            await queue.close()


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
    configure(settings().log_level)
    database_url, redis_url = servers()
    asyncio.run(run(database_url, redis_url))


if __name__ == "__main__":
    main()
