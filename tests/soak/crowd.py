"""A crowd of clients that goes on after every failure: writers, followers, readers, and askers for reserve runs."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.api.asking import PROTOCOL, event

WRITERS, FOLLOWERS = 2, 3
"""Of each fund."""
WRITE_SECONDS, READ_SECONDS, RUN_SECONDS = 0.1, 0.2, 5.0
"""What each client waits between two requests."""
RETRY_SECONDS = 0.1
"""What a polite client waits before it asks again."""
PASSING = {"UNAVAILABLE", "RATE_LIMITED"}
"""Codes of errors that a client tries again after."""

COMPANY = (
    event("capitalCalled", "2007-01-01", amount="20000000.00"),
    event("companyAdded", "2007-01-01", companyId="acme", name="Acme", stage="seed"),
    event("investmentMade", "2007-01-01", companyId="acme", amount="500000.00", ownershipAfter="0.1"),
    event("reserveAllocated", "2007-01-01", companyId="acme", amount="1000000.00"),
)
RECORD = """mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { events { version } errors { code message } }
}"""
FOLLOW = "subscription ($id: ID!, $after: Int) { fundEvents(fundId: $id, afterVersion: $after) { version } }"
READ = "query ($id: ID!) { fund(id: $id) { fund { version } totalValue } }"
CALCULATE = """mutation ($id: ID!) {
  calculateOptimalReserves(input: { fundId: $id, options: { iterations: 2000 } }) { run { id } errors { code message } }
}"""


@dataclass
class Fund:
    """A fund, and what was promised of it.

    Attributes:
        acknowledged: Versions that the API said facts were recorded with, by idempotency key.
        runs: Ids of the reserve runs that it said were asked for.
    """

    id: str
    acknowledged: dict[str, int] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)

    @property
    def newest(self) -> int:
        """The highest version acknowledged."""
        return max(self.acknowledged.values(), default=0)


@dataclass
class Follower:
    """Someone who follows a fund from its first version on, and how that went.

    Attributes:
        last: The version it was told last.
        breaks: Pairs of versions that came one after the other and shouldn't have.
    """

    fund: Fund
    last: int = 0
    breaks: list[tuple[int, int]] = field(default_factory=list)
    connections: int = 0

    def told(self, version: int) -> None:
        """Takes in what comes."""
        if version != self.last + 1:
            self.breaks.append((self.last, version))
        self.last = version


class Crowd:
    """All of them.

    Args:
        urls: Where the APIs answer; whoever fails at one goes on at the next.
        token: Everybody's.
        funds: Ids of the funds they work on.
    """

    def __init__(self, urls: Sequence[str], token: str, funds: Sequence[str]) -> None:
        self._urls = urls
        self._token = token
        self.funds = [Fund(id) for id in funds]
        self.followers = [Follower(fund) for fund in self.funds for _ in range(FOLLOWERS)]
        self.reads = 0
        self.stale: list[tuple[int, int]] = []
        self.failures: Counter[str] = Counter()
        self._ending = False

    @property
    def ids(self) -> set[str]:
        """Of their funds."""
        return {fund.id for fund in self.funds}

    async def run(self, ended: asyncio.Event) -> None:
        """Works until told to end, and then until every follower knows all that was acknowledged."""
        headers = {"authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(headers=headers, timeout=20) as http, asyncio.TaskGroup() as endless:
            for fund in self.funds:
                await self._record(http, fund, "companies", COMPANY, 0)
            following = [
                endless.create_task(self._follow(follower, place)) for place, follower in enumerate(self.followers)
            ]
            async with asyncio.TaskGroup() as clients:
                for fund in self.funds:
                    for writer in range(WRITERS):
                        clients.create_task(self._write(http, fund, writer))
                    clients.create_task(self._read(http, fund))
                    clients.create_task(self._ask_for_runs(http, fund))
                await ended.wait()
                self._ending = True
            while any(one.last < one.fund.newest for one in self.followers):
                await asyncio.sleep(RETRY_SECONDS)
            for task in following:
                task.cancel()

    async def _write(self, http: httpx.AsyncClient, fund: Fund, writer: int) -> None:
        for number in count(1_000_000):
            if self._ending:
                return
            fact = event("valuationUpdated", companyId="acme", newValue=f"{number}.{writer:02d}")
            await self._record(http, fund, f"{writer}-{number}", [fact], writer + number)
            await asyncio.sleep(WRITE_SECONDS)

    async def _record(self, http: httpx.AsyncClient, fund: Fund, key: str, facts: Sequence[object], at: int) -> None:
        """Appends, asking until it is acknowledged."""
        given = {"fundId": fund.id, "idempotencyKey": key, "events": facts}
        answer = await self._asked(http, RECORD, {"input": given}, at)
        assert answer["recordEvents"]["errors"] == [], answer
        fund.acknowledged[key] = answer["recordEvents"]["events"][-1]["version"]

    async def _read(self, http: httpx.AsyncClient, fund: Fund) -> None:
        for number in count():
            if self._ending:
                return
            least = fund.newest
            answer = await self._asked(http, READ, {"id": fund.id}, number)
            found = answer["fund"]["fund"]["version"]
            self.reads += 1
            if found < least:
                self.stale.append((least, found))
            await asyncio.sleep(READ_SECONDS)

    async def _ask_for_runs(self, http: httpx.AsyncClient, fund: Fund) -> None:
        for number in count():
            if self._ending:
                return
            answer = await self._asked(http, CALCULATE, {"id": fund.id}, number)
            assert answer["calculateOptimalReserves"]["errors"] == [], answer
            # As the facts have it.
            fund.runs.add(answer["calculateOptimalReserves"]["run"]["id"].rsplit(":", 1)[1])
            await asyncio.sleep(RUN_SECONDS)

    async def _asked(self, http: httpx.AsyncClient, query: str, variables: object, at: int) -> dict[str, Any]:
        """The data that one of the APIs answers with in the end; the first asked is the one counted `at`."""
        for attempt in count(at):
            url = self._urls[attempt % len(self._urls)]
            try:
                answer = await http.post(f"{url}/graphql", json={"query": query, "variables": variables})
                told: dict[str, Any] = answer.json()
            except httpx.TransportError as fault:
                self.failures[type(fault).__name__] += 1
            else:
                errors = told.get("errors")
                if not errors:
                    data: dict[str, Any] = told["data"]
                    return data
                codes = {error["extensions"]["code"] for error in errors}
                assert codes <= PASSING, told
                self.failures.update(codes)
            await asyncio.sleep(RETRY_SECONDS)
        raise AssertionError

    async def _follow(self, follower: Follower, at: int) -> None:
        for attempt in count(at):
            address = self._urls[attempt % len(self._urls)].replace("http", "ws", 1) + "/graphql"
            with suppress(OSError, TimeoutError, WebSocketException):
                async with connect(address, subprotocols=[PROTOCOL]) as socket:
                    follower.connections += 1
                    given = {"Authorization": f"Bearer {self._token}"}
                    await socket.send(json.dumps({"type": "connection_init", "payload": given}))
                    assert json.loads(await socket.recv())["type"] == "connection_ack"
                    variables = {"id": follower.fund.id, "after": follower.last}
                    payload = {"query": FOLLOW, "variables": variables}
                    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
                    async for text in socket:
                        message: dict[str, Any] = json.loads(text)
                        if message["type"] != "next" or message["payload"].get("errors"):
                            break
                        follower.told(message["payload"]["data"]["fundEvents"]["version"])
            await asyncio.sleep(RETRY_SECONDS)
