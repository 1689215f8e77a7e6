"""Rules: what the sample's partners want to hear of, one for each way a rule can be set."""

from decimal import Decimal
from typing import Final

from domain.forecasting import MetricType
from domain.rules import AlertRuleSet, AlertRung, AlertSeverity, RungCombination, VarianceDirection

PAUSED_RULE: Final = "headcount"
"""Rated once, then paused: its alerts are suppressed."""

RULES: Final = (
    AlertRuleSet(
        "sales",
        "Sales behind plan",
        (MetricType.REVENUE, MetricType.ARR),
        include_backdated=True,
        # So that a miss recorded by hand is told each time.
        cooldown_minutes=0,
    ),
    AlertRuleSet(
        "burn",
        "Burning too fast",
        (MetricType.CASH_BURN,),
        (
            AlertRung(AlertSeverity.WARNING, Decimal(25), Decimal(100_000)),
            AlertRung(AlertSeverity.CRITICAL, Decimal(60), Decimal(250_000)),
            AlertRung(AlertSeverity.URGENT, Decimal(100), Decimal(500_000)),
        ),
        include_backdated=True,
    ),
    AlertRuleSet(
        "profit",
        "Profit short of plan",
        (MetricType.EBITDA,),
        (
            AlertRung(AlertSeverity.WARNING, absolute=Decimal(250_000)),
            AlertRung(AlertSeverity.CRITICAL, absolute=Decimal(1_000_000)),
        ),
        combine=RungCombination.ABSOLUTE_ONLY,
        include_backdated=True,
    ),
    AlertRuleSet(
        "slipping",
        "Slipping two quarters of three",
        (MetricType.ARR,),
        (AlertRung(AlertSeverity.WARNING, Decimal(5), Decimal(100_000)),),
        persistence=2,
        persistence_window=3,
        include_backdated=True,
    ),
    AlertRuleSet(
        PAUSED_RULE,
        "Headcount off plan",
        (MetricType.HEADCOUNT,),
        (AlertRung(AlertSeverity.INFO, Decimal(15), Decimal(10)),),
        direction=VarianceDirection.BOTH,
        include_backdated=True,
    ),
)
