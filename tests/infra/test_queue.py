"""The queue of jobs: what waits in it, and what becomes of a request while Redis is away."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from arq import create_pool
from arq.jobs import JobDef

from infra.embedded import EmbeddedRedis
from infra.postgres import UnavailableError
from infra.queue import KEEP_UP_SNAPSHOTS, OPTIMISE, RESERVES_QUEUE, Queue, redis_settings
from tests.conftest import running_redis


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Redis with nothing of others in it."""
    with running_redis(tmp_path_factory.mktemp("queue") / "redis") as redis:
        yield redis


@pytest_asyncio.fixture
async def queue(own_redis: EmbeddedRedis) -> AsyncIterator[Queue]:
    made = await Queue.connected(own_redis.url)
    try:
        yield made
    finally:
        await made.close()


async def waiting(redis: EmbeddedRedis) -> list[JobDef]:
    """The jobs that wait, and an empty queue afterwards."""
    pool = await create_pool(redis_settings(redis.url))
    try:
        jobs = await pool.queued_jobs()
        await pool.flushall()
    finally:
        await pool.aclose()
    return jobs


async def test_a_job_waits_under_its_name_with_the_fund(queue: Queue, own_redis: EmbeddedRedis) -> None:
    fund_id = uuid4()
    await queue.keep_up_snapshots(fund_id, 7)
    (job,) = await waiting(own_redis)
    assert (job.function, job.args, job.kwargs) == (KEEP_UP_SNAPSHOTS, (str(fund_id),), {})
    assert job.job_id == f"{KEEP_UP_SNAPSHOTS}:{fund_id}:7"


async def test_asked_again_for_the_same_step_it_waits_once(queue: Queue, own_redis: EmbeddedRedis) -> None:
    one, other = uuid4(), uuid4()
    for fund_id, step in ((one, 1), (one, 1), (one, 2), (other, 1), (one, 2)):
        await queue.keep_up_snapshots(fund_id, step)
    assert sorted(str(job.job_id) for job in await waiting(own_redis)) == sorted(
        f"{KEEP_UP_SNAPSHOTS}:{fund_id}:{step}" for fund_id, step in ((one, 1), (one, 2), (other, 1))
    )


async def test_a_run_waits_once_for_each_who_asks_so_that_none_waits_for_who_died(
    queue: Queue, own_redis: EmbeddedRedis
) -> None:
    another = await Queue.connected(own_redis.url)
    for each in (queue, queue, another):
        await each.optimise(uuid4(), "run", "open")
    await another.close()
    pool = await create_pool(redis_settings(own_redis.url))
    ids = [job_id.decode() for job_id in await pool.zrange(RESERVES_QUEUE, 0, -1)]
    await pool.flushall()
    await pool.aclose()
    assert len(ids) == 2
    assert all(job_id.startswith(f"{OPTIMISE}:run:open:") for job_id in ids)


async def test_a_request_while_redis_is_away_is_unavailable_and_the_next_one_works(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as redis:
        queue = await Queue.connected(redis.url)
        redis.stop()
        with pytest.raises(UnavailableError):
            await queue.keep_up_snapshots(uuid4(), 1)
        redis.start()
        redis.wait_ready()
        await queue.keep_up_snapshots(uuid4(), 1)
        assert len(await waiting(redis)) == 1
        await queue.close()


async def test_without_redis_there_is_no_queue(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        await Queue.connected(f"unix://{tmp_path}/redis.sock")
