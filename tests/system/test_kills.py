"""kill -9 in the middle of a stream of appends: what was acknowledged is there, once, and the feed missed nothing."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from inspect import isawaitable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import websockets

from tests.depth import deep, variants
from tests.system.mortal import Mortal
from tests.system.program import Up, processes_of, succeeded

WRITERS = 4
SOME = deep(30, 100)
"""Acknowledged appends before and after each kill."""
REST_SECONDS = 0.02
"""Of a writer between two appends: what starts again meanwhile needs a processor too."""
RETRY_SECONDS = 0.05
"""What a polite client waits before it asks again."""
RECOVERY_SECONDS = 150.0
PROTOCOL = websockets.Subprotocol("graphql-transport-ws")

OPEN = """mutation {
  openFund(input: {name: "F", currency: "USD", vintageYear: 2006, size: "60000000.00"}) { fund { id } }
}"""
RECORD = """mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { events { version } errors { code message } }
}"""
FOLLOW = """subscription ($fundId: ID!, $after: Int) {
  fundEvents(fundId: $fundId, afterVersion: $after) { version ... on CompanyAdded { companyId } }
}"""
STORED = """query ($fundId: ID!, $after: String) {
  timeline(fundId: $fundId, filter: {types: [COMPANY_ADDED]}, first: 200, after: $after, newestFirst: false) {
    nodes { version ... on CompanyAdded { companyId } } pageInfo { hasNextPage endCursor }
  }
}"""
SNAPSHOTS = "query ($fundId: ID!) { snapshots(fundId: $fundId, first: 200) { nodes { version } } }"

PARTS = {
    "PostgreSQL": ("bin/postgres", "-D"),
    "Redis": ("redis-server",),
    "the API": ("api.cli serve",),
    "the worker": ("-m jobs",),
}


@dataclass
class Stream:
    """Clients that append one company after another, and a subscriber, all of whom go on after every failure.

    Attributes:
        http: One client for all who ask, as making one costs more than a request.
        acknowledged: Version of each company that the API said was recorded.
        followed: What the subscriber was told: versions, with their companies.
    """

    http: httpx.AsyncClient
    url: str
    token: str
    fund: str
    acknowledged: dict[str, int] = field(default_factory=dict)
    followed: list[tuple[int, str | None]] = field(default_factory=list)
    failures: int = 0
    resumed: int = 0
    writing: int = 0
    ending: bool = False

    @property
    def port(self) -> int:
        """Where the API listens, and must again."""
        return int(self.url.rsplit(":", 1)[1])

    async def write(self, writer: int) -> None:
        """Appends until told to end; never gives a company up."""
        self.writing += 1
        for number in count(1):
            if self.ending:
                break
            company = f"company {writer}-{number}"
            self.acknowledged[company] = await self._record(company)
            await asyncio.sleep(REST_SECONDS)
        self.writing -= 1

    async def _ask(self, query: str, **variables: object) -> dict[str, Any]:
        answer = await self.http.post(f"{self.url}/graphql", json={"query": query, "variables": variables})
        told: dict[str, Any] = answer.json()
        return told

    async def _record(self, company: str) -> int:
        event = {"companyAdded": {"companyId": company, "name": company}}
        given = {"fundId": self.fund, "idempotencyKey": company, "events": [{"event": event}]}
        while True:
            with suppress(httpx.TransportError):
                told = await self._ask(RECORD, input=given)
                errors = told.get("errors")
                if not errors:
                    payload = told["data"]["recordEvents"]
                    assert payload["errors"] == []
                    version: int = payload["events"][0]["version"]
                    return version
                assert [error["extensions"]["code"] for error in errors] == ["UNAVAILABLE"], told
            self.failures += 1
            await asyncio.sleep(RETRY_SECONDS)

    async def _stored(self) -> list[str]:
        """The companies that the ledger holds, in the order of their versions."""
        found: list[str] = []
        page: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
        while page["hasNextPage"]:
            told = await self._ask(STORED, fundId=self.fund, after=page["endCursor"])
            page = told["data"]["timeline"]["pageInfo"]
            found += [fact["companyId"] for fact in told["data"]["timeline"]["nodes"]]
        return found

    async def follow(self) -> None:
        """Follows the fund from its first version, going on after the last one it was told."""
        address = self.url.replace("http", "ws", 1) + "/graphql"
        while True:
            with suppress(OSError, TimeoutError, websockets.WebSocketException):
                async with websockets.connect(address, subprotocols=[PROTOCOL]) as socket:
                    await self._listen(socket)
            self.resumed += 1
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, socket: websockets.ClientConnection) -> None:
        async def send(**message: object) -> None:
            await socket.send(json.dumps(message))

        await send(type="connection_init", payload={"Authorization": f"Bearer {self.token}"})
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        after = self.followed[-1][0] if self.followed else 0
        variables = {"fundId": self.fund, "after": after}
        await send(id="1", type="subscribe", payload={"query": FOLLOW, "variables": variables})
        async for text in socket:
            message: dict[str, Any] = json.loads(text)
            match message["type"]:
                case "next" if not message["payload"].get("errors"):
                    fact = message["payload"]["data"]["fundEvents"]
                    self.followed.append((fact["version"], fact.get("companyId")))
                case "ping":
                    await send(type="pong")
                case _:
                    return

    async def more(self) -> None:
        """Returns when some more appends were acknowledged."""
        enough = len(self.acknowledged) + SOME
        await eventually(lambda: len(self.acknowledged) >= enough, f"{SOME} more appends")

    async def snapshotted(self, version: int) -> bool:
        """Whether a snapshot stands behind that version: then queue and worker do their work."""
        with suppress(httpx.TransportError):
            told = await self._ask(SNAPSHOTS, fundId=self.fund)
            return any(node["version"] > version for node in told["data"]["snapshots"]["nodes"])
        return False

    async def ready(self) -> bool:
        """Whether the API says that it and its servers answer."""
        with suppress(httpx.TransportError):
            return (await self.http.get(f"{self.url}/readyz")).status_code == httpx.codes.OK
        return False

    async def finish(self, up: Up) -> None:
        """Lets the clients end in peace, then checks every promise."""
        await self.more()
        self.ending = True
        await eventually(lambda: self.writing == 0, "the last answers")
        await eventually(lambda: len(self.followed) > len(self.acknowledged), "the feed's last facts")
        stored = await self._stored()
        # Every acknowledged fact is there, at the version it was acknowledged with, once, and nothing else.
        assert dict(enumerate(stored, start=2)) == {version: company for company, version in self.acknowledged.items()}
        assert self.followed == [(1, None), *enumerate(stored, start=2)]
        verified = succeeded("verify", "--fund", self.fund, data_dir=up.data_dir)
        assert verified == f"{self.fund}  {len(stored) + 1} facts, chain whole\n"


async def eventually(holds: Callable[[], object], what: str, seconds: float = RECOVERY_SECONDS) -> None:
    """`until`, while the stream goes on; what holds may take awaiting."""
    try:
        async with asyncio.timeout(seconds):
            while not (await held if isawaitable(held := holds()) else held):
                # Looking for processes takes a processor's time from those that are looked for.
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"{what}: not within {seconds:.0f} s")


@asynccontextmanager
async def streaming(up: Up) -> AsyncIterator[Stream]:
    """A stream into a fund of its own, under way."""
    headers = {"authorization": f"Bearer {up.token}"}
    async with httpx.AsyncClient(headers=headers, timeout=20) as http, asyncio.TaskGroup() as clients:
        told = await http.post(f"{up.url}/graphql", json={"query": OPEN})
        stream = Stream(http, up.url, up.token, told.json()["data"]["openFund"]["fund"]["id"])
        writers = [clients.create_task(stream.write(number)) for number in range(WRITERS)]
        follower = clients.create_task(stream.follow())
        try:
            await stream.more()
            yield stream
        finally:
            for task in (*writers, follower):
                task.cancel()


@asynccontextmanager
async def started(folder: Path, port: int) -> AsyncIterator[Up]:
    """An instance, while the stream goes on."""
    up = Up(folder, port=port)
    try:
        await asyncio.to_thread(up.wait_ready)
        yield up
    finally:
        await asyncio.to_thread(up.stop)


@pytest.mark.parametrize("name", variants(("the API",), ("PostgreSQL", "Redis", "the worker")))
async def test_nothing_acknowledged_is_lost_when_a_part_is_killed(mortal: Mortal, name: str) -> None:
    up = mortal.up
    async with streaming(up) as stream:
        victim = await asyncio.to_thread(up.part, *PARTS[name])
        assert victim is not None
        victim.kill()
        killed_at = len(stream.acknowledged)
        await eventually(lambda: (now := up.part(*PARTS[name])) and now != victim, f"{name} started again")
        await eventually(stream.ready, "the API ready")
        await eventually(lambda: stream.snapshotted(killed_at), "a snapshot after the kill")
        await stream.finish(up)
    if name in ("PostgreSQL", "the API"):
        assert stream.failures > 0, "the kill was to hit appends under way"


@pytest.mark.parametrize("victims", variants(("everything",), ("the supervisor",)))
async def test_nothing_acknowledged_is_lost_when_the_instance_is_killed(tmp_path: Path, victims: str) -> None:
    async with started(tmp_path, 0) as first, streaming(first) as stream:
        killed = [psutil.Process(first.process.pid)]
        if victims == "everything":
            killed = await asyncio.to_thread(processes_of, first.data_dir)
        for process in killed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        assert await asyncio.to_thread(first.wait_stopped) == -signal.SIGKILL
        await eventually(lambda: not processes_of(first.data_dir), "the end of every process")
        async with started(tmp_path, stream.port) as second:
            await stream.finish(second)
    assert stream.failures > 0
    assert stream.resumed > 0
