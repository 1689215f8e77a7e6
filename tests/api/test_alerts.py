"""Alerts: listed as they stand and as they stood, read by each for themselves, and dealt with by analysts."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from infra.people import SYSTEM_NAME, Role
from tests.api.asking import Caller, Json, event, refusals
from tests.api.conftest import MakeCaller, MakeWatched
from tests.api.watching import ALERT, ALERTS, ALERTS_THEN, LADDER, Watched, done, handled, handling, planned, reported

NODE = ALERT + "query ($id: ID!) { node(id: $id) { __typename id ... on VarianceAlert { ...Alert } } }"
ABSENT = "00000000-0000-4000-8000-000000000000"
GIVEN: dict[str, Json] = {
    "acknowledgeAlert": {},
    "snoozeAlert": {"until": "2026-01-01T00:00:00Z"},
    "resolveAlert": {"reason": "looked into it"},
    "markAlertRead": {},
}
"""Mutations of an alert, and what they are given beside its id; the snooze's end is set in each test."""
MUTATIONS = list(GIVEN)
PATIENCE = 20.0


def ahead(**length: float) -> str:
    """A moment so far ahead, as the API writes it."""
    return f"{datetime.now(UTC) + timedelta(**length):%Y-%m-%dT%H:%M:%S.%fZ}"


def given(mutation: str) -> Json:
    return {"until": ahead(days=1)} if mutation == "snoozeAlert" else GIVEN[mutation]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for what time alone brings about."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def missed(watched: Watched) -> tuple[Watched, Json]:
    """A watched fund at version 8, and its only alert: the rule is version 6, the report 7."""
    await watched.set_rule()
    return watched, await watched.miss()


@pytest_asyncio.fixture(scope="session")
async def standing(watch: MakeWatched) -> Watched:
    """The same for tests that change nothing in it."""
    watched = await watch()
    await watched.set_rule()
    await watched.miss()
    return watched


# What an alert says.


async def test_an_alert_says_what_differs_from_what_by_how_much_and_why_it_fired(
    missed: tuple[Watched, Json],
) -> None:
    watched, alert = missed
    (rule,) = await watched.rules()
    name = alert["id"].removeprefix(f"alert:{watched.id}:")
    assert (len(name), alert["createdAt"]) == (32, alert["updatedAt"])
    assert alert["createdAt"] >= await watched.moment(7)
    delivered_at = alert["deliveries"][0]["deliveredAt"]
    assert delivered_at > alert["createdAt"]
    assert alert == {
        "id": alert["id"],
        "kind": "VARIANCE",
        "metricType": "REVENUE",
        "severity": "URGENT",
        "peakSeverity": "URGENT",
        "status": "OPEN",
        "occurrences": 1,
        "triggeringEventVersion": 7,
        "revision": 8,
        "createdAt": alert["createdAt"],
        "updatedAt": alert["createdAt"],
        "resolvedAt": None,
        "resolution": None,
        "snoozedUntil": None,
        "follows": None,
        "why": "Acme's revenue for 01 Jan 2150 to 31 Jan 2150 is 600,000 USD, 400,000 USD (40%) below the forecast of "
        "1,000,000 USD (version 4), which is unfavourable. Urgent starts at 40%.",
        "isRead": False,
        "rule": {"id": rule["id"], "name": "Sales", "version": 6},
        "company": {"id": alert["company"]["id"], "companyId": "acme", "name": "Acme"},
        "details": {
            "periodStart": "2150-01-01",
            "periodEnd": "2150-01-31",
            "forecast": "1000000",
            "actual": "600000",
            "variance": "-400000",
            "variancePercent": "-40.000000",
            "favourable": False,
            "status": "OK",
            "flags": [],
            "forecastVersion": 4,
            "actualVersion": 7,
        },
        "deliveries": [
            {
                "channel": "IN_APP",
                "status": "DELIVERED",
                "attempts": 1,
                "lastError": None,
                "deliveredAt": delivered_at,
                "revision": 8,
            }
        ],
    }
    found = (await watched.viewer.data(NODE, id=alert["company"]["id"]))["node"]
    assert found["__typename"] == "PortfolioCompany"


async def test_a_worse_figure_keeps_its_worst_severity_and_a_better_one_does_not_undo_it(
    missed: tuple[Watched, Json],
) -> None:
    watched, first = missed
    await watched.report(2, 850_000)
    alert = await watched.alert()
    assert (alert["id"], alert["severity"], alert["peakSeverity"]) == (first["id"], "WARNING", "URGENT")
    assert (alert["occurrences"], alert["details"]["periodStart"], alert["triggeringEventVersion"]) == (
        2,
        "2150-02-01",
        9,
    )


async def test_a_new_alert_follows_the_one_before_it(missed: tuple[Watched, Json]) -> None:
    watched, first = missed
    await watched.report(2, 1_000_000)
    over = await watched.alert()
    assert (over["status"], over["resolvedAt"]) == ("RESOLVED", over["updatedAt"])
    assert over["resolution"] == "A later figure was fine, or the overdue one came."
    sentence = "Resolved: Acme's revenue for 01 Feb 2150 to 28 Feb 2150 is 1,000,000 USD, as forecast (version 4)."
    assert over["why"].endswith(sentence)
    await watched.report(3, 600_000)
    second, before = await watched.alerts()
    assert (before["id"], second["follows"], second["status"]) == (first["id"], first["id"], "OPEN")


async def test_between_clearing_and_breaching_an_alert_stays_as_it_is(missed: tuple[Watched, Json]) -> None:
    watched, _ = missed
    await watched.report(2, 910_000)
    assert (await watched.alert())["status"] == "OPEN"
    await watched.report(3, "920000.01")
    assert (await watched.alert())["status"] == "RESOLVED"


async def test_an_alert_that_asks_for_more_breaches_is_pending_until_they_are_there(watched: Watched) -> None:
    await watched.set_rule(persistence=2, persistenceWindow=3)
    pending = await watched.miss()
    assert (pending["status"], pending["deliveries"]) == ("PENDING", [])
    payload = await handled(watched.analyst, "acknowledgeAlert", pending["id"])
    message = "This alert is pending: it hasn't opened yet."
    assert payload == {"alert": None, "errors": [{"code": "INVALID_STATE", "message": message, "path": ["id"]}]}
    await watched.report(2, 1_000_000)
    await watched.report(3, 600_000)
    await watched.report(4, 600_000)
    alert = (await watched.alerts())[0]
    assert (alert["status"], len(alert["deliveries"])) == ("OPEN", 1)
    assert alert["why"].endswith("The rule asks for 2 breaches in 3 figures.")


# Figures that are hard.


@pytest.mark.parametrize(
    ("plan", "figure", "severity", "why"),
    [
        # No percentage, and no rung of the usual ladder is met by 40,000 alone.
        ("0", "-40000", None, None),
        ("0", "-60000", "WARNING", "Warning starts at 10% and 50,000 USD"),
        ("9999.99", "-250000", "CRITICAL", "Critical starts at 25% and 250,000 USD"),
        (f"0.{'0' * 36}1", "-50000", "WARNING", "Warning starts at 10% and 50,000 USD"),
        ("-500000", "-450000", None, None),
        ("-500000", "-550000", "WARNING", "Warning starts at 10% and 50,000 USD"),
        ("-500000", "300000", None, None),
        ("9" * 38, "-" + "9" * 38, "URGENT", "Urgent starts at 40%."),
        ("9" * 38, "9" * 38, None, None),
    ],
)
async def test_a_zero_negative_tiny_or_huge_forecast_is_rated_exactly(
    watched: Watched, plan: str, figure: str, severity: str | None, why: str | None
) -> None:
    await watched.record(planned(plan, metric="EBITDA"))
    await watched.set_rule(metrics=["EBITDA"])
    await watched.report(1, figure, metric="EBITDA")
    alerts = await watched.alerts()
    assert [alert["severity"] for alert in alerts] == ([] if severity is None else [severity])
    for alert in alerts:
        assert why is not None
        assert why in alert["why"]
        assert (alert["details"]["forecast"], alert["details"]["actual"]) == (plan, figure)


async def test_a_rung_with_a_percentage_alone_cant_fire_without_one(watched: Watched) -> None:
    await watched.record(planned(0, metric="EBITDA"))
    await watched.set_rule(metrics=["EBITDA"], ladder=[{"severity": "URGENT", "percent": "1"}])
    await watched.report(1, -60_000_000, metric="EBITDA")
    assert await watched.alerts() == []


async def test_the_same_report_recorded_twice_tells_nobody_twice(missed: tuple[Watched, Json]) -> None:
    watched, first = missed
    version = await watched.report(1, 600_000)
    alert = await watched.alert()
    assert (alert["id"], alert["status"], alert["triggeringEventVersion"]) == (first["id"], "OPEN", version)
    assert alert["deliveries"] == first["deliveries"]


async def test_a_restated_report_resolves_its_alert_and_one_restated_for_the_worse_opens_it_again(
    missed: tuple[Watched, Json],
) -> None:
    watched, first = missed
    second = await watched.report(1, 990_000, restates=7)
    over = await watched.alert()
    assert (over["status"], over["resolution"]) == ("RESOLVED", "Its figure or forecast was restated.")
    assert over["why"].endswith(
        "Resolved by a restatement: Acme's revenue for 01 Jan 2150 to 31 Jan 2150 is 990,000 USD, 10,000 USD (1%) "
        "below the forecast of 1,000,000 USD (version 4), which is unfavourable."
    )
    await watched.report(1, 700_000, restates=second)
    again = await watched.alert()
    assert (again["id"], again["status"], again["severity"]) == (first["id"], "OPEN", "CRITICAL")
    assert (again["resolution"], again["resolvedAt"], again["details"]["flags"]) == (None, None, ["RESTATED"])


async def test_without_its_forecast_an_alert_is_over(missed: tuple[Watched, Json]) -> None:
    watched, _ = missed
    await watched.record(event("eventVoided", version=4, reason="the plan of another company"))
    alert = await watched.alert()
    assert (alert["status"], alert["resolution"]) == ("RESOLVED", "The figure or its forecast was withdrawn.")


async def test_a_company_that_was_exited_is_no_business_of_a_rule(missed: tuple[Watched, Json]) -> None:
    watched, _ = missed
    await watched.record(event("companyStatusChanged", companyId="acme", status="EXITED"))
    alert = await watched.alert()
    assert (alert["status"], alert["resolution"]) == (
        "RESOLVED",
        "The rule no longer covers the company or the figure.",
    )


async def test_five_past_years_imported_at_once_are_rated_and_nobody_is_told(watched: Watched) -> None:
    months = [f"{year}-{number:02d}" for year in range(2007, 2012) for number in range(1, 13)]
    periods = [{"start": f"{one}-01", "end": f"{one}-28", "projectedValue": "1000000"} for one in months]
    await watched.set_rule(forecastPolicy="LATEST_AT_EFFECTIVE_DATE", channels=["IN_APP"])
    await watched.record(
        event("forecastCreated", "2006-03-01", companyId="acme", metricType="ARR", periods=periods),
        event("forecastCreated", "2006-03-01", companyId="acme", metricType="REVENUE", periods=periods),
    )
    before = {one["id"] for one in await watched.alerts()}
    await watched.record(
        *[
            event(
                "actualRecorded", f"{one}-28", companyId="acme", metricType="REVENUE",
                value="600000" if place % 2 else "1000000", periodStart=f"{one}-01", periodEnd=f"{one}-28",
            )
            for place, one in enumerate(months)
        ]
    )  # fmt: skip
    found = [one for one in await watched.alerts() if one["id"] not in before]
    assert len(found) == 30
    assert all(one["deliveries"] == [] and "BACKFILL" in one["details"]["flags"] for one in found)
    assert all(one["why"].find("It came as history, so nobody was told.") > 0 for one in found)
    (opened,) = [one for one in found if one["status"] == "OPEN"]
    assert opened["details"]["periodStart"] == "2011-12-01"


async def test_an_overdue_figure_has_an_alert_of_its_own_kind_until_it_comes(watched: Watched) -> None:
    quarter = {"periodStart": "2007-01-01", "periodEnd": "2007-03-31"}
    await watched.set_rule(includeBackdated=True)
    await watched.record(
        event(
            "forecastCreated", "2006-02-01", companyId="acme", metricType="REVENUE",
            periods=[{"start": "2007-01-01", "end": "2007-03-31", "projectedValue": "1000000"}],
        )
    )  # fmt: skip
    alert = await watched.alert()
    assert (alert["kind"], alert["severity"], alert["details"]["status"]) == (
        "MISSING_ACTUAL",
        "INFO",
        "MISSING_ACTUAL",
    )
    assert (alert["details"]["actual"], alert["triggeringEventVersion"], alert["deliveries"]) == (None, 7, [])
    assert alert["why"] == (
        "Acme has not reported revenue for 01 Jan 2007 to 31 Mar 2007: it was due 30 days after the period's end, and "
        "14 more have passed."
    )
    await watched.record(event("actualRecorded", companyId="acme", metricType="REVENUE", value="1000000", **quarter))
    over = await watched.alert()
    assert (over["status"], over["resolution"]) == ("RESOLVED", "The figure came.")


# What people do with one.


async def test_an_acknowledged_alert_is_on_somebodys_desk_until_it_gets_worse(watched: Watched) -> None:
    await watched.set_rule()
    opened = await watched.miss(1, 700_000)
    alert = await done(watched.analyst, "acknowledgeAlert", opened["id"])
    assert alert == {
        **opened,
        "status": "ACKNOWLEDGED",
        "revision": 9,
        "updatedAt": alert["updatedAt"],
        "company": alert["company"],
    }
    assert alert["updatedAt"] > opened["updatedAt"]
    await watched.report(2, 700_000)
    assert (await watched.alert())["status"] == "ACKNOWLEDGED"
    await watched.report(3, 500_000)
    assert (await watched.alert())["status"] == "OPEN"


async def test_what_people_do_is_a_fact_of_theirs(missed: tuple[Watched, Json]) -> None:
    watched, alert = missed
    await done(watched.analyst, "acknowledgeAlert", alert["id"])
    await done(watched.analyst, "snoozeAlert", alert["id"], until=ahead(days=1))
    await done(watched.analyst, "resolveAlert", alert["id"], reason="a large order moved")
    asked = """query ($id: ID!) {
      viewer { email }
      timeline(fundId: $id, first: 4) {
        nodes {
          version type summary recordedBy ... on AlertSnoozed { until } ... on AlertResolved { reason resolution }
        }
      }
    }"""
    data = await watched.analyst.data(asked, id=watched.id)
    resolved, snoozed, acknowledged, raised = data["timeline"]["nodes"]
    assert [node["version"] for node in data["timeline"]["nodes"]] == [11, 10, 9, 8]
    assert {node["recordedBy"] for node in (resolved, snoozed, acknowledged)} == {data["viewer"]["email"]}
    assert raised["summary"] == "Urgent alert on Acme's revenue for 01 Jan 2150 to 31 Jan 2150, -40.0%"
    assert raised["recordedBy"] == SYSTEM_NAME
    assert acknowledged["summary"] == "Acknowledged the alert on Acme's revenue"
    assert snoozed["summary"] == f"Snoozed the alert on Acme's revenue until {snoozed['until']}"
    assert resolved["summary"] == "Resolved the alert on Acme's revenue: a large order moved"
    assert (resolved["reason"], resolved["resolution"]) == ("a large order moved", "MANUAL")


async def test_acknowledged_again_it_stays_so_and_nothing_is_recorded(missed: tuple[Watched, Json]) -> None:
    watched, alert = missed
    first = await done(watched.analyst, "acknowledgeAlert", alert["id"])
    again = await done(watched.manager, "acknowledgeAlert", alert["id"])
    assert {**again, "company": first["company"]} == first
    assert await watched.version() == 9


async def test_of_8_people_who_acknowledge_at_once_one_makes_it_a_fact(
    missed: tuple[Watched, Json], caller: MakeCaller
) -> None:
    watched, alert = missed
    people = [await caller(Role.ANALYST, watched.fund.uuid) for _ in range(8)]
    told = await asyncio.gather(*[done(one, "acknowledgeAlert", alert["id"]) for one in people])
    assert {(one["status"], one["revision"]) for one in told} == {("ACKNOWLEDGED", 9)}
    assert await watched.version() == 9


async def test_of_8_people_who_resolve_at_once_one_does_and_the_others_are_told_that_it_is_over(
    missed: tuple[Watched, Json],
) -> None:
    watched, alert = missed
    tries = [handled(watched.analyst, "resolveAlert", alert["id"], reason=f"reason {place}") for place in range(8)]
    payloads = await asyncio.gather(*tries)
    assert sorted(map(refusals, payloads)) == [[]] + [[("INVALID_STATE", ["id"])]] * 7
    (resolved,) = [payload["alert"] for payload in payloads if payload["alert"]]
    assert (await watched.alert())["resolution"] == resolved["resolution"]
    assert await watched.version() == 9


async def test_a_snoozed_alert_is_quiet_until_its_time_and_then_stands_as_before(
    missed: tuple[Watched, Json],
) -> None:
    watched, opened = missed
    end = ahead(seconds=0.5)
    alert = await done(watched.analyst, "snoozeAlert", opened["id"], until=end)
    assert (alert["status"], alert["snoozedUntil"], alert["revision"]) == ("SNOOZED", end, 9)
    assert [one["status"] for one in await watched.alerts(statuses=["SNOOZED"])] == ["SNOOZED"]
    assert await watched.alerts(statuses=["OPEN"]) == []

    async def speaks_again() -> bool:
        return bool((await watched.alert())["status"] == "OPEN")

    await until(speaks_again)
    assert f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" > end
    assert [one["id"] for one in await watched.alerts(statuses=["OPEN"])] == [opened["id"]]
    assert await watched.alerts(statuses=["SNOOZED"]) == []
    # As of a moment it was snoozed, it still is.
    assert [one["status"] for one in await watched.then(alert["updatedAt"])] == ["SNOOZED"]
    assert await watched.version() == 9


async def test_a_snoozed_alert_that_gets_worse_speaks_at_once(watched: Watched) -> None:
    await watched.set_rule(cooldownMinutes=0)
    opened = await watched.miss(1, 700_000)
    await done(watched.analyst, "snoozeAlert", opened["id"], until=ahead(days=1))
    await watched.report(2, 700_000)
    quiet = await watched.alert()
    assert (quiet["status"], len(quiet["deliveries"])) == ("SNOOZED", 1)
    await watched.report(3, 500_000)
    loud = await watched.alert()
    assert (loud["status"], loud["snoozedUntil"], len(loud["deliveries"])) == ("OPEN", None, 2)


async def test_a_snooze_may_last_a_year_and_be_set_anew(missed: tuple[Watched, Json]) -> None:
    watched, opened = missed
    year = ahead(days=366, seconds=-10)
    assert (await done(watched.analyst, "snoozeAlert", opened["id"], until=year))["snoozedUntil"] == year
    day = ahead(days=1)
    assert (await done(watched.analyst, "snoozeAlert", opened["id"], until=day))["snoozedUntil"] == day


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("2006-01-01T00:00:00Z", "A snooze ends in the future."),
        ("0001-01-01T00:00:00Z", "A snooze ends in the future."),
        ("2200-01-01T00:00:00Z", "A snooze lasts at most 366 days."),
        ("9999-12-31T23:59:59.999999Z", "A snooze lasts at most 366 days."),
    ],
)
async def test_a_snooze_that_is_over_already_or_lasts_for_ever_is_refused(
    standing: Watched, until: str, message: str
) -> None:
    alert = await standing.alert()
    payload = await handled(standing.analyst, "snoozeAlert", alert["id"], until=until)
    assert payload == {"alert": None, "errors": [{"code": "INVALID", "message": message, "path": ["until"]}]}
    assert await standing.version() == 8


@pytest.mark.parametrize("until", [None, "", "tomorrow", "2026-12-31", "2026-12-31T00:00:00", 5])
async def test_what_is_no_moment_is_bad_input(standing: Watched, until: object) -> None:
    alert = await standing.alert()
    assert await standing.analyst.code(handling("snoozeAlert"), id=alert["id"], until=until) == "BAD_USER_INPUT"
    assert await standing.version() == 8


async def test_a_resolved_alert_is_over_for_the_reason_given(missed: tuple[Watched, Json]) -> None:
    watched, opened = missed
    reason = " A large order moved into the next quarter;\nthe board has seen the contract 😀 "
    alert = await done(watched.analyst, "resolveAlert", opened["id"], reason=reason)
    assert (alert["status"], alert["resolution"], alert["revision"]) == ("RESOLVED", reason, 9)
    assert alert["resolvedAt"] == alert["updatedAt"]
    assert alert["why"].endswith(f"Resolved by hand: {reason}")
    # The same figure opens it no more; a new one begins another.
    assert await watched.evaluate() == 0
    await watched.report(2, 600_000)
    assert [(one["status"], one["follows"]) for one in await watched.alerts()] == [
        ("OPEN", opened["id"]),
        ("RESOLVED", None),
    ]


@pytest.mark.parametrize("reason", ["", " \n", "a\0b", "x" * 2_001])
async def test_a_reason_that_says_nothing_or_too_much_is_refused(standing: Watched, reason: str) -> None:
    alert = await standing.alert()
    payload = await handled(standing.analyst, "resolveAlert", alert["id"], reason=reason)
    assert (payload["alert"], refusals(payload)) == (None, [("INVALID", ["reason"])])
    assert await standing.version() == 8


@pytest.mark.parametrize("mutation", ["acknowledgeAlert", "snoozeAlert", "resolveAlert"])
async def test_with_what_is_over_nothing_more_can_be_done(missed: tuple[Watched, Json], mutation: str) -> None:
    watched, opened = missed
    await done(watched.analyst, "resolveAlert", opened["id"], reason="looked into it")
    payload = await handled(watched.analyst, mutation, opened["id"], **given(mutation))
    refusal = {"code": "INVALID_STATE", "message": "This alert is over.", "path": ["id"]}
    assert payload == {"alert": None, "errors": [refusal]}
    assert (await watched.version(), (await watched.alert())["revision"]) == (9, 9)


# Reading it.


async def test_everyone_reads_for_themselves(missed: tuple[Watched, Json]) -> None:
    watched, opened = missed
    read = await done(watched.viewer, "markAlertRead", opened["id"])
    assert {**read, "company": opened["company"]} == {**opened, "isRead": True}
    assert [one["isRead"] for one in await watched.alerts(watched.viewer)] == [True]
    assert [one["isRead"] for one in await watched.alerts(watched.analyst)] == [False]
    assert await watched.alerts(watched.viewer, unreadOnly=True) == []
    assert len(await watched.alerts(watched.analyst, unreadOnly=True)) == 1
    # No fact of the fund.
    assert await watched.version() == 8


async def test_what_was_read_can_be_unread(missed: tuple[Watched, Json]) -> None:
    watched, opened = missed
    for read in (True, None):
        assert (await done(watched.viewer, "markAlertRead", opened["id"], read=read))["isRead"] is True
        assert (await done(watched.viewer, "markAlertRead", opened["id"], read=False))["isRead"] is False
    assert len(await watched.alerts(watched.viewer, unreadOnly=True)) == 1
    assert (await done(watched.viewer, "markAlertRead", opened["id"], read=False))["isRead"] is False


async def test_once_people_are_told_again_it_is_unread_again_and_not_before(watched: Watched) -> None:
    await watched.set_rule()
    opened = await watched.miss(1, 700_000)
    await done(watched.viewer, "markAlertRead", opened["id"])
    await watched.report(2, 700_000)
    await done(watched.analyst, "acknowledgeAlert", opened["id"])
    assert (await watched.alert())["isRead"] is True
    await watched.report(3, 500_000)
    assert (await watched.alert())["isRead"] is False
    assert len(await watched.alerts(unreadOnly=True)) == 1
    await done(watched.viewer, "markAlertRead", opened["id"])
    assert await watched.alerts(unreadOnly=True) == []


async def test_what_is_over_can_be_read_too(missed: tuple[Watched, Json]) -> None:
    watched, opened = missed
    await done(watched.viewer, "markAlertRead", opened["id"])
    resolved = await done(watched.analyst, "resolveAlert", opened["id"], reason="looked into it")
    assert (resolved["status"], (await watched.alert())["isRead"]) == ("RESOLVED", False)
    assert (await done(watched.viewer, "markAlertRead", opened["id"]))["isRead"] is True


# Who may.


@pytest.mark.parametrize("role", list(Role))
async def test_everyone_with_a_part_in_the_fund_sees_and_reads_them(
    standing: Watched, caller: MakeCaller, role: Role
) -> None:
    someone = await caller(role, standing.fund.uuid)
    (alert,) = await standing.alerts(someone)
    assert alert["isRead"] is False
    assert (await done(someone, "markAlertRead", alert["id"]))["isRead"] is True


@pytest.mark.parametrize("mutation", ["acknowledgeAlert", "snoozeAlert", "resolveAlert"])
async def test_a_viewer_deals_with_none(standing: Watched, mutation: str) -> None:
    alert = await standing.alert()
    payload = await handled(standing.viewer, mutation, alert["id"], **given(mutation))
    message = "This takes the role ANALYST; yours is VIEWER."
    assert payload == {"alert": None, "errors": [{"code": "FORBIDDEN", "message": message, "path": ["id"]}]}
    assert (await standing.version(), (await standing.alert())["status"]) == (8, "OPEN")


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN, None])
async def test_whoever_is_above_an_analyst_deals_with_them_too(
    missed: tuple[Watched, Json], caller: MakeCaller, role: Role | None
) -> None:
    watched, alert = missed
    someone = await caller(role, watched.fund.uuid, administrator=role is None)
    for mutation, status in (
        ("acknowledgeAlert", "ACKNOWLEDGED"),
        ("snoozeAlert", "SNOOZED"),
        ("markAlertRead", "SNOOZED"),
        ("resolveAlert", "RESOLVED"),
    ):
        assert (await done(someone, mutation, alert["id"], **given(mutation)))["status"] == status


async def test_a_stranger_cant_tell_a_foreign_funds_alert_from_none(standing: Watched, stranger: Caller) -> None:
    alert = await standing.alert()
    refusal = {"code": "NOT_FOUND", "message": "No such alert.", "path": ["id"]}
    for id in (alert["id"], alert["id"].replace(standing.id, ABSENT)):
        for mutation in MUTATIONS:
            payload = await handled(stranger, mutation, id, **given(mutation))
            assert payload == {"alert": None, "errors": [refusal]}
        assert await stranger.data(NODE, id=id) == {"node": None}
    for id in (standing.id, ABSENT, "garbage", "", "\0"):
        error = await stranger.error(ALERTS, id=id)
        assert error["message"] == "No such fund."
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("NOT_FOUND", ["fundId"])
        assert await stranger.ask(ALERTS_THEN, id=id) == {"data": {"fund": None}}
    assert await standing.version() == 8


async def test_without_a_token_nobody_sees_or_deals_with_one(standing: Watched) -> None:
    nobody = Caller(standing.viewer.http)
    alert = await standing.alert()
    for mutation in MUTATIONS:
        assert await nobody.code(handling(mutation), id=alert["id"], **given(mutation)) == "UNAUTHENTICATED"
    for query in (ALERTS, ALERTS_THEN):
        assert await nobody.code(query, id=standing.id) == "UNAUTHENTICATED"
    assert await standing.version() == 8


NO_ALERTS = [
    "", " ", "\0", "alert", "alert:", "alert:{fund}", "alert:{fund}:", "alert:{fund}:nothing", "alert:{fund}:\0",
    "alert:{fund}:{alert}\0", "alert:{fund}:{alert} ", "alert:{fund}:{alert}:1", "{fund}", "{alert}",
    "rule:{fund}:{alert}", "alertthen:{fund}:{alert}", "alertthen:{fund}:1:{alert}", "alertthen:{fund}:1:1:\0",
    "Alert:{fund}:{alert}", "x" * 100_000, "alert:{fund}:" + "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("id", NO_ALERTS, ids=[f"{place}-{id[:24]!r}" for place, id in enumerate(NO_ALERTS)])
async def test_an_id_that_is_no_alerts_is_not_found(standing: Watched, id: str) -> None:
    name = (await standing.alert())["id"].rpartition(":")[2]
    asked = id.replace("{fund}", standing.id).replace("{alert}", name)
    refusal = {"code": "NOT_FOUND", "message": "No such alert.", "path": ["id"]}
    for mutation in MUTATIONS:
        payload = await handled(standing.manager, mutation, asked, **given(mutation))
        assert payload == {"alert": None, "errors": [refusal]}
    assert (await standing.viewer.data(NODE, id=asked))["node"] in (None, {"__typename": "Fund", "id": standing.id})
    assert await standing.version() == 8


async def test_an_alert_of_another_fund_is_none_of_this_one_even_for_who_has_a_part_in_both(
    standing: Watched, watched: Watched, caller: MakeCaller
) -> None:
    administrator = await caller(administrator=True)
    foreign = (await standing.alert())["id"].replace(standing.id, watched.id)
    refusal = {"code": "NOT_FOUND", "message": "No such alert.", "path": ["id"]}
    for mutation in MUTATIONS:
        payload = await handled(administrator, mutation, foreign, **given(mutation))
        assert payload == {"alert": None, "errors": [refusal]}
    assert (await standing.version(), await watched.version()) == (8, 5)


# Which.


@pytest_asyncio.fixture(scope="module")
async def lived(watch: MakeWatched) -> Watched:
    """A fund with an alert of each status and severity, of several companies and metrics; read in part."""
    watched = await watch()
    await watched.set_rule(ladder=[{"severity": "INFO", "percent": "5"}, *LADDER], channels=["IN_APP"])
    paused = await watched.set_rule(name="Burn", metrics=["CASH_BURN"])
    await watched.set_rule(name="Twice", metrics=["ARR"], persistence=2, persistenceWindow=2)
    for company in ("gamma", "delta", "epsilon"):
        await watched.record(
            event("companyAdded", companyId=company, name=company),
            planned(1_000_000, company=company),
        )
    await watched.record(planned(1_000_000, metric="CASH_BURN"), planned(1_000_000, metric="ARR"))
    for company, figure in (("acme", 940_000), ("beta", 850_000), ("gamma", 700_000), ("delta", 600_000)):
        await watched.record(reported(1, figure, company=company))
    await watched.record(reported(1, 500_000, company="epsilon"))
    await watched.record(reported(1, 1_600_000, metric="CASH_BURN"))
    await watched.record(reported(1, 600_000, metric="ARR"))
    await watched.update(paused["id"], name="Burn", metrics=["CASH_BURN"], enabled=False)
    by = {one["company"]["companyId"]: one["id"] for one in await watched.alerts(metrics=["REVENUE"])}
    await done(watched.analyst, "acknowledgeAlert", by["beta"])
    await done(watched.analyst, "snoozeAlert", by["gamma"], until=ahead(days=1))
    await done(watched.analyst, "resolveAlert", by["delta"], reason="looked into it")
    for company in ("acme", "beta"):
        await done(watched.viewer, "markAlertRead", by[company])
    return watched


WHOLE = [
    ("acme", "ARR", "PENDING", "URGENT"),
    ("acme", "CASH_BURN", "SUPPRESSED", "URGENT"),
    ("epsilon", "REVENUE", "OPEN", "URGENT"),
    ("delta", "REVENUE", "RESOLVED", "URGENT"),
    ("gamma", "REVENUE", "SNOOZED", "CRITICAL"),
    ("beta", "REVENUE", "ACKNOWLEDGED", "WARNING"),
    ("acme", "REVENUE", "OPEN", "INFO"),
]
"""Newest opened first."""

# A filter, and the places in the whole list that it lets through.
FILTERS: list[tuple[Json, list[int]]] = [
    ({}, [0, 1, 2, 3, 4, 5, 6]),
    (dict.fromkeys(("statuses", "minSeverity", "companyIds", "metrics", "unreadOnly")), [0, 1, 2, 3, 4, 5, 6]),
    ({"statuses": ["OPEN"]}, [2, 6]),
    ({"statuses": ["PENDING"]}, [0]),
    ({"statuses": ["SUPPRESSED"]}, [1]),
    ({"statuses": ["RESOLVED"]}, [3]),
    ({"statuses": ["SNOOZED"]}, [4]),
    ({"statuses": ["ACKNOWLEDGED", "OPEN"]}, [2, 5, 6]),
    ({"statuses": []}, []),
    ({"minSeverity": "INFO"}, [0, 1, 2, 3, 4, 5, 6]),
    ({"minSeverity": "WARNING"}, [0, 1, 2, 3, 4, 5]),
    ({"minSeverity": "CRITICAL"}, [0, 1, 2, 3, 4]),
    ({"minSeverity": "URGENT"}, [0, 1, 2, 3]),
    ({"companyIds": ["acme"]}, [0, 1, 6]),
    ({"companyIds": ["beta", "gamma", "nobody"]}, [4, 5]),
    ({"companyIds": []}, []),
    ({"companyIds": ["%"]}, []),
    ({"metrics": ["ARR", "CASH_BURN"]}, [0, 1]),
    ({"metrics": []}, []),
    ({"unreadOnly": True}, [0, 1, 2, 3, 4]),
    ({"unreadOnly": False}, [0, 1, 2, 3, 4, 5, 6]),
    ({"statuses": ["OPEN"], "minSeverity": "WARNING", "metrics": ["REVENUE"], "unreadOnly": True}, [2]),
]


def told(alerts: list[Json]) -> list[tuple[str, str, str, str]]:
    return [(one["company"]["companyId"], one["metricType"], one["status"], one["severity"]) for one in alerts]


@pytest.mark.parametrize(("chosen", "expected"), FILTERS)
async def test_a_filter_leaves_the_alerts_it_names_now_and_then(
    lived: Watched, chosen: Json, expected: list[int]
) -> None:
    assert told(await lived.alerts(**chosen)) == [WHOLE[place] for place in expected]
    assert told(await lived.then(**chosen)) == [WHOLE[place] for place in expected]


BAD_FILTERS: list[tuple[Json, list[str]]] = [
    ({"companyIds": [""]}, ["filter", "companyIds", "0"]),
    ({"companyIds": ["acme", "\0"]}, ["filter", "companyIds", "1"]),
    ({"companyIds": ["x" * 201]}, ["filter", "companyIds", "0"]),
    ({"companyIds": ["acme"] * 1_001}, ["filter", "companyIds"]),
    ({"metrics": ["PROFIT"]}, ["filter", "metrics", "0"]),
    ({"statuses": [None]}, ["filter", "statuses", "0"]),
    ({"minSeverity": "BAD"}, ["filter", "minSeverity"]),
    ({"unreadOnly": "yes"}, ["filter", "unreadOnly"]),
]


@pytest.mark.parametrize(("chosen", "argument"), BAD_FILTERS)
async def test_a_filter_that_cant_be_is_bad_input(lived: Watched, chosen: Json, argument: list[str]) -> None:
    for query in (ALERTS, ALERTS_THEN):
        error = await lived.viewer.error(query, id=lived.id, filter=chosen)
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", argument)


@pytest.mark.parametrize("size", [1, 2, 6, 7, 8, 200])
@pytest.mark.parametrize("chosen", [None, {"statuses": ["OPEN", "SNOOZED"]}, {"unreadOnly": True}])
async def test_following_the_cursors_gives_every_alert_once(lived: Watched, size: int, chosen: Json | None) -> None:
    found: list[Json] = []
    after = None
    while True:
        page = await lived.page(first=size, after=after, filter=chosen)
        assert len(page["nodes"]) <= size
        assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert told(found) == told(await lived.alerts(**(chosen or {})))


async def test_a_cursor_stays_good_when_alerts_are_added_and_change(watched: Watched) -> None:
    await watched.set_rule()
    await watched.record(reported(1, 600_000))
    await watched.record(reported(1, 600_000, company="beta"))
    first = await watched.page(first=1)
    await watched.record(
        event("companyAdded", companyId="gamma", name="gamma"),
        planned(1_000_000, company="gamma"),
        reported(1, 600_000, company="gamma"),
    )
    await done(watched.analyst, "resolveAlert", first["nodes"][0]["id"], reason="looked into it")
    await watched.report(2, 500_000)
    rest = await watched.page(first=5, after=first["pageInfo"]["endCursor"])
    assert [one["company"]["companyId"] for one in first["nodes"] + rest["nodes"]] == ["beta", "acme"]
    newest = await watched.page(first=1)
    assert [one["company"]["companyId"] for one in newest["nodes"]] == ["gamma"]


def encoded(place: str) -> str:
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


BAD_CURSORS = [
    "", "x", "====", "💥", "\0", encoded(""), encoded("-1"), encoded("x"), encoded("1.0"), encoded("١"),
    encoded("9" * 19), encoded("8 "), encoded("8") + "=", "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("after", BAD_CURSORS, ids=[f"{place}-{one[:24]!r}" for place, one in enumerate(BAD_CURSORS)])
async def test_what_is_no_cursor_of_this_list_is_bad_input(lived: Watched, after: str) -> None:
    error = await lived.viewer.error(ALERTS, id=lived.id, after=after)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["after"])


# A page of very many is refused for its cost before it is looked at.
@pytest.mark.parametrize("first", [-1, 201])
async def test_a_page_of_less_than_nothing_or_more_than_200_is_bad_input(lived: Watched, first: int) -> None:
    error = await lived.viewer.error(ALERTS, id=lived.id, first=first)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["first"])


# Then.


async def test_as_known_before_a_restatement_the_alert_is_open_with_the_old_figure(
    missed: tuple[Watched, Json],
) -> None:
    watched, opened = missed
    known = await watched.moment()
    await watched.report(1, 1_000_000, restates=7)
    now = await watched.alert()
    assert (now["status"], now["resolution"]) == ("RESOLVED", "Its figure or forecast was restated.")
    for moments in ((known, known), (None, known), (known, None)):
        (then,) = await watched.then(*moments)
        assert (then["status"], then["resolution"], then["details"]) == ("OPEN", None, opened["details"])
        assert (then["why"], then["revision"], then["updatedAt"]) == (opened["why"], 8, opened["updatedAt"])
    assert [one["status"] for one in await watched.then()] == ["RESOLVED"]
    assert await watched.then("2007-01-01T00:00:00Z") == []
    assert await watched.then(known_at=await watched.moment(7)) == []


async def test_an_alert_of_a_moment_has_an_id_of_its_own_that_finds_it_as_it_stood_then(
    missed: tuple[Watched, Json],
) -> None:
    watched, opened = missed
    known = await watched.moment()
    await done(watched.analyst, "resolveAlert", opened["id"], reason="looked into it")
    (then,) = await watched.then(known, known)
    kind, fund_id, at, known_at, name = then["id"].split(":")
    assert (kind, fund_id, at, name) == ("alertthen", watched.id, known_at, opened["id"].rpartition(":")[2])
    assert then["rule"]["id"].split(":")[:4] == ["rulethen", watched.id, at, known_at]
    assert then["company"]["id"].split(":")[:4] == ["company", watched.id, at, known_at]
    assert (await watched.viewer.data(NODE, id=then["id"]))["node"] == {"__typename": "VarianceAlert", **then}
    now = (await watched.viewer.data(NODE, id=opened["id"]))["node"]
    assert (now["__typename"], now["id"], now["status"]) == ("VarianceAlert", opened["id"], "RESOLVED")
    # A moment before it was raised, another name, and what is no moment.
    for asked in (("0", known_at, name), (at, known_at, "nothing"), ("x", known_at, name), (at, "", name)):
        assert await watched.viewer.data(NODE, id=":".join((kind, fund_id, *asked))) == {"node": None}
    assert await watched.viewer.code(NODE, id=":".join((kind, fund_id, at, "9" * 17, name))) == "BAD_USER_INPUT"


async def test_ids_of_alerts_that_follow_each_other_are_of_the_same_moment(missed: tuple[Watched, Json]) -> None:
    watched, _ = missed
    await watched.report(2, 1_000_000)
    await watched.report(3, 600_000)
    second, first = await watched.then()
    assert second["follows"] == first["id"]
    assert (await watched.viewer.data(NODE, id=second["follows"]))["node"]["status"] == "RESOLVED"


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_by_an_id_of_a_moment_the_alert_is_dealt_with_as_it_stands(
    missed: tuple[Watched, Json], mutation: str
) -> None:
    watched, opened = missed
    (then,) = await watched.then()
    alert = await done(watched.analyst, mutation, then["id"], **given(mutation))
    assert alert["id"] == opened["id"]
    assert (alert["status"], alert["isRead"]) == {
        "acknowledgeAlert": ("ACKNOWLEDGED", False),
        "snoozeAlert": ("SNOOZED", False),
        "resolveAlert": ("RESOLVED", False),
        "markAlertRead": ("OPEN", True),
    }[mutation]


async def test_a_fact_about_alerts_can_not_be_voided(missed: tuple[Watched, Json]) -> None:
    watched, opened = missed
    await done(watched.analyst, "acknowledgeAlert", opened["id"])
    for version in (6, 8, 9):
        payload = await watched.analyst.record(watched.id, event("eventVoided", version=version, reason="x"))
        assert refusals(payload) == [("INVALID_STATE", ["events", "0", "version"])]
    assert await watched.version() == 9
