"""Draining: what is under way when the API is told to stop finishes, and whoever follows goes on elsewhere."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.app import application
from api.draining import Drain
from api.serve import Server
from infra.people import Role
from infra.settings import Settings
from tests.api.asking import PROTOCOL, RECORD, Caller, Json, OpenedFund, closing_code, conversing, event
from tests.api.conftest import MakeCaller
from tests.api.serving import until
from tests.conftest import SECRET, Live, OpenFund, Servers

FOLLOW = "subscription ($id: ID!, $after: Int) { fundEvents(fundId: $id, afterVersion: $after) { version } }"
VIEWER = "{ viewer { id } }"
FEE = event("feeCharged", "2010-01-01", amount="1.00")


@dataclass(frozen=True, slots=True)
class Ending:
    """An API that can be told to stop."""

    server: Server
    drain: Drain
    http: httpx.AsyncClient
    running: asyncio.Future[None]

    @property
    def ws_url(self) -> str:
        return str(self.http.base_url.copy_with(scheme="ws", path="/graphql"))

    def tell(self) -> None:
        """What the handler of a signal does."""
        self.drain.begin()
        self.server.should_exit = True

    async def closed(self) -> None:
        """Returns once nothing new is let in."""
        await until(lambda: self.drain.closed)


@asynccontextmanager
async def ending(servers: Servers, **chosen: float) -> AsyncIterator[Ending]:
    settings, drain = Settings.model_validate(chosen), Drain()
    app = application(settings, servers.database_url, servers.redis_url, SECRET, drain)
    config = uvicorn.Config(
        app, port=0, log_config=None, access_log=False, ws="websockets-sansio", timeout_graceful_shutdown=1
    )
    server = Server(config, drain, settings)
    running = asyncio.ensure_future(server.serve())
    try:
        await until(lambda: server.started or running.done())
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            yield Ending(server, drain, http, running)
    finally:
        drain.begin()
        server.should_exit = True
        await running


@asynccontextmanager
async def held(database: asyncpg.Pool, fund: UUID) -> AsyncIterator[None]:
    """Whoever appends to the fund waits meanwhile."""
    async with database.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM fund WHERE id = $1 FOR UPDATE", fund)
        yield


async def wait_for_waiting(database: asyncpg.Pool, number: int) -> None:
    """Returns once so many wait for a fund that is held."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(20):
        while await database.fetchval(waiting) < number:
            await asyncio.sleep(0.005)


async def test_what_is_under_way_is_answered_and_nothing_new_is_let_in(
    servers: Servers, database: asyncpg.Pool, fund: OpenedFund, open_fund: OpenFund, caller: MakeCaller
) -> None:
    other = await open_fund()
    by_socket = await caller(Role.ANALYST, other)
    async with ending(servers) as api:
        by_http = Caller(api.http, fund.analyst.token)
        async with conversing(api.ws_url, by_socket.token) as socket:
            async with held(database, fund.uuid), held(database, other):
                answer = asyncio.ensure_future(by_http.recorded(fund.id, FEE))
                await socket.subscribe(RECORD, input={"fundId": str(other), "events": [FEE]})
                await wait_for_waiting(database, 2)
                api.tell()
                assert (await api.http.get("/readyz")).status_code == 503
                await api.closed()
                refused = await by_http.send(json.dumps({"query": VIEWER}))
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
                assert refused.headers["connection"] == "close"
                assert refused.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
                assert (await api.http.get("/healthz")).status_code == 200
                assert (await api.http.get("/readyz")).json() == {"status": "draining"}
                with pytest.raises(InvalidStatus) as handshake:
                    await connect(api.ws_url, subprotocols=[PROTOCOL])
                assert handshake.value.response.status_code == 503
                # Taken up by nobody: its client asks again elsewhere.
                await socket.subscribe(VIEWER, "2")
                assert not api.running.done()
            assert await answer == [2]
            assert (await socket.next())["recordEvents"]["events"][0]["version"] == 2
            assert (await socket.receive())["type"] == "complete"
            assert await socket.closed() == 1001
        await api.running
    assert await fund.analyst.version(fund.id) == await by_socket.version(str(other)) == 2


async def test_a_subscriber_is_sent_away_and_goes_on_elsewhere_without_a_gap(
    servers: Servers, live: Live, fund: OpenedFund
) -> None:
    seen: list[int] = []

    async def follow(url: str, until_version: int) -> int:
        async with conversing(url, fund.analyst.token) as socket:
            await socket.subscribe(FOLLOW, id=fund.id, after=seen[-1] if seen else 0)
            async for text in socket.socket:
                message: Json = json.loads(text)
                seen.append(message["payload"]["data"]["fundEvents"]["version"])
                if seen[-1] == until_version:
                    return 1000
            return await closing_code(socket.socket)

    async with ending(servers) as api:
        following = asyncio.ensure_future(follow(api.ws_url, 0))
        first = (await fund.analyst.recorded(fund.id, FEE))[0]
        await until(lambda: first in seen)
        api.tell()
        recording = asyncio.ensure_future(fund.analyst.recorded(fund.id, *[FEE] * 20))
        assert await following == 1001
        await api.running
    await recording
    (newest,) = await fund.analyst.recorded(fund.id, FEE)
    await follow(live.ws_url, newest)
    assert seen == list(range(1, newest + 1))


async def test_a_stream_of_events_ends_in_order_but_is_not_complete(servers: Servers, fund: OpenedFund) -> None:
    async with ending(servers) as api:
        asked = {"query": FOLLOW, "variables": {"id": fund.id, "after": 0}}
        headers = {**Caller(api.http, fund.analyst.token).headers, "accept": "text/event-stream"}
        async with api.http.stream("POST", "/graphql", json=asked, headers=headers) as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines), await anext(lines)) == (
                "event: next",
                'data: {"data":{"fundEvents":{"version":1}}}',
            )
            api.tell()
            # A connection that breaks off would raise here.
            assert [line async for line in lines if line] == []


async def test_a_stream_that_begins_only_then_ends_at_once(servers: Servers, fund: OpenedFund) -> None:
    asked = json.dumps({"query": FOLLOW, "variables": {"id": fund.id, "after": 0}}).encode()
    async with ending(servers, drain_limit=600) as api:

        async def slowly() -> AsyncIterator[bytes]:
            yield asked[:10]
            api.tell()
            await api.closed()
            yield asked[10:]

        headers = {**Caller(api.http, fund.analyst.token).headers, "accept": "text/event-stream"}
        headers["content-type"] = "application/json"
        async with api.http.stream("POST", "/graphql", content=slowly(), headers=headers) as stream:
            assert stream.status_code == 200
            assert "event: complete" not in [line async for line in stream.aiter_lines()]
        await api.running


async def test_while_the_notice_lasts_everything_is_still_answered(servers: Servers, fund: OpenedFund) -> None:
    async with ending(servers, drain_notice=600) as api:
        caller = Caller(api.http, fund.analyst.token)
        api.tell()
        assert (await api.http.get("/readyz")).status_code == 503
        await caller.recorded(fund.id, FEE)
        async with conversing(api.ws_url, caller.token) as socket:
            await socket.subscribe(VIEWER)
            assert await socket.next()
            # Told once more, it hurries.
            api.tell()
            assert await socket.closed() == 1001


async def test_what_takes_longer_than_its_limit_is_cut_off_and_can_be_sent_again(
    servers: Servers, database: asyncpg.Pool, fund: OpenedFund, caplog: pytest.LogCaptureFixture
) -> None:
    before = await fund.analyst.version(fund.id)
    async with ending(servers, drain_limit=0.2) as api:
        caller = Caller(api.http, fund.analyst.token)
        async with held(database, fund.uuid):
            cut = asyncio.ensure_future(caller.record(fund.id, FEE, idempotencyKey="once"))
            await wait_for_waiting(database, 1)
            api.tell()
            await api.running
            with pytest.raises((httpx.TransportError, AssertionError, json.JSONDecodeError)):
                await cut
    assert "1 requests or connections are cut off" in caplog.text
    assert await fund.analyst.recorded(fund.id, FEE, idempotencyKey="once") == [before + 1]
    assert await fund.analyst.version(fund.id) == before + 1
