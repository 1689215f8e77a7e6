"""Evaluation: what new facts touch is rated once, however often and by however many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg
import pytest

from domain.alerts import AlertChange, AlertResolution, Alerts, AlertStatus
from domain.correction import EventVoided
from domain.matching import Basis
from domain.rules import AlertSeverity, DeliveryChannel
from domain.summaries import VarianceGrouping, summarise
from domain.variance import BACKFILL, compare
from infra.alerts import AlertStore
from infra.deliveries import DeliveryStatus
from infra.evaluation import Evaluator
from infra.learned import calendar_of, series
from infra.people import Person
from infra.runtime import Runtime
from infra.states import resolve
from tests.conftest import OpenFund
from tests.infra.alerting import Watched, report, rule


@pytest.fixture
async def watched(runtime: Runtime, open_fund: OpenFund, owner: Person) -> Watched:
    found = Watched(runtime, await open_fund(), owner)
    await found.begin()
    await found.set_rule(rule())
    await found.evaluate()
    return found


async def test_a_miss_opens_one_alert_however_often_it_is_evaluated(watched: Watched) -> None:
    version = await watched.record(report(1, 600_000))
    assert await watched.evaluate() == 1
    alert = await watched.alert()
    assert (alert.stage, alert.severity, alert.change) == (AlertStatus.OPEN, AlertSeverity.URGENT, AlertChange.OPENED)
    assert alert.figures.actual_version == version
    assert await watched.evaluate() == 0
    assert await watched.runtime.evaluator.look_again(watched.fund_id) == 0


async def test_many_evaluators_at_once_raise_it_once(watched: Watched) -> None:
    await watched.record(report(1, 600_000))
    recorded = await asyncio.gather(*(watched.evaluate() for _ in range(8)))
    assert sum(recorded) == 1
    assert len(await watched.alerts()) == 1


class Delayed(AlertStore):
    """Answers a first time only once something else has happened."""

    def __init__(self, pool: asyncpg.Pool, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(pool)
        self._meanwhile = [meanwhile]

    async def book_of(self, fund_id: UUID, company_ids: Sequence[str] | None) -> Alerts:
        while self._meanwhile:
            await self._meanwhile.pop()()
        return await super().book_of(fund_id, company_ids)


async def test_a_slow_evaluator_does_not_reopen_what_a_faster_one_resolved(watched: Watched) -> None:
    version = await watched.record(report(1, 600_000))
    await watched.evaluate()

    async def restated() -> None:
        await watched.record(report(1, 1_000_000, restates=version))
        await watched.evaluate()

    await watched.record(report(2, 1_000_000))
    runtime = watched.runtime
    slow = Evaluator(runtime.pool, runtime.ledger, runtime.states, Delayed(runtime.pool, restated))
    await slow.evaluate(watched.fund_id)
    alert = await watched.alert()
    assert (alert.stage, alert.resolution) == (AlertStatus.RESOLVED, AlertResolution.RESTATED)


async def test_in_app_is_delivered_with_the_alert(watched: Watched) -> None:
    await watched.record(report(1, 600_000))
    await watched.evaluate()
    alert = await watched.alert()
    (delivery,) = (await watched.runtime.deliveries.of(watched.fund_id, [alert.id]))[alert.id]
    assert (delivery.channel, delivery.status) == (DeliveryChannel.IN_APP, DeliveryStatus.DELIVERED)


async def test_a_restated_figure_resolves_it_and_what_was_known_before_stays(watched: Watched) -> None:
    version = await watched.record(report(1, 600_000))
    await watched.evaluate()
    before = await resolve(watched.runtime.pool, watched.fund_id, None)
    await watched.record(report(1, 1_010_000, restates=version))
    await watched.evaluate()
    alert = await watched.alert()
    assert (alert.stage, alert.resolution) == (AlertStatus.RESOLVED, AlertResolution.RESTATED)
    then = await watched.runtime.alerts.book_at(watched.fund_id, before.at_now, before.version)
    assert then.alerts[alert.id].stage is AlertStatus.OPEN


async def test_a_voided_report_takes_its_alert_along(watched: Watched) -> None:
    version = await watched.record(report(1, 600_000))
    await watched.evaluate()
    await watched.record(EventVoided(version, "a typing error"))
    await watched.evaluate()
    assert (await watched.alert()).resolution is AlertResolution.RESTATED


async def test_five_past_years_in_one_import_page_nobody(watched: Watched) -> None:
    await watched.record(*(report(ago, 600_000 if ago % 2 else 1_000_000) for ago in range(59, 0, -1)))
    await watched.evaluate()
    alerts = await watched.alerts()
    assert len(alerts) == 30
    assert all(alert.told_at is None and BACKFILL in alert.figures.flags for alert in alerts)
    assert await watched.runtime.deliveries.of(watched.fund_id, [alert.id for alert in alerts]) == {}


async def test_the_read_model_made_again_is_the_same(watched: Watched) -> None:
    await watched.record(report(2, 600_000))
    await watched.evaluate()
    await watched.record(report(1, 1_000_000))
    await watched.evaluate()
    before = await watched.alerts()
    assert await watched.runtime.alerts.rebuild(watched.fund_id) == 2
    assert await watched.alerts() == before


async def test_the_summary_that_is_kept_agrees_with_the_facts(watched: Watched) -> None:
    await watched.begin("zeta", "Älpha")
    await watched.record(report(2, 600_000), report(2, 1_200_000, company="zeta"), report(1, 1_000_001))
    await watched.evaluate()
    await watched.runtime.board.refresh()
    known = await resolve(watched.runtime.pool, watched.fund_id, None)
    calendar = calendar_of("UTC", known.at_now)
    found = await series(watched.runtime.pool, watched.fund_id, None, known.at_now, known.version)
    variances = [one for each in found.values() for one in compare(each, Basis(), calendar)]
    book = await watched.runtime.alerts.book_at(watched.fund_id, known.at_now, known.version)
    opened = [one for one in book.alerts.values() if one.stage in (AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED)]
    for grouping in VarianceGrouping:
        kept = await watched.runtime.board.summary(watched.fund_id, grouping, known.at_now)
        assert kept == summarise(variances, opened, grouping)
        assert kept
