"""Forecasting: what companies planned, what they reported, and how a deal may end."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Annotated

from domain.capital import check_positive
from domain.event import Telling, event
from domain.fund import FundBuilder
from domain.investing import CompanyId, check_fraction
from domain.moments import LONGEST_PERIOD, day_text, is_reasonable
from domain.money import Fraction, Money
from domain.refusal import Invalid
from domain.text import check_text
from domain.wording import Wording

MAX_PERIODS = 400
"""Periods in one forecast: more than 30 years of months."""
MAX_SCENARIOS, MAX_ROUNDS = 50, 20
MAX_MONTHS = 600
NO_POOL = Fraction(Decimal(0))
MAX_DIGITS = 38
"""Before a figure's decimal point, as the contract's Decimal has them."""


class MetricType(Wording):
    """A figure that companies plan and report."""

    REVENUE = "REVENUE", "Sales of the period."
    EBITDA = "EBITDA", "Earnings before interest, tax, depreciation and amortisation of the period."
    CASH_BURN = "CASH_BURN", "Cash used up in the period; less is better."
    ARR = "ARR", "Annual recurring revenue at the period's end."
    VALUATION = "VALUATION", "The whole company's value at the period's end."
    CASH = "CASH", "Cash at the period's end."
    RUNWAY_MONTHS = "RUNWAY_MONTHS", "Months until cash is used up, at the period's end."
    GROSS_MARGIN = "GROSS_MARGIN", "Gross profit over revenue, in percent."
    CHURN = "CHURN", "Customers or revenue lost in the period, in percent; less is better."
    HEADCOUNT = "HEADCOUNT", "People employed at the period's end."


class ForecastKind(Wording):
    """What a forecast was made for."""

    BUDGET = "BUDGET", "The year's agreed plan."
    REFORECAST = "REFORECAST", "A newer expectation."
    UNDERWRITE = "UNDERWRITE", "What the fund assumed when it invested."


class RecordSource(Wording):
    """How a figure reached the ledger."""

    MANUAL = "MANUAL", "Typed in by a person."
    API = "API", "Sent by a program."
    IMPORT = "IMPORT", "Read from a file."


class PreferenceKind(Wording):
    """What the fund's shares get first when a company is sold."""

    COMMON = "COMMON", "Nothing first; a share of all."
    NON_PARTICIPATING = "NON_PARTICIPATING", "The better of their money back and a share of all."
    PARTICIPATING = (
        "PARTICIPATING",
        "Their money back, then a share of the rest, up to a cap where there is one.",
    )


def metric_words(metric: MetricType) -> str:
    """The metric as it stands in a sentence, such as `cash burn`; abbreviations stay as they are."""
    return metric.value if metric in (MetricType.ARR, MetricType.EBITDA) else metric.value.lower().replace("_", " ")


def check_period(start: date, end: date, *path: str) -> None:
    """Refuse a period that ends before it starts, is beyond reason, or too long."""
    fields = ("start", "end") if path else ("periodStart", "periodEnd")
    for day, field in zip((start, end), fields, strict=True):
        if not is_reasonable(day):
            message = "A period lies from 1900 to 2199."
            raise Invalid(message, *path, field)
    if end < start:
        message = f"The period ends on {end}, before it starts on {start}."
        raise Invalid(message, *path, fields[1])
    if end - start > LONGEST_PERIOD:
        message = "A period lasts at most ten years."
        raise Invalid(message, *path, fields[1])


def _check_figure(figure: Decimal, *path: str) -> None:
    if not figure.is_finite() or figure.adjusted() >= MAX_DIGITS:
        message = f"This must be a number of at most {MAX_DIGITS} digits."
        raise Invalid(message, *path)


def _check_not_below(figure: Decimal, least: int, *path: str) -> None:
    _check_figure(figure, *path)
    if figure < least:
        message = f"This must not be below {least}."
        raise Invalid(message, *path)


@dataclass(frozen=True, slots=True)
class ForecastPeriod:
    """What is expected of one period."""

    start: Annotated[date, "First day."]
    end: Annotated[date, "Last day, included."]
    projected_value: Annotated[Decimal, "In the metric's own unit; money in the fund's currency."]


@event("FORECAST_CREATED", folds=False)
@dataclass(frozen=True, slots=True)
class ForecastCreated:
    """A company planned, or somebody expects, a metric over some periods."""

    company_id: CompanyId
    metric_type: Annotated[MetricType, "The figure forecast."]
    periods: Annotated[tuple[ForecastPeriod, ...], "1 to 400 periods that don't overlap."]
    kind: Annotated[ForecastKind, "What it was made for."] = ForecastKind.REFORECAST

    def check(self, fund: FundBuilder) -> None:
        """Refuse an unknown company, no periods or too many, and periods reversed or overlapping."""
        fund.holding(self.company_id)
        if not 1 <= len(self.periods) <= MAX_PERIODS:
            message = f"A forecast has 1 to {MAX_PERIODS} periods."
            raise Invalid(message, "periods")
        for place, period in enumerate(self.periods):
            check_period(period.start, period.end, "periods", str(place))
            _check_figure(period.projected_value, "periods", str(place), "projectedValue")
        by_start = sorted(enumerate(self.periods), key=lambda placed: placed[1].start)
        for (_, before), (place, after) in pairwise(by_start):
            if after.start <= before.end:
                message = f"The period from {after.start} overlaps the one that ends on {before.end}."
                raise Invalid(message, "periods", str(place), "start")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """No total or holding changes."""

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        first, last = min(p.start for p in self.periods), max(p.end for p in self.periods)
        return (
            f"{self.kind.value.capitalize()} of {metric_words(self.metric_type)} "
            f"for {told.name(self.company_id)}, {day_text(first)} to {day_text(last)}"
        )


@event("ACTUAL_RECORDED", folds=False)
@dataclass(frozen=True, slots=True)
class ActualRecorded:
    """A company reported a figure for a period."""

    company_id: CompanyId
    metric_type: Annotated[MetricType, "The figure reported."]
    value: Annotated[Decimal, "In the metric's own unit; money in the fund's currency."]
    period_start: Annotated[date, "First day of the period."]
    period_end: Annotated[date, "Last day of the period, included."]
    source: Annotated[RecordSource, "How it reached the ledger."] = RecordSource.API
    supersedes_version: Annotated[int | None, "Version of the earlier report this restates."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse an unknown company, a period reversed or beyond reason, and what is no number."""
        fund.holding(self.company_id)
        _check_figure(self.value, "value")
        check_period(self.period_start, self.period_end)

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """No total or holding changes."""

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        restated = f", restating version {self.supersedes_version}" if self.supersedes_version else ""
        return (
            f"{told.name(self.company_id)} reported {metric_words(self.metric_type)} of {self.value:,f} "
            f"for {day_text(self.period_start)} to {day_text(self.period_end)}{restated}"
        )


@dataclass(frozen=True, slots=True)
class ExitScenario:
    """One way a company may be sold or closed."""

    name: Annotated[str, "What people call it, such as trade sale."]
    probability: Annotated[Fraction, "Fraction 0 to 1, given the rounds passed."]
    exit_value: Annotated[Money, "Mean of the equity's value at exit."]
    months: Annotated[Decimal, "Months from the last round passed to the exit."]
    after_round: Annotated[int | None, "Rounds passed before it; without it, it holds after any number."] = None
    sigma: Annotated[Decimal, "Above 0 spreads the value lognormally around its mean."] = Decimal(0)


@dataclass(frozen=True, slots=True)
class FutureRound:
    """A round a company may raise next."""

    stage: Annotated[str, "The round's stage, in the fund's own words."]
    probability: Annotated[Fraction, "Fraction 0 to 1 of going on to it, given the round before."]
    months: Annotated[Decimal, "Months from the round before."]
    pre_money: Annotated[Money, "The whole company's value before the round's money."]
    round_size: Annotated[Money, "New money from all investors together."]
    option_pool: Annotated[Fraction, "Share of the post-money added to the option pool, taken in the pre-money."] = (
        NO_POOL
    )


@dataclass(frozen=True, slots=True)
class Preference:
    """What the fund's shares get first at an exit."""

    kind: Annotated[PreferenceKind, "How they share."]
    multiple: Annotated[Decimal, "Of the money paid for them."] = Decimal(1)
    cap: Annotated[Decimal | None, "Most they get together, as a multiple; of participating shares only."] = None


@event("DEAL_FORECAST_CREATED", folds=False)
@dataclass(frozen=True, slots=True)
class DealForecastCreated:
    """How one company may go on and end.

    Having passed k of the future rounds (k from 0), it exits by one of the scenarios with after round = k
    with their probabilities, or goes on to round k+1 with that round's probability, or fails with the rest.
    """

    company_id: CompanyId
    exit_scenarios: Annotated[tuple[ExitScenario, ...], "1 to 50 ways to end."]
    future_rounds: Annotated[tuple[FutureRound, ...], "0 to 20 rounds, the next one first."]
    preference: Annotated[Preference | None, "The fund's shares; common without it."] = None
    super_pro_rata: Annotated[Decimal, "How far above pro rata the fund may go: 0.5 is half as much again."] = Decimal(
        0
    )

    def check(self, fund: FundBuilder) -> None:
        """Refuse an unknown company, probabilities above 1 together anywhere, impossible figures."""
        fund.holding(self.company_id)
        if not 1 <= len(self.exit_scenarios) <= MAX_SCENARIOS:
            message = f"A deal forecast has 1 to {MAX_SCENARIOS} exit scenarios."
            raise Invalid(message, "exitScenarios")
        if len(self.future_rounds) > MAX_ROUNDS:
            message = f"A deal forecast has at most {MAX_ROUNDS} future rounds."
            raise Invalid(message, "futureRounds")
        for place, scenario in enumerate(self.exit_scenarios):
            self._check_scenario(scenario, "exitScenarios", str(place))
        for place, future in enumerate(self.future_rounds):
            _check_round(future, "futureRounds", str(place))
        for passed in range(len(self.future_rounds) + 1):
            self._check_outcomes(passed)
        _check_not_below(self.super_pro_rata, 0, "superProRata")
        if self.preference is not None:
            _check_preference(self.preference)

    def _check_scenario(self, scenario: ExitScenario, *path: str) -> None:
        check_text(scenario.name, *path, "name")
        check_fraction(scenario.probability, *path, "probability")
        if scenario.exit_value < 0:
            message = "An exit value must not be below zero."
            raise Invalid(message, *path, "exitValue")
        _check_months(scenario.months, *path)
        _check_not_below(scenario.sigma, 0, *path, "sigma")
        if scenario.after_round is not None and not 0 <= scenario.after_round <= len(self.future_rounds):
            message = f"afterRound lies from 0 to {len(self.future_rounds)}, the number of future rounds."
            raise Invalid(message, *path, "afterRound")

    def _check_outcomes(self, passed: int) -> None:
        exits = [s.probability for s in self.exit_scenarios if s.after_round in (None, passed)]
        going_on = [future.probability for future in self.future_rounds[passed : passed + 1]]
        total = sum([*exits, *going_on], Decimal(0))
        if total > 1:
            message = f"After {_counted(passed, 'round')} the probabilities sum to {total}, above 1."
            raise Invalid(message, "exitScenarios")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """No total or holding changes."""

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        ways = _counted(len(self.exit_scenarios), "way")
        rounds = _counted(len(self.future_rounds), "round")
        return f"Forecast {told.name(self.company_id)}: {ways} to exit, {rounds} to come"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _check_round(future: FutureRound, *path: str) -> None:
    check_text(future.stage, *path, "stage")
    check_fraction(future.probability, *path, "probability")
    _check_months(future.months, *path)
    check_positive(future.pre_money, *path, "preMoney")
    check_positive(future.round_size, *path, "roundSize")
    check_fraction(future.option_pool, *path, "optionPool")
    if future.option_pool >= 1:
        message = "An option pool is less than the whole company."
        raise Invalid(message, *path, "optionPool")


def _check_months(months: Decimal, *path: str) -> None:
    _check_not_below(months, 0, *path, "months")
    if months > MAX_MONTHS:
        message = f"At most {MAX_MONTHS} months."
        raise Invalid(message, *path, "months")


def _check_preference(preference: Preference) -> None:
    _check_not_below(preference.multiple, 0, "preference", "multiple")
    if preference.cap is None:
        return
    if preference.kind is not PreferenceKind.PARTICIPATING:
        message = "Only participating shares have a cap."
        raise Invalid(message, "preference", "cap")
    _check_figure(preference.cap, "preference", "cap")
    if preference.cap < preference.multiple:
        message = "A cap must not be below the multiple."
        raise Invalid(message, "preference", "cap")
