"""Notices: what people and programs are told of an alert, always as it stood at the fact they are told of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.alerts import AlertChange, AlertKind
from domain.forecasting import MetricType
from domain.handling import acknowledge, resolve
from domain.moments import day_text, instant_text
from infra.drafts import Draft
from infra.notices import Notice, digest, message, trial
from infra.people import Person
from infra.runtime import Runtime
from tests.conftest import OpenFund
from tests.infra.alert_histories import told_before, whole_book
from tests.infra.alerting import Watched, month, plan, report, rule

WEEK = timedelta(days=7)


@pytest.fixture
async def watched(runtime: Runtime, open_fund: OpenFund, owner: Person) -> Watched:
    """A fund with a company, its plans and a rule that tells of every breach."""
    found = Watched(runtime, await open_fund(), owner)
    await found.begin(ago=1)
    await found.set_rule(rule(cooldown_minutes=0))
    await found.evaluate()
    return found


async def notice(watched: Watched, version: int) -> Notice:
    found = await watched.runtime.notices.notice(watched.fund_id, version)
    assert found is not None
    return found


async def missed(watched: Watched, *reports: object) -> Notice:
    """The notice of a miss of 40%, or of what these reports lead to."""
    await watched.record(*(reports or (report(1, 600_000),)))  # type: ignore[arg-type]
    await watched.evaluate()
    return await notice(watched, (await watched.alert()).version)


def period(ago: int) -> str:
    first, last = month(ago)
    return f"{day_text(first)} to {day_text(last)}"


async def test_a_miss_is_told_with_its_figures_its_rule_and_why(watched: Watched) -> None:
    found = await missed(watched)
    alert, said = found.alert, message(found)
    why = (
        f"Acme's revenue for {period(1)} is 600,000 USD, 400,000 USD (40%) below the forecast of 1,000,000 USD "
        "(version 3), which is unfavourable. Urgent starts at 40%. The forecast was recorded too late to have been in "
        "force then."
    )
    assert said.key == f"{alert.id}:{alert.version}"
    assert said.subject == "Urgent: Acme, revenue −40% (Test Fund)"
    (section,) = said.sections
    assert (section.headline, section.sentences, section.link) == ("Urgent: Acme, revenue", (why,), None)
    assert section.rows == (
        ("Period", period(1)),
        ("Forecast", "1,000,000 USD"),
        ("Actual", "600,000 USD"),
        ("Rule", "Revenue misses"),
    )
    first, last = month(1)
    assert said.data == {
        "type": "alert",
        "alertId": alert.id,
        "revision": alert.version,
        "change": "OPENED",
        "severity": "URGENT",
        "kind": "VARIANCE",
        "fundId": str(watched.fund_id),
        "fund": "Test Fund",
        "currency": "USD",
        "companyId": "acme",
        "company": "Acme",
        "metric": "REVENUE",
        "periodStart": first.isoformat(),
        "periodEnd": last.isoformat(),
        "forecast": "1000000",
        "actual": "600000",
        "variance": "-400000",
        "variancePercent": "-40.000000",
        "rule": "Revenue misses",
        "why": why,
        "at": instant_text(alert.updated_at),
    }


async def test_a_notice_stays_what_it_was_whatever_came_after(watched: Watched) -> None:
    first = await missed(watched)
    said = message(first)
    second = await missed(watched, report(0, 300_000))
    assert message(second).subject == "Urgent: Acme, revenue −70% (Test Fund)"
    book = await whole_book(watched)
    event = resolve(book, first.alert.id, "sold the company")
    appended = await watched.runtime.ledger.record_apart(
        watched.fund_id, [Draft(event)], actor=watched.owner.id, read_at=book.version
    )
    # The rule is called otherwise by now, too.
    await watched.set_rule(replace(first.rule, name="Other misses"))
    assert message(await notice(watched, first.version)) == said
    over = message(await notice(watched, appended.last_version))
    assert over.subject == "Resolved: Acme, revenue (Test Fund)"
    assert over.sections[0].sentences[0].endswith("Resolved by hand: sold the company")
    assert (over.data["change"], over.data["alertId"]) == ("RESOLVED", first.alert.id)
    assert over.data["revision"] == appended.last_version


async def test_a_percentage_that_is_none_is_left_out(watched: Watched) -> None:
    await watched.set_rule(rule(name="Margins", metrics=(MetricType.EBITDA,)))
    await watched.record(plan(1, 0, metric=MetricType.EBITDA), at=datetime(2006, 3, 1, tzinfo=UTC))
    found = await missed(watched, report(1, -300_000, metric=MetricType.EBITDA))
    said = message(found)
    assert said.subject == "Critical: Acme, EBITDA (Test Fund)"
    assert said.data["variancePercent"] is None
    assert ("Actual", "-300,000 USD") in said.sections[0].rows


async def test_facts_that_tell_nobody_anything_are_no_notice(watched: Watched) -> None:
    found = await missed(watched)
    book = await whole_book(watched)
    event = acknowledge(book, found.alert.id)
    assert event is not None
    appended = await watched.runtime.ledger.record_apart(
        watched.fund_id, [Draft(event)], actor=watched.owner.id, read_at=book.version
    )
    for version in (1, 2, 3, appended.last_version, appended.last_version + 1):
        assert await watched.runtime.notices.notice(watched.fund_id, version) is None


async def test_what_nobody_acknowledged_for_a_week_escalates(watched: Watched) -> None:
    await told_before(watched, WEEK)
    assert await watched.runtime.evaluator.look_again(watched.fund_id) == 1
    found = await notice(watched, (await watched.alert()).version)
    assert (found.alert.change, found.escalates) == (AlertChange.REPEATED, True)
    said = message(found)
    assert said.subject == "Urgent: Acme, revenue, unacknowledged −40% (Test Fund)"
    assert said.sections[0].sentences[1] == "Nobody has acknowledged it for 7 days or more."


async def test_within_the_week_there_is_no_reminder(watched: Watched) -> None:
    await told_before(watched, WEEK - timedelta(minutes=1))
    assert await watched.runtime.evaluator.look_again(watched.fund_id) == 0


async def test_a_new_breach_told_again_the_same_week_does_not_escalate(watched: Watched) -> None:
    await told_before(watched, timedelta(days=2))
    found = await missed(watched, report(0, 590_000))
    assert (found.alert.change, found.escalates) == (AlertChange.REPEATED, False)
    said = message(found)
    assert said.subject == "Urgent: Acme, revenue −41% (Test Fund)"
    assert len(said.sections[0].sentences) == 1


async def test_a_mild_alert_told_again_does_not_escalate(watched: Watched) -> None:
    await told_before(watched, 2 * WEEK, 850_000)
    found = await missed(watched, report(0, 840_000))
    assert (found.alert.change, found.alert.severity.value, found.escalates) == (AlertChange.REPEATED, "WARNING", False)


async def test_what_is_overdue_is_told_with_its_forecast_alone(watched: Watched) -> None:
    await watched.set_rule(rule(name="Cash", metrics=(MetricType.CASH,)))
    await watched.record(plan(3, 2_000_000, metric=MetricType.CASH), at=datetime(2006, 3, 1, tzinfo=UTC))
    await watched.evaluate()
    (alert,) = await watched.alerts(AlertKind.MISSING_ACTUAL)
    found = await notice(watched, alert.version)
    said = message(found)
    assert said.subject == "Info: Acme, cash (Test Fund)"
    assert said.sections[0].rows == (("Period", period(3)), ("Forecast", "2,000,000 USD"), ("Rule", "Cash"))
    assert (said.data["kind"], said.data["actual"], said.data["forecast"]) == ("MISSING_ACTUAL", None, "2000000")


async def three(watched: Watched) -> list[Notice]:
    """Notices of a warning, an urgent alert and a critical one, in this order."""
    await watched.begin("beta", "gamma", ago=1)
    for company, figure in (("acme", 850_000), ("beta", 500_000), ("gamma", 700_000)):
        await watched.record(report(1, figure, company=company))
        await watched.evaluate()
    return [await notice(watched, alert.version) for alert in reversed(await watched.alerts())]


async def test_a_digest_has_all_of_them_the_worst_first(watched: Watched) -> None:
    notices = await three(watched)
    said = digest("Test Fund", notices)
    assert said.subject == "Test Fund: 3 alerts today"
    assert [section.headline for section in said.sections] == [
        "Urgent: Beta, revenue",
        "Critical: Gamma, revenue",
        "Warning: Acme, revenue",
    ]
    assert said.data["type"] == "digest"
    alerts = said.data["alerts"]
    assert isinstance(alerts, list)
    assert [one["alertId"] for one in alerts] == [notices[place].alert.id for place in (1, 2, 0)]
    assert digest("Test Fund", notices[:1]).subject == "Test Fund: 1 alert today"


async def test_a_digest_tried_again_is_the_same_and_with_others_in_it_another(watched: Watched) -> None:
    notices = await three(watched)
    key = digest("Test Fund", notices).key
    assert key.startswith(f"digest:{watched.fund_id}:")
    assert digest("Test Fund", notices[::-1]).key == key
    assert len({key, digest("Test Fund", notices[1:]).key, digest("Test Fund", notices[::2]).key}) == 3


def test_a_trial_says_that_it_is_one() -> None:
    said = trial("Fund I", "a key")
    assert (said.key, said.subject) == ("a key", "Fund I: test of alerts")
    assert said.sections[0].sentences == ("Alerts of this fund will reach you here.",)
    assert said.data == {"type": "test", "fund": "Fund I"}
