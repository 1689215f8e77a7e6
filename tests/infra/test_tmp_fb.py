"""The summary that is kept: what the facts say, or nothing at all."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from domain.capital import FeeCharged
from domain.correction import EventVoided
from domain.forecasting import MetricType
from domain.handling import resolve as resolve_by_hand
from domain.matching import Basis
from domain.money import Money
from domain.periods import Period
from domain.rules import AlertSeverity
from domain.summaries import SummaryRow, VarianceGrouping, summarise
from domain.variance import compare, missing_at
from infra.drafts import Draft
from infra.learned import calendar_of, series
from infra.people import Person
from infra.runtime import Runtime
from infra.states import Known, resolve
from tests.conftest import OpenFund
from tests.infra.alert_histories import Lived, counted, whole_book
from tests.infra.alerting import COMPANY, Watched, month, plan, report, rule

COMPANY_ROWS = VarianceGrouping.COMPANY


@pytest.fixture
async def fund(runtime: Runtime, open_fund: OpenFund, owner: Person) -> Watched:
    """A fund that nothing has happened to."""
    return Watched(runtime, await open_fund(), owner)


@pytest.fixture
async def watched(fund: Watched) -> Watched:
    """A fund with a company, its plans, a rule and a miss.

    The plans are recorded now, so it is for months to come that the default policy holds figures against them.
    """
    await begin(fund)
    await fund.set_rule(rule())
    await fund.record(report(-1, 600_000))
    return fund


async def begin(fund: Watched, company: str = COMPANY) -> None:
    """A company that plans a million for each of the next two months."""
    await fund.begin(company, ago=0)
    await fund.record(*(plan(ago, 1_000_000, company=company) for ago in (-1, -2)))


async def known_now(watched: Watched) -> Known:
    return await resolve(watched.runtime.pool, watched.fund_id, None)


async def brought_up(watched: Watched) -> None:
    """What the worker does after new facts."""
    await watched.evaluate()
    await watched.runtime.board.refresh()


async def kept(
    watched: Watched, by: VarianceGrouping = COMPANY_ROWS, now: datetime | None = None
) -> Sequence[SummaryRow] | None:
    moment = now or (await known_now(watched)).at_now
    return await watched.runtime.board.summary(watched.fund_id, by, moment)


async def by_definition(watched: Watched, by: VarianceGrouping) -> list[SummaryRow]:
    """The summary from the facts alone."""
    known = await known_now(watched)
    found = await series(watched.runtime.pool, watched.fund_id, None, known.at_now, known.version)
    calendar = calendar_of("UTC", known.at_now)
    variances = [one for each in found.values() for one in compare(each, Basis(), calendar)]
    return summarise(variances, counted(await whole_book(watched)), by)


async def open_alerts(watched: Watched) -> int:
    """Alerts that the kept summary counts."""
    rows = await kept(watched)
    assert rows is not None
    return sum(sum(row.by_severity.values()) for row in rows)


async def test_what_is_kept_agrees_with_the_facts(runtime: Runtime, open_fund: OpenFund, owner: Person) -> None:
    rows: list[SummaryRow] = []
    for seed in range(8):
        fund = Watched(runtime, await open_fund(), owner)
        lived = Lived(fund, seed)
        await lived.live(40)
        for _ in range(4):
            for _ in range(8):
                await lived.step()
            await brought_up(fund)
            for grouping in VarianceGrouping:
                found = await kept(fund, grouping)
                assert found
                assert found == await by_definition(fund, grouping), f"history {seed}"
                rows += found
    assert any(row.worst is not None for row in rows)
    assert any(row.by_severity for row in rows)
    assert any(row.favourable and row.unfavourable for row in rows)


async def test_it_says_what_is_behind_and_by_how_much(watched: Watched) -> None:
    await begin(watched, "zeta")
    await watched.record(report(-1, 1_250_000, company="zeta"), report(-2, 915_000))
    await brought_up(watched)
    acme, zeta = await kept(watched) or ()
    assert (acme.key, acme.figures, acme.by_severity) == (COMPANY, 2, {AlertSeverity.URGENT: 1})
    assert (acme.favourable, acme.unfavourable) == (Money(0), Money(485_000_00))
    assert acme.worst is not None
    assert (acme.worst.period, acme.worst.percent) == (month(-1), Decimal("-40.000000"))
    assert (zeta.key, zeta.figures, zeta.by_severity, zeta.worst) == ("zeta", 1, {}, None)
    assert (zeta.favourable, zeta.unfavourable) == (Money(250_000_00), Money(0))


async def test_a_figure_withdrawn_is_gone_from_it(watched: Watched) -> None:
    version = await watched.record(report(-2, 700_000))
    await brought_up(watched)
    assert [row.figures for row in await kept(watched) or ()] == [2]
    await watched.record(EventVoided(version, "a typing error"))
    await brought_up(watched)
    assert [row.figures for row in await kept(watched) or ()] == [1]


async def test_it_is_silent_while_it_lacks_facts_that_count_and_only_then(watched: Watched) -> None:
    assert await kept(watched) is None
    await watched.evaluate()
    assert await kept(watched) is None
    await watched.runtime.board.refresh()
    assert await open_alerts(watched) == 1
    await watched.record(FeeCharged(Money(1)))
    assert await open_alerts(watched) == 1
    await watched.record(report(-2, 900_000))
    assert await kept(watched) is None
    await brought_up(watched)
    assert await open_alerts(watched) == 1
    await watched.set_rule(rule(name="Another", metrics=(MetricType.CASH,)))
    assert await kept(watched) is None


async def test_it_is_silent_from_the_instant_at_which_a_figure_is_overdue(watched: Watched) -> None:
    await brought_up(watched)
    calendar = calendar_of("UTC", (await known_now(watched)).at_now)
    overdue = missing_at(MetricType.REVENUE, Period(*month(0)), calendar)
    assert await kept(watched, now=overdue - timedelta(microseconds=1)) is not None
    assert await kept(watched, now=overdue) is None


async def test_it_is_silent_from_the_instant_for_which_a_figure_is_dated_ahead(watched: Watched) -> None:
    ahead = (await known_now(watched)).at_now + timedelta(minutes=5)
    await watched.record(report(-2, 900_000), at=ahead)
    await brought_up(watched)
    (row,) = await kept(watched, now=ahead - timedelta(microseconds=1)) or ()
    assert row.figures == 1
    assert await kept(watched, now=ahead) is None
    # What is evaluated in between doesn't make it forget.
    await watched.record(report(-1, 650_000))
    await brought_up(watched)
    assert await kept(watched, now=ahead - timedelta(microseconds=1)) is not None
    assert await kept(watched, now=ahead) is None


async def test_an_alert_resolved_by_hand_is_counted_no_more_though_nobody_looked_since(watched: Watched) -> None:
    await brought_up(watched)
    assert await open_alerts(watched) == 1
    book = await whole_book(watched)
    (alert_id,) = book.alerts
    await watched.runtime.ledger.record_apart(
        watched.fund_id,
        [Draft(resolve_by_hand(book, alert_id, "looked into it"))],
        actor=watched.owner.id,
        read_at=book.version,
    )
    await brought_up(watched)
    assert await open_alerts(watched) == 0


async def test_a_slow_evaluator_does_not_put_back_what_a_faster_one_replaced(watched: Watched) -> None:
    before = await known_now(watched)
    slow = await series(watched.runtime.pool, watched.fund_id, None, before.at_now, before.version)
    await watched.record(report(-2, 900_000))
    await brought_up(watched)
    calendar = calendar_of("UTC", before.at_now)
    await watched.runtime.board.keep(watched.fund_id, slow, calendar, before.version, known=before.version)
    await watched.runtime.board.refresh()
    assert [row.figures for row in await kept(watched) or ()] == [2]


@pytest.mark.parametrize("n", range(150))
async def test_evaluators_and_refreshes_at_once_end_with_what_the_facts_say(watched: Watched, n) -> None:
    async def one(figure: int) -> None:
        await watched.record(report(-1 - figure % 2, 500_000 + figure * 100_000))
        await brought_up(watched)

    await asyncio.gather(*(one(figure) for figure in range(6)))
    await brought_up(watched)
    for grouping in VarianceGrouping:
        assert await kept(watched, grouping) == await by_definition(watched, grouping)


async def test_the_daily_look_makes_all_of_it_anew(watched: Watched) -> None:
    await brought_up(watched)
    # As after a day in which a figure became overdue.
    await watched.runtime.pool.execute(
        "UPDATE figure_board SET fresh_until = clock_timestamp() WHERE fund_id = $1", watched.fund_id
    )
    await brought_up(watched)
    assert await kept(watched) is None
    await watched.runtime.evaluator.look_again(watched.fund_id)
    await watched.runtime.board.refresh()
    assert await kept(watched) == await by_definition(watched, COMPANY_ROWS)
