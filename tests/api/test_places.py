"""Connections and subscriptions that stay open: what is above the number that may be is refused, and says why."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from starlette.applications import Starlette
from websockets.asyncio.client import connect

from api.app import application
from infra.people import Role
from infra.settings import Settings
from tests.api.asking import PROTOCOL, Caller, OpenedFund, closing_code, conversing
from tests.api.serving import runtime_of, serving, socket_url, until
from tests.conftest import SECRET, Live, Servers

VIEWER = "{ viewer { isAdministrator } }"
EVENTS = {"accept": "text/event-stream"}


@pytest_asyncio.fixture
async def small(servers: Servers) -> AsyncIterator[tuple[Starlette, httpx.AsyncClient]]:
    """An application with three connections, two of one person, that follow two feeds."""
    settings = Settings(max_connections=3, max_connections_each=2, max_subscriptions=2)
    app = application(settings, servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        yield app, http
        await until(lambda: runtime_of(app).connections.taken == runtime_of(app).subscriptions.taken == 0)


Small = tuple[Starlette, httpx.AsyncClient]


def follow(fund: OpenedFund) -> str:
    """A subscription with one fact to tell at once."""
    return f'subscription {{ fundEvents(fundId: "{fund.id}", afterVersion: 22) {{ version }} }}'


async def test_a_person_holds_no_more_connections_than_may_be(small: Small, live: Live) -> None:
    app, http = small
    url, token = socket_url(http), await live.token()
    init = json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
    async with conversing(url, token), conversing(url, token) as other:
        async with connect(url, subprotocols=[PROTOCOL]) as third:
            await third.send(init)
            assert await closing_code(third) == 4429
            assert third.close_reason == "You hold 2 connections here already."
        # An event stream is one too.
        refused = await Caller(http, token).send(json.dumps({"query": VIEWER}), **EVENTS)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "5"
        assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_CONNECTIONS"
        # Another person has places of their own.
        async with conversing(url, await live.token()):
            pass
        await until(lambda: runtime_of(app).connections.taken == 2)
        await other.socket.close()
        await until(lambda: runtime_of(app).connections.taken == 1)
        async with conversing(url, token):
            pass


async def test_a_process_holds_no_more_connections_than_may_be(small: Small, live: Live) -> None:
    app, http = small
    url = socket_url(http)
    async with (
        conversing(url, await live.token()),
        # Those that never send a token count too.
        connect(url, subprotocols=[PROTOCOL]),
        connect(url, subprotocols=[PROTOCOL]),
    ):
        await until(lambda: runtime_of(app).connections.taken == 3)
        async with connect(url, subprotocols=[PROTOCOL]) as fourth:
            assert await closing_code(fourth) == 1013
            assert fourth.close_reason == "As many connections are open here as may be: try again later."
        caller = Caller(http, await live.token())
        assert (await caller.send(json.dumps({"query": VIEWER}), **EVENTS)).status_code == 503
        # What needs no connection of its own is answered.
        assert await caller.data(VIEWER)


async def test_a_person_follows_no_more_at_once_than_may_be(small: Small, live: Live, portfolio: OpenedFund) -> None:
    app, http = small
    url, token = socket_url(http), portfolio.analyst.token
    async with conversing(url, token) as one, conversing(url, token) as other:
        for talk in (one, other):
            await talk.subscribe(follow(portfolio))
            assert await talk.next() == {"fundEvents": {"version": 23}}
        await other.subscribe(follow(portfolio), "2")
        message = await other.receive()
        assert (message["id"], message["type"]) == ("2", "error")
        assert message["payload"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
        # Questions are none, and another person's are not theirs.
        await other.subscribe(VIEWER, "3")
        assert await other.next()
        async with conversing(url, await live.token(Role.VIEWER, portfolio.uuid)) as third:
            await third.subscribe(follow(portfolio))
            assert await third.next()
        await until(lambda: runtime_of(app).subscriptions.taken == 2)
        # A place is given back with the subscription.
        await one.send({"id": "1", "type": "complete"})
        await until(lambda: runtime_of(app).subscriptions.taken == 1)
        await one.subscribe(follow(portfolio))
        assert await one.next() == {"fundEvents": {"version": 23}}
