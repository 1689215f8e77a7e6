"""Preview: how often a rule would have alerted lately."""

from datetime import UTC

import pytest

from domain.event import CompanyKey
from domain.forecasting import MetricType
from domain.fund import CompanyStatus, Fund
from domain.matching import ForecastPolicy
from domain.periods import Calendar, Period
from domain.preview import EXAMPLES, PERIODS, Preview, preview
from domain.rules import AlertRuleSet, VarianceDirection
from tests.domain.figures import Q1, Q4, QUARTERS, REVENUE, RULE, Figure, Records, held, month, quarter
from tests.spec import ACME, BETA, but, instant

MILLION = 1_000_000
FINE, WARNS, URGENT_MISS = 950_000, 880_000, 500_000
YEARS = tuple(quarter(2024 + n // 4, n % 4 + 1) for n in range(12))
CALENDAR = Calendar(UTC, instant("2027-02-01"))


def reported(*figures: Figure, periods: tuple[Period, ...] = YEARS) -> Records:
    """Figures of these periods, each against a forecast of a million, reported in time."""
    records = Records()
    for period, figure in zip(periods, figures, strict=False):
        records.plan({period: MILLION}, "2023-12-15")
        records.report(period, figure)
    return records


def shown(records: Records, rule: AlertRuleSet = RULE, fund: Fund | None = None) -> Preview:
    return preview(rule, records.series.values(), fund or held(ACME, BETA), CALENDAR)


def test_alerts_are_counted_as_they_would_have_opened() -> None:
    found = shown(reported(WARNS, WARNS, FINE, WARNS, FINE, FINE, FINE, WARNS))
    assert (found.periods, found.figures, found.breaches, found.alerts) == (8, 8, 4, 3)
    assert found.breaching_share == 0.5
    assert [one.period for one in found.examples] == [YEARS[7], YEARS[3], YEARS[0]]


def test_alerts_a_month_are_those_of_the_months_looked_at() -> None:
    found = shown(reported(WARNS, FINE, WARNS, FINE))
    # Two alerts in the 366 days of 2024, a month being 30.44 days.
    assert found.alerts_per_month == 2 / (366 / 30.44)
    assert found.advice == "This rule cries wolf: it would fire on 50% of 4 figures. Raise its thresholds."


def test_months_count_from_the_first_period_of_any_company_to_the_last() -> None:
    records = reported(WARNS, FINE)
    for period in YEARS[4:8]:
        records.plan({period: MILLION}, "2023-12-15", company=BETA)
        records.report(period, FINE, company=BETA)
    found = shown(records)
    assert (found.periods, found.figures, found.alerts) == (6, 6, 1)
    assert found.alerts_per_month == 1 / ((366 + 365) / 30.44)
    assert found.advice == "This rule would fire on 17% of 6 figures and raise an alert every 24 months."


def test_only_the_newest_eight_periods_of_each_series_are_replayed() -> None:
    records = reported(*[URGENT_MISS] * 4, *[FINE] * 8)
    for metric in (REVENUE, MetricType.ARR):
        for period in YEARS[:2]:
            records.plan({period: MILLION}, "2023-12-15", metric=metric, company=BETA)
            records.report(period, FINE, metric=metric, company=BETA)
    found = shown(records, but(RULE, metrics=(REVENUE, MetricType.ARR)))
    assert (PERIODS, found.periods, found.figures, found.breaches) == (8, 10, 12, 0)


def test_a_rule_that_fires_on_most_figures_says_so() -> None:
    found = shown(reported(WARNS, FINE, WARNS, FINE, WARNS, URGENT_MISS, WARNS, FINE))
    assert (found.breaches, found.alerts) == (5, 3)
    assert found.advice == "This rule cries wolf: it would fire on 62% of 8 figures. Raise its thresholds."


def test_a_rule_that_fires_now_and_then_says_how_often() -> None:
    found = shown(reported(WARNS, FINE, FINE, FINE, FINE, WARNS, FINE, FINE))
    assert found.alerts_per_month == 2 / (731 / 30.44)
    assert found.advice == "This rule would fire on 25% of 8 figures and raise an alert every 12 months."


def test_a_rule_that_fires_every_month_says_how_many_times() -> None:
    months = tuple(month(2025, number) for number in range(1, 9))
    records = Records()
    for number in range(9):
        records.plan(dict.fromkeys(months, MILLION), "2024-12-15", company=CompanyKey(f"c{number}"))
        for place, one in enumerate(months):
            figure = WARNS if (place + number) % 4 == 0 else FINE
            records.report(one, figure, company=CompanyKey(f"c{number}"))
    found = shown(records, fund=held(*(CompanyKey(f"c{number}") for number in range(9))))
    assert (found.figures, found.breaches, found.alerts) == (72, 18, 18)
    assert found.alerts_per_month == 18 / (243 / 30.44)
    assert found.advice == "This rule would fire on 25% of 72 figures and raise 2.3 alerts a month."


def test_a_rule_that_nothing_breaches_would_have_been_silent() -> None:
    found = shown(reported(FINE, FINE, FINE))
    assert (found.alerts, found.alerts_per_month, found.examples) == (0, 0.0, ())
    assert found.advice == "This rule would have been silent over 3 figures."
    assert shown(reported(FINE)).advice == "This rule would have been silent over 1 figure."


def test_a_rule_whose_breaches_never_persist_would_have_been_silent() -> None:
    found = shown(reported(WARNS, FINE, WARNS, FINE), but(RULE, persistence=2, persistence_window=2))
    assert (found.breaches, found.alerts) == (2, 0)
    assert found.advice == "This rule would have been silent over 4 figures."


def test_an_alert_that_was_pending_counts_once_it_opens() -> None:
    found = shown(reported(WARNS, WARNS, WARNS), but(RULE, persistence=2, persistence_window=2))
    assert (found.alerts, [one.period for one in found.examples]) == (1, [YEARS[1]])


def test_without_forecasts_a_rule_is_silent_for_want_of_them() -> None:
    records = Records()
    records.report(Q1, 1)
    found = shown(records)
    assert found == Preview(0, 0, 0, 0, 0.0, ())
    assert found.breaching_share == 0.0
    assert found.advice == (
        "No figure in this rule's scope could be compared: it would have been silent for want of forecasts."
    )


@pytest.mark.parametrize(
    "rule",
    [
        but(RULE, metrics=(MetricType.ARR,)),
        but(RULE, company_ids=(BETA,)),
        but(RULE, stages=("Series A",)),
    ],
)
def test_what_is_out_of_the_rules_scope_is_not_looked_at(rule: AlertRuleSet) -> None:
    assert shown(reported(URGENT_MISS), rule).figures == 0


def test_a_company_that_is_gone_is_not_looked_at() -> None:
    records = reported(URGENT_MISS)
    fund = held(ACME)
    fund.companies[ACME].status = CompanyStatus.EXITED
    assert shown(records, fund=fund).figures == 0
    assert shown(records, fund=held(BETA)).figures == 0


def test_a_rule_is_replayed_with_its_own_direction_and_policy() -> None:
    records = reported(1_600_000, FINE)
    assert shown(records).alerts == 0
    assert shown(records, but(RULE, direction=VarianceDirection.FAVOURABLE)).alerts == 1
    lock = but(RULE, forecast_policy=ForecastPolicy.BUDGET_LOCK)
    assert shown(records, lock).figures == 0


def test_history_counts_as_if_the_rule_had_been_there() -> None:
    records = Records()
    for period in YEARS[:4]:
        records.plan({period: MILLION}, "2023-12-15")
        records.report(period, WARNS, "2026-01-10", request="import")
    assert shown(records).alerts == 1


def test_an_alert_that_began_as_history_counts_once() -> None:
    records = Records()
    records.plan(dict.fromkeys((*YEARS[:4], Q1), MILLION), "2023-12-15")
    for period in YEARS[:4]:
        records.report(period, WARNS, "2025-01-30", request="import")
    records.report(Q1, WARNS)
    found = shown(records)
    assert (found.breaches, found.alerts, [one.period for one in found.examples]) == (5, 1, [YEARS[0]])


def test_examples_are_the_newest_and_at_most_five() -> None:
    months = tuple(month(2025, number) for number in range(1, 13))
    records = Records()
    for company in (ACME, BETA):
        records.plan(dict.fromkeys(months, MILLION), "2024-12-15", company=company)
        for place, one in enumerate(months):
            records.report(one, WARNS if place % 2 else FINE, company=company)
    found = shown(records)
    assert (found.alerts, EXAMPLES) == (8, 5)
    assert [(one.period, one.company_id) for one in found.examples] == [
        (months[11], BETA),
        (months[11], ACME),
        (months[9], BETA),
        (months[9], ACME),
        (months[7], BETA),
    ]


def test_a_preview_knows_nothing_of_pauses_and_cooldowns() -> None:
    records = reported(WARNS, FINE, WARNS, periods=QUARTERS)
    assert shown(records, but(RULE, enabled=False, cooldown_minutes=527_040)).alerts == 2
    assert Q4 not in {one.period for one in shown(records).examples}
