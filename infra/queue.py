"""The job queue: jobs by name, so that whoever wants one needs to know nothing of who does it."""

from typing import Self
from uuid import UUID

from arq import ArqRedis, create_pool
from arq.connections import RedisSettings
from redis.exceptions import RedisError

from infra.postgres import UnavailableError

KEEP_UP_SNAPSHOTS = "keep_up_snapshots"


def redis_settings(redis_url: str) -> RedisSettings:
    """The address as arq takes it."""
    return RedisSettings.from_dsn(redis_url)


class Queue:
    """Asks for jobs. arq delivers at least once: a job is done again after a crash, so each is idempotent."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

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
        try:
            job_id = f"{KEEP_UP_SNAPSHOTS}:{fund_id}:{step}"
            await self._redis.enqueue_job(KEEP_UP_SNAPSHOTS, str(fund_id), _job_id=job_id)
        except (RedisError, OSError) as fault:
            message = "Redis can't be reached"
            raise UnavailableError(message) from fault

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()
