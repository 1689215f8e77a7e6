"""The time an operation may take: a query is ended in the database too, a change never in the middle."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest_asyncio

from api.app import application
from infra.postgres import plain_url
from infra.settings import Settings
from tests.api.asking import RECORD, Caller, OpenedFund, conversing, event
from tests.api.serving import serving, socket_url
from tests.conftest import SECRET, Servers

SECONDS = 0.2
SNAPSHOTS = "query ($id: ID!) { snapshots(fundId: $id) { nodes { id } } }"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%snapshot%'"


@pytest_asyncio.fixture(scope="module")
async def hasty(servers: Servers) -> AsyncIterator[httpx.AsyncClient]:
    """An API whose queries may take a fifth of a second."""
    settings = Settings(operation_timeout=SECONDS)
    async with serving(application(settings, servers.database_url, servers.redis_url, SECRET)) as http:
        yield http


@asynccontextmanager
async def locked(servers: Servers, table: str) -> AsyncIterator[asyncpg.Connection]:
    """A table that everybody else has to wait for, and the connection of its owner."""
    connection = await asyncpg.connect(plain_url(servers.database_url))
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield connection
    finally:
        await connection.close()


async def test_a_query_that_takes_too_long_is_ended(
    hasty: httpx.AsyncClient, fund: OpenedFund, servers: Servers
) -> None:
    caller = Caller(hasty, fund.analyst.token)
    async with locked(servers, "snapshot") as owner:
        answer = await caller.ask(SNAPSHOTS, id=fund.id)
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "TIMEOUT"
        assert error["extensions"]["requestId"]
        assert error["message"] == "The query took more than 0.2 seconds and was ended."
        # Nobody waits in the database either.
        while await owner.fetchval(WAITING):
            pass
    assert (await caller.data(SNAPSHOTS, id=fund.id))["snapshots"] == {"nodes": []}


async def test_a_query_over_a_websocket_is_ended_alike(
    hasty: httpx.AsyncClient, fund: OpenedFund, servers: Servers
) -> None:
    async with locked(servers, "snapshot"), conversing(socket_url(hasty), fund.analyst.token) as talk:
        await talk.subscribe(SNAPSHOTS, id=fund.id)
        message = await talk.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "TIMEOUT"


async def test_a_change_goes_on_and_is_told_of_by_its_key(
    hasty: httpx.AsyncClient, fund: OpenedFund, servers: Servers
) -> None:
    caller = Caller(hasty, fund.analyst.token)
    given = {"fundId": fund.id, "idempotencyKey": "once", "events": [event("feeCharged", amount="1.00")]}
    async with locked(servers, "fact"):
        error = await caller.error(RECORD, input=given)
        assert error["extensions"]["code"] == "TIMEOUT"
        assert "send it again with the same idempotencyKey" in error["message"]
    assert [one["version"] for one in (await caller.data(RECORD, input=given))["recordEvents"]["events"]] == [2]
    assert await caller.version(fund.id) == 2
