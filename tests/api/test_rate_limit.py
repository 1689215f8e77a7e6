"""Who asks for too much in too short a time is told when to come again, on every transport and by every process."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest_asyncio

from api.app import application
from api.limits.subject import network
from infra.settings import Settings
from tests.api.asking import Caller, conversing
from tests.api.serving import serving, socket_url
from tests.conftest import SECRET, Live, Servers, running_redis

VIEWER = "{ viewer { isAdministrator } }"  # 11 points.
FEW = Settings(rate_limit=33)
ASKED = json.dumps({"query": VIEWER})


@pytest_asyncio.fixture(scope="module")
async def two(servers: Servers) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two processes, as far as they know, that give each person 33 points a minute."""
    apps = [application(FEW, servers.database_url, servers.redis_url, SECRET) for _ in range(2)]
    async with serving(apps[0]) as one, serving(apps[1]) as other:
        yield [one, other]


async def test_who_asks_too_often_is_told_when_to_come_again(two: list[httpx.AsyncClient], live: Live) -> None:
    caller = Caller(two[0], await live.token())
    for _ in range(3):
        assert await caller.data(VIEWER)
    response = await caller.send(ASKED)
    assert response.status_code == 429
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    assert error["message"] == "You have asked for too much in too short a time."
    wait = error["extensions"]["retryAfter"]
    assert 1 <= wait <= 20
    assert response.headers["retry-after"] == str(wait)
    assert response.json().get("data") is None
    # Others are answered as ever.
    assert await Caller(two[0], await live.token()).data(VIEWER)


async def test_two_processes_count_together(two: list[httpx.AsyncClient], live: Live) -> None:
    token = await live.token()
    statuses = [(await Caller(two[place % 2], token).send(ASKED)).status_code for place in range(8)]
    assert statuses[0] == 200
    assert 2 <= statuses.count(200) <= 3
    assert statuses[-2:] == [429, 429]


async def test_a_websocket_s_operations_are_refused_one_by_one(two: list[httpx.AsyncClient], live: Live) -> None:
    async with conversing(socket_url(two[0]), await live.token()) as talk:
        for _ in range(3):
            await talk.subscribe(VIEWER)
            assert await talk.next()
            assert (await talk.receive())["type"] == "complete"
        await talk.subscribe(VIEWER, "4")
        message = await talk.receive()
        assert (message["id"], message["type"]) == ("4", "error")
        (error,) = message["payload"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["retryAfter"] >= 1
        # It stays open.
        await talk.send({"type": "ping"})
        assert await talk.receive() == {"type": "pong"}


async def test_what_is_not_executed_is_paid_for_too(two: list[httpx.AsyncClient], live: Live) -> None:
    caller = Caller(two[0], await live.token())
    wrong = "{ viewer { isAdministrator nothing } }"
    codes = [await caller.code(wrong) for _ in range(4)]
    assert codes == ["GRAPHQL_VALIDATION_FAILED"] * 3 + ["RATE_LIMITED"]


async def test_without_a_good_token_an_address_has_one_share(two: list[httpx.AsyncClient], live: Live) -> None:
    nobodies = [Caller(two[0]), Caller(two[0], "nonsense")]
    codes = [await nobodies[place % 2].code(VIEWER) for place in range(8)]
    assert codes[0] == "UNAUTHENTICATED"
    assert codes[-1] == "RATE_LIMITED"
    assert await Caller(two[0], await live.token()).data(VIEWER)


def test_an_address_is_told_apart_as_far_as_a_customer_has_it() -> None:
    assert network("203.0.113.7") == "203.0.113.7"
    assert network("::ffff:203.0.113.7") == "203.0.113.7"
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::9") == "2001:db8:1:2::"
    assert network("2001:db8:1:3::9") != "2001:db8:1:2::"
    assert network(None) == network("a unix socket") == "unknown"


@asynccontextmanager
async def without_redis(servers: Servers, directory: Path, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An application whose Redis has gone away."""
    with running_redis(directory) as redis:
        async with serving(application(settings, servers.database_url, redis.url, SECRET)) as http:
            redis.stop()
            yield http


async def test_while_redis_is_away_everybody_is_answered(servers: Servers, live: Live, tmp_path: Path) -> None:
    async with without_redis(servers, tmp_path, FEW) as http:
        caller = Caller(http, await live.token())
        for _ in range(5):
            assert await caller.data(VIEWER)


async def test_or_nobody_where_it_is_set_so(servers: Servers, live: Live, tmp_path: Path) -> None:
    closed = Settings(rate_limit=33, rate_limit_fails="closed")
    async with without_redis(servers, tmp_path, closed) as http:
        caller = Caller(http, await live.token())
        for _ in range(2):
            error = await caller.error(VIEWER)
            assert error["extensions"]["code"] == "UNAVAILABLE"
            assert "Redis" not in error["message"]
