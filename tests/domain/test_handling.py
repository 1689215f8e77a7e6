"""Handling: what people do with rules and alerts, and why they sometimes can't."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.alerts import Alert, AlertAcknowledged, AlertResolution, AlertResolved, AlertSnoozed, AlertStatus
from domain.handling import LONGEST_SNOOZE, acknowledge, resolve, set_rule, snooze
from domain.refusal import Invalid, InvalidState, NotFound, Refusal, UnknownCompany
from tests.domain.figures import Q1, Q2, REVENUE, RULE, Story
from tests.spec import ACME, BETA, but, instant

OTHER = but(RULE, rule_id="other", name="Other")


def alerted(figure: int = 700_000, persistence: int = 1) -> Story:
    """A story with an alert on the first quarter's miss."""
    rule = but(RULE, persistence=persistence, persistence_window=persistence)
    story = Story(rule).plans({Q1: 1_000_000, Q2: 1_000_000}).reports(Q1, figure)
    story.assess()
    return story


def over() -> Story:
    """A story whose alert is over."""
    story = alerted()
    story.reports(Q2, 1_000_000).assess()
    return story


def the_alert(story: Story) -> Alert:
    (alert,) = story.book.alerts.values()
    return alert


def refused(decide: Callable[[], object], kind: type[Refusal], path: str, message: str) -> None:
    with pytest.raises(Refusal) as raised:
        decide()
    assert (type(raised.value), raised.value.path, raised.value.message) == (kind, tuple(path.split(".")), message)


def test_a_rule_of_companies_that_the_fund_has_is_taken_as_it_is() -> None:
    story = Story()
    rule = but(RULE, company_ids=(ACME, BETA))
    assert set_rule(story.book, story.fund, rule) is rule


def test_a_rule_of_an_unknown_company_is_refused() -> None:
    story = Story()
    refused(
        lambda: set_rule(story.book, story.fund, but(RULE, company_ids=(ACME, "gamma"))),
        UnknownCompany,
        "companyIds.1",
        "No company 'gamma' in the fund.",
    )


def test_a_rule_of_a_company_that_is_gone_can_be_retired() -> None:
    story = Story()
    rule = but(RULE, company_ids=(ACME, "gamma"), retired=True)
    assert set_rule(story.book, story.fund, rule) is rule


def test_a_retired_rule_can_not_be_set_again() -> None:
    story = Story(but(RULE, retired=True))
    refused(lambda: set_rule(story.book, story.fund, RULE), InvalidState, "id", "This rule is retired.")


def test_two_rules_that_stand_have_different_names() -> None:
    story = Story(RULE, OTHER)
    renamed = but(OTHER, name=RULE.name)
    refused(
        lambda: set_rule(story.book, story.fund, renamed),
        InvalidState,
        "name",
        "Another rule is called 'Revenue misses'.",
    )
    # It may keep its own name, and whatever it is called it may go.
    for possible in (but(OTHER, enabled=False), but(renamed, retired=True)):
        assert set_rule(story.book, story.fund, possible) is possible


def test_a_retired_rules_name_is_free() -> None:
    story = Story(but(RULE, retired=True))
    renamed = but(OTHER, name=RULE.name)
    assert set_rule(story.book, story.fund, renamed) is renamed


def test_an_open_alert_can_be_acknowledged() -> None:
    story = alerted()
    assert acknowledge(story.book, the_alert(story).id) == AlertAcknowledged(the_alert(story).id, ACME, REVENUE)


def test_acknowledging_twice_changes_nothing() -> None:
    story = alerted()
    done = acknowledge(story.book, the_alert(story).id)
    assert done is not None
    story.tell(done)
    assert acknowledge(story.book, the_alert(story).id) is None


def test_a_snoozed_alert_can_be_acknowledged() -> None:
    story = alerted()
    story.tell(snooze(story.book, the_alert(story).id, instant("2025-06-01"), story.now))
    assert acknowledge(story.book, the_alert(story).id) is not None


def test_a_pending_alert_can_not_be_acknowledged() -> None:
    story = alerted(persistence=2)
    assert the_alert(story).stage is AlertStatus.PENDING
    refused(
        lambda: acknowledge(story.book, the_alert(story).id),
        InvalidState,
        "id",
        "This alert is pending: it hasn't opened yet.",
    )


@pytest.mark.parametrize("persistence", [1, 2])
def test_an_alert_that_is_not_over_can_be_snoozed_for_up_to_366_days(persistence: int) -> None:
    story = alerted(persistence=persistence)
    for until in (story.now + timedelta(microseconds=1), story.now + timedelta(days=LONGEST_SNOOZE)):
        found = snooze(story.book, the_alert(story).id, until, story.now)
        assert found == AlertSnoozed(the_alert(story).id, ACME, REVENUE, until)


def test_a_snooze_that_is_over_already_or_never_ends_is_refused() -> None:
    story = alerted()
    alert, now = the_alert(story).id, story.now
    refused(lambda: snooze(story.book, alert, now, now), Invalid, "until", "A snooze ends in the future.")
    too_long = now + timedelta(days=LONGEST_SNOOZE, microseconds=1)
    refused(lambda: snooze(story.book, alert, too_long, now), Invalid, "until", "A snooze lasts at most 366 days.")


def test_an_alert_can_be_resolved_in_somebodys_words() -> None:
    story = alerted()
    assert resolve(story.book, the_alert(story).id, "Paid in April.") == AlertResolved(
        the_alert(story).id, ACME, REVENUE, AlertResolution.MANUAL, notifies=True, reason="Paid in April."
    )


def test_a_pending_alert_is_resolved_without_a_notice() -> None:
    story = alerted(persistence=2)
    assert not resolve(story.book, the_alert(story).id, "Known.").notifies


def test_nothing_can_be_done_with_an_alert_that_is_over() -> None:
    story = over()
    alert, until = the_alert(story).id, story.now + timedelta(days=1)
    for decide in (
        lambda: acknowledge(story.book, alert),
        lambda: snooze(story.book, alert, until, story.now),
        lambda: resolve(story.book, alert, "Known."),
    ):
        refused(decide, InvalidState, "id", "This alert is over.")


def test_nothing_can_be_done_with_an_alert_that_does_not_exist() -> None:
    story = alerted()
    until = story.now + timedelta(days=1)
    for decide in (
        lambda: acknowledge(story.book, "none"),
        lambda: snooze(story.book, "none", until, story.now),
        lambda: resolve(story.book, "none", "Known."),
    ):
        refused(decide, NotFound, "id", "No such alert.")
