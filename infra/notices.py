"""Notices: what is said of an alert outside the app, composed once for every channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from domain.alerting import REPEATED_AFTER, REPEATED_SEVERITIES
from domain.alerts import Alert, AlertChange, AlertEvent, AlertRaised, AlertResolved, AlertStatus
from domain.event import Telling
from domain.forecasting import metric_words
from domain.metrics import figure_text
from domain.moments import instant_text
from domain.reasons import percent_text, why
from domain.rules import AlertRuleSet
from infra.alerts import AlertStore
from infra.delivery.message import Message, Section
from infra.funds import Funds
from infra.history import History
from infra.names import Names


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert as it stood after one of its facts, with what its sentences need."""

    fund_id: UUID
    fund_name: str
    alert: Alert
    rule: AlertRuleSet
    told: Telling
    version: int
    escalates: bool = False
    """Whether it is told again because nobody has acknowledged it."""
    request_id: str | None = None
    """The request that brought it about."""


class Notices:
    """Composes notices from the facts."""

    def __init__(self, history: History, alerts: AlertStore, names: Names, funds: Funds) -> None:
        self._history = history
        self._alerts = alerts
        self._names = names
        self._funds = funds

    async def notice(self, fund_id: UUID, version: int) -> Notice | None:
        """The notice that the fact of this version gave; None where it is none."""
        fact, row = await self._history.fact(fund_id, version), await self._funds.fund(fund_id)
        if fact is None or row is None or not isinstance(fact.event, AlertRaised | AlertResolved):
            return None
        alert = await self._alerts.as_of_fact(fund_id, fact.event, version)
        if alert is None:
            return None
        rule = await self._alerts.setting(fund_id, alert.rule_version)
        names = await self._names.of_companies(fund_id, [alert.company_id])
        escalates = await self._escalates(fund_id, fact.event, alert)
        told = Telling(row.currency, names)
        return Notice(fund_id, row.name, alert, rule, told, version, escalates, fact.correlation_id)

    async def _escalates(self, fund_id: UUID, event: AlertEvent, alert: Alert) -> bool:
        """Whether a bad alert is told again that stayed open since it was last told, a week or longer ago."""
        if alert.change is not AlertChange.REPEATED or alert.stage is not AlertStatus.OPEN:
            return False
        before = await self._alerts.as_of_fact(fund_id, event, alert.version - 1)
        return (
            alert.severity in REPEATED_SEVERITIES
            and before is not None
            and before.told_at is not None
            and alert.updated_at - before.told_at >= REPEATED_AFTER
        )


def message(notice: Notice) -> Message:
    """The notice of one alert."""
    return Message(_key(notice), _subject(notice), (_section(notice),), _data(notice))


def digest(fund_name: str, notices: Sequence[Notice]) -> Message:
    """Several notices in one, the worst first."""
    ordered = sorted(notices, key=lambda one: (-one.alert.severity.rank, one.version))
    count = len(notices)
    return Message(
        key=f"digest:{notices[0].fund_id}:{_fingerprint(notices)}",
        subject=f"{fund_name}: {count} alert{'' if count == 1 else 's'} today",
        sections=tuple(_section(one) for one in ordered),
        data={"type": "digest", "alerts": [_data(one) for one in ordered]},
    )


def _fingerprint(notices: Sequence[Notice]) -> str:
    """Of what a digest holds: tried again with others in it, it is another message."""
    versions = sorted(one.version for one in notices)
    return sha256(" ".join(map(str, versions)).encode()).hexdigest()[:32]


def trial(fund_name: str, key: str) -> Message:
    """What a test of a channel says."""
    sentence = "Alerts of this fund will reach you here."
    section = Section(f"{fund_name}: this channel works", (sentence,), (), None)
    return Message(key, f"{fund_name}: test of alerts", (section,), {"type": "test", "fund": fund_name})


def _key(notice: Notice) -> str:
    return f"{notice.alert.id}:{notice.version}"


def _headline(notice: Notice) -> str:
    alert = notice.alert
    what = f"{notice.told.name(alert.company_id)}, {metric_words(alert.metric_type)}"
    if alert.stage is AlertStatus.RESOLVED:
        return f"Resolved: {what}"
    again = ", unacknowledged" if notice.escalates else ""
    return f"{alert.severity.capitalize()}: {what}{again}"


def _subject(notice: Notice) -> str:
    percent = notice.alert.figures.percent
    off = (
        ""
        if percent is None or notice.alert.stage is AlertStatus.RESOLVED
        else f" {'+' if percent > 0 else '−'}{percent_text(percent)}"
    )
    return f"{_headline(notice)}{off} ({notice.fund_name})"


def _section(notice: Notice) -> Section:
    alert, currency = notice.alert, notice.told.currency
    sentences = [why(alert, notice.rule, notice.told)]
    if notice.escalates:
        sentences.append(f"Nobody has acknowledged it for {REPEATED_AFTER.days} days or more.")
    rows = [("Period", alert.figures.period.text)]
    rows.extend(
        (label, figure_text(figure, alert.metric_type, currency))
        for label, figure in (("Forecast", alert.figures.forecast), ("Actual", alert.figures.actual))
        if figure is not None
    )
    rows.append(("Rule", notice.rule.name))
    return Section(_headline(notice), tuple(sentences), tuple(rows), None)


def _data(notice: Notice) -> dict[str, object]:
    """The same for programs; a repeat has the same alert id and revision."""
    alert, figures = notice.alert, notice.alert.figures
    numbers = {
        name: None if figure is None else f"{figure:f}"
        for name, figure in (
            ("forecast", figures.forecast),
            ("actual", figures.actual),
            ("variance", figures.variance),
            ("variancePercent", figures.percent),
        )
    }
    return {
        "type": "alert",
        "alertId": alert.id,
        "revision": notice.version,
        "change": alert.change.value,
        "severity": alert.severity.value,
        "kind": alert.kind.value,
        "fundId": str(notice.fund_id),
        "fund": notice.fund_name,
        "currency": notice.told.currency,
        "companyId": alert.company_id,
        "company": notice.told.name(alert.company_id),
        "metric": alert.metric_type.value,
        "periodStart": figures.period_start.isoformat(),
        "periodEnd": figures.period_end.isoformat(),
        **numbers,
        "rule": notice.rule.name,
        "why": why(alert, notice.rule, notice.told),
        "at": instant_text(alert.updated_at),
    }
