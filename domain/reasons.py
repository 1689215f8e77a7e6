"""Reasons: why an alert fired, in sentences a partner can read aloud."""

from decimal import ROUND_DOWN, Decimal

from domain.alerts import Alert, AlertFigures, AlertKind, AlertResolution
from domain.event import Telling
from domain.forecasting import MetricType, metric_words
from domain.metrics import GRACE_DAYS, METRICS, MetricUnit, digits, figure_text
from domain.money import EXACT
from domain.rules import AlertRuleSet, AlertRung, RungCombination
from domain.variance import BACKDATED, BACKFILL, SIGN_CROSS, VarianceStatus

_ASIDES = {
    SIGN_CROSS: "Actual and forecast differ in sign.",
    BACKDATED: "The forecast was recorded too late to have been in force then.",
    BACKFILL: "It came as history, so nobody was told.",
}


def why(alert: Alert, rule: AlertRuleSet, told: Telling) -> str:
    """Which figure differs from what by how much, and which rung that meets."""
    figures = alert.figures
    if alert.kind is AlertKind.MISSING_ACTUAL:
        sentences = [_overdue(alert, told)]
    else:
        difference = difference_text(alert.company_id, alert.metric_type, figures, told)
        sentences = [f"{difference}. {_rated(alert, rule, told)}."]
        if rule.persistence > 1:
            sentences.append(f"The rule asks for {rule.persistence} breaches in {rule.persistence_window} figures.")
        sentences.extend(text for flag, text in _ASIDES.items() if flag in figures.flags)
    if alert.resolution is not None:
        sentences.append(_over(alert, told))
    return " ".join(sentences)


def difference_text(company_id: str, metric: MetricType, figures: AlertFigures, told: Telling) -> str:
    """`Acme's revenue for … is 610,000 USD, 390,000 USD (39%) below the forecast of …`, without a full stop."""
    what = f"{told.name(company_id)}'s {metric_words(metric)} for {figures.period.text}"
    if figures.actual is None or figures.forecast is None or figures.variance is None:
        return f"{what} has no forecast to compare it with"
    actual, forecast = (figure_text(one, metric, told.currency) for one in (figures.actual, figures.forecast))
    if figures.variance == 0:
        return f"{what} is {actual}, as forecast (version {figures.forecast_version})"
    side = "above" if figures.variance > 0 else "below"
    share = "" if figures.percent is None else f" ({percent_text(figures.percent)})"
    tone = {True: ", which is favourable", False: ", which is unfavourable", None: ""}[figures.favourable]
    by = _difference(figures.variance.copy_abs(), metric, told.currency)
    return (
        f"{what} is {actual}, {by}{share} {side} the forecast of {forecast} (version {figures.forecast_version}){tone}"
    )


def percent_text(percent: Decimal) -> str:
    """The percentage without its sign, to the tenth below: what is short of a threshold must look so."""
    tenths = percent.copy_abs().quantize(Decimal("0.1"), ROUND_DOWN, EXACT)
    return f"{tenths:,f}".removesuffix(".0") + "%"


def _difference(size: Decimal, metric: MetricType, currency: str) -> str:
    if METRICS[metric].unit is not MetricUnit.PERCENT:
        return figure_text(size, metric, currency)
    return f"{digits(size)} percentage {'point' if size == 1 else 'points'}"


def _rated(alert: Alert, rule: AlertRuleSet, told: Telling) -> str:
    if alert.rung is None:
        share = digits(rule.clear_at * 100)
        return f"That is no breach any more, but the alert ends only below {share}% of the thresholds"
    legs = rung_text(alert.rung, rule.combine, alert.metric_type, told.currency)
    both = alert.rung.percent is not None and rule.combine in (RungCombination.AND, RungCombination.OR)
    if both and alert.figures.status is VarianceStatus.BASE_TOO_SMALL:
        least = figure_text(METRICS[alert.metric_type].smallest_base, alert.metric_type, told.currency)
        legs += f"; a forecast nearer to zero than {least} gives no percentage, so the absolute difference decides"
    return f"{alert.rung.severity.capitalize()} starts at {legs}"


def rung_text(rung: AlertRung, combine: RungCombination, metric: MetricType, currency: str) -> str:
    """The thresholds that count, such as `25% and 250,000 USD`."""
    percent = None if rung.percent is None else f"{digits(rung.percent)}%"
    absolute = None if rung.absolute is None else _difference(rung.absolute, metric, currency)
    if combine is RungCombination.PERCENT_ONLY:
        absolute = None
    elif combine is RungCombination.ABSOLUTE_ONLY:
        percent = None
    joint = " or " if combine is RungCombination.OR else " and "
    return joint.join(leg for leg in (percent, absolute) if leg is not None)


def _overdue(alert: Alert, told: Telling) -> str:
    figures = alert.figures
    lag = METRICS[alert.metric_type].lag_days
    has, have = ("has", "have") if alert.live else ("had", "had")
    return (
        f"{told.name(alert.company_id)} {has} not reported {metric_words(alert.metric_type)} for "
        f"{figures.period.text}: it was due {lag} days after the period's end, and {GRACE_DAYS} more {have} passed."
    )


def _over(alert: Alert, told: Telling) -> str:
    assert alert.resolution is not None, "it is over"
    match alert.resolution:
        case AlertResolution.MANUAL:
            return f"Resolved by hand: {alert.reason}"
        case AlertResolution.AUTOMATIC if alert.ended_by is not None:
            return f"Resolved: {difference_text(alert.company_id, alert.metric_type, alert.ended_by, told)}."
        case AlertResolution.RESTATED if alert.ended_by is not None:
            by = difference_text(alert.company_id, alert.metric_type, alert.ended_by, told)
            return f"Resolved by a restatement: {by}."
    return f"Resolved: {alert.reason or alert.resolution.text}"
