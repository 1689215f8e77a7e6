"""Figures of companies at a moment: what was planned and reported, without what was voided or restated."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from domain.correction import EventVoided
from domain.event import CompanyKey
from domain.forecasting import (
    ActualRecorded,
    DealForecastCreated,
    ExitScenario,
    ForecastCreated,
    ForecastKind,
    ForecastPeriod,
    MetricType,
)
from domain.investing import CompanyAdded, InvestmentMade
from domain.refusal import CorruptionError
from infra.drafts import Draft
from infra.figures import CompanyFigures
from infra.people import Person
from infra.runtime import Runtime
from infra.states import END
from tests.conftest import OpenFund
from tests.spec import ACME, BETA, instant, share, usd

FIRST, LAST = date(2010, 1, 1), date(2010, 3, 31)
NEWEST = 2**40
"""A version beyond all there are."""


def day(number: int) -> datetime:
    return instant("2010-04-01") + timedelta(days=number)


def report(figure: int, on: int, company: CompanyKey = ACME, restates: int | None = None) -> Draft:
    """Revenue of the first quarter of 2010, told on a day."""
    event = ActualRecorded(company, MetricType.REVENUE, Decimal(figure), FIRST, LAST, supersedes_version=restates)
    return Draft(event, day(on))


def forecast(figure: int, on: int) -> Draft:
    period = ForecastPeriod(FIRST, LAST, Decimal(figure))
    return Draft(ForecastCreated(ACME, MetricType.REVENUE, (period,), ForecastKind.BUDGET), day(on))


def deal(value: int, on: int) -> Draft:
    return Draft(DealForecastCreated(ACME, (ExitScenario("sale", share("1"), usd(value), Decimal(12)),), ()), day(on))


def void(version: int) -> Draft:
    return Draft(EventVoided(version, "wrong"))


@pytest.fixture
async def fund_id(runtime: Runtime, owner: Person, open_fund: OpenFund) -> UUID:
    """A fund with two companies, versions 2 and 3."""
    made = await open_fund()
    joined = [Draft(CompanyAdded(key, key), day(-90)) for key in (ACME, BETA)]
    await runtime.ledger.record(made, joined, actor=owner.id)
    return made


async def figures(
    runtime: Runtime, fund_id: UUID, at: datetime = END, version: int = NEWEST, company: CompanyKey = ACME
) -> CompanyFigures:
    found = await runtime.figures.of(fund_id, [company], at, version)
    assert set(found) <= {company}
    return found.get(company, CompanyFigures())


async def actuals(
    runtime: Runtime, fund_id: UUID, at: datetime = END, version: int = NEWEST, company: CompanyKey = ACME
) -> list[int]:
    """Versions of the reports that stand."""
    return [fact.version for fact in (await figures(runtime, fund_id, at, version, company)).actuals]


async def test_figures_come_by_company_oldest_first(runtime: Runtime, owner: Person, fund_id: UUID) -> None:
    drafts = [
        report(10, 2),
        forecast(12, 5),
        deal(100, 1),
        report(20, 1, BETA),
        report(30, 1),
        forecast(9, 3),
        deal(200, 4),
        Draft(InvestmentMade(ACME, usd(5)), day(1)),
    ]
    await runtime.ledger.record(fund_id, drafts, actor=owner.id)
    found = await runtime.figures.of(fund_id, [ACME, BETA, CompanyKey("nobody")], END, NEWEST)
    assert set(found) == {ACME, BETA}
    acme, beta = found[ACME], found[BETA]
    assert [fact.version for fact in acme.actuals] == [8, 4]
    assert [fact.version for fact in acme.forecasts] == [9, 5]
    assert acme.deal_forecast is not None
    assert (acme.deal_forecast.version, acme.deal_forecast.event) == (10, drafts[6].event)
    assert acme.actuals[0].event == drafts[4].event
    assert ([fact.version for fact in beta.actuals], beta.forecasts, beta.deal_forecast) == ([7], [], None)
    assert await runtime.figures.of(fund_id, [], END, NEWEST) == {}


async def test_the_newest_deal_forecast_by_valid_time_holds(runtime: Runtime, owner: Person, fund_id: UUID) -> None:
    await runtime.ledger.record(fund_id, [deal(1, 9)], actor=owner.id)
    await runtime.ledger.record(fund_id, [deal(2, 5)], actor=owner.id)

    async def holds(at: datetime, version: int = NEWEST) -> int | None:
        held = (await figures(runtime, fund_id, at, version)).deal_forecast
        return None if held is None else held.version

    assert [await holds(day(number)) for number in (4, 5, 8, 9, 10)] == [None, 5, 5, 4, 4]
    assert [await holds(day(number), 4) for number in (8, 9)] == [None, 4]


async def test_figures_stand_from_the_moment_they_were_told_and_known(
    runtime: Runtime, owner: Person, fund_id: UUID
) -> None:
    await runtime.ledger.record(fund_id, [report(10, 5)], actor=owner.id)
    await runtime.ledger.record(fund_id, [report(11, 2)], actor=owner.id)
    assert await actuals(runtime, fund_id, day(1)) == []
    assert await actuals(runtime, fund_id, day(2)) == [5]
    assert await actuals(runtime, fund_id, day(5)) == [5, 4]
    assert await actuals(runtime, fund_id, day(5), 4) == [4]
    assert await actuals(runtime, fund_id, day(5) - timedelta(microseconds=1), 4) == []
    assert await actuals(runtime, fund_id, END, 3) == []


async def test_a_restated_report_is_left_out_from_the_restatement_on(
    runtime: Runtime, owner: Person, fund_id: UUID
) -> None:
    await runtime.ledger.record(fund_id, [report(10, 1)], actor=owner.id)
    await runtime.ledger.record(fund_id, [report(9, 30, restates=4)], actor=owner.id)
    await runtime.ledger.record(fund_id, [report(8, 60, restates=5)], actor=owner.id)
    assert [await actuals(runtime, fund_id, day(number)) for number in (0, 1, 29, 30, 59, 60)] == [
        [],
        [4],
        [4],
        [5],
        [5],
        [6],
    ]
    # As known before the restatements, the earlier ones stand at any moment.
    assert [await actuals(runtime, fund_id, END, version) for version in (3, 4, 5, 6)] == [[], [4], [5], [6]]


async def test_a_voided_report_never_was_but_is_still_what_was_known(
    runtime: Runtime, owner: Person, fund_id: UUID
) -> None:
    await runtime.ledger.record(fund_id, [report(10, 1), forecast(3, 1), deal(1, 1)], actor=owner.id)
    await runtime.ledger.record(fund_id, [void(4), void(5), void(6)], actor=owner.id)
    now = await figures(runtime, fund_id)
    assert (now.actuals, now.forecasts, now.deal_forecast) == ([], [], None)
    assert await actuals(runtime, fund_id, day(1)) == []
    known = await figures(runtime, fund_id, day(1), 6)
    assert ([f.version for f in known.actuals], [f.version for f in known.forecasts]) == ([4], [5])
    assert known.deal_forecast is not None
    assert known.deal_forecast.version == 6


async def test_an_earlier_deal_forecast_holds_again_when_the_newer_is_voided(
    runtime: Runtime, owner: Person, fund_id: UUID
) -> None:
    await runtime.ledger.record(fund_id, [deal(1, 1), deal(2, 2)], actor=owner.id)
    await runtime.ledger.record(fund_id, [void(5)], actor=owner.id)
    held = (await figures(runtime, fund_id)).deal_forecast
    assert held is not None
    assert held.version == 4


async def test_voiding_a_restatement_brings_back_what_it_restated(
    runtime: Runtime, owner: Person, fund_id: UUID
) -> None:
    await runtime.ledger.record(fund_id, [report(10, 1)], actor=owner.id)
    await runtime.ledger.record(fund_id, [report(9, 30, restates=4)], actor=owner.id)
    await runtime.ledger.record(fund_id, [void(5)], actor=owner.id)
    assert [await actuals(runtime, fund_id, END, version) for version in (4, 5, 6)] == [[4], [5], [4]]
    assert await actuals(runtime, fund_id, day(30)) == [4]


async def test_a_void_of_another_company_s_fact_leaves_the_figures_alone(
    runtime: Runtime, owner: Person, fund_id: UUID
) -> None:
    await runtime.ledger.record(fund_id, [report(10, 1), report(10, 1, BETA)], actor=owner.id)
    await runtime.ledger.record(fund_id, [void(5)], actor=owner.id)
    assert await actuals(runtime, fund_id) == [4]
    assert await actuals(runtime, fund_id, company=BETA) == []


async def test_figures_that_can_not_be_read_stop_their_fund(runtime: Runtime, owner: Person, fund_id: UUID) -> None:
    await runtime.pool.execute(
        """INSERT INTO fact (fund_id, version, schema_version, type, occurred_at, touches_at, recorded_at, actor,
            company_id, payload, hash)
        VALUES ($1, 4, 9, 'ACTUAL_RECORDED', $2, $2, $2, $3, 'acme', '{}', '')""",
        fund_id,
        day(0),
        owner.id,
    )
    with pytest.raises(CorruptionError) as fault:
        await figures(runtime, fund_id)
    assert str(fault.value) == (
        f"fund {fund_id} stops at version 4: ACTUAL_RECORDED is stored in shape 9, unknown to this program"
    )
    assert await actuals(runtime, fund_id, END, 3) == []
