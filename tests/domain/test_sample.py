"""The sample fund: made up once and for all, possible in every fact, and worth looking at."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest

from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.correction import EventVoided
from domain.event import CompanyKey, Dated, company_of, kind_of
from domain.forecasting import ActualRecorded, ForecastCreated, ForecastKind, MetricType
from domain.fund import CompanyStatus, Fund
from domain.investing import (
    CompanyAdded,
    CompanyStatusChanged,
    InvestmentMade,
    ProceedsReceived,
    ValuationUpdated,
)
from domain.projector import EMPTY, MAX_BATCH, admit, along, order, state_at
from domain.sample import SAMPLE_NAME, SAMPLE_SEED, SAMPLE_SIZE, SampleFund, sample_fund
from domain.sample.calendar import HISTORY, Calendar
from domain.sample.draws import Draws
from domain.sample.life import Ending, live
from domain.sample.misses import GAPS, LAST_REPORTED, MISSES, SHOCKS
from domain.sample.portfolio import PROFILES, STAGES
from domain.sample.telling import Told, tell
from domain.sample.treasury import fund_the_plan
from tests.spec import usd

TODAY = date(2025, 11, 21)
LEAP_DAY = date(2028, 2, 29)
DAYS = [
    TODAY,
    LEAP_DAY,
    date(2025, 12, 31),
    date(2026, 1, 1),
    date(2026, 5, 14),
    date(2026, 9, 30),
]
"""Days in every quarter of a year, the first and the last of one, and one that most years don't have."""
LAST_PERIOD = Calendar(TODAY).first_day(LAST_REPORTED)
every_day = pytest.mark.parametrize("today", DAYS, ids=str)


@cache
def ledger(today: date) -> tuple[SampleFund, tuple[Dated, ...]]:
    """The sample and its facts, each of its recordings admitted as the ledger would."""
    sample = sample_fund(today)
    now = datetime.combine(today, time(), UTC)
    facts = [Dated(sample.opened_at, 1, sample.opening)]
    admit(EMPTY, [], facts, named={}, now=now)
    for recording in sample.recordings:
        new = [Dated(at, version, event) for version, (at, event) in enumerate(recording, len(facts) + 1)]
        admit(EMPTY, sorted(facts, key=order), new, named={fact.version: fact for fact in facts}, now=now)
        facts.extend(new)
    return sample, tuple(facts)


def now_of(today: date) -> Fund:
    _, facts = ledger(today)
    return state_at(facts, datetime.combine(today, time(), UTC), len(facts))


def first_told(today: date) -> int:
    """Version of the last fact before the corrections."""
    sample, facts = ledger(today)
    return len(facts) - len(sample.recordings[-1])


def test_it_is_the_same_for_everyone_and_says_that_it_is_a_sample() -> None:
    assert sample_fund(TODAY) == sample_fund(TODAY)
    opening = sample_fund(TODAY).opening
    assert (opening.name, opening.currency, opening.size) == (SAMPLE_NAME, "USD", usd(150_000_000))
    assert "sample" in opening.name.lower()


def test_a_companys_life_hangs_on_nothing_but_its_own_profile_and_the_seed() -> None:
    alone = live(PROFILES[-1], SAMPLE_SEED)
    lives = {profile.company_id: live(profile, SAMPLE_SEED) for profile in reversed(PROFILES)}
    assert lives[PROFILES[-1].company_id] == alone
    assert live(PROFILES[-1], SAMPLE_SEED + 1) != alone


def test_streams_of_draws_differ_by_seed_company_and_purpose() -> None:
    streams = [(1, "acme", "life"), (2, "acme", "life"), (1, "beta", "life"), (1, "acme", "figures")]
    firsts = {Draws(*stream).uniform() for stream in streams}
    assert len(firsts) == 4
    assert Draws(*streams[0]).uniform() in firsts


def test_draws_lie_within_their_bounds_and_have_their_median() -> None:
    draws = Draws(1, "acme", "life")
    uniform = [draws.uniform(2.0, 4.0) for _ in range(4_000)]
    assert 2.0 < min(uniform) < 2.01
    assert 3.99 < max(uniform) < 4.0
    above = sum(draws.lognormal(3.0, 0.5) > 3.0 for _ in range(4_000))
    assert above == pytest.approx(2_000, abs=130)


@every_day
def test_the_domain_admits_it_whole_in_appends_of_at_most_1_000(today: date) -> None:
    sample, facts = ledger(today)
    assert all(1 <= len(recording) <= MAX_BATCH for recording in sample.recordings)
    assert 2_000 <= len(facts) <= 4_000
    told = [at for recording in sample.recordings[:-1] for at, _ in recording]
    assert told == sorted(told)


@every_day
def test_it_covers_eight_years_and_nothing_is_dated_from_today_on(today: date) -> None:
    sample, facts = ledger(today)
    calendar = Calendar(today)
    assert sample.opened_at.date() == calendar.opened_on
    assert sample.opening.vintage_year == calendar.opened_on.year
    quarter_end = calendar.last_day(HISTORY - 1)
    assert timedelta() < today - quarter_end <= timedelta(days=92)
    assert (quarter_end + timedelta(days=1)).replace(year=calendar.opened_on.year) == calendar.opened_on
    assert quarter_end.year - calendar.opened_on.year in {7, 8}
    assert max(fact.occurred_at.date() for fact in facts) < today


@every_day
def test_its_cash_is_never_below_zero_nor_its_planned_reserves_above_what_is_available(today: date) -> None:
    _, facts = ledger(today)
    ordered = sorted(facts, key=order)
    moments = sorted({fact.occurred_at for fact in ordered})
    for fund in along(EMPTY, ordered, moments):
        assert fund.cash >= 0
        assert fund.called <= fund.committed + fund.recallable
        assert fund.planned_reserves - fund.deployed_reserves <= fund.available_capital


@every_day
def test_its_story_is_the_same_whatever_the_day(today: date) -> None:
    fund = now_of(today)
    assert fund.invested == usd(88_025_000)
    assert fund.proceeds == now_of(TODAY).proceeds
    assert fund.total_value == now_of(TODAY).total_value
    assert {key: held.status for key, held in fund.companies.items()} == {
        key: held.status for key, held in now_of(TODAY).companies.items()
    }


def test_its_totals_are_sensible() -> None:
    fund = now_of(TODAY)
    assert fund.committed == SAMPLE_SIZE
    assert fund.fees == usd(24_750_000)
    assert Decimal("0.70") <= Decimal(fund.invested + fund.fees) / fund.committed <= Decimal("0.80")
    assert (fund.called, fund.distributed, fund.recallable) == (
        usd(112_250_000),
        usd(56_750_000),
        usd(1_250_000),
    )
    assert fund.tvpi == pytest.approx(1.7632, abs=1e-4)
    assert fund.dpi == pytest.approx(0.5056, abs=1e-4)
    assert fund.irr(datetime.combine(TODAY, time(), UTC)) == pytest.approx(0.1317, abs=1e-4)


def test_its_companies_stand_everywhere_and_reserves_were_planned_and_deployed() -> None:
    fund = now_of(TODAY)
    statuses = Counter(held.status for held in fund.companies.values())
    assert statuses == {CompanyStatus.ACTIVE: 13, CompanyStatus.EXITED: 7, CompanyStatus.WRITTEN_OFF: 5}
    assert {held.stage for held in fund.companies.values()} == {stage.name for stage in STAGES}
    assert (fund.planned_reserves, fund.deployed_reserves) == (usd(41_675_000), usd(21_650_000))
    assert all(held.ownership and 0 < held.ownership < Decimal("0.2") for held in fund.companies.values())
    assert len({held.name for held in fund.companies.values()}) == 25


def test_every_kind_of_fact_is_in_it() -> None:
    _, facts = ledger(TODAY)
    kinds = Counter(kind_of(fact.event).name for fact in facts)
    assert kinds["ACTUAL_RECORDED"] == 1_930
    assert kinds["INVESTMENT_MADE"] == 45
    assert {"DEAL_FORECAST_CREATED", "ROUND_PRICED", "RESERVE_ALLOCATED", "EVENT_VOIDED"} <= set(kinds)
    made = Counter(fact.event.kind for fact in facts if isinstance(fact.event, ForecastCreated))
    assert set(made) == set(ForecastKind)


def test_every_company_held_has_a_deal_forecast_now_and_three_years_ago() -> None:
    sample, facts = ledger(TODAY)
    forecasts = [fact for fact in facts if kind_of(fact.event).name == "DEAL_FORECAST_CREATED"]
    for at in (sample.moments.three_years_ago, sample.moments.quarter_end):
        fund = state_at(facts, at, len(facts))
        held = {key for key, company in fund.companies.items() if company.status is CompanyStatus.ACTIVE}
        recent = timedelta(days=200)
        newest = {company_of(f.event) for f in forecasts if at - recent < f.occurred_at <= at}
        assert held <= newest
        assert len(held) >= 13


def budgeted(today: date, company_id: CompanyKey, metric: MetricType, start: date) -> Decimal:
    _, facts = ledger(today)
    return [
        period.projected_value
        for fact in facts
        if isinstance(fact.event, ForecastCreated) and fact.event.kind is ForecastKind.BUDGET
        if (fact.event.company_id, fact.event.metric_type) == (company_id, metric)
        for period in fact.event.periods
        if period.start == start
    ][-1]


def reported(today: date, company_id: CompanyKey, metric: MetricType, start: date) -> list[Decimal]:
    _, facts = ledger(today)
    return [
        fact.event.value
        for fact in facts
        if isinstance(fact.event, ActualRecorded)
        if (fact.event.company_id, fact.event.metric_type) == (company_id, metric) and fact.event.period_start == start
    ]


def variance_percent(today: date, company_id: CompanyKey, quarter: int, metric: MetricType) -> float:
    start = Calendar(today).first_day(quarter)
    planned = budgeted(today, company_id, metric, start)
    return float(100 * (reported(today, company_id, metric, start)[-1] - planned) / abs(planned))


@every_day
def test_the_planted_misses_show_against_the_budget(today: date) -> None:
    for company_id, quarter, metric in MISSES:
        percent = variance_percent(today, company_id, quarter, metric)
        if (company_id, metric) == ("yarrowdeep", MetricType.REVENUE) or metric is MetricType.CASH_BURN:
            assert percent > 40
        else:
            assert percent < -10
    for company_id, quarter in SHOCKS:
        assert variance_percent(today, company_id, quarter, MetricType.ARR) < -25


@every_day
def test_saltmeadow_planned_a_profit_and_made_a_loss(today: date) -> None:
    company_id, start = CompanyKey("saltmeadow"), Calendar(today).first_day(LAST_REPORTED)
    assert budgeted(today, company_id, MetricType.EBITDA, start) > 10_000
    assert reported(today, company_id, MetricType.EBITDA, start)[-1] < -10_000


def test_a_re_forecast_on_the_quarters_last_day_admits_what_the_budget_shows_as_a_miss() -> None:
    _, facts = ledger(TODAY)
    company_id = CompanyKey("loomwright")
    hasty = [
        fact.event
        for fact in facts
        if isinstance(fact.event, ForecastCreated)
        and fact.event.company_id == company_id
        and fact.occurred_at.date() == Calendar(TODAY).last_day(LAST_REPORTED)
    ]
    (actual,) = reported(TODAY, company_id, MetricType.REVENUE, LAST_PERIOD)
    assert [(one.kind, one.periods[0].projected_value) for one in hasty] == [(ForecastKind.REFORECAST, actual)]


@every_day
def test_one_figure_is_missing_among_those_reported(today: date) -> None:
    ((company_id, quarter, metric),) = GAPS
    start = Calendar(today).first_day(quarter)
    assert reported(today, company_id, metric, start) == []
    assert len(reported(today, company_id, MetricType.ARR, start)) == 1
    assert budgeted(today, company_id, metric, start)


def test_most_figures_lie_near_their_budget() -> None:
    _, facts = ledger(TODAY)
    planned = {
        (fact.event.company_id, fact.event.metric_type, period.start): period.projected_value
        for fact in facts
        if isinstance(fact.event, ForecastCreated) and fact.event.kind is ForecastKind.BUDGET
        for period in fact.event.periods
    }
    revenues = [
        fact.event
        for fact in facts
        if isinstance(fact.event, ActualRecorded) and fact.event.metric_type is MetricType.REVENUE
    ]
    near = [
        revenue
        for revenue in revenues
        if (plan := planned[revenue.company_id, MetricType.REVENUE, revenue.period_start])
        and abs(revenue.value - plan) < plan / 5
    ]
    assert 0.7 < len(near) / len(revenues) < 0.9


@every_day
def test_the_last_quarters_figures_come_a_month_after_its_end(today: date) -> None:
    _, facts = ledger(today)
    starts = {fact.event.period_start for fact in facts if isinstance(fact.event, ActualRecorded)}
    calendar = Calendar(today)
    assert (calendar.first_day(HISTORY - 1) in starts) == (calendar.reported(HISTORY - 1).date() < today)


@every_day
def test_the_restated_valuation_changes_the_answer_at_its_moment_and_nowhere_else(today: date) -> None:
    sample, facts = ledger(today)
    at, company_id = sample.moments.restated, sample.restated_company_id
    before = state_at(facts, at, first_told(today))
    after = state_at(facts, at, len(facts))
    assert before.nav > after.nav * Decimal("1.1")
    wrong, right = before.companies[company_id].valuation, after.companies[company_id].valuation
    assert wrong is not None
    assert right is not None
    assert wrong / right == pytest.approx(1.6, abs=0.001)
    a_week_before = at - timedelta(days=7)
    assert state_at(facts, a_week_before, first_told(today)).nav == state_at(facts, a_week_before, len(facts)).nav
    assert state_at(facts, sample.moments.quarter_end, first_told(today)).nav == now_nav(today)


def now_nav(today: date) -> int:
    sample, facts = ledger(today)
    return state_at(facts, sample.moments.quarter_end, len(facts)).nav


def test_the_corrections_name_the_facts_they_correct() -> None:
    sample, facts = ledger(TODAY)
    (voided_at, void), (valued_at, right), (_, restated) = sample.recordings[-1]
    assert isinstance(void, EventVoided)
    assert isinstance(right, ValuationUpdated)
    assert isinstance(restated, ActualRecorded)
    wrong = facts[void.version - 1]
    assert isinstance(wrong.event, ValuationUpdated)
    assert (wrong.version, wrong.occurred_at, voided_at) == (void.version, voided_at, valued_at)
    assert wrong.event.company_id == right.company_id == sample.restated_company_id
    assert restated.supersedes_version is not None
    first = facts[restated.supersedes_version - 1].event
    assert isinstance(first, ActualRecorded)
    assert restated.value == pytest.approx(first.value / Decimal("1.4"), rel=Decimal("0.001"))
    planned = budgeted(TODAY, restated.company_id, restated.metric_type, restated.period_start)
    assert abs(first.value - planned) < planned / 10
    assert restated.value < planned * Decimal("0.85")


@pytest.mark.parametrize(
    ("today", "then"), [(TODAY, "2022-11-21"), (LEAP_DAY, "2025-02-28"), (date(2027, 2, 28), "2024-02-28")]
)
def test_three_years_ago_is_the_same_day_then_as_far_as_there_was_one(today: date, then: str) -> None:
    assert f"{sample_fund(today).moments.three_years_ago:%Y-%m-%d}" == then


def test_quarters_are_calendar_quarters_that_end_before_today() -> None:
    calendar = Calendar(date(2026, 1, 1))
    assert (calendar.opened_on, calendar.last_day(HISTORY - 1)) == (date(2018, 1, 1), date(2025, 12, 31))
    assert [calendar.place_in_year(quarter) for quarter in range(5)] == [0, 1, 2, 3, 0]
    assert calendar.quarter_of(calendar.during(9, 80)) == 9
    assert calendar.quarter_of(calendar.closing(9)) == 9


def test_the_money_of_a_round_is_spent_on_it_and_marks_stop_at_the_end() -> None:
    for profile in PROFILES:
        life = live(profile, SAMPLE_SEED)
        for before, after in pairwise(life.rounds):
            assert before.quarter < after.quarter < HISTORY
            assert after.cheque <= before.ownership * after.size + usd(25_000)
            assert after.cheque == 0 or after.pre_money >= before.post_money
        assert all(life.is_held(mark.quarter) for mark in life.marks)
        assert not life.is_held(profile.quarter - 1)


def test_a_company_can_end_in_every_way() -> None:
    told: list[Told] = [each for profile in PROFILES for each in tell(live(profile, SAMPLE_SEED), Calendar(TODAY))]
    ways = {event.kind for _, event in told if isinstance(event, ProceedsReceived)}
    assert ways == {"listing", "acquired", "escrow"}
    assert sum(isinstance(event, CompanyAdded) for _, event in told) == len(PROFILES)


def test_the_escrow_of_a_late_exit_is_yet_to_come_and_deployed_reserves_are_not_released() -> None:
    life = live(PROFILES[0], SAMPLE_SEED)
    life.rounds[-1] = replace(life.rounds[-1], reserve=life.deployed)
    life.ending = Ending(HISTORY - 2, 30, usd(80_000_000))
    last_day = Calendar(TODAY).during(HISTORY - 2, 30)
    ending = [event for at, event in tell(life, Calendar(TODAY)) if at >= last_day]
    assert ending == [
        ProceedsReceived(PROFILES[0].company_id, usd(5_545_656), "acquired"),
        CompanyStatusChanged(
            PROFILES[0].company_id, CompanyStatus.EXITED, "Acquired for 80,000,000 USD; a tenth in escrow."
        ),
    ]


def received(quarters: range, amount: int) -> Iterator[Told]:
    calendar = Calendar(TODAY)
    for quarter in quarters:
        yield calendar.during(quarter, 30), ProceedsReceived(CompanyKey("acme"), usd(amount))


def test_nothing_is_called_while_proceeds_pay_the_fees_and_small_ones_stay_in_the_fund() -> None:
    calendar = Calendar(TODAY)
    told = list(fund_the_plan(received(range(2), 700_000), usd(100_000_000), calendar))
    calls = [(at, event.amount) for at, event in told if isinstance(event, CapitalCalled)]
    assert calls[:2] == [
        (calendar.during(0, 2), usd(1_000_000)),
        (calendar.during(3, 2), usd(250_000)),
    ]
    assert not any(isinstance(event, DistributionMade) for _, event in told)


def test_large_proceeds_are_distributed_and_only_the_first_are_recallable() -> None:
    told = fund_the_plan(received(range(2), 9_100_000), usd(100_000_000), Calendar(TODAY))
    distributions = [event for _, event in told if isinstance(event, DistributionMade)]
    assert distributions == [
        DistributionMade(usd(9_000_000), recallable=True),
        DistributionMade(usd(9_000_000), recallable=False),
    ]


def test_a_cheque_is_called_for_before_it_is_written() -> None:
    cheque = InvestmentMade(CompanyKey("acme"), usd(3_100_000))
    calendar = Calendar(TODAY)
    told = list(fund_the_plan([(calendar.during(0, 20), cheque)], usd(100_000_000), calendar))
    assert told[0] == (calendar.during(0, 2), CapitalCalled(usd(4_250_000), calendar.during(0, 12).date()))
    fees = [event for _, event in told if isinstance(event, FeeCharged)]
    assert fees == [FeeCharged(usd(500_000), "management")] * (HISTORY + 1)
