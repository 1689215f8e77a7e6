"""Rates: points of each subject in Redis, spent by several processes that together never spend more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from infra.postgres import UnavailableError
from infra.rates import AHEAD, Rates
from tests.conftest import Servers, running_redis

SLOW = 60
"""Points a minute: one a second, so that what comes back within a test is little."""


@pytest_asyncio.fixture
async def redis(servers: Servers) -> AsyncIterator[Redis]:
    async with Redis.from_url(servers.redis_url) as client:
        yield client


@pytest.fixture
def subject() -> str:
    return f"person:{uuid4()}"


async def spent(rates: Rates, subject: str, points: float, times: int) -> int:
    """How often so many points could be spent."""
    return sum([await rates.spend(subject, points) == 0 for _ in range(times)])


async def test_a_full_bucket_is_spent_and_then_there_is_a_wait(redis: Redis, subject: str) -> None:
    rates = Rates(redis, SLOW, fails_open=False)
    assert await spent(rates, subject, 10, 6) == 6
    wait = await rates.spend(subject, 10)
    assert 8 < wait <= 10


async def test_what_is_over_comes_back_evenly(redis: Redis, subject: str) -> None:
    rates = Rates(redis, 60_000, fails_open=False)  # One a millisecond.
    assert await rates.spend(subject, 60_000) == 0
    wait = await rates.spend(subject, 100)
    assert 0 < wait <= 0.1
    await asyncio.sleep(wait)
    assert await rates.spend(subject, 100) == 0


async def test_two_processes_spend_together_no_more_than_there_is(redis: Redis, subject: str) -> None:
    both = [Rates(redis, SLOW, fails_open=False) for _ in range(2)]
    counts = await asyncio.gather(*[spent(rates, subject, 1, 60) for rates in both])
    # What one has drawn and not spent the other can't have; a second or two may go by.
    assert 60 - SLOW * AHEAD <= sum(counts) <= 63


async def test_what_is_asked_for_at_once_takes_no_more_than_it_costs(redis: Redis, subject: str) -> None:
    # Each draws ahead; together they would draw more than there is.
    rates = Rates(redis, 1_000, fails_open=False)
    assert await asyncio.gather(*(rates.spend(subject, 10) for _ in range(60))) == [0.0] * 60


async def test_one_subject_s_spending_is_not_another_s(redis: Redis, subject: str) -> None:
    rates = Rates(redis, SLOW, fails_open=False)
    assert await rates.spend(subject, 60) == 0
    assert await rates.spend(subject, 60) > 0
    assert await rates.spend(f"{subject}, another", 60) == 0


async def test_what_costs_more_than_a_bucket_takes_a_full_one(redis: Redis, subject: str) -> None:
    rates = Rates(redis, SLOW, fails_open=False)
    assert await rates.spend(subject, 1_000) == 0
    assert await rates.spend(subject, 1) > 0


async def test_most_of_many_small_sums_ask_redis_nothing(redis: Redis, subject: str) -> None:
    rates = Rates(redis, 60_000, fails_open=False)
    await rates.spend(subject, 1)
    before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert await spent(rates, subject, 10, 200) == 200
    after = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert after == before


async def test_a_bucket_is_forgotten_once_it_is_full_again(redis: Redis, subject: str) -> None:
    await Rates(redis, SLOW, fails_open=False).spend(subject, 1)
    assert 59 <= await redis.ttl(f"drypowder:rate:{subject}") <= 61


async def test_without_a_rate_nothing_is_counted(redis: Redis, subject: str) -> None:
    assert await spent(Rates(redis, 0, fails_open=False), subject, 10**9, 3) == 3
    assert not await redis.exists(f"drypowder:rate:{subject}")


async def test_a_question_answered_beside_the_loop_is_counted_too(redis: Redis, subject: str) -> None:
    rates = Rates(redis, SLOW, fails_open=False)
    assert await asyncio.to_thread(lambda: asyncio.run(rates.spend(subject, 60))) == 0
    assert await asyncio.to_thread(lambda: asyncio.run(rates.spend(subject, 60))) > 0


async def test_while_redis_is_away_everything_is_allowed_or_nothing_as_set(tmp_path: Path, subject: str) -> None:
    with running_redis(tmp_path) as server:
        async with Redis.from_url(server.url) as client:
            is_open, closed = (Rates(client, SLOW, fails_open=way) for way in (True, False))
            assert await is_open.spend(subject, 50) == 0
            server.stop()
            assert await spent(is_open, subject, 60, 3) == 3
            for _ in range(3):
                with pytest.raises(UnavailableError):
                    await closed.spend(subject, 60)
