"""A database and a Redis of their own for jobs: they look at every fund there is, and their Redis is killed."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from pydantic import SecretStr

from infra import deliveries, feed
from infra.embedded import EmbeddedRedis
from infra.queue import Queue
from infra.settings import Settings
from jobs import follow
from tests.conftest import SECRET, Servers
from tests.histories import own_database, process
from tests.jobs.funds import Funds
from tests.jobs.outward import Outward, watched_fund
from tests.jobs.receivers import mail_server, web_server


@pytest_asyncio.fixture
async def funds(servers: Servers, own_redis: EmbeddedRedis) -> AsyncIterator[Funds]:
    async with own_database(servers.database_url) as url, process(url, own_redis.url) as runtime:
        actor = (await runtime.people.enrol("owner@example.org")).id
        yield Funds(runtime, url, own_redis, actor)


@pytest_asyncio.fixture
async def queue(funds: Funds) -> AsyncIterator[Queue]:
    made = await Queue.connected(funds.redis.url)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test can wait for, and so many that none gives up."""
    monkeypatch.setattr(deliveries, "PAUSES", (timedelta(milliseconds=50),) * 1_000)
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(follow, "ASK_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(follow, "MOST_ASK_AGAIN_SECONDS", 0.5)


@pytest_asyncio.fixture
async def outward(servers: Servers, own_redis: EmbeddedRedis, short_pauses: None) -> AsyncIterator[Outward]:
    async with mail_server() as mail, web_server() as web, own_database(servers.database_url) as url:
        settings = Settings(
            smtp_url=SecretStr(mail.url),
            smtp_sender="Drypowder <alerts@drypowder.example>",
            allow_private_webhooks=True,
            drypowder_secret=SecretStr(SECRET),
        )
        async with process(url, own_redis.url, settings) as runtime:
            actor = (await runtime.people.enrol("owner@example.org")).id
            funds = Funds(runtime, url, own_redis, actor)
            queue = await Queue.connected(own_redis.url)
            try:
                yield Outward(funds, queue, await watched_fund(funds, web), mail, web)
            finally:
                await queue.close()
