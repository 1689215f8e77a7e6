"""Rules: which variances people want to hear of, how bad each is, and how they are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import Annotated

from domain.event import CompanyKey, Telling, event
from domain.forecasting import MAX_DIGITS, MetricType
from domain.fund import CompanyStatus, FundBuilder, Holding
from domain.matching import Basis, ForecastPolicy
from domain.metrics import METRICS
from domain.money import EXACT, Fraction
from domain.refusal import Invalid
from domain.text import check_text
from domain.variance import Variance
from domain.wording import Wording

MOST_SCOPED = 1_000
"""Companies or stages that a rule names."""
MOST_WINDOW = 24
MOST_COOLDOWN = 60 * 24 * 366
CLEAR_AT = Fraction(Decimal("0.8"))


class AlertSeverity(Wording):
    """How bad it is, mildest first."""

    INFO = "INFO", "Good to know."
    WARNING = "WARNING", "Look at it this week."
    CRITICAL = "CRITICAL", "Look at it today."
    URGENT = "URGENT", "Look at it now."

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(AlertSeverity)}


class VarianceDirection(Wording):
    """Which variances a rule rates."""

    UNFAVOURABLE = "UNFAVOURABLE", "Worse than forecast."
    FAVOURABLE = "FAVOURABLE", "Better than forecast."
    BOTH = "BOTH", "Any difference."


class RungCombination(Wording):
    """How the two thresholds of a rung go together."""

    AND = "AND", "Both, where both are given; where there is no percentage, the absolute one decides alone."
    OR = "OR", "Either."
    PERCENT_ONLY = "PERCENT_ONLY", "The percentage alone."
    ABSOLUTE_ONLY = "ABSOLUTE_ONLY", "The absolute difference alone."


class DeliveryChannel(Wording):
    """How people are told."""

    IN_APP = "IN_APP", "The list of alerts and its subscription."
    EMAIL = "EMAIL", "E-mail."
    SLACK = "SLACK", "A Slack channel, by incoming webhook."
    WEBHOOK = "WEBHOOK", "A signed request to an address of the fund's."


@dataclass(frozen=True, slots=True)
class AlertRung:
    """From which difference on a variance has a severity. Thresholds are inclusive."""

    severity: Annotated[AlertSeverity, "How bad that is."]
    percent: Annotated[Decimal | None, "In percent: 10 is 10%."] = None
    absolute: Annotated[Decimal | None, "In the metric's own unit; money in the fund's currency."] = None

    def met(self, variance: Variance, combine: RungCombination, share: Decimal) -> bool:
        """Whether the variance reaches `share` of the thresholds."""
        assert variance.variance is not None, "only what was compared is rated"
        absolute = self._leg(self.absolute, variance.variance, share)
        percent = self._leg(self.percent, variance.percent, share)
        match combine:
            case RungCombination.PERCENT_ONLY:
                return percent is True
            case RungCombination.ABSOLUTE_ONLY:
                return absolute is True
            case RungCombination.OR:
                return percent is True or absolute is True
        if self.percent is not None and variance.percent is None:
            return absolute is True
        return percent is not False and absolute is not False and (percent or absolute or False)

    @staticmethod
    def _leg(threshold: Decimal | None, found: Decimal | None, share: Decimal) -> bool | None:
        """Whether this leg is met; None where it isn't asked for."""
        if threshold is None:
            return None
        # abs() would round to the usual 28 digits.
        return found is not None and found.copy_abs() >= EXACT.multiply(threshold, share)


DEFAULT_LADDER = (
    AlertRung(AlertSeverity.WARNING, Decimal(10), Decimal(50_000)),
    AlertRung(AlertSeverity.CRITICAL, Decimal(25), Decimal(250_000)),
    AlertRung(AlertSeverity.URGENT, Decimal(40)),
)
"""For money, where nothing better is known."""


@event("ALERT_RULE_SET", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class AlertRuleSet:
    """A rule was made, changed, paused or retired. The newest says how it stands; what was alerted before stays."""

    rule_id: Annotated[str, "The rule."]
    name: Annotated[str, "What people call it."]
    metrics: Annotated[tuple[MetricType, ...], "The figures it rates."]
    ladder: Annotated[tuple[AlertRung, ...], "From the mildest severity to the worst."] = DEFAULT_LADDER
    company_ids: Annotated[tuple[CompanyKey, ...] | None, "Only these companies."] = None
    stages: Annotated[tuple[str, ...] | None, "Only companies at these stages."] = None
    direction: Annotated[VarianceDirection, "Which variances it rates."] = VarianceDirection.UNFAVOURABLE
    combine: Annotated[RungCombination, "How a rung's thresholds go together."] = RungCombination.AND
    persistence: Annotated[int, "So many figures …"] = 1
    persistence_window: Annotated[int, "… of the last so many must breach before it alerts."] = 1
    clear_at: Annotated[Fraction, "An alert ends below this share of the thresholds."] = CLEAR_AT
    forecast_policy: Annotated[ForecastPolicy, "Which forecast counts."] = ForecastPolicy.LATEST_AT_PERIOD_START
    include_backdated: Annotated[bool, "Whether forecasts recorded too late to have been in force count too."] = False
    channels: Annotated[tuple[DeliveryChannel, ...], "How people are told."] = (DeliveryChannel.IN_APP,)
    cooldown_minutes: Annotated[int, "A new breach of an alert is told so long after the last notice."] = 1440
    enabled: Annotated[bool, "Whether it rates new figures; its alerts are suppressed while it doesn't."] = True
    retired: Annotated[bool, "Whether it is gone for good."] = False

    def check(self, fund: FundBuilder) -> None:
        """Refuse what can't be a rule. Whether its companies exist, `alerting.set_rule` tells."""
        check_text(self.name, "name")
        _check_several(self.metrics, "metrics", len(METRICS))
        _check_several(self.channels, "channels", len(DeliveryChannel))
        for scope, field in ((self.company_ids, "companyIds"), (self.stages, "stages")):
            if scope is not None:
                _check_several(scope, field, MOST_SCOPED)
                for place, one in enumerate(scope):
                    check_text(one, field, str(place))
        _check_ladder(self.ladder, self.combine)
        if self.direction is not VarianceDirection.BOTH and not any(
            METRICS[metric].polarity for metric in self.metrics
        ):
            message = "More of these is neither better nor worse; only the direction BOTH can rate them."
            raise Invalid(message, "direction")
        _check_range(self.persistence_window, 1, MOST_WINDOW, "persistenceWindow")
        _check_range(self.persistence, 1, self.persistence_window, "persistence")
        if not (self.clear_at.is_finite() and 0 < self.clear_at <= 1):
            message = "This is a share above 0, 1 at most."
            raise Invalid(message, "clearAt")
        _check_range(self.cooldown_minutes, 0, MOST_COOLDOWN, "cooldownMinutes")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """No total or holding changes."""

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        done = "Retired" if self.retired else "Set" if self.enabled else "Paused"
        return f"{done} the alert rule {self.name}"

    @property
    def basis(self) -> Basis:
        """How it chooses forecasts."""
        return Basis(self.forecast_policy, self.include_backdated)

    def covers(self, holding: Holding) -> bool:
        """Whether a company is in its scope: held, and of the companies and stages named, where any are."""
        return (
            holding.status is CompanyStatus.ACTIVE
            and (self.company_ids is None or holding.company_id in self.company_ids)
            and (self.stages is None or holding.stage in self.stages)
        )


class Zone(Enum):
    """Where a variance stands against a rule's thresholds."""

    BREACH = "breach"
    BETWEEN = "between"
    """Not bad enough to begin an alert, not good enough to end one."""
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Rating:
    """What a rule makes of a variance: the worst rung met, where one is."""

    zone: Zone
    rung: AlertRung | None = None


def rate(rule: AlertRuleSet, variance: Variance) -> Rating:
    """What the rule makes of a variance that was compared."""
    if not _in_direction(rule.direction, variance):
        return Rating(Zone.CLEAR)
    one = Decimal(1)
    met = [rung for rung in rule.ladder if rung.met(variance, rule.combine, one)]
    if met:
        return Rating(Zone.BREACH, max(met, key=lambda rung: rung.severity.rank))
    # Any rung, not just the mildest: one that asks for less than those below it would else end as soon as it began.
    if any(rung.met(variance, rule.combine, rule.clear_at) for rung in rule.ladder):
        return Rating(Zone.BETWEEN)
    return Rating(Zone.CLEAR)


def _in_direction(direction: VarianceDirection, variance: Variance) -> bool:
    if direction is VarianceDirection.BOTH:
        return variance.variance != 0
    return variance.favourable is (direction is VarianceDirection.FAVOURABLE)


def _check_several(given: Sequence[object], field: str, most: int) -> None:
    if not 1 <= len(given) <= most:
        message = f"Give 1 to {most}."
        raise Invalid(message, field)
    for place, one in enumerate(given):
        if one in given[:place]:
            message = f"{one} is given twice."
            raise Invalid(message, field, str(place))


def _check_range(given: int, least: int, most: int, field: str) -> None:
    if not least <= given <= most:
        message = f"This lies from {least} to {most}."
        raise Invalid(message, field)


def _check_ladder(ladder: Sequence[AlertRung], combine: RungCombination) -> None:
    if not 1 <= len(ladder) <= len(AlertSeverity):
        message = f"A ladder has 1 to {len(AlertSeverity)} rungs."
        raise Invalid(message, "ladder")
    for place, rung in enumerate(ladder):
        path = "ladder", str(place)
        for threshold, field in ((rung.percent, "percent"), (rung.absolute, "absolute")):
            if threshold is not None and not (
                threshold.is_finite() and threshold > 0 and threshold.adjusted() < MAX_DIGITS
            ):
                message = "A threshold is a number above 0."
                raise Invalid(message, *path, field)
        _check_usable(rung, combine, path)
    for place, (milder, worse) in enumerate(pairwise(ladder), start=1):
        path = "ladder", str(place)
        if worse.severity.rank <= milder.severity.rank:
            message = (
                f"A ladder goes from the mildest severity to the worst; {worse.severity} follows {milder.severity}."
            )
            raise Invalid(message, *path, "severity")
        for field in ("percent", "absolute"):
            below = [found for rung in ladder[:place] if (found := getattr(rung, field)) is not None]
            here = getattr(worse, field)
            if below and here is not None and here < max(below):
                message = f"A worse severity needs no smaller difference: {here:f} is below {max(below):f}."
                raise Invalid(message, *path, field)


def _check_usable(rung: AlertRung, combine: RungCombination, path: tuple[str, str]) -> None:
    """Refuse a rung that no variance could meet."""
    if combine is RungCombination.PERCENT_ONLY and rung.percent is None:
        message = "This rule rates percentages alone, so each rung needs one."
        raise Invalid(message, *path, "percent")
    if combine is RungCombination.ABSOLUTE_ONLY and rung.absolute is None:
        message = "This rule rates absolute differences alone, so each rung needs one."
        raise Invalid(message, *path, "absolute")
    if rung.percent is None and rung.absolute is None:
        message = "A rung has a percentage, an absolute difference, or both."
        raise Invalid(message, *path)
