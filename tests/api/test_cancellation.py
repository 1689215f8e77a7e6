"""Clients that leave: what they asked for ends with them, and what they changed is changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from infra.runtime import Runtime
from tests.api.asking import RECORD, OpenedFund, conversing, event
from tests.api.test_sse import streaming
from tests.conftest import Live

LIST = "query ($id: ID!) { snapshots(fundId: $id) { nodes { id } } }"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"
PATIENCE_SECONDS = 20.0
FEE = event("feeCharged", "2010-01-01", amount="1.00")
Ask = Callable[[Live, OpenedFund, str, dict[str, object]], Awaitable[None]]


Waiting = Callable[[int], Awaitable[None]]


@asynccontextmanager
async def held_up(runtime: Runtime, statement: str, *given: object) -> AsyncIterator[Waiting]:
    """Nothing that needs the same lock comes any further meanwhile; gives what waits until so many need it."""
    async with runtime.pool.acquire() as connection, connection.transaction():
        await connection.execute(statement, *given)

        async def waiting(number: int) -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await runtime.pool.fetchval(WAITING, connection.get_server_pid()) != number:
                    await asyncio.sleep(0.01)

        yield waiting


async def by_http(live: Live, fund: OpenedFund, query: str, variables: dict[str, object]) -> None:
    async with httpx.AsyncClient(base_url=live.url, timeout=60) as client:
        body = {"query": query, "variables": variables}
        await client.post("/graphql", json=body, headers=fund.analyst.headers)


async def by_sse(live: Live, fund: OpenedFund, query: str, variables: dict[str, object]) -> None:
    async with streaming(fund.analyst, query, **variables) as response:
        await response.aread()


async def by_websocket(live: Live, fund: OpenedFund, query: str, variables: dict[str, object]) -> None:
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        await talk.subscribe(query, **variables)
        await talk.receive()


async def by_completing(live: Live, fund: OpenedFund, query: str, variables: dict[str, object]) -> None:
    """Says that it doesn't want the answer any more, and stays."""
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        await talk.subscribe(query, **variables)
        try:
            await talk.receive()
        except asyncio.CancelledError:
            await talk.send({"type": "complete", "id": "1"})
            await talk.send({"type": "ping"})
            assert await talk.receive() == {"type": "pong"}
            raise


WAYS: list[Ask] = [by_http, by_sse, by_websocket, by_completing]


@pytest.mark.parametrize("ask", WAYS)
async def test_a_query_ends_when_its_client_leaves(live: Live, runtime: Runtime, fund: OpenedFund, ask: Ask) -> None:
    async with held_up(runtime, "LOCK TABLE snapshot IN ACCESS EXCLUSIVE MODE") as waiting:
        asking = asyncio.ensure_future(ask(live, fund, LIST, {"id": fund.id}))
        await waiting(1)
        asking.cancel()
        await waiting(0)
        with pytest.raises(asyncio.CancelledError):
            await asking


@pytest.mark.parametrize("ask", WAYS)
async def test_a_mutation_runs_to_its_end(live: Live, runtime: Runtime, fund: OpenedFund, ask: Ask) -> None:
    given: dict[str, object] = {"input": {"fundId": fund.id, "events": [FEE]}}
    async with held_up(runtime, "SELECT pg_advisory_xact_lock(ledger_lock($1))", fund.uuid) as waiting:
        asking = asyncio.ensure_future(ask(live, fund, RECORD, given))
        await waiting(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        # The server has seen it leave before it has answered two more requests.
        for _ in range(2):
            await fund.analyst.data("{ viewer { id } }")
        await waiting(1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await fund.analyst.version(fund.id) != 2:
            await asyncio.sleep(0.01)


async def test_what_goes_on_beside_it_on_a_websocket_is_not_disturbed(
    live: Live, runtime: Runtime, fund: OpenedFund
) -> None:
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        async with held_up(runtime, "LOCK TABLE snapshot IN ACCESS EXCLUSIVE MODE") as waiting:
            await talk.subscribe(LIST, "gone", id=fund.id)
            await talk.subscribe(LIST, "stays", id=fund.id)
            await waiting(2)
            await talk.send({"type": "complete", "id": "gone"})
            await waiting(1)
        messages = [await talk.receive(), await talk.receive()]
    assert [(message["id"], message["type"]) for message in messages] == [("stays", "next"), ("stays", "complete")]
    assert messages[0]["payload"]["data"] == {"snapshots": {"nodes": []}}
