"""The live feed of alerts: what happens to each, once, from a cursor on, for everyone with a part in the fund."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from api.app import application
from infra.people import Role
from infra.queue import Queue
from infra.settings import Settings
from jobs import alerts as jobs
from tests.api.asking import Caller, Conversation, Json, conversing, event
from tests.api.conftest import MakeCaller
from tests.api.serving import runtime_of, serving, socket_url, until
from tests.api.watching import ALERT, RETIRE, Watched, done, planned, reported
from tests.conftest import SECRET, Live, Servers

NOTICES = (
    ALERT
    + """
subscription ($id: ID!, $least: AlertSeverity, $after: String) {
  varianceAlerts(fundId: $id, minSeverity: $least, after: $after) { cursor change alert { ...Alert } }
}
"""
)
ABSENT = "00000000-0000-4000-8000-000000000000"


def encoded(place: str) -> str:
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


START = encoded("0")
"""Before the first notice."""


def ahead(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%S.%fZ}"


async def notice(talk: Conversation) -> Json:
    told: Json = (await talk.next())["varianceAlerts"]
    return told


async def several(talk: Conversation, number: int) -> list[Json]:
    return [await notice(talk) for _ in range(number)]


def changes(told: list[Json]) -> list[tuple[str, str, str]]:
    return [(one["change"], one["alert"]["severity"], one["alert"]["status"]) for one in told]


def plain(alert: Json) -> Json:
    """The alert without what depends on when it is looked at, and by whom."""
    return {**alert, "company": alert["company"]["companyId"], "isRead": None, "deliveries": None}


async def nothing_more(live: Live, watched: Watched, after: str, least: str = "INFO") -> None:
    """Checks that after a cursor there is nothing until the next alert, which is opened here to end the wait."""
    number = 12
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=after, least=least)
        await watched.record(planned(1_000_000, metric="VALUATION", first=number))
        await watched.set_rule(name="the end", metrics=["VALUATION"])
        await watched.report(number, 1, metric="VALUATION")
        told = await notice(talk)
        assert (told["change"], told["alert"]["metricType"]) == ("OPENED", "VALUATION")


# What is told.

EVERYTHING = [
    ("OPENED", "CRITICAL", "OPEN"),
    ("ACKNOWLEDGED", "CRITICAL", "ACKNOWLEDGED"),
    ("SNOOZED", "CRITICAL", "SNOOZED"),
    ("WORSENED", "URGENT", "OPEN"),
    ("REPEATED", "URGENT", "OPEN"),
    ("RESOLVED", "URGENT", "RESOLVED"),
    ("REOPENED", "URGENT", "OPEN"),
    ("RESOLVED", "URGENT", "RESOLVED"),
]


async def live_through(watched: Watched) -> list[Json]:
    """Everything that can happen to an alert, and the alert after each."""
    await watched.set_rule(cooldownMinutes=0)
    seen = [await watched.miss(1, 700_000)]
    id = seen[0]["id"]
    seen.append(await done(watched.analyst, "acknowledgeAlert", id))
    seen.append(await done(watched.analyst, "snoozeAlert", id, until=ahead(days=1)))
    await watched.report(2, 500_000)
    seen.append(await watched.alert())
    await watched.report(3, 500_000)
    seen.append(await watched.alert())
    fine = await watched.report(4, 1_000_000)
    seen.append(await watched.alert())
    await watched.report(4, 500_000, restates=fine)
    seen.append(await watched.alert())
    seen.append(await done(watched.analyst, "resolveAlert", id, reason="looked into it"))
    return seen


async def test_whatever_happens_to_an_alert_arrives_with_the_alert_as_it_stood_then(
    live: Live, watched: Watched
) -> None:
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=START)
        seen = await live_through(watched)
        told = await several(talk, len(EVERYTHING))
    assert changes(told) == EVERYTHING
    assert [plain(one["alert"]) for one in told] == [plain(alert) for alert in seen]
    assert len({one["cursor"] for one in told}) == len(EVERYTHING)


async def test_whoever_comes_later_is_told_the_same(live: Live, watched: Watched) -> None:
    seen = await live_through(watched)
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=START)
        told = await several(talk, len(EVERYTHING))
    assert changes(told) == EVERYTHING
    assert [plain(one["alert"]) for one in told] == [plain(alert) for alert in seen]


async def test_neither_the_end_of_a_snooze_nor_a_pause_changes_what_was_told_before_it(
    live: Live, watched: Watched
) -> None:
    rule = await watched.set_rule()
    opened = await watched.miss()
    end = ahead(days=0.3 / 86_400)
    await done(watched.analyst, "snoozeAlert", opened["id"], until=end)
    await until(lambda: ahead(days=0) > end)
    await watched.update(rule["id"], enabled=False)
    await done(watched.analyst, "acknowledgeAlert", opened["id"])
    assert (await watched.alert())["status"] == "SUPPRESSED"
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=START)
        told = await several(talk, 3)
    assert changes(told) == [
        ("OPENED", "URGENT", "OPEN"),
        ("SNOOZED", "URGENT", "SNOOZED"),
        ("ACKNOWLEDGED", "URGENT", "SUPPRESSED"),
    ]


async def test_without_a_cursor_only_what_happens_from_now_on_is_told(servers: Servers, watched: Watched) -> None:
    await watched.set_rule()
    opened = await watched.miss()
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http, conversing(socket_url(http), watched.viewer.token) as talk:
        followed = runtime_of(app).feed._streams
        await talk.subscribe(NOTICES, id=watched.id)
        await until(lambda: watched.fund.uuid in followed)
        await done(Caller(http, watched.analyst.token), "acknowledgeAlert", opened["id"])
        assert changes([await notice(talk)]) == [("ACKNOWLEDGED", "URGENT", "ACKNOWLEDGED")]


async def test_a_breach_that_is_not_yet_an_alert_and_new_figures_between_notices_are_not_told(
    live: Live, watched: Watched
) -> None:
    await watched.set_rule(persistence=2, persistenceWindow=2)
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=START)
        for number in (1, 2, 3):
            await watched.report(number, 600_000)
        opened = await notice(talk)
    assert (opened["change"], opened["alert"]["occurrences"]) == ("OPENED", 2)
    assert (await watched.alert())["occurrences"] == 3
    await nothing_more(live, watched, opened["cursor"])


async def test_five_past_years_imported_at_once_are_told_to_nobody(live: Live, watched: Watched) -> None:
    months = [f"{year}-{number:02d}" for year in range(2007, 2012) for number in range(1, 13)]
    periods = [{"start": f"{one}-01", "end": f"{one}-28", "projectedValue": "1000000"} for one in months]
    await watched.set_rule(forecastPolicy="LATEST_AT_EFFECTIVE_DATE")
    await watched.record(
        event("forecastCreated", "2006-03-01", companyId="acme", metricType="REVENUE", periods=periods),
        *[
            event(
                "actualRecorded", companyId="acme", metricType="REVENUE", value="600000" if place % 2 else "1000000",
                periodStart=f"{one}-01", periodEnd=f"{one}-28",
            )
            for place, one in enumerate(months)
        ],
    )  # fmt: skip
    assert len(await watched.alerts(statuses=["RESOLVED", "OPEN"])) == 30
    await nothing_more(live, watched, START)


async def test_a_retired_rule_ends_its_alerts_without_a_word(live: Live, watched: Watched) -> None:
    rule = await watched.set_rule()
    await watched.miss()
    await watched.manager.data(RETIRE, id=rule["id"])
    await watched.evaluate()
    assert (await watched.alert())["status"] == "RESOLVED"
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=START)
        opened = await notice(talk)
    await nothing_more(live, watched, opened["cursor"])


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        (None, ["INFO", "WARNING", "CRITICAL", "URGENT"]),
        ("INFO", ["INFO", "WARNING", "CRITICAL", "URGENT"]),
        ("WARNING", ["WARNING", "CRITICAL", "URGENT"]),
        ("CRITICAL", ["CRITICAL", "URGENT"]),
        ("URGENT", ["URGENT"]),
    ],
)
async def test_only_what_is_bad_enough_is_told(
    live: Live, watched: Watched, least: str | None, expected: list[str]
) -> None:
    ladder = [
        {"severity": severity, "percent": percent}
        for severity, percent in (("INFO", "5"), ("WARNING", "10"), ("CRITICAL", "25"), ("URGENT", "40"))
    ]
    await watched.set_rule(ladder=ladder)
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=START, least=least)
        for number, figure in enumerate((950_000, 900_000, 750_000, 600_000), start=1):
            await watched.report(number, figure)
        assert [one["alert"]["severity"] for one in await several(talk, len(expected))] == expected


async def test_a_miss_reaches_a_subscriber_by_the_jobs_that_the_worker_does(
    servers: Servers, live: Live, watched: Watched
) -> None:
    await watched.set_rule()
    queue = await Queue.connected(servers.redis_url)
    try:
        async with conversing(live.ws_url, watched.viewer.token) as talk:
            await talk.subscribe(NOTICES, id=watched.id, after=START)
            await watched.analyst.recorded(watched.id, reported(1, 600_000))
            evaluations = [jobs.evaluate(watched.runtime, queue, watched.fund.uuid) for _ in range(4)]
            assert sum(await asyncio.gather(*evaluations)) == 1
            told = await notice(talk)
    finally:
        await queue.close()
    assert changes([told]) == [("OPENED", "URGENT", "OPEN")]
    assert told["alert"]["id"] == (await watched.alert())["id"]


# Going on.


async def test_whoever_comes_back_with_a_cursor_misses_nothing_and_hears_nothing_twice(
    live: Live, watched: Watched
) -> None:
    await watched.set_rule(cooldownMinutes=0)
    told: list[Json] = []
    for number in (1, 3, 5):
        await watched.report(number, 700_000)
        async with conversing(live.ws_url, watched.viewer.token) as talk:
            await talk.subscribe(NOTICES, id=watched.id, after=told[-1]["cursor"] if told else START)
            told += await several(talk, 1 if number == 1 else 2)
        # While nobody listens.
        await watched.report(number + 1, 700_000)
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=told[-1]["cursor"])
        told.append(await notice(talk))
    assert [one["change"] for one in told] == ["OPENED"] + ["REPEATED"] * 5
    assert [one["alert"]["occurrences"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert [one["alert"]["details"]["periodStart"][5:7] for one in told] == ["01", "02", "03", "04", "05", "06"]


async def test_from_any_cursor_on_the_rest_is_told(live: Live, watched: Watched) -> None:
    await live_through(watched)
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        await talk.subscribe(NOTICES, "all", id=watched.id, after=START)
        told = await several(talk, len(EVERYTHING))
        for place in range(1, len(EVERYTHING)):
            await talk.subscribe(NOTICES, f"after {place}", id=watched.id, after=told[place - 1]["cursor"])
            assert await several(talk, len(EVERYTHING) - place) == told[place:]


async def test_a_cursor_of_a_fact_that_was_no_notice_is_as_good(live: Live, watched: Watched) -> None:
    await watched.set_rule()
    await watched.miss()
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        # The report's version is 7, the alert's 8.
        await talk.subscribe(NOTICES, id=watched.id, after=encoded("7"))
        assert (await notice(talk))["cursor"] == encoded("8")


async def first_error(talk: Conversation, **variables: object) -> Json:
    """The error a subscription ends with, before any notice."""
    await talk.subscribe(NOTICES, **variables)
    message = await talk.receive()
    errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    if message["type"] == "next":
        assert message["payload"]["data"] is None
        assert (await talk.receive())["type"] == "complete"
    (error,) = errors
    found: Json = error
    return found


BAD_CURSORS = [
    "", "x", "====", "💥", "\0", "7", encoded(""), encoded("-1"), encoded("x"), encoded("1.0"), encoded("١"),
    encoded("9" * 19), encoded("9" * 18), encoded("6"), encoded("5 "), encoded("5") + "=", "x" * 100_000,
]  # fmt: skip


async def test_what_is_no_cursor_of_this_feed_or_one_ahead_of_it_is_bad_input(live: Live, watched: Watched) -> None:
    async with conversing(live.ws_url, watched.viewer.token) as talk:
        for after in BAD_CURSORS:
            error = await first_error(talk, id=watched.id, after=after)
            assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["after"])
        none: object
        for none in (5, 1.5, True, []):
            error = await first_error(talk, id=watched.id, after=none)
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
        error = await first_error(talk, id=watched.id, least="DREADFUL")
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


# For whom.


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_may_follow(live: Live, watched: Watched, role: Role) -> None:
    await watched.set_rule()
    await watched.miss()
    async with conversing(live.ws_url, await live.token(role, watched.fund.uuid)) as talk:
        await talk.subscribe(NOTICES, id=watched.id, after=START)
        assert changes([await notice(talk)]) == [("OPENED", "URGENT", "OPEN")]


async def test_a_foreign_fund_ends_in_an_error_as_one_that_isnt_there(
    live: Live, stranger: Caller, watched: Watched
) -> None:
    async with conversing(live.ws_url, stranger.token) as talk:
        ids = (watched.id, ABSENT, str(UUID(int=4)), "garbage", "", "\0")
        for error in [await first_error(talk, id=id, after=START) for id in ids]:
            assert error["message"] == "No such fund."
            assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("NOT_FOUND", ["fundId"])


async def test_everyone_is_told_whether_they_have_read_it_themselves(
    live: Live, watched: Watched, caller: MakeCaller
) -> None:
    await watched.set_rule()
    opened = await watched.miss()
    reader, other = watched.viewer, await caller(Role.VIEWER, watched.fund.uuid)
    await done(reader, "markAlertRead", opened["id"])
    async with conversing(live.ws_url, reader.token) as one, conversing(live.ws_url, other.token) as two:
        told = []
        for talk in (one, two):
            await talk.subscribe(NOTICES, id=watched.id, after=START)
            told.append((await notice(talk))["alert"]["isRead"])
        assert told == [True, False]
        # What they have read since, they are told as read when they come back.
        await done(other, "markAlertRead", opened["id"])
        await done(reader, "markAlertRead", opened["id"], read=False)
        for talk in (one, two):
            await talk.subscribe(NOTICES, "again", id=watched.id, after=START)
        assert [(await notice(talk))["alert"]["isRead"] for talk in (one, two)] == [False, True]


async def test_50_subscribers_are_each_told_everything_in_order(live: Live, watched: Watched) -> None:
    await watched.set_rule(cooldownMinutes=0)

    async def read() -> list[int]:
        async with conversing(live.ws_url, watched.viewer.token) as talk:
            await talk.subscribe(NOTICES, id=watched.id, after=START)
            return [one["alert"]["occurrences"] for one in await several(talk, 10)]

    async def write() -> None:
        for number in range(1, 11):
            await watched.report(number, 700_000)

    *told, _ = await asyncio.gather(*[read() for _ in range(50)], write())
    assert told == [list(range(1, 11))] * 50
