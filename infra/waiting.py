"""Waiting: how many jobs a queue holds, and how long the oldest that is due has waited."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from time import time
from typing import cast

from arq.constants import default_queue_name, in_progress_key_prefix
from redis.asyncio import Redis

from domain.rules import DeliveryChannel
from infra.queue import RESERVES_QUEUE, channel_queue

QUEUES = (
    default_queue_name,
    *(channel_queue(channel) for channel in DeliveryChannel if channel is not DeliveryChannel.IN_APP),
    RESERVES_QUEUE,
)
"""Every queue there is."""
LOOKED_AT = 200
"""Due jobs looked at: more are never being done at once."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a queue stands.

    Attributes:
        jobs: Those that wait, are put off, or are being done.
        age: Seconds that the oldest has waited that is due and isn't being done; 0 without one.
    """

    queue: str
    jobs: int
    age: float


async def waiting(redis: Redis) -> list[Waiting]:
    """How every queue stands.

    Raises:
        RedisError: If Redis can't be asked.
    """
    now = time() * 1000
    async with redis.pipeline(transaction=False) as asked:
        for queue in QUEUES:
            asked.zcard(queue)
            asked.zrangebyscore(queue, "-inf", now, start=0, num=LOOKED_AT, withscores=True)
        told = await asked.execute()
    return [
        Waiting(queue, told[2 * place], await _age(redis, told[2 * place + 1], now))
        for place, queue in enumerate(QUEUES)
    ]


async def _age(redis: Redis, due: Sequence[tuple[bytes, float]], now: float) -> float:
    """Of the first that nobody is at: jobs stay in their queue until they are done."""
    if not due:
        return 0.0
    keys = [in_progress_key_prefix + job_id.decode() for job_id, _ in due]
    taken = await cast("Awaitable[list[bytes | None]]", redis.mget(keys))
    ages = [(now - score) / 1000 for (_, score), by in zip(due, taken, strict=True) if by is None]
    return max(ages, default=0.0)
