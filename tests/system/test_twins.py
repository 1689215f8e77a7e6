"""Two APIs and two workers on one database behave as one, and go on as one while a part ends or dies."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from time import monotonic
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from infra.people import Role
from infra.runtime import opened
from infra.settings import Settings
from tests.api.asking import Caller, Conversation, Json, conversing, event
from tests.conftest import Live
from tests.depth import LONG as LENGTHY
from tests.soak.__main__ import soak
from tests.soak.crowd import Crowd
from tests.system.program import succeeded
from tests.system.test_kills import eventually
from tests.system.test_reserve_kills import CALCULATE, CANCEL, FOLLOW as PROGRESS, LONG, SHORT
from tests.system.twins import APIS, WORKERS, Twins

COMPANIES = 8
FEE = event("feeCharged", "2010-01-01", amount="1.00")
FOLLOW = "subscription ($id: ID!, $after: Int) { fundEvents(fundId: $id, afterVersion: $after) { version } }"
OPENED_AT = "2006-01-01T00:00:00Z"
OPEN = "mutation ($input: OpenFundInput!) { openFund(input: $input) { fund { id } errors { code message } } }"
RATE = 60_000
"""Points a minute of each person."""
COSTLY = (
    "query ($id: ID!) {"
    + "".join(f"t{number}: timeline(fundId: $id, first: 200) {{ nodes {{ id version }} }}" for number in range(20))
    + "}"
)
"""Cheap to answer, since the fund has few facts."""
SEED = 2
"""Of a short soak: an API is killed."""


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with Twins(tmp_path_factory.mktemp("twins"), RESERVE_CONCURRENCY="1", RATE_LIMIT=str(RATE)) as started:
        yield started


@dataclass(frozen=True, slots=True)
class Pair:
    """One person who asks both APIs, and their fund."""

    twins: Twins
    callers: tuple[Caller, ...]
    fund: str

    @asynccontextmanager
    async def both_following(self, query: str, **variables: object) -> AsyncIterator[list[Conversation]]:
        """A subscriber at each API."""
        async with AsyncExitStack() as open_:
            found = []
            for url, caller in zip(self.twins.urls, self.callers, strict=True):
                conversation = await open_.enter_async_context(
                    conversing(url.replace("http", "ws", 1) + "/graphql", caller.token)
                )
                await conversation.subscribe(query, **variables)
                found.append(conversation)
            yield found

    async def run(self, caller: Caller, options: Json) -> str:
        """The id of a run asked for."""
        payload = (await caller.data(CALCULATE, input={"fundId": self.fund, "options": options}))[
            "calculateOptimalReserves"
        ]
        assert payload["errors"] == []
        id: str = payload["run"]["id"]
        return id


async def new_fund(caller: Caller) -> str:
    """The id of a new fund."""
    given = {"name": "F", "currency": "USD", "vintageYear": 2006, "size": "60000000.00", "openedAt": OPENED_AT}
    id: str = (await caller.data(OPEN, input=given))["openFund"]["fund"]["id"]
    return id


@pytest_asyncio.fixture(scope="module")
async def pair(twins: Twins) -> AsyncIterator[Pair]:
    words = ("token", "--subject", "ann@example.org", "--admin")
    token = (await asyncio.to_thread(lambda: succeeded(*words, data_dir=twins.data_dir, **twins.env))).strip()
    async with AsyncExitStack() as open_:
        clients = [await open_.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60)) for url in twins.urls]
        callers = tuple(Caller(http, token) for http in clients)
        fund = await new_fund(callers[0])
        pair = Pair(twins, callers, fund)
        facts = [event("capitalCalled", "2007-01-01", amount="20000000.00")]
        for key in map(str, range(COMPANIES)):
            facts += [
                event("companyAdded", "2007-01-01", companyId=key, name=key, stage="seed"),
                event("investmentMade", "2007-01-01", companyId=key, amount="500000.00", ownershipAfter="0.1"),
                event("reserveAllocated", "2007-01-01", companyId=key, amount="1000000.00"),
            ]
        await pair.callers[0].recorded(fund, *facts)
        yield pair


async def test_what_is_recorded_through_either_reaches_whoever_follows_at_the_other(pair: Pair) -> None:
    before = await pair.callers[0].version(pair.fund)
    async with pair.both_following(FOLLOW, id=pair.fund, after=before) as followers:
        for number in range(6):
            writer, reader = pair.callers[number % 2], pair.callers[(number + 1) % 2]
            (version,) = await writer.recorded(pair.fund, FEE)
            assert version == before + number + 1
            # Nobody reads an older state than what was just acknowledged.
            assert await reader.version(pair.fund) == version
            for follower in followers:
                assert (await follower.next())["fundEvents"]["version"] == version


async def test_the_same_request_sent_to_both_at_once_is_done_once(pair: Pair) -> None:
    before = await pair.callers[0].version(pair.fund)
    found = await asyncio.gather(
        *(caller.recorded(pair.fund, FEE, idempotencyKey="sent to both") for caller in pair.callers)
    )
    assert found == [[before + 1]] * 2


async def test_what_one_person_asks_of_both_is_counted_together(pair: Pair) -> None:
    async with opened(Settings(), pair.twins.database_url, pair.twins.redis_url) as runtime:
        token = await Live(pair.twins.urls[0], runtime).token(Role.VIEWER, UUID(pair.fund))
    first, second = (Caller(caller.http, token) for caller in pair.callers)
    spent, began, refused = 0.0, monotonic(), 0
    for caller in cycle((first, second)):
        answer = await caller.send(json.dumps({"query": COSTLY, "variables": {"id": pair.fund}}))
        if answer.status_code == httpx.codes.OK:
            # Between two refusals enough may flow in.
            refused = 0
            spent += answer.json()["extensions"]["cost"]["requested"]
            continue
        assert answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        refused += 1
        if refused == 2:
            break
    # What the bucket held, and what flowed into it meanwhile.
    assert RATE / 2 < spent <= RATE * (1 + (monotonic() - began) / 60)


async def test_a_run_is_told_at_both_cancelled_through_the_other_and_computed_once(pair: Pair) -> None:
    first, second = pair.callers
    run = await pair.run(first, LONG)
    async with pair.both_following(PROGRESS, id=run) as followers:
        for follower in followers:
            while (await follower.next())["reserveProgress"]["progress"] < 5:
                pass
        answer = await second.data(CANCEL, id=run)
        assert answer["cancelReserveRun"] == {"run": {"status": "CANCELLED"}, "errors": []}
        for follower in followers:
            while (last := (await follower.next())["reserveProgress"])["status"] == "RUNNING":
                pass
            assert last["status"] == "CANCELLED"
    run = await pair.run(second, SHORT)
    async with pair.both_following(PROGRESS, id=run) as followers:
        for follower in followers:
            while (last := (await follower.next())["reserveProgress"])["status"] not in ("SUCCEEDED", "FAILED"):
                pass
            assert (last["status"], last["run"]["id"]) == ("SUCCEEDED", run)

    def ends() -> list[str]:
        told = [line for name in WORKERS for line in pair.twins.log(name).splitlines()]
        return [line for line in told if f"run {run.rsplit(':', 1)[1]} of fund" in line]

    await eventually(ends, "the end of the run in a log")
    assert len(ends()) == 1


async def test_an_api_told_to_stop_sends_its_subscribers_to_the_other(pair: Pair) -> None:
    first, second = pair.callers
    before = await first.version(pair.fund)
    ending = await asyncio.to_thread(pair.twins.part, APIS[0])
    assert ending is not None
    async with pair.both_following(FOLLOW, id=pair.fund, after=before) as (at_first, at_second):
        await first.recorded(pair.fund, FEE)
        assert (await at_first.next())["fundEvents"]["version"] == before + 1
        ending.send_signal(signal.SIGTERM)
        assert await at_first.closed() == 1001
        await second.recorded(pair.fund, FEE)
        seen = [(await at_second.next())["fundEvents"]["version"] for _ in range(2)]
        assert seen == [before + 1, before + 2]
    url = pair.twins.urls[1].replace("http", "ws", 1) + "/graphql"
    async with conversing(url, second.token) as resumed:
        await resumed.subscribe(FOLLOW, id=pair.fund, after=before + 1)
        assert (await resumed.next())["fundEvents"]["version"] == before + 2

    async def again() -> bool:
        try:
            return (await first.http.get("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    await eventually(again, "the first API started again")
    assert "Traceback" not in pair.twins.log(APIS[0])


if LENGTHY:
    # What `make soak` itself is made of.

    async def test_a_short_soak_keeps_every_promise(twins: Twins, pair: Pair) -> None:
        crowd = Crowd(twins.urls, pair.callers[0].token or "", [await new_fund(pair.callers[0])])
        lines = await soak(twins, crowd, seconds=3, every=1.5, seed=SEED)
        found = {line.what: line for line in lines}
        assert [line for line in lines if line.kept is False] == []
        assert found["kills"].found != "none"
        assert int(found["reads"].found.replace(",", "")) > 0
