"""The job queue: jobs by name, so that whoever wants one needs to know nothing of who does it."""

from datetime import timedelta
from typing import Self
from uuid import UUID, uuid4

from arq import ArqRedis, create_pool
from arq.connections import RedisSettings
from redis.exceptions import RedisError

from domain.rules import DeliveryChannel
from infra.postgres import UnavailableError

KEEP_UP_SNAPSHOTS = "keep_up_snapshots"
EVALUATE = "evaluate"
DELIVER = "deliver"
REFRESH_SUMMARY = "refresh_summary"
OPTIMISE = "optimise"
RESERVES_QUEUE = "arq:reserves"
"""Apart, so that long runs keep nothing else waiting."""
REFRESH_AFTER = timedelta(seconds=1)
"""Changes of that long share one refresh."""


def redis_settings(redis_url: str) -> RedisSettings:
    """The address as arq takes it."""
    return RedisSettings.from_dsn(redis_url)


def channel_queue(channel: DeliveryChannel) -> str:
    """The queue of a channel: each has its own, so that a dead one delays no other."""
    return f"arq:{channel.lower()}"


class Queue:
    """Asks for jobs. arq delivers at least once: a job is done again after a crash, so each is idempotent."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        # What a worker that died was at keeps its name for minutes, and nobody else gets it by that name.
        self._run = uuid4().hex[:8]

    @classmethod
    async def connected(cls, redis_url: str) -> Self:
        """A queue on this Redis.

        Raises:
            UnavailableError: If it can't be reached.
        """
        try:
            return cls(await create_pool(redis_settings(redis_url)))
        except (RedisError, OSError) as fault:
            message = "Redis can't be reached"
            raise UnavailableError(message) from fault

    async def keep_up_snapshots(self, fund_id: UUID, step: int) -> None:
        """Ask for the snapshots a fund lacks; asked again for the same `step` while it waits, it is done once.

        Raises:
            UnavailableError: If Redis can't be reached.
        """
        await self._ask(KEEP_UP_SNAPSHOTS, str(fund_id), job_id=f"{KEEP_UP_SNAPSHOTS}:{fund_id}:{step}")

    async def evaluate(self, fund_id: UUID, turn: str) -> None:
        """Ask for a fund's new facts to be evaluated; asked again for the same `turn` while it waits, once.

        Raises:
            UnavailableError: If Redis can't be reached.
        """
        await self._ask(EVALUATE, str(fund_id), job_id=f"{EVALUATE}:{fund_id}:{turn}")

    async def deliver(self, fund_id: UUID, channel: DeliveryChannel, turn: str) -> None:
        """Ask for what a fund's channel has to deliver; asked again here for the same `turn` while it waits, once.

        Raises:
            UnavailableError: If Redis can't be reached.
        """
        job_id = f"{DELIVER}:{fund_id}:{channel}:{turn}:{self._run}"
        await self._ask(DELIVER, str(fund_id), channel.value, job_id=job_id, queue=channel_queue(channel))

    async def optimise(self, fund_id: UUID, run_id: str, turn: str) -> None:
        """Ask for a reserve run to be computed; asked again here for the same `turn` while it waits, once.

        Raises:
            UnavailableError: If Redis can't be reached.
        """
        job_id = f"{OPTIMISE}:{run_id}:{turn}:{self._run}"
        await self._ask(OPTIMISE, str(fund_id), run_id, job_id=job_id, queue=RESERVES_QUEUE)

    async def refresh_summary(self) -> None:
        """Ask for the summary of variances to be brought up to date, soon.

        Raises:
            UnavailableError: If Redis can't be reached.
        """
        await self._ask(REFRESH_SUMMARY, job_id=f"{REFRESH_SUMMARY}:{self._run}", after=REFRESH_AFTER)

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()

    async def _ask(
        self, name: str, *arguments: str, job_id: str, queue: str | None = None, after: timedelta | None = None
    ) -> None:
        try:
            await self._redis.enqueue_job(name, *arguments, _job_id=job_id, _queue_name=queue, _defer_by=after)
        except (RedisError, OSError) as fault:
            message = "Redis can't be reached"
            raise UnavailableError(message) from fault
