"""Running subscriptions end within seconds once whoever follows them may no longer, even where nothing happens."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from api import security
from infra import standings
from infra.people import Person, Role
from infra.runtime import Runtime
from tests.api.asking import Conversation, Json, OpenedFund, conversing
from tests.conftest import SECRET, Live

CALCULATE = """
mutation ($id: ID!) { calculateOptimalReserves(input: {fundId: $id, options: {iterations: 100}}) { run { id } } }
"""
FOLLOWED = {
    "facts": "subscription ($id: ID!) { fundEvents(fundId: $id, afterVersion: 0) { version } }",
    "alerts": "subscription ($id: ID!) { varianceAlerts(fundId: $id) { cursor } }",
    "run": "subscription ($run: ID!) { reserveProgress(runId: $run) { status } }",
}


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "LOOK_SECONDS", 0.2)


@pytest.fixture
async def person(live: Live, fund: OpenedFund) -> Person:
    person = await live.runtime.people.enrol(f"{uuid4().hex}@example.org")
    await live.runtime.people.give(person.id, fund.uuid, Role.VIEWER)
    return person


def token_of(person: Person) -> str:
    return security.issue(SECRET, person, datetime.now(UTC), timedelta(hours=1))


@asynccontextmanager
async def following(live: Live, person: Person, fund: OpenedFund) -> AsyncIterator[Conversation]:
    """A WebSocket that follows everything there is, and has been told what there was."""
    run = (await fund.analyst.data(CALCULATE, id=fund.id))["calculateOptimalReserves"]["run"]["id"]
    async with conversing(live.ws_url, token_of(person)) as talk:
        for name, query in FOLLOWED.items():
            await talk.subscribe(query, name, **({"run": run} if name == "run" else {"id": fund.id}))
        # The fund's opening, the run's request, and where the run stands.
        assert {(await talk.receive())["id"] for _ in range(3)} == {"facts", "run"}
        yield talk


async def ends_of(talk: Conversation) -> dict[str, str]:
    """The code that each subscription ends with."""
    codes: dict[str, str] = {}
    completed: set[str] = set()
    async with asyncio.timeout(20):
        while completed != set(FOLLOWED):
            message: Json = await talk.receive()
            if message["type"] == "error":
                # Where nothing was told before, it is the end as well.
                codes[message["id"]] = message["payload"][0]["extensions"]["code"]
                completed.add(message["id"])
            elif message["type"] == "complete":
                completed.add(message["id"])
            elif "errors" in message["payload"]:
                codes[message["id"]] = message["payload"]["errors"][0]["extensions"]["code"]
    return codes


async def take_role(runtime: Runtime, person: Person, fund: OpenedFund) -> None:
    await runtime.members.take_role(fund.uuid, person.email, actor=person.id)


async def revoke(runtime: Runtime, person: Person, fund: OpenedFund) -> None:
    await runtime.members.revoke_everywhere(person.id, actor=person.id)


async def revoke_here(runtime: Runtime, person: Person, fund: OpenedFund) -> None:
    await runtime.members.revoke(await owner_of(runtime, fund), person.email, actor=person.id)


async def erase(runtime: Runtime, person: Person, fund: OpenedFund) -> None:
    await runtime.pool.execute("DELETE FROM person WHERE id = $1", person.id)


async def owner_of(runtime: Runtime, fund: OpenedFund) -> UUID:
    row = await runtime.funds.fund(fund.uuid)
    assert row is not None
    return row.organisation_id


TakeAway = Callable[[Runtime, Person, OpenedFund], Awaitable[None]]


@asynccontextmanager
async def bystanding(live: Live, fund: OpenedFund) -> AsyncIterator[None]:
    """Somebody else who follows the fund meanwhile: the run's request is the next fact for them."""
    bystander = await live.runtime.people.enrol(f"{uuid4().hex}@example.org")
    await live.runtime.people.give(bystander.id, fund.uuid, Role.VIEWER)
    async with conversing(live.ws_url, token_of(bystander)) as other:
        await other.subscribe(FOLLOWED["facts"], id=fund.id)
        assert await other.next() == {"fundEvents": {"version": 1}}
        yield
        assert await other.next() == {"fundEvents": {"version": 2}}


@pytest.mark.parametrize(("take_away", "code"), [(take_role, "NOT_FOUND"), (revoke_here, "UNAUTHENTICATED")])
async def test_a_fund_taken_away_is_followed_no_longer(
    live: Live, person: Person, fund: OpenedFund, take_away: TakeAway, code: str
) -> None:
    async with bystanding(live, fund), following(live, person, fund) as talk:
        await take_away(live.runtime, person, fund)
        assert await ends_of(talk) == dict.fromkeys(FOLLOWED, code)
        # What isn't the fund's goes on.
        await talk.subscribe("{ viewer { email } }", "more")
        assert await talk.next() == {"viewer": {"email": person.email}}


@pytest.mark.parametrize("take_away", [revoke, erase])
async def test_a_websocket_whose_token_is_revoked_is_closed(
    live: Live, person: Person, fund: OpenedFund, take_away: TakeAway
) -> None:
    async with bystanding(live, fund), following(live, person, fund) as talk:
        await take_away(live.runtime, person, fund)
        assert await talk.closed() == 4403
        assert talk.socket.close_reason == "The token was revoked."


async def test_an_event_stream_whose_token_is_revoked_is_ended(live: Live, person: Person, fund: OpenedFund) -> None:
    headers = {"authorization": f"Bearer {token_of(person)}", "accept": "text/event-stream"}
    asked = {"query": FOLLOWED["facts"], "variables": {"id": fund.id}}
    async with (
        httpx.AsyncClient(base_url=live.url, timeout=20) as client,
        client.stream("POST", "/graphql", json=asked, headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        told = [await anext(lines) for _ in range(2)]
        assert told == ["event: next", 'data: {"data":{"fundEvents":{"version":1}}}']
        await live.runtime.members.revoke_everywhere(person.id, actor=person.id)
        rest = [line async for line in lines]
    (last,) = [json.loads(line.removeprefix("data: ")) for line in rest if line.startswith("data: {")]
    assert last["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "event: complete" in rest
