"""Rules: what they may ask for, and what they make of a variance."""

from decimal import Decimal

import pytest

from domain.forecasting import MetricType
from domain.fund import CompanyStatus, Holding
from domain.matching import Basis, ForecastPolicy
from domain.refusal import Invalid
from domain.rules import (
    DEFAULT_LADDER,
    MOST_COOLDOWN,
    AlertRuleSet,
    AlertRung,
    AlertSeverity,
    DeliveryChannel,
    Rating,
    RungCombination,
    VarianceDirection,
    Zone,
    rate,
)
from domain.wording import Wording
from tests.domain.figures import RULE, Figure, decimal, varied
from tests.spec import ACME, BETA, OPENED, TOLD, but, figures, given, share

INFO, WARNING, CRITICAL, URGENT = AlertSeverity
AND, OR, PERCENT_ONLY, ABSOLUTE_ONLY = RungCombination
UNFAVOURABLE, FAVOURABLE, BOTH = VarianceDirection
MILLION = 1_000_000
ONE = Decimal(1)
BOTH_LEGS = AlertRung(WARNING, Decimal(10), Decimal(50_000))
PERCENT = AlertRung(WARNING, Decimal(10))
ABSOLUTE = AlertRung(WARNING, absolute=Decimal(50_000))
HELD = given(OPENED)


def rated(forecast: Figure, actual: Figure, rule: AlertRuleSet = RULE, metric: MetricType = MetricType.REVENUE) -> str:
    """`WARNING`, or `between` or `clear`."""
    found = rate(rule, varied(forecast, actual, metric))
    return found.zone.value if found.rung is None else found.rung.severity.value


@pytest.mark.parametrize(
    ("combine", "rung", "met"),
    [
        # Of a forecast of 1,000,000: 8% and 80,000 · of 100,000: 20% and 20,000 · of 1,000,000: 20% and 200,000 ·
        # of 1,000,000: 1% and 10,000 · of 0: no percentage and 60,000 · of 0: none and 40,000.
        (AND, BOTH_LEGS, (False, False, True, False, True, False)),
        (AND, PERCENT, (False, True, True, False, False, False)),
        (AND, ABSOLUTE, (True, False, True, False, True, False)),
        (OR, BOTH_LEGS, (True, True, True, False, True, False)),
        (OR, PERCENT, (False, True, True, False, False, False)),
        (OR, ABSOLUTE, (True, False, True, False, True, False)),
        (PERCENT_ONLY, BOTH_LEGS, (False, True, True, False, False, False)),
        (PERCENT_ONLY, PERCENT, (False, True, True, False, False, False)),
        (PERCENT_ONLY, ABSOLUTE, (False, False, False, False, False, False)),
        (ABSOLUTE_ONLY, BOTH_LEGS, (True, False, True, False, True, False)),
        (ABSOLUTE_ONLY, PERCENT, (False, False, False, False, False, False)),
        (ABSOLUTE_ONLY, ABSOLUTE, (True, False, True, False, True, False)),
    ],
)
def test_a_rungs_legs_go_together_as_the_rule_says(
    combine: RungCombination, rung: AlertRung, met: tuple[bool, ...]
) -> None:
    variances = [
        varied(MILLION, 920_000),
        varied(100_000, 80_000),
        varied(MILLION, 800_000),
        varied(MILLION, 990_000),
        varied(0, -60_000),
        varied(0, -40_000),
    ]
    assert [one.percent for one in variances] == [-8, -20, -20, -1, None, None]
    assert tuple(rung.met(one, combine, ONE) for one in variances) == met


def test_where_nothing_was_forecast_the_absolute_leg_decides_alone() -> None:
    rule = but(RULE, metrics=(MetricType.EBITDA,), ladder=(BOTH_LEGS,))
    assert rated(0, -60_000, rule, MetricType.EBITDA) == "WARNING"
    assert rated(0, -50_000, rule, MetricType.EBITDA) == "WARNING"
    assert rated(0, -49_999, rule, MetricType.EBITDA) == "between"
    assert rated(0, -39_999, rule, MetricType.EBITDA) == "clear"


@pytest.mark.parametrize("combine", [AND, OR, PERCENT_ONLY])
def test_where_nothing_was_forecast_a_rung_with_only_a_percentage_cannot_fire(combine: RungCombination) -> None:
    rule = but(RULE, metrics=(MetricType.EBITDA,), ladder=(PERCENT,), combine=combine)
    assert rated(0, "-" + "9" * 30, rule, MetricType.EBITDA) == "clear"


@pytest.mark.parametrize(
    ("actual", "met"),
    [
        (900_000, True),
        ("899999.999", True),
        ("900000.01", False),
        # Nine decimals of a percent, of which six count: 9.9999996% is 10%, and 9.9999994% isn't.
        ("900000.004", True),
        ("900000.006", False),
    ],
)
def test_a_percentage_is_inclusive_and_compared_at_six_decimals(actual: Figure, met: bool) -> None:
    variance = varied(MILLION, actual)
    assert PERCENT.met(variance, AND, ONE) is met, variance.percent


@pytest.mark.parametrize(
    ("actual", "met"),
    [
        (950_000, True),
        ("950000.01", False),
        ("949999.99", True),
        # More digits than the usual 28: short of 50,000 by one in the last place.
        ("950000." + "0" * 33 + "1", False),
    ],
)
def test_an_absolute_threshold_is_inclusive_to_the_last_digit(actual: Figure, met: bool) -> None:
    assert ABSOLUTE.met(varied(MILLION, actual), AND, ONE) is met


def test_the_highest_rung_met_counts() -> None:
    assert RULE.ladder == DEFAULT_LADDER
    assert [rated(MILLION, actual) for actual in (900_001, 900_000, 750_001, 750_000, 600_001, 600_000, 0)] == [
        "between",
        "WARNING",
        "WARNING",
        "CRITICAL",
        "CRITICAL",
        "URGENT",
        "URGENT",
    ]


def test_the_rung_met_is_named() -> None:
    assert rate(RULE, varied(MILLION, 700_000)) == Rating(Zone.BREACH, DEFAULT_LADDER[1])


def test_the_default_ladder_warns_at_10_percent_and_50_000() -> None:
    assert (
        AlertRung(WARNING, Decimal(10), Decimal(50_000)),
        AlertRung(CRITICAL, Decimal(25), Decimal(250_000)),
        AlertRung(URGENT, Decimal(40)),
    ) == DEFAULT_LADDER


@pytest.mark.parametrize(
    ("actual", "zone"),
    [
        (900_000, "WARNING"),
        (900_001, "between"),
        (920_000, "between"),
        ("920000.01", "clear"),
        (1_000_000, "clear"),
        (1_500_000, "clear"),
    ],
)
def test_a_breach_ends_below_80_percent_of_the_thresholds_and_at_exactly_80_it_still_stands(
    actual: Figure, zone: str
) -> None:
    assert rated(MILLION, actual, but(RULE, ladder=(PERCENT,))) == zone


def test_a_rung_that_asks_for_less_than_those_below_it_ends_by_its_own_thresholds() -> None:
    # 40% of a small forecast is urgent, though the warning below it asks for 50,000 too.
    assert [rated(20_000, actual) for actual in (12_000, 12_001, 13_600, 13_601)] == [
        "URGENT",
        "between",
        "between",
        "clear",
    ]


def test_with_both_legs_a_breach_is_over_once_either_is_below_its_share() -> None:
    rule = but(RULE, ladder=(BOTH_LEGS,))
    assert rated(MILLION, 920_000, rule) == "between"
    assert rated(400_000, 360_000, rule) == "between"
    assert rated(399_990, 359_991, rule) == "clear"


def test_with_either_leg_a_breach_is_over_once_both_are_below_their_share() -> None:
    rule = but(RULE, ladder=(BOTH_LEGS,), combine=OR)
    assert rated(MILLION, 960_000, rule) == "between"
    assert rated(MILLION, 960_001, rule) == "clear"
    assert rated(100_000, 92_000, rule) == "between"
    assert rated(100_000, 92_001, rule) == "clear"


def test_where_a_rule_clears_at_its_thresholds_nothing_lies_between() -> None:
    rule = but(RULE, ladder=(PERCENT,), clear_at=share("1"))
    assert [rated(MILLION, actual, rule) for actual in (900_000, 900_001)] == ["WARNING", "clear"]


def test_upside_is_not_rated_unless_the_rule_says_so() -> None:
    assert rated(MILLION, 1_600_000) == "clear"
    assert rated(MILLION, 1_600_000, but(RULE, direction=FAVOURABLE)) == "URGENT"
    assert rated(MILLION, 1_600_000, but(RULE, direction=BOTH)) == "URGENT"
    assert rated(MILLION, 400_000, but(RULE, direction=FAVOURABLE)) == "clear"
    assert rated(MILLION, 400_000, but(RULE, direction=BOTH)) == "URGENT"


@pytest.mark.parametrize(
    ("metric", "worse", "better"),
    [(MetricType.CASH_BURN, 1_300_000, 700_000), (MetricType.EBITDA, 700_000, 1_300_000)],
)
def test_what_is_downside_depends_on_the_metric(metric: MetricType, worse: int, better: int) -> None:
    rule = but(RULE, metrics=(metric,))
    assert rated(MILLION, worse, rule, metric) == "CRITICAL"
    assert rated(MILLION, better, rule, metric) == "clear"


def test_of_a_metric_that_is_neither_good_nor_bad_only_a_rule_for_both_directions_rates_a_difference() -> None:
    heads = MetricType.HEADCOUNT
    for direction, expected in ((UNFAVOURABLE, "clear"), (FAVOURABLE, "clear"), (BOTH, "URGENT")):
        rule = but(RULE, metrics=(heads,), direction=direction, ladder=DEFAULT_LADDER[2:])
        assert [rated(100, actual, rule, heads) for actual in (50, 150)] == [expected, expected]


def test_no_difference_is_clear_in_every_direction() -> None:
    assert [rated(MILLION, MILLION, but(RULE, direction=one)) for one in VarianceDirection] == ["clear"] * 3


def test_severities_rank_from_the_mildest() -> None:
    assert [severity.rank for severity in (INFO, WARNING, CRITICAL, URGENT)] == [0, 1, 2, 3]


def holding(stage: str | None = "Seed", status: CompanyStatus = CompanyStatus.ACTIVE) -> Holding:
    return Holding(ACME, "Acme", stage=stage, status=status)


def test_a_rule_covers_every_company_held_unless_it_names_some() -> None:
    assert RULE.covers(holding())
    assert but(RULE, company_ids=(BETA, ACME)).covers(holding())
    assert not but(RULE, company_ids=(BETA,)).covers(holding())
    assert but(RULE, stages=("Series A", "Seed")).covers(holding())
    assert not but(RULE, stages=("Series A",)).covers(holding())
    assert not but(RULE, stages=("Series A",)).covers(holding(stage=None))
    assert not but(RULE, company_ids=(ACME,), stages=("Series A",)).covers(holding())


@pytest.mark.parametrize("status", [CompanyStatus.EXITED, CompanyStatus.WRITTEN_OFF])
def test_a_rule_covers_no_company_that_is_gone(status: CompanyStatus) -> None:
    assert not but(RULE, company_ids=(ACME,)).covers(holding(status=status))


def test_a_rule_chooses_forecasts_as_it_is_set() -> None:
    assert RULE.basis == Basis(ForecastPolicy.LATEST_AT_PERIOD_START, backdated=False)
    other = but(RULE, forecast_policy=ForecastPolicy.BUDGET_LOCK, include_backdated=True)
    assert other.basis == Basis(ForecastPolicy.BUDGET_LOCK, backdated=True)


def test_what_a_rule_leaves_out_has_a_plain_meaning() -> None:
    assert (
        AlertRuleSet(
            rule_id="rule",
            name="Revenue misses",
            metrics=(MetricType.REVENUE,),
            ladder=DEFAULT_LADDER,
            company_ids=None,
            stages=None,
            direction=UNFAVOURABLE,
            combine=AND,
            persistence=1,
            persistence_window=1,
            clear_at=share("0.8"),
            forecast_policy=ForecastPolicy.LATEST_AT_PERIOD_START,
            include_backdated=False,
            channels=(DeliveryChannel.IN_APP,),
            cooldown_minutes=1440,
            enabled=True,
            retired=False,
        )
        == RULE
    )


def refused(path: tuple[str, ...], message: str, **changes: object) -> None:
    HELD.when(but(RULE, **changes)).refused(Invalid, "events", "0", *path, message=message)


@pytest.mark.parametrize(
    ("name", "message"), [(" ", "This must not be empty."), ("x" * 201, "At most 200 characters.")]
)
def test_a_rule_without_a_name_or_with_an_endless_one_is_refused(name: str, message: str) -> None:
    refused(("name",), message, name=name)


def test_a_rule_rates_one_metric_at_least_and_none_twice() -> None:
    refused(("metrics",), "Give 1 to 10.", metrics=())
    refused(("metrics", "2"), "ARR is given twice.", metrics=(MetricType.ARR, MetricType.CASH, MetricType.ARR))
    HELD.when(but(RULE, metrics=tuple(MetricType))).then(version=2)


def test_a_rule_has_one_channel_at_least_and_none_twice() -> None:
    email = DeliveryChannel.EMAIL
    refused(("channels",), "Give 1 to 4.", channels=())
    refused(("channels", "1"), "EMAIL is given twice.", channels=(email, email))
    HELD.when(but(RULE, channels=tuple(DeliveryChannel))).then(version=2)


@pytest.mark.parametrize(("field", "public"), [("company_ids", "companyIds"), ("stages", "stages")])
def test_a_scope_names_1_to_1000_companies_or_stages_each_once(field: str, public: str) -> None:
    many = tuple(f"one {number}" for number in range(1_001))
    refused((public,), "Give 1 to 1000.", **{field: ()})
    refused((public,), "Give 1 to 1000.", **{field: many})
    refused((public, "1"), "Seed is given twice.", **{field: ("Seed", "Seed")})
    refused((public, "1"), "This must not be empty.", **{field: ("Seed", "")})
    refused((public, "0"), "At most 200 characters.", **{field: ("x" * 201,)})
    HELD.when(but(RULE, **{field: many[:1_000]})).then(version=2)


def rung(severity: AlertSeverity, percent: Figure | None = None, absolute: Figure | None = None) -> AlertRung:
    return AlertRung(
        severity,
        None if percent is None else decimal(percent),
        None if absolute is None else decimal(absolute),
    )


def test_a_ladder_has_1_to_4_rungs() -> None:
    refused(("ladder",), "A ladder has 1 to 4 rungs.", ladder=())
    refused(("ladder",), "A ladder has 1 to 4 rungs.", ladder=(PERCENT,) * 5)
    every = tuple(rung(severity, 10 * place) for place, severity in enumerate(AlertSeverity, start=1))
    HELD.when(but(RULE, ladder=every)).then(version=2)


@pytest.mark.parametrize("threshold", ["NaN", "sNaN", "-sNaN", "Infinity", "-Infinity", "0", "-0.01", "1E+38"])
@pytest.mark.parametrize("leg", ["percent", "absolute"])
def test_a_threshold_that_is_no_number_above_zero_is_refused(threshold: str, leg: str) -> None:
    wrong = but(BOTH_LEGS, severity=CRITICAL, **{leg: Decimal(threshold)})
    refused(("ladder", "1", leg), "A threshold is a number above 0.", ladder=(BOTH_LEGS, wrong))


@pytest.mark.parametrize("threshold", ["0.000001", "9" * 38])
def test_a_threshold_may_be_tiny_or_huge(threshold: str) -> None:
    HELD.when(but(RULE, ladder=(rung(WARNING, threshold, threshold),))).then(version=2)


@pytest.mark.parametrize(
    ("combine", "wrong", "path", "message"),
    [
        (AND, rung(CRITICAL), (), "A rung has a percentage, an absolute difference, or both."),
        (OR, rung(CRITICAL), (), "A rung has a percentage, an absolute difference, or both."),
        (
            PERCENT_ONLY,
            rung(CRITICAL, absolute=60_000),
            ("percent",),
            "This rule rates percentages alone, so each rung needs one.",
        ),
        (
            ABSOLUTE_ONLY,
            rung(CRITICAL, 20),
            ("absolute",),
            "This rule rates absolute differences alone, so each rung needs one.",
        ),
    ],
)
def test_a_rung_that_no_variance_could_meet_is_refused(
    combine: RungCombination, wrong: AlertRung, path: tuple[str, ...], message: str
) -> None:
    refused(("ladder", "1", *path), message, ladder=(BOTH_LEGS, wrong), combine=combine)


@pytest.mark.parametrize(
    ("worse", "message"),
    [
        (WARNING, "A ladder goes from the mildest severity to the worst; WARNING follows WARNING."),
        (INFO, "A ladder goes from the mildest severity to the worst; INFO follows WARNING."),
    ],
)
def test_a_ladder_out_of_order_or_with_a_severity_twice_is_refused(worse: AlertSeverity, message: str) -> None:
    refused(("ladder", "1", "severity"), message, ladder=(BOTH_LEGS, rung(worse, 20, 60_000)))


@pytest.mark.parametrize(
    ("rungs", "place", "leg", "message"),
    [
        (
            (rung(WARNING, 10), rung(CRITICAL, "9.99")),
            "1",
            "percent",
            "A worse severity needs no smaller difference: 9.99 is below 10.",
        ),
        (
            (rung(WARNING, 10, 50_000), rung(CRITICAL, 20, "4E+4")),
            "1",
            "absolute",
            "A worse severity needs no smaller difference: 40000 is below 50000.",
        ),
        # Also when the rung between them doesn't ask for it.
        (
            (rung(INFO, 10), rung(WARNING, absolute=50_000), rung(CRITICAL, 5, 60_000)),
            "2",
            "percent",
            "A worse severity needs no smaller difference: 5 is below 10.",
        ),
    ],
)
def test_a_worse_severity_with_a_lower_threshold_is_refused(
    rungs: tuple[AlertRung, ...], place: str, leg: str, message: str
) -> None:
    refused(("ladder", place, leg), message, ladder=rungs)


def test_a_worse_severity_may_share_a_threshold_or_leave_it_out() -> None:
    for ladder in (
        (rung(WARNING, 10, 50_000), rung(CRITICAL, 10, 60_000)),
        (rung(WARNING, 10, 50_000), rung(CRITICAL, 20)),
        (rung(WARNING, 10), rung(CRITICAL, absolute=1)),
    ):
        HELD.when(but(RULE, ladder=ladder)).then(version=2)


@pytest.mark.parametrize("direction", [UNFAVOURABLE, FAVOURABLE])
def test_metrics_that_are_neither_good_nor_bad_can_only_be_rated_in_both_directions(
    direction: VarianceDirection,
) -> None:
    message = "More of these is neither better nor worse; only the direction BOTH can rate them."
    refused(("direction",), message, metrics=(MetricType.HEADCOUNT,), direction=direction)
    HELD.when(but(RULE, metrics=(MetricType.HEADCOUNT,), direction=BOTH)).then(version=2)
    HELD.when(but(RULE, metrics=(MetricType.HEADCOUNT, MetricType.ARR), direction=direction)).then(version=2)


@pytest.mark.parametrize(
    ("persistence", "window", "field", "message"),
    [
        (1, 0, "persistenceWindow", "This lies from 1 to 24."),
        (1, 25, "persistenceWindow", "This lies from 1 to 24."),
        (0, 3, "persistence", "This lies from 1 to 3."),
        (4, 3, "persistence", "This lies from 1 to 3."),
    ],
)
def test_a_rule_asks_for_1_to_24_figures_and_no_more_breaches_than_figures(
    persistence: int, window: int, field: str, message: str
) -> None:
    refused((field,), message, persistence=persistence, persistence_window=window)


@pytest.mark.parametrize(("persistence", "window"), [(1, 1), (1, 24), (24, 24)])
def test_a_rule_may_ask_for_as_many_breaches_as_figures(persistence: int, window: int) -> None:
    HELD.when(but(RULE, persistence=persistence, persistence_window=window)).then(version=2)


@pytest.mark.parametrize("clear_at", ["0", "-0.1", "1.000001", "NaN", "sNaN", "Infinity"])
def test_an_alert_ends_at_a_share_above_0_and_1_at_most(clear_at: str) -> None:
    refused(("clearAt",), "This is a share above 0, 1 at most.", clear_at=share(clear_at))


@pytest.mark.parametrize("clear_at", ["0.000001", "1"])
def test_an_alert_may_end_at_any_other_share(clear_at: str) -> None:
    HELD.when(but(RULE, clear_at=share(clear_at))).then(version=2)


@pytest.mark.parametrize("minutes", [-1, MOST_COOLDOWN + 1])
def test_a_cooldown_beyond_a_year_or_below_nothing_is_refused(minutes: int) -> None:
    refused(("cooldownMinutes",), "This lies from 0 to 527040.", cooldown_minutes=minutes)


@pytest.mark.parametrize("minutes", [0, MOST_COOLDOWN])
def test_a_cooldown_may_last_from_nothing_to_a_year(minutes: int) -> None:
    HELD.when(but(RULE, cooldown_minutes=minutes)).then(version=2)


def test_a_rule_changes_no_total_and_no_holding() -> None:
    assert figures(HELD.when(RULE).fund) == figures(HELD.fund)


def test_a_rule_reads_well() -> None:
    assert RULE.summary(TOLD) == "Set the alert rule Revenue misses"
    assert but(RULE, enabled=False).summary(TOLD) == "Paused the alert rule Revenue misses"
    assert but(RULE, enabled=False, retired=True).summary(TOLD) == "Retired the alert rule Revenue misses"


@pytest.mark.parametrize(
    "kind", [AlertSeverity, VarianceDirection, RungCombination, DeliveryChannel], ids=lambda kind: kind.__name__
)
def test_every_member_is_stored_by_its_name_and_says_what_it_means(kind: type[Wording]) -> None:
    assert all(member.name == member.value and member.text.endswith(".") for member in kind)
