"""What variances are computed from: plans and reports at a moment, by what was known at a version."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.correction import EventVoided
from domain.forecasting import ForecastKind, MetricType
from domain.matching import Series
from domain.periods import Period
from domain.refusal import CorruptionError
from infra.learned import calendar_of, series
from infra.people import Person
from infra.runtime import Runtime
from infra.states import resolve
from tests.conftest import OpenFund
from tests.infra.alerting import Watched, month, plan, report

REVENUE = MetricType.REVENUE


@pytest.fixture
async def fund(runtime: Runtime, open_fund: OpenFund, owner: Person) -> Watched:
    """Two companies with a plan of last month each."""
    found = Watched(runtime, await open_fund(), owner)
    await found.begin("acme", "beta", ago=0)
    return found


async def learned(
    fund: Watched, *companies: str, at: datetime | None = None, version: int | None = None
) -> dict[str, Series]:
    """Revenue by company; of all companies where none is named."""
    known = await resolve(fund.runtime.pool, fund.fund_id, None)
    found = await series(
        fund.runtime.pool, fund.fund_id, companies or None, at or known.at_now, version or known.version
    )
    return {company_id: one for (company_id, metric), one in found.items() if metric is REVENUE}


def actuals(found: Series) -> list[Decimal]:
    return [one.actual for one in found.newest_reports().values()]


async def test_of_some_companies_it_is_what_it_is_of_all(fund: Watched) -> None:
    await fund.record(report(1, 900_000), report(1, 800_000, company="beta"))
    every = await learned(fund)
    assert sorted(every) == ["acme", "beta"]
    assert await learned(fund, "acme") == {"acme": every["acme"]}
    assert await learned(fund, "acme", "beta", "nobody") == every
    assert await learned(fund, "nobody") == {}


async def test_both_clocks_bound_it(fund: Watched) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    before = await fund.record(report(1, 900_000))
    await fund.record(report(0, 800_000), at=ahead)
    assert actuals((await learned(fund))["acme"]) == [900_000]
    assert actuals((await learned(fund, at=ahead))["acme"]) == [900_000, 800_000]
    assert actuals((await learned(fund, at=ahead, version=before))["acme"]) == [900_000]
    assert (await learned(fund, version=before - 1))["acme"].reports == []
    assert await learned(fund, at=datetime(2006, 1, 2, tzinfo=UTC)) == {}


async def test_what_is_voided_or_restated_does_not_count(fund: Watched) -> None:
    wrong = await fund.record(report(1, 900_000))
    right = await fund.record(report(1, 950_000, restates=wrong))
    (found,) = (await learned(fund))["acme"].reports
    assert (found.version, found.restates) == (right, wrong)
    assert found.actual == 950_000
    await fund.record(EventVoided(right, "a typing error"))
    assert actuals((await learned(fund))["acme"]) == [900_000]
    assert actuals((await learned(fund, version=right))["acme"]) == [950_000]


async def test_what_came_in_one_request_has_it_in_common(fund: Watched) -> None:
    await fund.record(report(1, 900_000), report(0, 800_000))
    await fund.record(report(-1, 700_000))
    requests = [one.request for one in (await learned(fund))["acme"].newest_reports().values()]
    assert requests[0] == requests[1] != requests[2]
    assert None not in requests


async def test_a_plan_keeps_its_kind_its_period_and_both_its_moments(fund: Watched) -> None:
    at = datetime(2007, 5, 1, tzinfo=UTC)
    version = await fund.record(plan(-3, 1_500_000), at=at)
    newest = max((await learned(fund))["acme"].plans, key=lambda one: one.version)
    (fact,) = await fund.runtime.history.after(fund.fund_id, version - 1)
    assert (newest.period, newest.kind) == (Period(*month(-3)), ForecastKind.BUDGET)
    assert newest.projected == 1_500_000
    assert (newest.version, newest.occurred_at, newest.recorded_at) == (version, at, fact.recorded_at)


async def test_a_fact_that_cannot_be_read_is_named(fund: Watched) -> None:
    version = await fund.runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", fund.fund_id)
    await fund.runtime.pool.fetch(
        "SELECT * FROM ledger_append($1, $2, NULL, NULL, $3, NULL, '{ACTUAL_RECORDED}', '{1}', ARRAY[$4::timestamptz], "
        "ARRAY[$4::timestamptz], '{acme}', '{x}', '{NULL}', '{\"{}\"}')",
        fund.fund_id,
        version,
        fund.owner.id,
        datetime.now(UTC),
    )
    with pytest.raises(CorruptionError, match=f"fund {fund.fund_id} stops at version {version + 1}"):
        await learned(fund, "acme")
    assert list(await learned(fund, "beta")) == ["beta"]


def test_the_funds_days_are_those_of_its_time_zone() -> None:
    now = datetime(2026, 3, 29, 12, tzinfo=UTC)
    calendar = calendar_of("Europe/Berlin", now)
    # The night to summer time: the day has 23 hours.
    assert calendar.end_of(now.date()) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert calendar.end_after(now.date(), -1) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert calendar.now == now
