"""Identical subscriptions: executed and encoded once, told the same as ever, and each checked for itself."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from api.events import FundEvent
from api.sharing import Telling
from domain.capital import FundOpened
from infra.people import Role
from tests.api.asking import Caller, Json, OpenedFund, conversing, event
from tests.api.conftest import MakeCaller
from tests.conftest import Live

FEE = event("feeCharged", "2010-01-01", amount="1.00")
FOLLOW = """
subscription Follow($id: ID!, $after: Int, $long: Boolean! = true, $more: Boolean! = true) {
  fundEvents(fundId: $id, afterVersion: $after) {
    __typename version summary @include(if: $long) payload @include(if: $long) ...Fee @skip(if: true)
  }
}
fragment Fee on FeeCharged { amount kind @include(if: $more) }
"""
QUERY = """
query ($id: ID!) {
  timeline(fundId: $id, newestFirst: false, first: 100) { nodes { __typename version summary payload } }
}
"""


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Fund and version of each fact that is executed to be shared."""
    seen: list[tuple[str, int]] = []
    execute = Telling._executed

    async def noting(self: Telling, event: FundEvent) -> str | None:
        seen.append((event.fund_id, event.version))
        return await execute(self, event)

    monkeypatch.setattr(Telling, "_executed", noting)
    return seen


async def told(live: Live, caller: Caller, number: int, query: str = FOLLOW, **given: object) -> list[Json]:
    """The first payloads of a subscription."""
    async with conversing(live.ws_url, caller.token) as talk:
        await talk.subscribe(query, **given)
        messages = [await talk.receive() for _ in range(number)]
    assert {message["type"] for message in messages} == {"next"}, messages
    return [message["payload"] for message in messages]


async def test_what_is_told_is_what_a_query_tells(live: Live, portfolio: OpenedFund) -> None:
    payloads = await told(live, portfolio.analyst, 23, id=portfolio.id, after=0)
    asked = await portfolio.analyst.data(QUERY, id=portfolio.id)
    assert payloads == [{"data": {"fundEvents": node}} for node in asked["timeline"]["nodes"]]


async def test_each_fact_is_executed_once_for_all_wherever_they_began(
    live: Live, fund: OpenedFund, caller: MakeCaller, executed: list[tuple[str, int]]
) -> None:
    readers = [await caller(Role.VIEWER, fund.uuid) for _ in range(4)]
    async with AsyncExitStack() as open_:
        talks = [await open_.enter_async_context(conversing(live.ws_url, one.token)) for one in readers]
        for place, talk in enumerate(talks):
            await talk.subscribe(FOLLOW, f"of {place}", id=fund.id, after=place % 2, long=True)
        first = [(await talk.receive())["payload"]["data"]["fundEvents"]["version"] for talk in talks[::2]]
        assert first == [1, 1]
        await fund.analyst.recorded(fund.id, FEE, FEE)
        heard = await asyncio.gather(*(talk.receive() for talk in talks))
    assert [message["id"] for message in heard] == ["of 0", "of 1", "of 2", "of 3"]
    assert len({str(message["payload"]) for message in heard}) == 1
    assert executed.count((fund.id, 1)) == executed.count((fund.id, 2)) == 1


async def test_other_documents_and_variables_have_their_own(live: Live, fund: OpenedFund) -> None:
    long: Json = {"__typename": "FundOpened", "version": 1, "summary": "Test Fund opened with 60,000,000 USD committed"}
    short: Json = {"__typename": "FundOpened", "version": 1}
    asked: list[tuple[Json, Json]] = [
        ({}, long),
        ({"long": True}, long),
        ({"long": False}, short),
        ({"long": True}, long),
    ]
    for given, expected in asked:
        (payload,) = await told(live, fund.analyst, 1, id=fund.id, after=0, **given)
        found = payload["data"]["fundEvents"]
        assert {name: found.get(name) for name in expected} == expected
        assert ("payload" in found) is ("summary" in expected)
    document = "subscription A($id: ID!) { fundEvents(fundId: $id, afterVersion: 0) { version } }"
    both = document + " subscription B($id: ID!) { a: fundEvents(fundId: $id, afterVersion: 0) { version } }"
    for name, field in (("A", "fundEvents"), ("B", "a")):
        async with conversing(live.ws_url, fund.analyst.token) as talk:
            chosen = {"query": both, "variables": {"id": fund.id}, "operationName": name}
            await talk.send({"id": "1", "type": "subscribe", "payload": chosen})
            assert await talk.next() == {field: {"version": 1}}


async def test_whoever_has_no_part_in_the_fund_is_told_nothing_of_it(
    live: Live, fund: OpenedFund, stranger: Caller
) -> None:
    assert "data" in (await told(live, fund.analyst, 1, id=fund.id, after=0))[0]
    async with conversing(live.ws_url, stranger.token) as talk:
        await talk.subscribe(FOLLOW, id=fund.id, after=0)
        message = await talk.receive()
    assert message["type"] == "error"
    assert [error["extensions"]["code"] for error in message["payload"]] == ["NOT_FOUND"]


async def test_what_fails_is_told_and_masked_as_ever(
    live: Live, fund: OpenedFund, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: FundOpened, told: object) -> str:
        raise RuntimeError("secret")

    monkeypatch.setattr(FundOpened, "summary", fails)
    (payload,) = await told(live, fund.analyst, 1, id=fund.id, after=0)
    assert payload["data"] is None
    assert [error["message"] for error in payload["errors"]] == ["Something went wrong on our side."]
