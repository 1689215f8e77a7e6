"""Progress: how reserve runs are doing, told by whoever computes them and heard by whoever follows them.

Redis carries it, so that every word may be lost. None of it is needed to know what is over: that the facts say.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Generic, Self, TypeVar

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

T = TypeVar("T")

REPEAT_SECONDS = 0.25
"""Whoever computes a run tells of it at least that often, so that nobody waits for half a second."""
LOOK_SECONDS = 0.4
"""Where nothing is heard for that long, words may have been lost."""
KEPT_SECONDS = 5
"""How long a word is good for: nobody is at a run of which nothing was told for that long."""
ANSWER_SECONDS = 1.0
"""A Redis that takes longer for a word keeps nobody waiting."""


class Progress(msgspec.Struct, frozen=True):
    """How a run is doing: share of the work done, 0 to 1."""

    share: float
    stage: str
    message: str
    seconds_left: float | None = None
    over: bool = False


def channel(run_id: str) -> str:
    """Where a run's progress is told."""
    return f"drypowder:run:{run_id}"


class Words:
    """What is told of runs."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def tell(self, run_id: str, progress: Progress) -> None:
        """Tells whoever follows the run. Lost words are covered by the facts."""
        text = msgspec.json.encode(progress)
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._redis.pipeline(transaction=False) as both:
                both.set(channel(run_id), text, ex=KEPT_SECONDS)
                both.publish(channel(run_id), text)
                await both.execute()
        except (RedisError, OSError):
            return

    async def on(self, run_id: str) -> AsyncGenerator[Progress | None, None]:
        """Words on a run as they come; None after `LOOK_SECONDS` without any: what Redis says is only a hint."""
        while True:
            try:
                async with self._redis.pubsub() as heard:
                    await heard.subscribe(channel(run_id))
                    while True:
                        message = await heard.get_message(ignore_subscribe_messages=True, timeout=LOOK_SECONDS)
                        yield None if message is None else _parsed(message["data"])
            except (RedisError, OSError):
                yield None
                await asyncio.sleep(LOOK_SECONDS)

    async def last(self, run_id: str) -> Progress | None:
        """The last word on a run; None where none is remembered."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                text = await self._redis.get(channel(run_id))
        except (RedisError, OSError):
            return None
        return None if text is None else _parsed(text)


def _parsed(text: bytes) -> Progress | None:
    try:
        return msgspec.json.decode(text, type=Progress)
    except msgspec.DecodeError:
        # None of ours, or another version's.
        return None


class Glance(Generic[T]):
    """Looks without waiting for a database that hangs: one look goes on until it is answered."""

    def __init__(self) -> None:
        self._looking: asyncio.Task[T] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def at(self, look: Callable[[], Coroutine[None, None, T]]) -> T | None:
        """What was seen, or None if that takes longer than one waits for a word."""
        self._looking = self._looking or asyncio.create_task(look())
        answered, _ = await asyncio.wait([self._looking], timeout=LOOK_SECONDS)
        if not answered:
            return None
        looked, self._looking = self._looking, None
        return looked.result()
