"""The funds of one database, the worker's parts at work on them, and waiting for what these bring about."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from arq import ArqRedis, create_pool
from arq.constants import default_queue_name

from domain.capital import FeeCharged, FundOpened
from domain.money import Money
from infra.drafts import Draft
from infra.embedded import EmbeddedRedis
from infra.queue import KEEP_UP_SNAPSHOTS, Queue, redis_settings
from infra.runtime import Runtime
from infra.snapshots import Snapshot
from jobs.follow import follow
from jobs.worker import _close, workers
from tests.conftest import OPENED_AT

PATIENCE = 100.0
"""Seconds until a test gives up on a busy machine; nothing here takes more than a few."""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for something that others bring about."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Funds:
    """The funds of one database, and what there is in its queue."""

    runtime: Runtime
    database_url: str
    redis: EmbeddedRedis
    actor: UUID

    async def opened(self, version: int = 1) -> UUID:
        """A fund with as many facts, its opening included."""
        fund_id, _ = await self.runtime.ledger.open_fund(
            FundOpened("F", "USD", 2006, Money(10**9)), OPENED_AT, actor=self.actor
        )
        await self.reach(fund_id, version)
        return fund_id

    async def reach(self, fund_id: UUID, version: int) -> None:
        """As many more facts as bring the fund to that version."""
        now = await self.runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
        if version > now:
            fee = Draft(FeeCharged(Money(1)), OPENED_AT)
            await self.runtime.ledger.record(fund_id, [fee] * (version - now), actor=self.actor)

    async def snapshots(self, fund_id: UUID) -> Sequence[Snapshot]:
        """All of a fund, newest made first."""
        return await self.runtime.snapshots.listed(fund_id, after=None, limit=1_000)

    async def waiting(self, name: str = KEEP_UP_SNAPSHOTS, queue_name: str = default_queue_name) -> list[str]:
        """Ids of the jobs of this name that wait or are being done."""
        pool = await self.queue_itself()
        try:
            # Not queued_jobs(), which fails where a job is done while it looks.
            ids = [job_id.decode() for job_id in await pool.zrange(queue_name, 0, -1)]
        finally:
            await pool.aclose()
        return sorted(job_id for job_id in ids if job_id.split(":")[0] == name)

    async def queue_itself(self) -> ArqRedis:
        """A connection to the queue, to be closed."""
        return await create_pool(redis_settings(self.redis.url))

    async def kill_redis(self) -> None:
        """Ends it without warning."""
        assert self.redis.pid is not None
        os.kill(self.redis.pid, signal.SIGKILL)

        async def ended() -> bool:
            return self.redis.exit_status is not None

        await until(ended)

    async def start_redis(self) -> None:
        """Starts it again with what it had."""
        self.redis.start()
        await asyncio.to_thread(self.redis.wait_ready)


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


@asynccontextmanager
async def doing_jobs(funds: Funds, queue: Queue) -> AsyncIterator[None]:
    """Arq's workers, as the worker runs them."""
    every = workers(funds.runtime, queue, funds.redis.url)
    tasks = [asyncio.ensure_future(jobs.async_run()) for jobs in every]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for jobs in every:
            await _close(jobs)


@asynccontextmanager
async def working(funds: Funds, queue: Queue) -> AsyncIterator[None]:
    """Both, in this process."""
    async with doing_jobs(funds, queue), following(funds, queue):
        yield
