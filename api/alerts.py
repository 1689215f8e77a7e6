"""Alerts in the schema: listed as they stand and as they stood, and what people do with them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import strawberry

from api import ids
from api.channels import told
from api.companies import PortfolioCompany, Seen, portfolio_company, see
from api.connection import Page, PageInfo, cursor, page, page_info
from api.context import Asked, Context
from api.errors import UserError, user_error
from api.events import output_enum
from api.figures import MetricType
from api.node import Node
from api.rules import ATTEMPTS, AlertRule, DeliveryChannel, rule_of
from api.variance import AlertSeverity, Variance, variance_of_alert
from domain import alerts as domain
from domain.alerts import Alert, Alerts
from domain.event import Telling
from domain.handling import acknowledge as acknowledged, resolve as resolved, snooze as snoozed
from domain.reasons import why
from domain.refusal import Invalid, NotFound, Refusal
from domain.text import check_text
from infra import deliveries as outward
from infra.alerts import AlertFilter as Chosen, is_read
from infra.drafts import Draft
from infra.ledger import OvertakenError
from infra.people import Role
from infra.postgres import UnavailableError

AlertStatus = output_enum(domain.AlertStatus)
AlertKind = output_enum(domain.AlertKind)
DeliveryStatus = output_enum(outward.DeliveryStatus)
MOST_FILTERED = 1_000


@strawberry.type(description="One notice of an alert by one channel.")
class AlertDelivery:
    channel: DeliveryChannel = strawberry.field(description="How people are told.")
    status: DeliveryStatus = strawberry.field(description="What became of it.")  # type: ignore[valid-type]
    attempts: int = strawberry.field(description="How often it was tried.")
    last_error: str | None = strawberry.field(description="Why the last try failed.")
    delivered_at: datetime | None = strawberry.field(description="When the channel took it.")
    revision: int = strawberry.field(description="Revision of the alert that it tells of.")


@dataclass(slots=True)
class Listed:
    """What the alerts of one answer share: the moment, the rules, and what is read together, once, if asked for.

    Attributes:
        then: Whether they are shown as they stood at a moment, rather than as they stand.
    """

    seen: Seen
    book: Alerts
    alert_ids: Sequence[str]
    then: bool
    deliveries: dict[str, list[outward.Delivery]] | None = None
    read: dict[UUID, dict[str, int]] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def deliveries_of(self, alert: Alert) -> list[AlertDelivery]:
        """The alert's deliveries, oldest first."""
        async with self.reading:
            if self.deliveries is None:
                store = self.seen.context.runtime.deliveries
                self.deliveries = await store.of(self.seen.row.id, self.alert_ids)
        return [
            AlertDelivery(
                channel=one.channel,
                status=one.status,
                attempts=one.attempts,
                last_error=None if one.last_error is None else told(one.last_error),
                delivered_at=one.delivered_at,
                revision=one.version,
            )
            for one in self.deliveries.get(alert.id, [])
            if one.version <= alert.version
        ]

    async def is_read_by(self, person_id: UUID, alert: Alert) -> bool:
        """Whether a person has read the alert as it is shown."""
        async with self.reading:
            if person_id not in self.read:
                store = self.seen.context.runtime.alerts
                self.read[person_id] = await store.read_by(self.seen.row.id, person_id, self.alert_ids)
        return is_read(alert, self.read[person_id].get(alert.id))


@strawberry.type(description="What a rule found: a figure that differs too much from its forecast, or is overdue.")
class VarianceAlert(Node):
    listed: strawberry.Private[Listed]
    alert: strawberry.Private[Alert]
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    kind: AlertKind = strawberry.field(description="What it is about.")  # type: ignore[valid-type]
    metric_type: MetricType = strawberry.field(description="The figure.")
    severity: AlertSeverity = strawberry.field(description="How bad it is.")
    peak_severity: AlertSeverity = strawberry.field(description="How bad it was at worst.")
    status: AlertStatus = strawberry.field(description="How it stands.")  # type: ignore[valid-type]
    occurrences: int = strawberry.field(description="Breaches so far.")
    triggering_event_version: int = strawberry.field(
        description="Version of the fact that it is about: the report, or the forecast where none came."
    )
    revision: int = strawberry.field(description="Version of its last fact: receivers tell a repeat by it.")
    created_at: datetime = strawberry.field(description="When it began.")
    updated_at: datetime = strawberry.field(description="When something last happened to it.")
    resolved_at: datetime | None = strawberry.field(description="When it was over.")
    resolution: str | None = strawberry.field(description="Why it is over.")
    snoozed_until: datetime | None = strawberry.field(description="Until when it is quiet.")
    follows: strawberry.ID | None = strawberry.field(
        description="The alert of the same rule, company and metric before it."
    )

    @strawberry.field(description="The rule.")
    def rule(self) -> AlertRule:
        seen, alert = self.listed.seen, self.alert
        rule = self.listed.book.rules[alert.rule_id]
        id = (
            ids.rule_then_id(seen.row.id, alert.rule_id, seen.at, seen.known_at)
            if self.listed.then
            else ids.rule_id(seen.row.id, alert.rule_id)
        )
        return rule_of(id, str(seen.row.id), rule)

    @strawberry.field(description="The company at that moment.")
    def company(self) -> PortfolioCompany:
        seen = self.listed.seen
        return portfolio_company(seen, seen.folded.state.companies[self.alert.company_id])

    @strawberry.field(description="The figure it is about, as it was known when it was last raised.")
    def details(self) -> Variance:
        alert = self.alert
        return variance_of_alert(self.listed.seen, alert.company_id, alert.metric_type, alert.figures)

    @strawberry.field(description="Why it fired, in sentences.")
    async def why(self) -> str:
        seen, alert = self.listed.seen, self.alert
        version = alert.rule_version
        if version not in self.listed.book.settings:
            self.listed.book.settings[version] = await seen.context.runtime.alerts.setting(seen.row.id, version)
        names = {alert.company_id: seen.folded.state.companies[alert.company_id].name}
        return why(alert, self.listed.book.settings[version], Telling(seen.row.currency, names))

    @strawberry.field(description="Whether the viewer has read what people were last told of it.")
    async def is_read(self, info: Asked) -> bool:
        return await self.listed.is_read_by(info.context.someone.id, self.alert)

    @strawberry.field(description="Its notices by each channel, oldest first.")
    async def deliveries(self) -> list[AlertDelivery]:
        return await self.listed.deliveries_of(self.alert)


@strawberry.input(description="Which alerts; what is left out leaves that side open.")
class AlertFilter:
    statuses: list[AlertStatus] | None = strawberry.field(default=None, description="Only those that stand so.")  # type: ignore[valid-type]
    min_severity: AlertSeverity | None = strawberry.field(default=None, description="Only these and worse ones.")
    company_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Only these companies.")
    metrics: list[MetricType] | None = strawberry.field(default=None, description="Only these figures.")
    unread_only: bool | None = strawberry.field(default=None, description="Only those the viewer hasn't read.")


@strawberry.type(description="An alert and its place in the list.")
class VarianceAlertEdge:
    cursor: str = strawberry.field(description="Its place; stays good when alerts are added.")
    node: VarianceAlert = strawberry.field(description="The alert.")


@strawberry.type(description="A page of alerts, newest opened first.")
class VarianceAlertConnection:
    edges: list[VarianceAlertEdge] = strawberry.field(description="The alerts with their places.")
    nodes: list[VarianceAlert] = strawberry.field(description="The alerts.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(description="The alert as it stands now, or why nothing was changed.")
class VarianceAlertPayload:
    alert: VarianceAlert | None = strawberry.field(description="The alert.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


def alert_of(listed: Listed, alert: Alert) -> VarianceAlert:
    """An alert as the schema shows it."""
    fund_id, seen = listed.seen.row.id, listed.seen
    figures = alert.figures

    def named(key: str) -> strawberry.ID:
        then = ids.alert_then_id(fund_id, key, seen.at, seen.known_at)
        return strawberry.ID(then if listed.then else ids.alert_id(fund_id, key))

    return VarianceAlert(
        id=named(alert.id),
        listed=listed,
        alert=alert,
        fund_id=strawberry.ID(str(fund_id)),
        kind=alert.kind,
        metric_type=alert.metric_type,
        severity=alert.severity,
        peak_severity=alert.peak_severity,
        status=listed.book.status(alert, seen.at),
        occurrences=alert.occurrences,
        triggering_event_version=figures.actual_version or figures.forecast_version or alert.opened_version,
        revision=alert.version,
        created_at=alert.created_at,
        updated_at=alert.updated_at,
        resolved_at=alert.resolved_at,
        resolution=None if alert.resolution is None else alert.reason or alert.resolution.text,
        snoozed_until=alert.snoozed_until,
        follows=None if alert.follows is None else named(alert.follows),
    )


def chosen_of(given: AlertFilter | None, person_id: UUID) -> Chosen:
    """The filter, once it was found possible.

    Raises:
        Invalid: With the field's path.
    """
    if given is None:
        return Chosen()
    if given.company_ids is not None:
        if len(given.company_ids) > MOST_FILTERED:
            message = f"At most {MOST_FILTERED} companies."
            raise Invalid(message, "filter", "companyIds")
        for place, key in enumerate(given.company_ids):
            check_text(key, "filter", "companyIds", str(place))
    return Chosen(
        statuses=given.statuses,
        least=given.min_severity,
        company_ids=given.company_ids,
        metrics=None if given.metrics is None else [metric.value for metric in given.metrics],
        unread_by=person_id if given.unread_only else None,
    )


async def page_of(
    context: Context, fund_id: str, given: AlertFilter | None, first: int | None, after: str | None
) -> VarianceAlertConnection:
    """One page of the alerts as they stand.

    Raises:
        Refusal: If there is no such fund, or the page's arguments or the filter can't be.
    """
    row = await context.existing_fund(fund_id, "fundId")
    asked: Page[Alert] = page(first, after)
    chosen = chosen_of(given, context.someone.id)
    below = asked.version
    store = context.runtime.alerts
    found = await store.page(row.id, chosen, below=below, limit=asked.limit + 1)
    kept, more = asked.cut(found)
    cursors = [cursor(str(alert.opened_version)) for alert in kept]
    listed = await shared(context, row.id, [alert.id for alert in kept])
    placed = [
        (at, alert_of(listed, alert)) for at, alert in zip(cursors, kept, strict=True) if _is_there(listed.seen, alert)
    ]
    return VarianceAlertConnection(
        edges=[VarianceAlertEdge(cursor=at, node=node) for at, node in placed],
        nodes=[node for _, node in placed],
        page_info=page_info(asked, cursors, more=more),
    )


async def shared(context: Context, fund_id: UUID, alert_ids: Sequence[str]) -> Listed:
    """What some alerts as they stand share."""
    row = await context.existing_fund(str(fund_id))
    seen = await see(context, row, None, None)
    return Listed(seen, await context.runtime.alerts.rules(fund_id), alert_ids, then=False)


def _is_there(seen: Seen, alert: Alert) -> bool:
    """Whether the company still is: one that was voided has nothing to show."""
    return alert.company_id in seen.folded.state.companies


async def alerts_then(seen: Seen, given: AlertFilter | None) -> list[VarianceAlert]:
    """The alerts of a moment, newest opened first, as they stood and as far as they were known.

    Raises:
        Invalid: If the filter can't be.
    """
    chosen = chosen_of(given, seen.context.someone.id)
    book = await seen.context.runtime.alerts.book_at(seen.row.id, seen.at, seen.known_version)
    listed = Listed(seen, book, list(book.alerts), then=True)
    newest = sorted(book.alerts.values(), key=lambda one: -one.opened_version)
    wanted = [alert for alert in newest if _is_there(seen, alert) and _is_chosen(chosen, alert, book, seen.at)]
    if chosen.unread_by is not None:
        wanted = [alert for alert in wanted if not await listed.is_read_by(chosen.unread_by, alert)]
    return [alert_of(listed, alert) for alert in wanted]


def _is_chosen(chosen: Chosen, alert: Alert, book: Alerts, at: datetime) -> bool:
    return (
        (chosen.statuses is None or book.status(alert, at) in chosen.statuses)
        and (chosen.least is None or alert.severity.rank >= chosen.least.rank)
        and (chosen.company_ids is None or alert.company_id in chosen.company_ids)
        and (chosen.metrics is None or alert.metric_type in chosen.metrics)
    )


async def acknowledge(context: Context, id: str) -> VarianceAlertPayload:
    """Somebody is on it."""
    return await _handled(context, id, acknowledged)


async def snooze(context: Context, id: str, until: datetime) -> VarianceAlertPayload:
    """Quiet until then."""
    return await _handled(context, id, lambda book, key: snoozed(book, key, until, datetime.now(UTC)))


async def resolve(context: Context, id: str, reason: str) -> VarianceAlertPayload:
    """Over, because somebody says so."""
    return await _handled(context, id, lambda book, key: resolved(book, key, reason))


async def mark(context: Context, id: str, *, read: bool) -> VarianceAlertPayload:
    """The viewer has read it, or hasn't after all."""
    try:
        fund_id, key = await _named(context, id, Role.VIEWER)
        alert = await context.runtime.alerts.alert(fund_id, key)
        if alert is None:
            message = "No such alert."
            raise NotFound(message, "id")
        await context.runtime.alerts.mark(fund_id, context.someone.id, alert, read=read)
    except Refusal as refusal:
        return VarianceAlertPayload(alert=None, errors=[user_error(refusal)])
    return await _payload(context, fund_id, key)


async def _handled(
    context: Context,
    id: str,
    decide: Callable[[Alerts, str], domain.AlertEvent | None],
) -> VarianceAlertPayload:
    """What somebody decided on an alert, recorded."""
    try:
        fund_id, key = await _named(context, id, Role.ANALYST)
        async with context.runtime.alerts.turn(fund_id):
            await _decided(context, fund_id, key, decide)
    except Refusal as refusal:
        return VarianceAlertPayload(alert=None, errors=[user_error(refusal)])
    return await _payload(context, fund_id, key)


async def _decided(
    context: Context, fund_id: UUID, key: str, decide: Callable[[Alerts, str], domain.AlertEvent | None]
) -> None:
    runtime = context.runtime
    for _ in range(ATTEMPTS):
        book = await runtime.alerts.book_with(fund_id, key)
        event = decide(book, key)
        if event is None:
            return
        try:
            await runtime.ledger.record_apart(
                fund_id,
                [Draft(event)],
                actor=context.someone.id,
                read_at=book.version,
                correlation_id=context.request_id,
            )
        except OvertakenError:
            continue
        return
    message = "others kept recording facts about alerts"
    raise UnavailableError(message)


async def _named(context: Context, id: str, least: Role) -> tuple[UUID, str]:
    """Fund and key of an alert, once the person's role was found to reach."""
    fund_id, key = ids.named(id, "alert", "id")
    try:
        await context.allowed(str(fund_id), least, "id")
    except NotFound:
        message = "No such alert."
        raise NotFound(message, "id") from None
    return fund_id, key


async def _payload(context: Context, fund_id: UUID, key: str) -> VarianceAlertPayload:
    return VarianceAlertPayload(alert=await one(context, fund_id, key), errors=[])


async def one(context: Context, fund_id: UUID, key: str) -> VarianceAlert | None:
    """One alert as it stands."""
    alert = await context.runtime.alerts.alert(fund_id, key)
    if alert is None:
        return None
    listed = await shared(context, fund_id, [alert.id])
    return alert_of(listed, alert) if _is_there(listed.seen, alert) else None
