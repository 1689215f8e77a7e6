"""Rates: how much each subject may ask for, counted in Redis so that all processes count together.

A bucket of points for each, filled evenly. A process draws a few more than it needs and spends them by itself, so that
most operations ask Redis nothing. What it has drawn is gone from the bucket: together they never spend more.
"""

import asyncio
import logging
from collections import OrderedDict
from time import monotonic
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.postgres import UnavailableError

log = logging.getLogger(__name__)

ANSWER_SECONDS = 0.5
"""A Redis that takes longer for an answer counts as away."""
AWAY_SECONDS = 1.0
"""How long a Redis that was away isn't asked."""
AHEAD = 1 / 20
"""Of the bucket, drawn at once."""
REMEMBERED = 10_000
"""Subjects whose points a process holds; what others had left is lost to them."""
DRAW: Final = """
local held = redis.call('HMGET', KEYS[1], 'points', 'at')
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local most, each, needed, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local points = most
if held[1] then
  points = math.min(most, tonumber(held[1]) + math.max(0, now - tonumber(held[2])) * each)
end
if points < needed then
  return {'0', tostring((needed - points) / each)}
end
local drawn = math.min(points, wanted)
redis.call('HSET', KEYS[1], 'points', string.format('%.6f', points - drawn), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(most / each) + 1)
return {string.format('%.6f', drawn), '0'}
"""
"""Takes at least what is needed and up to what is wanted, or tells in how many seconds there will be as much."""


class Rates:
    """Points of all subjects.

    Args:
        per_minute: Points of each, and its bucket's size; 0 counts nothing.
        fails_open: Whether everything is allowed while Redis is away, rather than nothing.
    """

    def __init__(self, redis: Redis, per_minute: int, *, fails_open: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._draw = redis.register_script(DRAW)
        self._most = per_minute
        self._fails_open = fails_open
        self._held: OrderedDict[str, float] = OrderedDict()
        self._away_until = 0.0

    async def spend(self, subject: str, points: float) -> float:
        """Spends points of a subject, and gives 0; or the seconds to wait for them, if it doesn't have them.

        Raises:
            UnavailableError: If Redis is away, and nothing is allowed then.
        """
        if not self._most:
            return 0.0
        if asyncio.get_running_loop() is not self._loop:
            # Of a question that is answered beside the loop: Redis is the loop's.
            spending = asyncio.run_coroutine_threadsafe(self.spend(subject, points), self._loop)
            return await asyncio.wrap_future(spending)
        # What costs more than a bucket holds takes a full one.
        needed = min(float(points), float(self._most))
        held = self._held.pop(subject, 0.0)
        if held < needed:
            drawn, wait = await self._drawn(subject, needed - held)
            # Others may have drawn meanwhile.
            held += drawn + self._held.pop(subject, 0.0)
            if held < needed:
                self._keep(subject, held)
                return wait
        self._keep(subject, held - needed)
        return 0.0

    def _keep(self, subject: str, points: float) -> None:
        if points > 0:
            self._held[subject] = points
        if len(self._held) > REMEMBERED:
            self._held.popitem(last=False)

    async def _drawn(self, subject: str, needed: float) -> tuple[float, float]:
        """Points drawn, and the seconds to wait where there are too few."""
        try:
            if monotonic() < self._away_until:
                raise ConnectionError
            async with asyncio.timeout(ANSWER_SECONDS):
                drawn, wait = await self._draw(
                    keys=[f"drypowder:rate:{subject}"],
                    args=[self._most, self._most / 60, needed, max(needed, self._most * AHEAD)],
                )
        except (RedisError, OSError, TimeoutError) as fault:
            if monotonic() >= self._away_until:
                log.warning("rates aren't counted: Redis is away")
                self._away_until = monotonic() + AWAY_SECONDS
            if self._fails_open:
                return needed, 0.0
            message = "Redis is away"
            raise UnavailableError(message) from fault
        return float(drawn), float(wait)
