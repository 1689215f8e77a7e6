"""Forecasting: plans, reports and deal forecasts."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.event import Event
from domain.forecasting import (
    ActualRecorded,
    DealForecastCreated,
    ExitScenario,
    ForecastCreated,
    ForecastKind,
    ForecastPeriod,
    FutureRound,
    MetricType,
    Preference,
    PreferenceKind,
    metric_words,
)
from domain.investing import InvestmentMade
from domain.refusal import Invalid, UnknownCompany
from tests.spec import ACME, ACME_ADDED, OPENED, TOLD, Outcome, but, figures, given, share, usd

HELD = given(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(100_000)))


def quarter(year: int, number: int, figure: str = "100") -> ForecastPeriod:
    start = date(year, 3 * number - 2, 1)
    return ForecastPeriod(start, (start + timedelta(days=95)).replace(day=1) - timedelta(days=1), Decimal(figure))


FORECAST = ForecastCreated(ACME, MetricType.REVENUE, (quarter(2021, 1), quarter(2021, 2)))
REPORT = ActualRecorded(ACME, MetricType.CASH_BURN, Decimal("1234567.5"), date(2021, 1, 1), date(2021, 3, 31))
SALE = ExitScenario("trade sale", share("0.3"), usd(20_000_000), Decimal(24))
NEXT = FutureRound("Series A", share("0.5"), Decimal(18), usd(8_000_000), usd(2_000_000))
DEAL = DealForecastCreated(ACME, (SALE,), (NEXT,))
ALL = [FORECAST, REPORT, DEAL]


def by_class(event: object) -> str:
    return type(event).__name__


@pytest.mark.parametrize("event", ALL, ids=by_class)
def test_a_forecast_or_report_of_an_unknown_company_is_refused(event: Event) -> None:
    given(OPENED).when(event).refused(UnknownCompany, "events", "0", "companyId")


@pytest.mark.parametrize("event", ALL, ids=by_class)
def test_a_forecast_or_report_changes_no_total_and_no_holding(event: Event) -> None:
    outcome = HELD.when(event).then(version=4)
    assert figures(outcome.fund) == figures(HELD.fund)


@pytest.mark.parametrize("count", [0, 401])
def test_a_forecast_has_1_to_400_periods(count: int) -> None:
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(count)]
    periods = tuple(ForecastPeriod(day, day, Decimal(1)) for day in days)
    HELD.when(but(FORECAST, periods=periods)).refused(
        Invalid, "events", "0", "periods", message="A forecast has 1 to 400 periods."
    )


@pytest.mark.parametrize("count", [1, 400])
def test_a_forecast_may_have_1_or_400_periods_of_a_day(count: int) -> None:
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(count)]
    HELD.when(but(FORECAST, periods=tuple(ForecastPeriod(day, day, Decimal(1)) for day in days))).then(version=4)


@pytest.mark.parametrize(
    ("start", "end", "field", "message"),
    [
        (
            date(2021, 4, 1),
            date(2021, 3, 31),
            1,
            "The period ends on 2021-03-31, before it starts on 2021-04-01.",
        ),
        (date(1899, 12, 31), date(1900, 1, 1), 0, "A period lies from 1900 to 2199."),
        (date(2199, 12, 31), date(2200, 1, 1), 1, "A period lies from 1900 to 2199."),
        (date(2021, 1, 1), date(2031, 1, 10), 1, "A period lasts at most ten years."),
    ],
)
def test_a_period_reversed_beyond_reason_or_too_long_is_refused(
    start: date, end: date, field: int, message: str
) -> None:
    periods = (quarter(2000, 1), ForecastPeriod(start, end, Decimal(1)))
    HELD.when(but(FORECAST, periods=periods)).refused(
        Invalid, "events", "0", "periods", "1", ("start", "end")[field], message=message
    )
    HELD.when(but(REPORT, period_start=start, period_end=end)).refused(
        Invalid, "events", "0", ("periodStart", "periodEnd")[field], message=message
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2021, 1, 1), date(2021, 1, 1)),
        (date(2021, 1, 1), date(2031, 1, 9)),
        (date(1900, 1, 1), date(1900, 12, 31)),
        (date(2199, 1, 1), date(2199, 12, 31)),
    ],
)
def test_a_period_may_last_from_a_day_to_ten_years(start: date, end: date) -> None:
    HELD.when(but(REPORT, period_start=start, period_end=end)).then(version=4)


def test_periods_that_overlap_are_refused_at_the_later_one() -> None:
    ends_in_april = ForecastPeriod(date(2021, 1, 1), date(2021, 4, 1), Decimal(1))
    HELD.when(but(FORECAST, periods=(quarter(2021, 2), quarter(2022, 1), ends_in_april))).refused(
        Invalid,
        "events",
        "0",
        "periods",
        "0",
        "start",
        message="The period from 2021-04-01 overlaps the one that ends on 2021-04-01.",
    )


def test_a_period_twice_is_refused() -> None:
    HELD.when(but(FORECAST, periods=(quarter(2021, 1), quarter(2021, 1)))).refused(
        Invalid, "events", "0", "periods", "1", "start"
    )


def test_periods_may_come_in_any_order_and_with_gaps() -> None:
    HELD.when(but(FORECAST, periods=(quarter(2023, 1), quarter(2021, 1), quarter(2021, 2)))).then(version=4)


@pytest.mark.parametrize("figure", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+38", "-1E+1000000"])
def test_a_figure_that_is_no_number_is_refused(figure: str) -> None:
    HELD.when(but(FORECAST, periods=(quarter(2021, 1), quarter(2021, 2, figure)))).refused(
        Invalid,
        "events",
        "0",
        "periods",
        "1",
        "projectedValue",
        message="This must be a number of at most 38 digits.",
    )
    HELD.when(but(REPORT, value=Decimal(figure))).refused(Invalid, "events", "0", "value")


@pytest.mark.parametrize("figure", ["0", "-5", "9" * 38, "0.000000001"])
def test_a_figure_may_be_below_zero_or_large(figure: str) -> None:
    HELD.when(but(REPORT, value=Decimal(figure))).then(version=4)


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (MetricType.REVENUE, "revenue"),
        (MetricType.EBITDA, "EBITDA"),
        (MetricType.CASH_BURN, "cash burn"),
        (MetricType.ARR, "ARR"),
        (MetricType.RUNWAY_MONTHS, "runway months"),
    ],
)
def test_a_metric_is_told_in_words(metric: MetricType, words: str) -> None:
    assert metric_words(metric) == words


def test_a_forecast_reads_well() -> None:
    assert FORECAST.summary(TOLD) == "Reforecast of revenue for Acme, 01 Jan 2021 to 30 Jun 2021"
    budget = but(
        FORECAST,
        kind=ForecastKind.BUDGET,
        metric_type=MetricType.ARR,
        periods=(quarter(2022, 4), quarter(2022, 1)),
    )
    assert budget.summary(TOLD) == "Budget of ARR for Acme, 01 Jan 2022 to 31 Dec 2022"


def test_a_report_reads_well() -> None:
    assert REPORT.summary(TOLD) == "Acme reported cash burn of 1,234,567.5 for 01 Jan 2021 to 31 Mar 2021"
    restated = but(REPORT, value=Decimal("1E+3"), supersedes_version=7)
    assert (
        restated.summary(TOLD) == "Acme reported cash burn of 1,000 for 01 Jan 2021 to 31 Mar 2021, restating version 7"
    )


def test_a_deal_forecast_reads_well() -> None:
    assert DEAL.summary(TOLD) == "Forecast Acme: 1 way to exit, 1 round to come"
    assert but(DEAL, exit_scenarios=(SALE, SALE), future_rounds=()).summary(TOLD) == (
        "Forecast Acme: 2 ways to exit, 0 rounds to come"
    )


def deal(scenario: ExitScenario = SALE, future: FutureRound = NEXT) -> Outcome:
    """A deal forecast whose second scenario and second round are these."""
    small = but(SALE, probability=share("0.1"))
    return HELD.when(but(DEAL, exit_scenarios=(small, scenario), future_rounds=(NEXT, future)))


@pytest.mark.parametrize("count", [0, 51])
def test_a_deal_forecast_has_1_to_50_exit_scenarios(count: int) -> None:
    scenarios = (but(SALE, probability=share("0")),) * count
    HELD.when(but(DEAL, exit_scenarios=scenarios)).refused(
        Invalid, "events", "0", "exitScenarios", message="A deal forecast has 1 to 50 exit scenarios."
    )


def test_a_deal_forecast_may_have_50_exit_scenarios() -> None:
    HELD.when(but(DEAL, exit_scenarios=(but(SALE, probability=share("0.01")),) * 50)).then(version=4)


def test_what_a_deal_forecast_leaves_out_has_a_plain_meaning() -> None:
    nothing = Decimal(0)
    assert (SALE.after_round, SALE.sigma, NEXT.option_pool) == (None, nothing, nothing)
    assert (DEAL.preference, DEAL.super_pro_rata) == (None, nothing)
    assert Preference(PreferenceKind.COMMON) == Preference(PreferenceKind.COMMON, Decimal(1), None)


def test_a_deal_forecast_has_at_most_20_rounds() -> None:
    HELD.when(but(DEAL, future_rounds=(NEXT,) * 20)).then(version=4)
    HELD.when(but(DEAL, future_rounds=(NEXT,) * 21)).refused(
        Invalid, "events", "0", "futureRounds", message="A deal forecast has at most 20 future rounds."
    )


@pytest.mark.parametrize(
    ("name", "wrong", "field", "message"),
    [
        ("name", "", "name", "This must not be empty."),
        ("probability", Decimal("1.1"), "probability", "A fraction lies from 0 to 1."),
        ("probability", Decimal("NaN"), "probability", "A fraction lies from 0 to 1."),
        ("exit_value", -1, "exitValue", "An exit value must not be below zero."),
        ("months", Decimal("-0.1"), "months", "This must not be below 0."),
        ("months", Decimal("600.1"), "months", "At most 600 months."),
        ("months", Decimal("NaN"), "months", "This must be a number of at most 38 digits."),
        ("sigma", Decimal("-0.1"), "sigma", "This must not be below 0."),
        ("sigma", Decimal("Infinity"), "sigma", "This must be a number of at most 38 digits."),
        ("after_round", -1, "afterRound", "afterRound lies from 0 to 2, the number of future rounds."),
        ("after_round", 3, "afterRound", "afterRound lies from 0 to 2, the number of future rounds."),
    ],
)
def test_an_impossible_exit_scenario_is_refused(name: str, wrong: object, field: str, message: str) -> None:
    deal(scenario=but(SALE, **{name: wrong})).refused(
        Invalid, "events", "0", "exitScenarios", "1", field, message=message
    )


@pytest.mark.parametrize(
    ("name", "wrong", "field", "message"),
    [
        ("stage", " ", "stage", "This must not be empty."),
        ("probability", Decimal("-0.1"), "probability", "A fraction lies from 0 to 1."),
        ("months", Decimal(-1), "months", "This must not be below 0."),
        ("months", Decimal(601), "months", "At most 600 months."),
        ("pre_money", 0, "preMoney", "The amount must be above zero."),
        ("round_size", 0, "roundSize", "The amount must be above zero."),
        ("option_pool", Decimal("1.5"), "optionPool", "A fraction lies from 0 to 1."),
        ("option_pool", Decimal(1), "optionPool", "An option pool is less than the whole company."),
    ],
)
def test_an_impossible_round_is_refused(name: str, wrong: object, field: str, message: str) -> None:
    deal(future=but(NEXT, **{name: wrong})).refused(Invalid, "events", "0", "futureRounds", "1", field, message=message)


def test_the_figures_of_a_deal_forecast_may_stand_at_their_limits() -> None:
    deal(
        scenario=but(SALE, exit_value=usd(0), months=Decimal(600), sigma=Decimal("0.8"), after_round=2),
        future=but(NEXT, months=Decimal(0), option_pool=share("0.15")),
    ).then(version=4)


def chances(*exits: tuple[str, int | None], going_on: tuple[str, ...] = ("0.5", "0.5")) -> Outcome:
    scenarios = tuple(but(SALE, probability=share(p), after_round=after) for p, after in exits)
    rounds = tuple(but(NEXT, probability=share(p)) for p in going_on)
    return HELD.when(but(DEAL, exit_scenarios=scenarios, future_rounds=rounds))


def test_the_ways_on_from_any_round_may_sum_to_1() -> None:
    chances(("0.5", None), ("0.5", 2)).then(version=4)
    chances(("1", None), going_on=()).then(version=4)
    chances(("0.5", 0), ("0.5", 1), ("1", 2)).then(version=4)


@pytest.mark.parametrize(
    ("exits", "going_on", "message"),
    [
        ((("0.6", None),), ("0.5", "0.1"), "After 0 rounds the probabilities sum to 1.1, above 1."),
        ((("0.6", None),), ("0.1", "0.5"), "After 1 round the probabilities sum to 1.1, above 1."),
        ((("0.1", None), ("0.5", 1)), ("0.5", "0.5"), "After 1 round the probabilities sum to 1.1, above 1."),
        (
            (("0.5", None), ("0.6", 2)),
            ("0.5", "0.5"),
            "After 2 rounds the probabilities sum to 1.1, above 1.",
        ),
        ((("1", 0), ("0.000000000000000001", 0)), (), None),
    ],
)
def test_probabilities_that_sum_above_1_anywhere_are_refused(
    exits: tuple[tuple[str, int | None], ...], going_on: tuple[str, ...], message: str | None
) -> None:
    chances(*exits, going_on=going_on).refused(Invalid, "events", "0", "exitScenarios", message=message)


@pytest.mark.parametrize("super_pro_rata", ["-0.1", "NaN", "Infinity"])
def test_a_super_pro_rata_below_zero_or_no_number_is_refused(super_pro_rata: str) -> None:
    HELD.when(but(DEAL, super_pro_rata=Decimal(super_pro_rata))).refused(Invalid, "events", "0", "superProRata")


@pytest.mark.parametrize(
    ("preference", "field", "message"),
    [
        (Preference(PreferenceKind.COMMON, Decimal(-1)), "multiple", "This must not be below 0."),
        (
            Preference(PreferenceKind.COMMON, Decimal("NaN")),
            "multiple",
            "This must be a number of at most 38 digits.",
        ),
        (
            Preference(PreferenceKind.NON_PARTICIPATING, Decimal(1), Decimal(3)),
            "cap",
            "Only participating shares have a cap.",
        ),
        (
            Preference(PreferenceKind.PARTICIPATING, Decimal(2), Decimal("1.9")),
            "cap",
            "A cap must not be below the multiple.",
        ),
        (
            Preference(PreferenceKind.PARTICIPATING, Decimal(2), Decimal("Infinity")),
            "cap",
            "This must be a number of at most 38 digits.",
        ),
    ],
)
def test_an_impossible_preference_is_refused(preference: Preference, field: str, message: str) -> None:
    HELD.when(but(DEAL, preference=preference)).refused(Invalid, "events", "0", "preference", field, message=message)


@pytest.mark.parametrize(
    "preference",
    [
        Preference(PreferenceKind.COMMON),
        Preference(PreferenceKind.NON_PARTICIPATING, Decimal("1.5")),
        Preference(PreferenceKind.PARTICIPATING),
        Preference(PreferenceKind.PARTICIPATING, Decimal(2), Decimal(2)),
    ],
)
def test_a_possible_preference_is_taken(preference: Preference) -> None:
    HELD.when(but(DEAL, preference=preference, super_pro_rata=Decimal("0.5"))).then(version=4)
