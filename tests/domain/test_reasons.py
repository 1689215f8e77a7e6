"""Reasons: why an alert fired, word for word."""

from decimal import Decimal

import pytest

from domain.alerts import AlertFigures, AlertKind, AlertResolution, Alerts, Told
from domain.forecasting import MetricType
from domain.handling import resolve
from domain.reasons import difference_text, percent_text, rung_text, why
from domain.rules import AlertRuleSet, AlertRung, AlertSeverity, RungCombination, VarianceDirection
from domain.variance import BACKDATED, BACKFILL, LATE, SIGN_CROSS, VarianceStatus
from tests.domain.figures import Q1, Q2, REVENUE, RULE, Figure, Story, decimal, raised, varied
from tests.spec import ACME, NOW, TOLD, but

AND, OR, PERCENT_ONLY, ABSOLUTE_ONLY = RungCombination
EBITDA, BURN, MARGIN = MetricType.EBITDA, MetricType.CASH_BURN, MetricType.GROSS_MARGIN
WARNING, CRITICAL = AlertSeverity.WARNING, AlertSeverity.CRITICAL
RUNWAY, HEADCOUNT = MetricType.RUNWAY_MONTHS, MetricType.HEADCOUNT
MILLION = 1_000_000
MISS = (
    "Acme's revenue for 01 Jan 2025 to 31 Mar 2025 is 610,000 USD, 390,000 USD (39%) below the forecast of "
    "1,000,000 USD (version 2), which is unfavourable."
)
FIRED = f"{MISS} Critical starts at 25% and 250,000 USD."


def missed(rule: AlertRuleSet = RULE) -> Story:
    """A story whose alert is about a first quarter 39% below its forecast."""
    story = Story(rule).plans({Q1: MILLION, Q2: MILLION}).reports(Q1, 610_000)
    story.assess()
    return story


def told(story: Story, kind: AlertKind = AlertKind.VARIANCE) -> str:
    alert = story.alert(kind)
    return why(alert, story.book.settings[alert.rule_version], TOLD)


def said(rule: AlertRuleSet, forecast: Figure, actual: Figure, metric: MetricType, **changes: object) -> str:
    """Why an alert on the first quarter's figure fired, at the first rung of the rule."""
    event = raised(varied(forecast, actual, metric, **changes), rung=rule.ladder[0])
    return why(Alerts().fold([Told(event, 1, NOW)]).alerts["a"], rule, TOLD)


def test_a_miss_is_told_with_its_figures_its_forecast_and_the_rung_it_meets() -> None:
    assert told(missed()) == FIRED


@pytest.mark.parametrize(
    ("metric", "forecast", "actual", "what", "how"),
    [
        (BURN, MILLION, 1_300_000, "cash burn", "1,300,000 USD, 300,000 USD (30%) above the forecast of 1,000,000 USD"),
        (EBITDA, 0, -60_000, "EBITDA", "-60,000 USD, 60,000 USD below the forecast of 0 USD"),
        (EBITDA, -50_000, -70_000, "EBITDA", "-70,000 USD, 20,000 USD (40%) below the forecast of -50,000 USD"),
        (MARGIN, 70, "59.5", "gross margin", "59.5%, 10.5 percentage points (15%) below the forecast of 70%"),
        (MetricType.CHURN, 3, 4, "churn", "4%, 1 percentage point (33.3%) above the forecast of 3%"),
        (RUNWAY, 12, "7.5", "runway months", "7.5 months, 4.5 months (37.5%) below the forecast of 12 months"),
        (
            REVENUE,
            "20000.10",
            "20000.05",
            "revenue",
            "20,000.05 USD, 0.05 USD (0%) below the forecast of 20,000.10 USD",
        ),
    ],
)
def test_a_difference_is_told_in_the_metrics_own_unit(
    metric: MetricType, forecast: Figure, actual: Figure, what: str, how: str
) -> None:
    found = difference_text(ACME, metric, raised(varied(forecast, actual, metric)).figures, TOLD)
    assert found == f"Acme's {what} for 01 Jan 2025 to 31 Mar 2025 is {how} (version 2), which is unfavourable"


@pytest.mark.parametrize(
    ("metric", "forecast", "actual", "how"),
    [
        (REVENUE, MILLION, MILLION, "1,000,000 USD, as forecast (version 2)"),
        (HEADCOUNT, 20, 19, "19 people, 1 person (5%) below the forecast of 20 people (version 2)"),
        (
            EBITDA,
            -50_000,
            -30_000,
            "-30,000 USD, 20,000 USD (40%) above the forecast of -50,000 USD (version 2), which is favourable",
        ),
    ],
)
def test_a_difference_is_told_to_be_good_news_bad_news_or_neither(
    metric: MetricType, forecast: Figure, actual: Figure, how: str
) -> None:
    found = difference_text(ACME, metric, raised(varied(forecast, actual, metric)).figures, TOLD)
    assert found.endswith(f" for 01 Jan 2025 to 31 Mar 2025 is {how}")


def test_what_could_not_be_compared_is_told_so() -> None:
    listed = AlertFigures(*Q1, VarianceStatus.NO_FORECAST, actual=Decimal(5))
    assert difference_text("gamma", REVENUE, listed, TOLD) == (
        "gamma's revenue for 01 Jan 2025 to 31 Mar 2025 has no forecast to compare it with"
    )


@pytest.mark.parametrize(
    ("percent", "text"),
    [("-39.000000", "39%"), ("33.333333", "33.3%"), ("-8.55", "8.5%"), ("0.04", "0%"), ("123456.78", "123,456.7%")],
)
def test_a_percentage_is_told_to_a_tenth_without_its_sign(percent: str, text: str) -> None:
    assert percent_text(Decimal(percent)) == text


@pytest.mark.parametrize(
    ("combine", "percent", "absolute", "metric", "text"),
    [
        (AND, 25, 250_000, REVENUE, "25% and 250,000 USD"),
        (OR, 25, 250_000, REVENUE, "25% or 250,000 USD"),
        (AND, 40, None, REVENUE, "40%"),
        (OR, None, 250_000, REVENUE, "250,000 USD"),
        (PERCENT_ONLY, 25, 250_000, REVENUE, "25%"),
        (ABSOLUTE_ONLY, 25, 250_000, REVENUE, "250,000 USD"),
        # To the last digit: a threshold is what somebody set.
        (AND, "7.25", "0.5", MARGIN, "7.25% and 0.5 percentage points"),
        (AND, "10.0", 1, MetricType.HEADCOUNT, "10% and 1 person"),
    ],
)
def test_a_rung_is_told_by_the_thresholds_that_count(
    combine: RungCombination, percent: Figure | None, absolute: Figure | None, metric: MetricType, text: str
) -> None:
    legs = (None if one is None else decimal(one) for one in (percent, absolute))
    assert rung_text(AlertRung(WARNING, *legs), combine, metric, "USD") == text


def test_where_there_is_no_percentage_it_is_told_what_decides() -> None:
    rule = but(RULE, metrics=(EBITDA,))
    assert said(rule, 0, -60_000, EBITDA) == (
        "Acme's EBITDA for 01 Jan 2025 to 31 Mar 2025 is -60,000 USD, 60,000 USD below the forecast of 0 USD "
        "(version 2), which is unfavourable. Warning starts at 10% and 50,000 USD; a forecast nearer to zero than "
        "10,000 USD gives no percentage, so the absolute difference decides."
    )


@pytest.mark.parametrize(
    "rule",
    [
        but(RULE, combine=ABSOLUTE_ONLY),
        but(RULE, ladder=(AlertRung(WARNING, absolute=Decimal(50_000)),)),
    ],
)
def test_where_no_percentage_is_asked_for_none_is_missed(rule: AlertRuleSet) -> None:
    assert said(rule, 0, -60_000, EBITDA).endswith("which is unfavourable. Warning starts at 50,000 USD.")


@pytest.mark.parametrize(
    ("flags", "asides"),
    [
        ((SIGN_CROSS,), "Actual and forecast differ in sign."),
        ((BACKDATED,), "The forecast was recorded too late to have been in force then."),
        ((BACKFILL, LATE), "It came as history, so nobody was told."),
        (
            (SIGN_CROSS, BACKDATED),
            "Actual and forecast differ in sign. The forecast was recorded too late to have been in force then.",
        ),
    ],
)
def test_what_is_particular_about_a_figure_is_told(flags: tuple[str, ...], asides: str) -> None:
    assert said(RULE, MILLION, 610_000, REVENUE, flags=flags) == (
        f"{MISS} Warning starts at 10% and 50,000 USD. {asides}"
    )


def test_a_rule_that_waits_for_several_breaches_says_for_how_many() -> None:
    story = missed(but(RULE, persistence=2, persistence_window=3))
    assert told(story) == f"{FIRED} The rule asks for 2 breaches in 3 figures."


def test_a_figure_restated_to_below_its_thresholds_is_told_why_it_is_not_over() -> None:
    story = missed().restates(Q1, 915_000)
    story.assess()
    assert told(story) == (
        "Acme's revenue for 01 Jan 2025 to 31 Mar 2025 is 915,000 USD, 85,000 USD (8.5%) below the forecast of "
        "1,000,000 USD (version 2), which is unfavourable. That is no breach any more, but the alert ends only below "
        "80% of the thresholds."
    )


def test_an_alert_that_a_later_figure_ended_shows_that_figure() -> None:
    story = missed().reports(Q2, 1_010_000)
    story.assess()
    assert told(story) == (
        f"{FIRED} Resolved: Acme's revenue for 01 Apr 2025 to 30 Jun 2025 is 1,010,000 USD, 10,000 USD (1%) above "
        "the forecast of 1,000,000 USD (version 2), which is favourable."
    )


def test_an_alert_that_a_restatement_ended_shows_the_new_figure() -> None:
    story = missed().restates(Q1, 980_000)
    story.assess()
    assert told(story) == (
        f"{FIRED} Resolved by a restatement: Acme's revenue for 01 Jan 2025 to 31 Mar 2025 is 980,000 USD, "
        "20,000 USD (2%) below the forecast of 1,000,000 USD (version 2), which is unfavourable."
    )


def test_an_alert_whose_figure_was_voided_says_so() -> None:
    story = missed()
    story.voids(story.version_of(Q1)).assess()
    assert told(story) == f"{FIRED} Resolved: The figure or its forecast was withdrawn."


def test_an_alert_resolved_by_hand_says_it_in_those_words() -> None:
    story = missed()
    story.tell(resolve(story.book, story.alert().id, "The customer pays later."))
    assert told(story) == f"{FIRED} Resolved by hand: The customer pays later."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"retired": True}, "Resolved: The rule was retired."),
        ({"ladder": (AlertRung(CRITICAL, Decimal(60)),)}, "Resolved: The rule was changed."),
        ({"metrics": (BURN,)}, "Resolved: The rule no longer covers the company or the figure."),
    ],
    ids=["retired", "laxer", "other figures"],
)
def test_an_alert_that_its_rule_let_go_says_so(changes: dict[str, object], words: str) -> None:
    story = missed().set(but(RULE, **changes))
    story.assess()
    assert told(story) == f"{FIRED} {words}"


def test_an_overdue_figure_is_told_with_when_it_was_due() -> None:
    story = Story(RULE).plans({Q1: MILLION})
    story.assess("2025-05-15")
    assert told(story, AlertKind.MISSING_ACTUAL) == (
        "Acme has not reported revenue for 01 Jan 2025 to 31 Mar 2025: it was due 30 days after the period's end, "
        "and 14 more have passed."
    )
    story.reports(Q1, MILLION, "2025-05-20").assess()
    assert told(story, AlertKind.MISSING_ACTUAL) == (
        "Acme had not reported revenue for 01 Jan 2025 to 31 Mar 2025: it was due 30 days after the period's end, "
        "and 14 more had passed. Resolved: The figure came."
    )


def test_upside_is_told_as_good_news() -> None:
    rule = but(RULE, direction=VarianceDirection.FAVOURABLE)
    assert said(rule, MILLION, 1_610_000, REVENUE) == (
        "Acme's revenue for 01 Jan 2025 to 31 Mar 2025 is 1,610,000 USD, 610,000 USD (61%) above the forecast of "
        "1,000,000 USD (version 2), which is favourable. Warning starts at 10% and 50,000 USD."
    )


@pytest.mark.parametrize("resolution", AlertResolution)
def test_every_end_of_an_alert_can_be_told(resolution: AlertResolution) -> None:
    alert = but(missed().alert(), resolution=resolution, reason="So it is.")
    how = "Resolved by hand" if resolution is AlertResolution.MANUAL else "Resolved"
    assert why(alert, RULE, TOLD) == f"{FIRED} {how}: So it is."
    if resolution is not AlertResolution.MANUAL:
        assert why(but(alert, reason=None), RULE, TOLD) == f"{FIRED} Resolved: {resolution.text}"
