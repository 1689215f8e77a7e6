"""Clients that don't read what they subscribed to: nothing is kept for them, and they are told where to go on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from websockets.asyncio.client import connect

from api import conversation, sockets, sse
from api.app import application
from domain.capital import FeeCharged
from domain.money import Money
from infra.drafts import Draft
from infra.people import Person
from infra.runtime import Runtime
from infra.settings import Settings
from tests.api.asking import PROTOCOL, Caller, Conversation, Json, OpenedFund, conversing, event
from tests.api.serving import runtime_of, serving, socket_url, until
from tests.api.test_sse import events, streaming
from tests.conftest import SECRET, Servers

MANY = 50_000
FOLLOW = """
subscription ($id: ID!, $after: Int) {
  fundEvents(fundId: $id, afterVersion: $after) { id version hash summary occurredAt recordedAt recordedBy payload }
}
"""
LENGTHY = FOLLOW.replace("payload", " ".join(f"payload{place}: payload" for place in range(10)))
NOTE = event("feeCharged", amount="1.00", kind="x" * 1_000)
SMALL = (socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
MOST_UNSENT_BYTES = 128 * 1024
"""Of one connection: what asyncio lets wait, and the message that goes beyond it."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is long."""
    monkeypatch.setattr(conversation, "STALLED_SECONDS", 0.5)
    monkeypatch.setattr(sse, "STALLED_SECONDS", 0.5)


@pytest_asyncio.fixture
async def app(servers: Servers) -> Starlette:
    return application(Settings(), servers.database_url, servers.redis_url, SECRET)


@pytest_asyncio.fixture
async def server(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    # Recording takes longer on a busy machine than a client that doesn't read is pinged in vain.
    async with serving(app, ping_seconds=None) as client:
        yield client


def unsent(app: Starlette) -> int:
    """Bytes that wait in the server for the connection with most of them."""
    return max((one.transport.get_write_buffer_size() for one in app.state.connections), default=0)


async def filled(runtime: Runtime, fund: OpenedFund, owner: Person) -> None:
    """Records many facts."""
    drafts = [Draft(FeeCharged(Money(1_00), f"audit {number}")) for number in range(MANY)]
    await runtime.ledger.record_all(fund.uuid, drafts, actor=owner.id, key="many")


@asynccontextmanager
async def unread(server: httpx.AsyncClient, fund: OpenedFund, query: str) -> AsyncIterator[Conversation]:
    """A WebSocket with a subscription, whose client has room for little."""
    plain = socket.socket()
    plain.setsockopt(*SMALL)
    plain.connect((server.base_url.host, server.base_url.port))
    async with connect(
        socket_url(server),
        sock=plain,
        subprotocols=[PROTOCOL],
        compression=None,
        max_queue=1,
        ping_interval=None,
        close_timeout=0.1,
    ) as opened:
        talk = Conversation(opened)
        await talk.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {fund.analyst.token}"}})
        assert await talk.receive() == {"type": "connection_ack"}
        await talk.subscribe(query, id=fund.id, after=0)
        yield talk


async def heard(talk: Conversation) -> tuple[list[int], Json]:
    """Versions told, and the error after them."""
    versions = []
    while (message := await talk.receive())["type"] == "next":
        versions.append(message["payload"]["data"]["fundEvents"]["version"])
    assert message["type"] == "error"
    (error,) = message["payload"]
    return versions, error


async def streamed(stream: httpx.Response) -> tuple[list[int], Json]:
    """The same of a stream."""
    *told, (name, given), end = [one async for one in events(stream)]
    assert (name, end) == ("next", ("complete", None))
    assert given is not None
    (error,) = given["errors"]
    return [one["data"]["fundEvents"]["version"] for _, one in told if one is not None], error


async def test_a_stalled_reader_of_many_events_is_ended_and_can_go_on(
    app: Starlette,
    server: httpx.AsyncClient,
    runtime: Runtime,
    fund: OpenedFund,
    owner: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The last words of the one that ends first wait until the other has ended too.
    monkeypatch.setattr(conversation, "PARTING_SECONDS", 120)
    monkeypatch.setattr(sse, "PARTING_SECONDS", 120)
    monkeypatch.setattr(sockets, "LINGER_SECONDS", 120)
    followed = runtime_of(app).feed._streams
    transport = httpx.AsyncHTTPTransport(socket_options=[SMALL])
    narrow = httpx.AsyncClient(base_url=server.base_url, transport=transport, timeout=300)
    reader = Caller(narrow, fund.analyst.token)
    async with (
        narrow,
        unread(server, fund, FOLLOW) as talk,
        streaming(reader, FOLLOW, id=fund.id, after=0) as stream,
    ):
        await until(lambda: fund.uuid in followed and followed[fund.uuid].subscribers == 2)
        most, recording = 0, asyncio.ensure_future(filled(runtime, fund, owner))
        # What comes after the commit may take longer than a connection is kept open for its last words.
        while fund.uuid in followed:
            most = max(most, unsent(app))
            await asyncio.sleep(0.01)
            if recording.done():
                recording.result()
        assert most <= MOST_UNSENT_BYTES
        last = 0
        for versions, error in (await heard(talk), await streamed(stream)):
            last = versions[-1]
            assert versions == list(range(1, last + 1))
            assert last < MANY
            assert error["extensions"]["code"] == "SLOW_CONSUMER"
            assert error["extensions"]["lastVersion"] == last
        assert await talk.closed() == 1013
        await recording
    async with conversing(socket_url(server), reader.token) as again:
        await again.subscribe(FOLLOW, id=fund.id, after=last)
        assert (await again.next())["fundEvents"]["version"] == last + 1


async def test_one_that_never_reads_is_let_go_of(
    app: Starlette, server: httpx.AsyncClient, fund: OpenedFund, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "PARTING_SECONDS", 0.1)
    monkeypatch.setattr(sockets, "LINGER_SECONDS", 0.1)
    await fund.analyst.recorded(fund.id, *[NOTE] * 1_000)
    async with unread(server, fund, LENGTHY):
        await until(lambda: any(isinstance(one, sockets.WebSocket) for one in app.state.connections))
        await until(lambda: not any(isinstance(one, sockets.WebSocket) for one in app.state.connections))


async def test_a_slow_reader_that_goes_on_reading_is_served(server: httpx.AsyncClient, fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, *[NOTE] * 1_000)
    async with unread(server, fund, LENGTHY) as talk:
        for version in range(1, 1_002):
            if version % 100 == 0:
                await asyncio.sleep(0.1)
            assert (await talk.next())["fundEvents"]["version"] == version
