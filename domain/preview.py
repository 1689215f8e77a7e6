"""Preview: how often a rule would have alerted lately, so that nobody saves one that cries wolf."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.alerting import Walk
from domain.alerts import AlertChange, AlertRaised, Rule
from domain.fund import Fund
from domain.matching import Series
from domain.periods import Calendar, Period
from domain.rules import AlertRuleSet, Zone, rate
from domain.variance import Variance, compare

PERIODS = 8
"""Newest periods of each company and metric that are replayed."""
EXAMPLES = 5
_DAYS_A_MONTH = 30.44
_RARE = 1.5
"""Months between alerts from which on these are told instead of alerts a month."""
TOO_OFTEN = 0.5
"""Share of the figures from which on a rule says nothing any more."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would have done.

    Attributes:
        periods: Different periods looked at.
        figures: Figures compared.
        breaches: Of these, those that meet a rung.
        alerts: Alerts that would have opened.
        alerts_per_month: 0 where nothing was compared.
        examples: The newest figures that would have opened one.
    """

    periods: int
    figures: int
    breaches: int
    alerts: int
    alerts_per_month: float
    examples: tuple[Variance, ...]

    @property
    def breaching_share(self) -> float:
        """Of the figures compared, 0 to 1."""
        return self.breaches / self.figures if self.figures else 0.0

    @property
    def advice(self) -> str:
        """What to make of it, in a sentence."""
        if not self.figures:
            return "No figure in this rule's scope could be compared: it would have been silent for want of forecasts."
        figures = "1 figure" if self.figures == 1 else f"{self.figures} figures"
        if not self.alerts:
            return f"This rule would have been silent over {figures}."
        share = f"{self.breaching_share:.0%} of {figures}"
        if self.breaching_share >= TOO_OFTEN:
            return f"This rule cries wolf: it would fire on {share}. Raise its thresholds."
        between = 1 / self.alerts_per_month
        often = (
            f"an alert every {between:.0f} months" if between > _RARE else f"{self.alerts_per_month:.1f} alerts a month"
        )
        return f"This rule would fire on {share} and raise {often}."


def preview(setting: AlertRuleSet, every: Iterable[Series], fund: Fund, calendar: Calendar) -> Preview:
    """The rule on the newest `PERIODS` periods of each series in its scope, as if it had been there."""
    rule = Rule(setting, -1, -1, calendar.now, calendar.now)
    figures = breaches = 0
    periods, opened = set[Period](), dict[str, Variance]()
    for series in every:
        holding = fund.companies.get(series.company_id)
        if holding is None or series.metric not in setting.metrics or not setting.covers(holding):
            continue
        compared = [one for one in compare(series, setting.basis, calendar) if one.compared][-PERIODS:]
        by_period = {one.period: one for one in compared}
        periods.update(by_period)
        figures += len(compared)
        breaches += sum(rate(setting, one).zone is Zone.BREACH for one in compared)
        walk = Walk(rule, series, compared, None, calendar.now)
        walk.go()
        for decided in walk.decided:
            event = decided.event
            # One that begins as history opens again when it is news.
            if isinstance(event, AlertRaised) and event.change is AlertChange.OPENED:
                opened.setdefault(event.alert_id, by_period[event.figures.period])
    months = 0.0
    if periods:
        days = max(period.end for period in periods) - min(period.start for period in periods)
        months = (days.days + 1) / _DAYS_A_MONTH
    newest = sorted(opened.values(), key=lambda one: (one.period.order, one.company_id, one.metric), reverse=True)
    return Preview(
        periods=len(periods),
        figures=figures,
        breaches=breaches,
        alerts=len(opened),
        alerts_per_month=len(opened) / months if months else 0.0,
        examples=tuple(newest[:EXAMPLES]),
    )
