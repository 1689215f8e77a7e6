"""kill -9, FLUSHALL and a cancellation amid a reserve run: it ends once, and whoever follows it hears so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

import httpx
import psutil
import pytest_asyncio

from domain.capital import FundOpened
from domain.money import Money
from infra.people import Person
from infra.runtime import Runtime
from tests.api.asking import Caller, Conversation, Json, conversing
from tests.conftest import OPENED_AT
from tests.infra.reserving import invest
from tests.infra.test_computing import helpers, lives
from tests.system.mortal import Mortal
from tests.system.program import Up
from tests.system.test_kills import PARTS, RECOVERY_SECONDS, eventually

FURTHER = 6
"""Companies beside the first ones, so that a run lasts for seconds and yet needs little memory."""
LONG: Json = {"iterations": 1_000_000}
SHORT: Json = {"iterations": 100}
FREE_SECONDS = 1.0
"""Within which a cancelled run has left its worker, as promised."""
GONE_SECONDS = 5.0
"""Within which what a killed worker had started is gone."""
LEAST_WORDS = 2.0
"""Of progress a second, as promised."""

CALCULATE = """mutation ($input: CalculateReservesInput!) {
  calculateOptimalReserves(input: $input) { run { id status } errors { code } }
}"""
CANCEL = "mutation ($id: ID!) { cancelReserveRun(id: $id) { run { status } errors { code } } }"
FOLLOW = """subscription ($id: ID!) {
  reserveProgress(runId: $id) {
    status progress stage message secondsLeft run { id status error recommendations { rank companyId } }
  }
}"""
OPTIMAL = """query ($id: ID!, $options: ReserveOptions) {
  optimalReserves(fundId: $id, options: $options) { id recommendations { rank companyId } }
}"""


@dataclass(slots=True)
class Follower:
    """A subscriber to one run, and what it was told so far, each with the moment."""

    conversation: Conversation
    told: list[tuple[float, Json]] = field(default_factory=list)

    async def listen(self) -> None:
        """Takes in what comes until the server ends it."""
        while (message := await self.conversation.receive())["type"] != "complete":
            assert message["type"] == "next", message
            assert "errors" not in message["payload"], message
            self.told.append((monotonic(), message["payload"]["data"]["reserveProgress"]))

    @property
    def words(self) -> list[Json]:
        """Without the moments."""
        return [word for _, word in self.told]

    async def reaches(self, percent: float) -> None:
        """Returns once so much is done."""
        await eventually(lambda: self.told and self.words[-1]["progress"] >= percent, f"{percent} percent")

    def words_a_second(self) -> float:
        """How often it has been told that the run goes on, from the first such word to the last."""
        moments = [at for at, word in self.told if word["status"] == "RUNNING"]
        return (len(moments) - 1) / (moments[-1] - moments[0])


@dataclass(frozen=True, slots=True)
class Product:
    """An instance whose worker computes one run at a time, and a fund of its own for each test."""

    up: Up
    runtime: Runtime
    owner: Person
    caller: Caller

    async def fund(self) -> UUID:
        """A fund with companies to rank."""
        fund_id, _ = await self.runtime.ledger.open_fund(
            FundOpened("F", "USD", 2006, Money(10**10)), OPENED_AT, actor=self.owner.id
        )
        await invest(self.runtime, fund_id, self.owner.id, further=FURTHER)
        return fund_id

    async def run(self, fund_id: UUID, options: Json = LONG) -> str:
        """The id of a run asked for."""
        answer = await self.caller.data(CALCULATE, input={"fundId": str(fund_id), "options": options})
        payload = answer["calculateOptimalReserves"]
        assert payload["errors"] == []
        id: str = payload["run"]["id"]
        return id

    @asynccontextmanager
    async def following(self, run: str) -> AsyncIterator[Follower]:
        """A subscriber over a WebSocket, which listens to the end."""
        url = self.up.url.replace("http", "ws", 1) + "/graphql"
        async with conversing(url, self.caller.token) as conversation:
            await conversation.subscribe(FOLLOW, id=run)
            follower = Follower(conversation)
            listening = asyncio.ensure_future(follower.listen())
            try:
                yield follower
                await asyncio.wait_for(listening, RECOVERY_SECONDS)
            finally:
                listening.cancel()

    async def ends(self, fund_id: UUID) -> list[str]:
        """The facts that ended runs of the fund."""
        rows = await self.runtime.pool.fetch(
            """SELECT type FROM fact WHERE fund_id = $1 AND type IN
            ('RESERVES_RECOMMENDED', 'RESERVE_RUN_FAILED', 'RESERVE_RUN_CANCELLED') ORDER BY version""",
            fund_id,
        )
        return [row["type"] for row in rows]

    def worker(self) -> psutil.Process:
        """The worker's process."""
        found = self.up.part(*PARTS["the worker"])
        assert found is not None
        return found


@pytest_asyncio.fixture(scope="module")
async def product(mortal: Mortal) -> AsyncIterator[Product]:
    async with httpx.AsyncClient(base_url=mortal.up.url, timeout=60) as http:
        yield Product(mortal.up, mortal.runtime, mortal.owner, Caller(http, mortal.up.token))


async def test_a_run_whose_worker_is_killed_half_way_is_taken_up_and_ends_once(product: Product) -> None:
    fund_id = await product.fund()
    run = await product.run(fund_id)
    async with product.following(run) as early:
        await early.reaches(35)
        worker = product.worker()
        started = helpers(worker)
        worker.kill()
        before = len(early.told)
        assert started
        await eventually(lambda: not any(map(lives, started)), "the end of what it had started", GONE_SECONDS)
        async with product.following(run) as late:
            pass
    for follower in (early, late):
        last = follower.words[-1]
        assert (last["status"], last["progress"], last["run"]["id"]) == ("SUCCEEDED", 100, run)
        assert [one["rank"] for one in last["run"]["recommendations"]] == list(range(1, FURTHER + 3))
        assert all(word["run"] is None for word in follower.words[:-1])
        left = [word["secondsLeft"] for word in follower.words if word["secondsLeft"] is not None]
        assert left
        assert min(left) >= 0
    # It began anew.
    shares = [word["progress"] for word in early.words[before:]]
    lowest = shares.index(min(shares))
    assert min(shares) < 35 <= max(shares[lowest:])
    assert shares[lowest:] == sorted(shares[lowest:])
    assert await product.ends(fund_id) == ["RESERVES_RECOMMENDED"]


async def test_what_a_run_came_to_waits_for_a_database_that_is_away(product: Product) -> None:
    fund_id = await product.fund()
    run = await product.run(fund_id)
    postgres = product.up.part(*PARTS["PostgreSQL"])
    assert postgres is not None
    async with product.following(run) as follower:
        await follower.reaches(15)
        try:
            # It takes nobody any more, and whoever it served is cut off.
            postgres.suspend()
            for process in postgres.children():
                process.kill()
            # Followers are told of it all the while.
            await follower.reaches(100)
        finally:
            postgres.resume()
    assert follower.words[-1]["status"] == "SUCCEEDED"
    # It was computed once.
    shares = [word["progress"] for word in follower.words]
    assert shares == sorted(shares)
    assert await product.ends(fund_id) == ["RESERVES_RECOMMENDED"]


async def test_a_run_that_is_cancelled_leaves_its_worker_free_within_a_second(product: Product) -> None:
    fund_id = await product.fund()
    run = await product.run(fund_id)
    async with product.following(run) as follower:
        await follower.reaches(15)
        (process,) = helpers(product.worker())
        answer = await product.caller.data(CANCEL, id=run)
        assert answer["cancelReserveRun"] == {"run": {"status": "CANCELLED"}, "errors": []}
        await eventually(lambda: not lives(process), "the end of the arithmetic", FREE_SECONDS)
    last = follower.words[-1]
    assert (last["status"], last["run"]["status"], last["run"]["recommendations"]) == ("CANCELLED", "CANCELLED", [])
    # The worker, which computes one at a time, is free for the next one.
    async with product.following(await product.run(fund_id, SHORT)) as following:
        pass
    assert following.words[-1]["status"] == "SUCCEEDED"
    assert await product.ends(fund_id) == ["RESERVE_RUN_CANCELLED", "RESERVES_RECOMMENDED"]


async def test_a_run_ends_though_redis_is_emptied_in_the_middle_of_it(product: Product) -> None:
    fund_id = await product.fund()
    run = await product.run(fund_id)
    async with product.following(run) as follower:
        await follower.reaches(15)
        await product.runtime.redis.flushall()
    last = follower.words[-1]
    assert (last["status"], last["run"]["id"]) == ("SUCCEEDED", run)
    # The same worker went on with it.
    shares = [word["progress"] for word in follower.words]
    assert shares == sorted(shares)
    assert follower.words_a_second() >= LEAST_WORDS
    found = (await product.caller.data(OPTIMAL, id=str(fund_id), options=LONG))["optimalReserves"]
    assert found == {"id": run, "recommendations": last["run"]["recommendations"]}
    assert await product.ends(fund_id) == ["RESERVES_RECOMMENDED"]
