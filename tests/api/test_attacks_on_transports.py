"""Attacks on the way in: bodies too large or too slow, sockets half open, heads without end, tokens that run out."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from time import thread_time

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from websockets.asyncio.client import connect

from api import conversation, requests, sockets
from api.app import application
from api.requests import MOST_BYTES
from api.serve import MOST_FRAME_BYTES
from infra.settings import Settings
from tests.api.asking import PROTOCOL, Caller, OpenedFund, closing_code, conversing
from tests.api.serving import serving, socket_url, until
from tests.conftest import SECRET, Servers

VIEWER = '{"query": "{ viewer { isAdministrator } }"}'
HUGE = 50 * 1024 * 1024
CROWD = 1_000
HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
IN_FLIGHT_BYTES = 16 * 1024 * 1024
"""That both sides' buffers may hold of what is sent before its answer is seen."""


@pytest.fixture(scope="module")
def app(servers: Servers) -> Starlette:
    return application(Settings(), servers.database_url, servers.redis_url, SECRET)


@pytest_asyncio.fixture(scope="module")
async def server(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(app) as client:
        yield client


async def opened(server: httpx.AsyncClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(server.base_url.host, server.base_url.port)


async def status(reader: asyncio.StreamReader) -> int:
    """That of the answer; 0 where the connection is closed without one."""
    line = await reader.readline()
    return int(line.split()[1]) if line else 0


async def test_a_body_of_50_megabytes_is_refused_before_it_is_read(server: httpx.AsyncClient) -> None:
    reader, writer = await opened(server)
    writer.write(HEAD + f"Content-Length: {HUGE}\r\n\r\n".encode())
    assert await status(reader) == 413
    writer.close()


async def test_one_that_does_not_tell_its_size_is_read_no_further_than_the_limit(server: httpx.AsyncClient) -> None:
    reader, writer = await opened(server)
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    answer = asyncio.ensure_future(status(reader))
    piece, sent = b"10000\r\n" + b" " * 65_536 + b"\r\n", 0
    while not answer.done() and sent < HUGE:
        writer.write(piece)
        sent += 65_536
        await writer.drain()
    assert await answer == 413
    assert MOST_BYTES < sent <= MOST_BYTES + IN_FLIGHT_BYTES
    writer.close()


@pytest.mark.parametrize("body", [b"", b'{"query":'])
async def test_a_body_that_does_not_arrive_is_not_waited_for(
    server: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    assert requests.BODY_SECONDS == 20.0
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)
    reader, writer = await opened(server)
    writer.write(HEAD + b"Content-Length: 100\r\n\r\n" + body)
    assert await status(reader) == 408
    await reader.read()
    assert reader.at_eof()
    writer.close()


async def test_a_thousand_sockets_half_open_keep_nobody_waiting_and_are_closed(
    app: Starlette, server: httpx.AsyncClient, stranger: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sockets.HEAD_SECONDS == 10.0
    monkeypatch.setattr(sockets, "HEAD_SECONDS", 2.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * CROWD), hard), hard))
    someone = Caller(server, stranger.token)
    await someone.send(VIEWER)
    before = len(app.state.connections)
    crowd = await asyncio.gather(*(opened(server) for _ in range(CROWD)))
    for place, (_, writer) in enumerate(crowd):
        if place % 2:
            writer.write(HEAD[: place % len(HEAD)])
    await until(lambda: len(app.state.connections) == before + CROWD)
    # All of it runs in this thread: the client, the server, and whatever the others cost.
    began = thread_time()
    for _ in range(10):
        assert (await someone.send(VIEWER)).status_code == 200
    assert (thread_time() - began) / 10 < 0.1
    await until(lambda: len(app.state.connections) <= before)
    for reader, writer in crowd:
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


async def test_a_head_without_end_is_cut_off(server: httpx.AsyncClient) -> None:
    reader, writer = await opened(server)
    writer.write(HEAD)
    sent = 0
    with suppress(ConnectionError):
        while not reader.at_eof() and sent < HUGE:
            writer.write(b"X-More: " + b"x" * 8_000 + b"\r\n")
            sent += 8_000
            await writer.drain()
            await asyncio.sleep(0)
    assert sent < IN_FLIGHT_BYTES
    writer.close()


async def test_requests_on_one_connection_each_have_their_own_time(
    server: httpx.AsyncClient, stranger: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "HEAD_SECONDS", 0.3)
    someone, began = Caller(server, stranger.token), asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < began + 0.5:
        assert (await someone.send(VIEWER)).status_code == 200


@pytest.mark.parametrize("nested", [400, 100_000])
async def test_deep_variables_are_no_fault_of_ours(
    server: httpx.AsyncClient, stranger: Caller, fund: OpenedFund, nested: int
) -> None:
    deep = '{"input":' * nested + "1" + "}" * nested
    document = "mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { errors { code } } }"
    body = f'{{"query": {json.dumps(document)}, "variables": {deep}}}'
    for accept, expected in (("application/json", {200, 400}), ("application/graphql-response+json", {400})):
        response = await Caller(server, stranger.token).send(body, accept=accept)
        assert response.status_code in expected
        assert {one["extensions"]["code"] for one in response.json()["errors"]} == {"BAD_USER_INPUT"}
    async with conversing(socket_url(server), stranger.token) as talk:
        await talk.socket.send(f'{{"id": "1", "type": "subscribe", "payload": {body}}}')
        if nested == 400:
            assert (await talk.receive())["type"] == "error"
        else:
            assert await talk.closed() == 4400


async def test_a_frame_that_is_too_large_closes_the_websocket(server: httpx.AsyncClient) -> None:
    async with connect(socket_url(server), subprotocols=[PROTOCOL]) as socket:
        await socket.send(" " * (MOST_FRAME_BYTES + 1))
        assert await closing_code(socket) == 1009


async def test_a_token_that_runs_out_ends_the_subscriptions_of_its_websocket(
    server: httpx.AsyncClient, fund: OpenedFund, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An hour before the others do.
    monkeypatch.setattr(conversation, "LEEWAY", timedelta(seconds=2) - timedelta(hours=1))
    follow = f'subscription {{ fundEvents(fundId: "{fund.id}", afterVersion: 0) {{ version }} }}'
    async with conversing(socket_url(server), fund.analyst.token) as talk:
        await talk.subscribe(follow)
        assert await talk.next() == {"fundEvents": {"version": 1}}
        assert await talk.closed() == 4403
        assert talk.socket.close_reason == "The token has expired."
