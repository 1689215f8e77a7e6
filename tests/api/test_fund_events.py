"""The live feed: a fund's facts in version order, those stored first, then each new one; no gap, no repeat."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api.app import application
from domain.events import KINDS
from domain.shape import pascal_of_stored
from infra.people import Role
from infra.settings import Settings
from tests.api.asking import Caller, Conversation, Json, OpenedFund, conversing, event
from tests.api.conftest import MakeCaller
from tests.api.serving import runtime_of, serving, socket_url, until
from tests.api.watching import Watched, done
from tests.conftest import SECRET, Live, OpenFund, Servers

EVENTS = "subscription ($id: ID!, $after: Int) { fundEvents(fundId: $id, afterVersion: $after) { version } }"
FEE = event("feeCharged", "2010-01-01", amount="1.00")


async def versions(talk: Conversation, number: int) -> list[int]:
    return [(await talk.next())["fundEvents"]["version"] for _ in range(number)]


@pytest.mark.parametrize("after", [0, 1, 4])
async def test_stored_facts_come_first_then_each_new_one(live: Live, fund: OpenedFund, after: int) -> None:
    await fund.analyst.recorded(fund.id, *[FEE] * 5)
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        await talk.subscribe(EVENTS, id=fund.id, after=after)
        assert await versions(talk, 6 - after) == list(range(after + 1, 7))
        await fund.analyst.recorded(fund.id, FEE, FEE)
        await fund.analyst.recorded(fund.id, FEE)
        assert await versions(talk, 3) == [7, 8, 9]


@pytest.mark.parametrize(("after", "first"), [(6, 7), (8, 9), (2_147_483_647, None)])
async def test_from_the_head_on_or_beyond_it_only_later_facts_come(
    live: Live, fund: OpenedFund, after: int, first: int | None
) -> None:
    await fund.analyst.recorded(fund.id, *[FEE] * 5)
    async with (
        conversing(live.ws_url, fund.analyst.token) as beyond,
        conversing(live.ws_url, fund.analyst.token) as all_,
    ):
        await beyond.subscribe(EVENTS, id=fund.id, after=after)
        await all_.subscribe(EVENTS, id=fund.id, after=0)
        await versions(all_, 6)
        await fund.analyst.recorded(fund.id, FEE, FEE, FEE)
        assert await versions(all_, 3) == [7, 8, 9]
        if first is None:
            # What came to the other would have come here too.
            await beyond.subscribe("{ viewer { isAdministrator } }", "last")
            assert await beyond.next() == {"viewer": {"isAdministrator": False}}
        else:
            assert await versions(beyond, 10 - first) == list(range(first, 10))


async def test_without_a_version_only_new_facts_come(servers: Servers, fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, *[FEE] * 3)
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http, conversing(socket_url(http), fund.analyst.token) as talk:
        followed = runtime_of(app).feed._streams
        await talk.subscribe(EVENTS, id=fund.id, after=None)
        await until(lambda: fund.uuid in followed)
        await Caller(http, fund.analyst.token).recorded(fund.id, FEE, FEE)
        assert await versions(talk, 2) == [5, 6]


async def test_facts_recorded_by_another_process_come_too(servers: Servers, live: Live, fund: OpenedFund) -> None:
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http, conversing(live.ws_url, fund.analyst.token) as talk:
        await talk.subscribe(EVENTS, id=fund.id, after=0)
        assert await versions(talk, 1) == [1]
        for version in (2, 3, 4):
            await Caller(http, fund.analyst.token).recorded(fund.id, FEE)
            assert await versions(talk, 1) == [version]


async def test_a_fact_of_the_feed_has_its_own_types_fields(live: Live, portfolio: OpenedFund) -> None:
    typed = """
    ... on FundEvent { id fundId version type occurredAt recordedAt recordedBy summary payload metadata hash }
    ... on FundOpened { name currency size }
    ... on CapitalCalled { amount dueOn }
    ... on InvestmentMade { companyId ownershipAfter fromReserves }
    ... on ForecastCreated { periods { start end projectedValue } forecastKind: kind }
    ... on DealForecastCreated { exitScenarios { name exitValue } futureRounds { stage } preference { kind } }
    ... on EventVoided { targetVersion reason }
    """
    query = f"subscription ($id: ID!) {{ fundEvents(fundId: $id, afterVersion: 0) {{ __typename {typed} }} }}"
    async with conversing(live.ws_url, portfolio.analyst.token) as talk:
        await talk.subscribe(query, id=portfolio.id)
        told = [(await talk.next())["fundEvents"] for _ in range(23)]
    listed = f"timeline(fundId: $id, first: 200, newestFirst: false) {{ nodes {{ __typename {typed} }} }}"
    asked = f"query ($id: ID!) {{ {listed} }}"
    assert told == (await portfolio.analyst.data(asked, id=portfolio.id))["timeline"]["nodes"]
    plain = {pascal_of_stored(kind.name) for kind in KINDS.values() if kind.recordable or kind.name == "FUND_OPENED"}
    assert {one["__typename"] for one in told} == plain
    assert (told[1]["amount"], told[1]["dueOn"]) == ("20000000.00", "2006-03-01")
    assert told[3]["summary"] == "Invested 2,000,000 USD in Acme in its Seed round"
    assert (told[22]["targetVersion"], told[22]["version"]) == (22, 23)


async def test_facts_about_alerts_come_in_their_place_with_their_own_types_fields(live: Live, watched: Watched) -> None:
    # A rule with a scope, so that no list in it is null.
    rule = await watched.set_rule(companyIds=["acme"], stages=["Seed"])
    alert = await watched.miss()
    end = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S.%fZ}"
    await done(watched.analyst, "acknowledgeAlert", alert["id"])
    await done(watched.analyst, "snoozeAlert", alert["id"], until=end)
    await done(watched.analyst, "resolveAlert", alert["id"], reason="looked into it")
    typed = """
    ... on FundEvent { id fundId version type occurredAt recordedAt recordedBy summary payload metadata hash }
    ... on AlertRuleSet { ruleId name metrics ladder { severity percent absolute } companyIds stages retired }
    ... on AlertRaised {
      alertId ruleId ruleVersion companyId change severity occurrences notifies follows rung { severity percent }
      figures { periodStart actual percent flags forecastVersion actualVersion }
    }
    ... on AlertAcknowledged { alertId companyId metricType }
    ... on AlertSnoozed { alertId until }
    ... on AlertResolved { alertId resolution notifies reason resolvedBy: figures { actual } }
    """
    query = f"subscription ($id: ID!) {{ fundEvents(fundId: $id, afterVersion: 5) {{ __typename {typed} }} }}"
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(query, id=watched.id)
        told = [(await talk.next())["fundEvents"] for _ in range(6)]
    asked = f"query ($id: ID!) {{ timeline(fundId: $id, first: 6) {{ nodes {{ __typename {typed} }} }} }}"
    listed = (await watched.viewer.data(asked, id=watched.id))["timeline"]["nodes"]
    assert told == listed[::-1]
    assert [one["version"] for one in told] == [6, 7, 8, 9, 10, 11]
    assert [one["__typename"] for one in told] == [
        "AlertRuleSet", "ActualRecorded", "AlertRaised", "AlertAcknowledged", "AlertSnoozed", "AlertResolved",
    ]  # fmt: skip
    set_, _, raised, _, snoozed, resolved = told
    name = alert["id"].rpartition(":")[2]
    assert {one["alertId"] for one in told[2:]} == {name}
    assert (set_["ruleId"], set_["companyIds"], set_["stages"]) == (rule["id"].rpartition(":")[2], ["acme"], ["Seed"])
    assert (raised["change"], raised["ruleVersion"], raised["figures"]["actualVersion"]) == ("OPENED", 6, 7)
    assert raised["payload"]["figures"]["variance"] == "-400000"
    assert snoozed["until"] == end
    assert (resolved["resolution"], resolved["reason"]) == ("MANUAL", "looked into it")


async def test_a_catch_up_longer_than_a_page_is_complete(live: Live, fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, *[FEE] * 1_000)
    await fund.analyst.recorded(fund.id, *[FEE] * 300)
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        await talk.subscribe(EVENTS, id=fund.id, after=0)
        assert await versions(talk, 1_301) == list(range(1, 1_302))


async def test_two_feeds_of_one_websocket_are_told_apart(
    live: Live, fund: OpenedFund, caller: MakeCaller, open_fund: OpenFund
) -> None:
    administrator = await caller(administrator=True)
    other = await open_fund()
    async with conversing(live.ws_url, administrator.token) as talk:
        await talk.subscribe(EVENTS, "this", id=fund.id, after=0)
        await talk.subscribe(EVENTS, "other", id=str(other), after=0)
        first = {(await talk.receive())["id"] for _ in range(2)}
        await administrator.recorded(str(other), FEE)
        assert (await talk.receive())["id"] == "other"
        await administrator.recorded(fund.id, FEE)
        assert (await talk.receive())["id"] == "this"
    assert first == {"this", "other"}


async def test_50_subscribers_each_see_every_fact_after_their_own_in_order(live: Live, fund: OpenedFund) -> None:
    facts, subscribers = 300, 50

    async def read(talk: Conversation, after: int) -> list[int]:
        await talk.subscribe(EVENTS, id=fund.id, after=after)
        return await versions(talk, facts + 1 - after)

    async def write() -> None:
        written = 0
        while written < facts:
            part = min(1 + written % 7, facts - written)
            await fund.analyst.recorded(fund.id, *[FEE] * part)
            written += part

    async with AsyncExitStack() as stack:
        talks = [
            await stack.enter_async_context(conversing(live.ws_url, fund.analyst.token)) for _ in range(subscribers)
        ]
        # They begin while facts are written, from the first fact, from the middle, and from beyond the head.
        reading = [read(talk, place * 5) for place, talk in enumerate(talks)]
        *told, _ = await asyncio.gather(*reading, write())
    assert told == [list(range(place * 5 + 1, facts + 2)) for place in range(subscribers)]


async def test_a_subscriber_that_comes_back_with_its_last_version_misses_nothing(live: Live, fund: OpenedFund) -> None:
    seen: list[int] = []
    for _ in range(5):
        async with conversing(live.ws_url, fund.analyst.token) as talk:
            await fund.analyst.recorded(fund.id, FEE, FEE)
            await talk.subscribe(EVENTS, id=fund.id, after=seen[-1] if seen else 0)
            seen += await versions(talk, 2)
        await fund.analyst.recorded(fund.id, FEE)
    assert seen == list(range(1, 11))


# Who may follow.


async def first_error(talk: Conversation, query: str = EVENTS, **variables: Any) -> Json:
    """The error a subscription ends with, before any fact."""
    await talk.subscribe(query, **variables)
    message = await talk.receive()
    errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    if message["type"] == "next":
        assert message["payload"]["data"] is None
        assert (await talk.receive())["type"] == "complete"
    (error,) = errors
    found: Json = error
    return found


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_may_follow(live: Live, portfolio: OpenedFund, role: Role) -> None:
    async with conversing(live.ws_url, await live.token(role, portfolio.uuid)) as talk:
        await talk.subscribe(EVENTS, id=portfolio.id, after=22)
        assert await versions(talk, 1) == [23]


async def test_a_foreign_fund_ends_in_an_error_before_the_first_fact_as_one_that_isnt_there(
    live: Live, stranger: Caller, portfolio: OpenedFund
) -> None:
    async with conversing(live.ws_url, stranger.token) as talk:
        told = [await first_error(talk, id=id, after=0) for id in (portfolio.id, str(UUID(int=4)), "garbage", "", "\0")]
    for error in told:
        assert error["message"] == "No such fund."
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("NOT_FOUND", ["fundId"])


@pytest.mark.parametrize("after", [-1, -2_147_483_648])
async def test_a_version_below_0_is_refused(live: Live, portfolio: OpenedFund, after: int) -> None:
    async with conversing(live.ws_url, portfolio.analyst.token) as talk:
        error = await first_error(talk, id=portfolio.id, after=after)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["afterVersion"])


@pytest.mark.parametrize("after", ["1", 1.5, True, 2_147_483_648, []])
async def test_what_is_no_version_is_refused(live: Live, portfolio: OpenedFund, after: object) -> None:
    async with conversing(live.ws_url, portfolio.analyst.token) as talk:
        error = await first_error(talk, id=portfolio.id, after=after)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["after"])


# Leaving.


async def test_a_feed_is_read_once_for_all_subscribers_and_no_longer_than_there_are_any(
    servers: Servers, fund: OpenedFund
) -> None:
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        url, followed = socket_url(http), runtime_of(app).feed._streams
        async with conversing(url, fund.analyst.token) as one, conversing(url, fund.analyst.token) as other:
            for talk in (one, other):
                await talk.subscribe(EVENTS, id=fund.id, after=0)
                assert await versions(talk, 1) == [1]
            stream = followed[fund.uuid]
            assert (len(followed), stream.subscribers) == (1, 2)
            reader = stream.reader
            assert reader is not None
            await one.send({"type": "complete", "id": "1"})
            await until(lambda: stream.subscribers == 1)
            assert not reader.done()
            # The other one doesn't even say that it goes.
            other.socket.transport.abort()
            await until(lambda: fund.uuid not in followed)
            await until(reader.done)
        assert followed == {}


async def test_a_feed_that_was_left_can_be_followed_again(servers: Servers, fund: OpenedFund) -> None:
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        followed = runtime_of(app).feed._streams
        for version in (1, 2, 3):
            async with conversing(socket_url(http), fund.analyst.token) as talk:
                await talk.subscribe(EVENTS, id=fund.id, after=version - 1)
                assert await versions(talk, 1) == [version]
            await until(lambda: not followed)
            await fund.analyst.recorded(fund.id, FEE)
