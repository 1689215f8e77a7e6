"""Handling: what people do with rules and alerts, and why they sometimes can't."""

from datetime import datetime

from domain.alerts import (
    Alert,
    AlertAcknowledged,
    AlertResolution,
    AlertResolved,
    Alerts,
    AlertSnoozed,
    AlertStatus,
    check_snooze,
)
from domain.event import CompanyKey
from domain.fund import Fund
from domain.refusal import InvalidState, NotFound, UnknownCompany
from domain.rules import AlertRuleSet

LONGEST_SNOOZE = 366
"""Days."""


def set_rule(book: Alerts, fund: Fund, setting: AlertRuleSet) -> AlertRuleSet:
    """The setting, once it was found possible.

    Raises:
        UnknownCompany: If it names a company that the fund doesn't have.
        InvalidState: If it is retired already, or another rule has its name.
    """
    # A company may have been voided since: that mustn't keep a rule from being retired.
    named = () if setting.retired else setting.company_ids or ()
    for place, company_id in enumerate(named):
        if company_id not in fund.companies:
            message = f"No company {company_id!r} in the fund."
            raise UnknownCompany(message, "companyIds", str(place))
    known = book.rules.get(setting.rule_id)
    if known is not None and known.setting.retired:
        message = "This rule is retired."
        raise InvalidState(message, "id")
    for other in book.standing().values():
        if other.setting.rule_id != setting.rule_id and other.setting.name == setting.name and not setting.retired:
            message = f"Another rule is called {setting.name!r}."
            raise InvalidState(message, "name")
    return setting


def acknowledge(book: Alerts, alert: str) -> AlertAcknowledged | None:
    """Somebody is on it; None where somebody is already.

    Raises:
        NotFound: If there is no such alert.
        InvalidState: If it is over, or hasn't begun.
    """
    found = _live(book, alert)
    if found.stage is AlertStatus.PENDING:
        message = "This alert is pending: it hasn't opened yet."
        raise InvalidState(message, "id")
    if found.stage is AlertStatus.ACKNOWLEDGED:
        return None
    return AlertAcknowledged(found.id, CompanyKey(found.company_id), found.metric_type)


def snooze(book: Alerts, alert: str, until: datetime, now: datetime) -> AlertSnoozed:
    """Quiet until then.

    Raises:
        NotFound: If there is no such alert.
        Invalid: If `until` is past or more than a year ahead.
        InvalidState: If the alert is over.
    """
    found = _live(book, alert)
    check_snooze(until, now, LONGEST_SNOOZE)
    return AlertSnoozed(found.id, CompanyKey(found.company_id), found.metric_type, until)


def resolve(book: Alerts, alert: str, reason: str) -> AlertResolved:
    """Over, because somebody says so.

    Raises:
        NotFound: If there is no such alert.
        InvalidState: If it is over already.
    """
    found = _live(book, alert)
    notifies = found.told_at is not None
    return AlertResolved(
        found.id, CompanyKey(found.company_id), found.metric_type, AlertResolution.MANUAL, notifies, reason
    )


def _live(book: Alerts, alert: str) -> Alert:
    found = book.alerts.get(alert)
    if found is None:
        message = "No such alert."
        raise NotFound(message, "id")
    if not found.live:
        message = "This alert is over."
        raise InvalidState(message, "id")
    return found
