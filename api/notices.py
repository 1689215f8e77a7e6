"""The live feed of a fund's alerts, as a subscription sees it."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import cast
from uuid import UUID
from weakref import WeakValueDictionary

import strawberry

from api.alerts import VarianceAlert, alert_of, shared
from api.connection import cursor, place_of, version_of
from api.context import Context
from api.events import output_enum
from api.standing import while_standing
from domain import alerts as domain
from domain.alerts import ALERT_EVENTS, AlertEvent
from domain.event import Fact
from domain.refusal import Invalid
from domain.rules import AlertSeverity
from infra.alerts import is_notice
from infra.people import Role

AlertChange = output_enum(domain.AlertChange)
KEPT = 1_024
"""Newest notices kept as shown, per process."""


@strawberry.type(description="What has happened to an alert, and the alert as it stood right after.")
class AlertNotice:
    cursor: str = strawberry.field(description="Its place: give the last one seen to go on from there.")
    change: AlertChange = strawberry.field(description="What has happened.")  # type: ignore[valid-type]
    alert: VarianceAlert = strawberry.field(description="The alert.")


_shown: OrderedDict[tuple[UUID, int], AlertNotice | None] = OrderedDict()
_turns: WeakValueDictionary[tuple[UUID, int], asyncio.Lock] = WeakValueDictionary()


async def follow(
    context: Context, fund_id: str, least: AlertSeverity, after: str | None
) -> AsyncGenerator[AlertNotice, None]:
    """Notices after a cursor, stored ones first; without one, only new ones.

    Raises:
        Refusal: Before the first notice, if the fund isn't there or the cursor is none; later, once the person's part
            in it has ended.
        UnauthenticatedError: Once the person's token was revoked.
    """
    seen = None if after is None else version_of(place_of(after, "after"), "after")
    found = await context.allowed(fund_id, Role.VIEWER, "fundId")
    row = await context.existing_fund(fund_id)
    if seen is not None and seen > row.version:
        message = "This cursor is ahead of the fund."
        raise Invalid(message, "after")
    start = row.version if seen is None else seen
    followed = cast("AsyncGenerator[Fact, None]", context.runtime.feed.follow(found, start))
    async with aclosing(while_standing(context, found, followed)) as facts:
        async for fact in facts:
            event = fact.event
            if not isinstance(event, ALERT_EVENTS) or not is_notice(event):
                continue
            notice = await _shown_once(context, found, fact, event)
            if notice is not None and notice.alert.alert.severity.rank >= least.rank:
                yield _fresh(notice)
                context.course.reached = {"lastCursor": notice.cursor}


def _fresh(notice: AlertNotice) -> AlertNotice:
    """The notice for one subscriber: who has read it, and what became of its deliveries, is looked up anew."""
    listed = replace(notice.alert.listed, deliveries=None, read={}, reading=asyncio.Lock())
    return replace(notice, alert=replace(notice.alert, listed=listed))


async def _shown_once(context: Context, fund_id: UUID, fact: Fact, event: AlertEvent) -> AlertNotice | None:
    """The notice as the schema shows it, made once for all its subscribers."""
    key = fund_id, fact.version
    if key not in _shown:
        # They come all at once: one makes it while the others wait; where it fails, the next one tries for itself.
        async with _turns.setdefault(key, asyncio.Lock()):
            if key not in _shown:
                _shown[key] = await _notice(context, fund_id, fact, event)
                if len(_shown) > KEPT:
                    _shown.popitem(last=False)
            return _shown[key]
    return _shown[key]


async def _notice(context: Context, fund_id: UUID, fact: Fact, event: AlertEvent) -> AlertNotice | None:
    alert = await context.runtime.alerts.as_of_fact(fund_id, event, fact.version)
    if alert is None:
        return None
    listed = await shared(context, fund_id, [alert.id])
    if alert.company_id not in listed.seen.folded.state.companies:
        return None
    shown, rule = alert_of(listed, alert), listed.book.rules[alert.rule_id]
    # The end of a snooze, or a pause, that came after the fact is no part of how the alert stood then.
    paused = not rule.setting.enabled and rule.version < fact.version
    shown.status = alert.status(alert.updated_at, paused=paused)
    return AlertNotice(cursor=cursor(str(fact.version)), change=alert.change, alert=shown)
