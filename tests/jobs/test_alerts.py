"""From a recorded miss to whoever is to hear of it: once, by every channel, and each says the same."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.alerts import AlertChange
from domain.handling import resolve
from domain.rules import AlertRuleSet, AlertRung, AlertSeverity
from domain.summaries import VarianceGrouping
from infra import evaluation
from infra.channels import Address
from infra.drafts import Draft
from infra.notices import message
from jobs import alerts
from tests.infra.alert_histories import told_before, whole_book
from tests.infra.alerting import Watched, report
from tests.jobs.funds import until
from tests.jobs.outward import (
    BOSS,
    DELIVERED,
    EMAIL,
    IN_APP,
    JANE,
    JOE,
    OUTWARD,
    Outward,
    hooked,
    set_channel,
    slacked,
    subjects,
)


async def test_a_miss_reaches_every_channel_once_and_each_says_the_same(outward: Outward) -> None:
    async with outward.working():
        await outward.miss()
        (alert,) = await outward.raised()
        sent = await outward.comes(DELIVERED, *OUTWARD, IN_APP)
        await outward.rest()
    assert [(one.attempts, one.last_error) for one in sent] == [(1, None)] * 4
    notice = await outward.watched.runtime.notices.notice(outward.fund_id, alert.version)
    assert notice is not None
    said = message(notice)
    (mail,) = outward.mail.taken
    assert mail.recipients == (JANE, JOE)
    assert mail.message["Subject"] == said.subject == "Urgent: Acme, revenue −40% (F)"
    assert mail.message["From"] == "Drypowder <alerts@drypowder.example>"
    for part in (mail.part("plain"), mail.part("html")):
        assert "Urgent: Acme, revenue" in part
        assert "400,000 USD (40%) below the forecast of 1,000,000 USD" in part
        assert "Revenue misses" in part
    assert "<h1" in mail.part("html")
    assert "<" not in mail.part("plain")
    assert hooked(outward) == [said.data]
    assert slacked(outward) == [f"{said.subject}\nUrgent: Acme, revenue"]


async def test_that_it_is_over_is_told_whoever_ends_it(outward: Outward) -> None:
    async with outward.working():
        await outward.miss("acme", "beta")
        await outward.raised(2)
        await outward.comes(DELIVERED, *OUTWARD, count=2)
        # One by its next figure, and the other by hand: nobody looks at it afterwards.
        await outward.watched.record(report(0, 1_000_000))
        await outward.comes(DELIVERED, *OUTWARD, count=3)
        await outward.evaluated()
        book = await whole_book(outward.watched)
        (other,) = [one.id for one in book.alerts.values() if one.company_id == "beta"]
        version = await outward.watched.runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", outward.fund_id)
        await outward.watched.runtime.ledger.record_apart(
            outward.fund_id,
            [Draft(resolve(book, other, "sold the company"))],
            actor=outward.watched.owner.id,
            read_at=version,
        )

        async def told() -> bool:
            return len(outward.mail.taken) == 4 and len(hooked(outward)) == 4 and len(slacked(outward)) == 4

        await until(told)
        await outward.comes(DELIVERED, *OUTWARD, count=4)
    assert subjects(outward)[2:] == ["Resolved: Acme, revenue (F)", "Resolved: Beta, revenue (F)"]
    assert [one["change"] for one in hooked(outward)[2:]] == ["RESOLVED", "RESOLVED"]
    assert "Resolved by hand: sold the company" in outward.mail.taken[3].part("plain")


async def test_history_is_rated_and_told_to_nobody(outward: Outward) -> None:
    await outward.watched.begin("delta", ago=60)
    async with outward.working():
        await outward.watched.record(*(report(ago, 500_000, company="delta") for ago in range(59, 1, -1)))
        await outward.raised(1)
        await outward.rest()
    assert outward.mail.taken == []
    assert outward.web.requests == []
    assert await outward.watched.runtime.pool.fetchval("SELECT count(*) FROM delivery") == 0


SEVERAL = 25
"""More than are claimed at once."""


async def test_milder_alerts_share_a_digest_and_the_worse_ones_do_not_wait_for_it(outward: Outward) -> None:
    watched = outward.watched
    companies = [f"company {number}" for number in range(SEVERAL)]
    await watched.begin(*companies, ago=1)
    ladder = (
        AlertRung(AlertSeverity.INFO, absolute=Decimal(50_000)),
        AlertRung(AlertSeverity.WARNING, absolute=Decimal(150_000)),
        AlertRung(AlertSeverity.CRITICAL, absolute=Decimal(300_000)),
    )
    await change_rule(watched, ladder=ladder, channels=(EMAIL,))
    await set_channel(watched, EMAIL, Address(recipients=(JANE,)), AlertSeverity.CRITICAL)
    async with outward.working():
        mild = (report(1, 900_000 if place % 2 else 800_000, company=one) for place, one in enumerate(companies))
        await watched.record(*mild, report(1, 650_000))
        await outward.raised(SEVERAL + 1)

        async def told(count: int) -> bool:
            return len(outward.mail.taken) == count

        await until(lambda: told(1))
        await outward.rest()
        assert subjects(outward) == ["Critical: Acme, revenue −35% (F)"]
        await outward.pass_time()
        await outward.comes(DELIVERED, EMAIL, count=SEVERAL + 1)
        await outward.rest()
    _, digest = outward.mail.taken
    assert digest.message["Subject"] == f"F: {SEVERAL} alerts today"
    text = digest.part("plain")
    headlines = [line for line in text.splitlines() if line.startswith(("Info: ", "Warning: "))]
    assert [line.split(":")[0] for line in headlines] == ["Warning"] * 13 + ["Info"] * 12
    assert {line.split(": ")[1] for line in headlines} == {f"{one.capitalize()}, revenue" for one in companies}


async def change_rule(watched: Watched, **changes: object) -> AlertRuleSet:
    """The fund's rule, changed."""
    (known,) = (await watched.runtime.alerts.rules(watched.fund_id)).standing().values()
    setting = replace(known.setting, **changes)  # type: ignore[arg-type]
    await watched.set_rule(setting)
    await watched.evaluate()
    return setting


async def test_a_bad_alert_that_nobody_acknowledges_goes_to_those_above_too(outward: Outward) -> None:
    await told_before(outward.watched, timedelta(days=8))
    async with outward.working():
        await outward.comes(DELIVERED, EMAIL)
        assert await alerts.look_again(outward.watched.runtime, outward.queue) == 1
        assert await alerts.look_again(outward.watched.runtime, outward.queue) == 0
        await outward.comes(DELIVERED, *OUTWARD, count=2)
        await outward.rest()
    first, reminder = outward.mail.taken
    assert (first.recipients, reminder.recipients) == ((JANE, JOE), (JANE, JOE, BOSS))
    assert reminder.message["Subject"] == "Urgent: Acme, revenue, unacknowledged −40% (F)"
    assert "Nobody has acknowledged it for 7 days or more." in reminder.part("plain")
    assert [one["change"] for one in hooked(outward)] == ["OPENED", "REPEATED"]


async def test_the_summary_is_brought_up_to_date_by_itself(outward: Outward) -> None:
    async with outward.working():
        await outward.miss()

        async def there() -> bool:
            now = datetime.now(UTC)
            rows = await outward.watched.runtime.board.summary(outward.fund_id, VarianceGrouping.COMPANY, now)
            return rows is not None and [row.by_severity for row in rows] == [{AlertSeverity.URGENT: 1}]

        await until(there)


async def test_an_evaluation_overtaken_again_and_again_is_left_to_the_next(
    outward: Outward, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await outward.miss()
    with caplog.at_level(logging.INFO, "jobs.alerts"), monkeypatch.context() as patch:
        patch.setattr(evaluation, "ATTEMPTS", 0)
        assert await alerts.evaluate(outward.watched.runtime, outward.queue, outward.fund_id) == 0
    assert f"the evaluation of fund {outward.fund_id} was overtaken" in caplog.text
    async with outward.working():
        await outward.comes(DELIVERED, *OUTWARD)


async def test_a_fund_that_cannot_be_read_keeps_no_other_from_being_looked_at(
    outward: Outward, caplog: pytest.LogCaptureFixture
) -> None:
    bad = await outward.another()
    await told_before(outward.watched, timedelta(days=8))
    version = await bad.runtime.alerts.caught_up(bad.fund_id)
    await bad.runtime.pool.fetch(
        "SELECT * FROM ledger_append($1, $2, NULL, NULL, $3, NULL, '{NO_SUCH_EVENT}', '{1}', ARRAY[$4::timestamptz], "
        "ARRAY[$4::timestamptz], '{NULL}', '{x}', '{NULL}', '{\"{}\"}')",
        bad.fund_id,
        version,
        bad.owner.id,
        datetime.now(UTC),
    )
    assert await alerts.look_again(outward.watched.runtime, outward.queue) == 1
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert told.getMessage() == f"fund {bad.fund_id} is not looked at today"
    assert (await outward.watched.alert()).change is AlertChange.REPEATED
