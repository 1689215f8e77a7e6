"""Alert rules in the schema: listed, set, retired, and tried on the figures there are before they are set."""

import asyncio
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import strawberry

from api import ids
from api.companies import Seen, see
from api.context import Context
from api.errors import UserError, user_error
from api.events import input_part, output_enum, output_part
from api.figures import MetricType
from api.node import Node
from api.variance import ForecastPolicy, Variance, variance_of
from domain import matching, rules as domain
from domain.alerts import Rule
from domain.event import CompanyKey
from domain.fund import FundBuilder
from domain.handling import set_rule
from domain.money import Fraction
from domain.preview import Preview, preview as replayed
from domain.projector import EMPTY
from domain.refusal import InvalidState, NotFound, Refusal
from infra.drafts import Draft
from infra.funds import FundHead
from infra.learned import calendar_of, series
from infra.ledger import OvertakenError
from infra.people import Role
from infra.postgres import UnavailableError, translated

AlertRung = output_part(domain.AlertRung)
AlertRungInput = input_part(domain.AlertRung)
VarianceDirection = output_enum(domain.VarianceDirection)
RungCombination = output_enum(domain.RungCombination)
DeliveryChannel = output_enum(domain.DeliveryChannel)
ATTEMPTS = 10
"""Times that somebody else may record facts about alerts in between."""


@strawberry.type(description="Which variances people want to hear of, how bad each is, and how they are told.")
class AlertRule(Node):
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    name: str = strawberry.field(description="What people call it.")
    metrics: list[MetricType] = strawberry.field(description="The figures it rates.")
    ladder: list[AlertRung] = strawberry.field(description="From the mildest severity to the worst.")  # type: ignore[valid-type]
    company_ids: list[strawberry.ID] | None = strawberry.field(description="Only these companies; null for all.")
    stages: list[str] | None = strawberry.field(description="Only companies at these stages; null for all.")
    direction: VarianceDirection = strawberry.field(description="Which variances it rates.")  # type: ignore[valid-type]
    combine: RungCombination = strawberry.field(description="How a rung's thresholds go together.")  # type: ignore[valid-type]
    persistence: int = strawberry.field(description="So many figures …")
    persistence_window: int = strawberry.field(description="… of the last so many must breach before it alerts.")
    clear_at: Decimal = strawberry.field(description="An alert ends below this share of every threshold.")
    forecast_policy: ForecastPolicy = strawberry.field(description="Which forecast counts.")
    include_backdated: bool = strawberry.field(
        description="Whether forecasts recorded too late to have been in force count too."
    )
    channels: list[DeliveryChannel] = strawberry.field(description="How people are told.")  # type: ignore[valid-type]
    cooldown_minutes: int = strawberry.field(
        description="A new breach of an alert is told so long after the last notice."
    )
    enabled: bool = strawberry.field(description="Whether it rates new figures; its alerts are suppressed otherwise.")
    retired: bool = strawberry.field(description="Whether it is gone for good.")
    version: int = strawberry.field(description="Version of the fact that set it so.")
    created_at: datetime = strawberry.field(description="When it was first set.")
    updated_at: datetime = strawberry.field(description="When it was set so.")


@strawberry.input(description="A rule to set.")
class AlertRuleInput:
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    name: str = strawberry.field(description="What people call it; no two rules of a fund have the same.")
    metrics: list[MetricType] = strawberry.field(description="The figures it rates.")
    ladder: list[AlertRungInput] = strawberry.field(  # type: ignore[valid-type]
        description="1 to 4 rungs from the mildest severity to the worst. Thresholds are inclusive."
    )
    company_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these companies; with `stages`, those of them at these stages."
    )
    stages: list[str] | None = strawberry.field(default=None, description="Only companies at these stages.")
    direction: VarianceDirection | None = strawberry.field(  # type: ignore[valid-type]
        default=domain.VarianceDirection.UNFAVOURABLE, description="Which variances it rates."
    )
    combine: RungCombination | None = strawberry.field(  # type: ignore[valid-type]
        default=domain.RungCombination.AND, description="How a rung's thresholds go together."
    )
    persistence: int | None = strawberry.field(default=1, description="So many figures …")
    persistence_window: int | None = strawberry.field(
        default=1, description="… of the last so many must breach before it alerts."
    )
    clear_at: Decimal | None = strawberry.field(
        default=Decimal("0.8"),
        description="An alert ends below this share of every threshold.",
    )
    forecast_policy: ForecastPolicy | None = strawberry.field(
        default=matching.ForecastPolicy.LATEST_AT_PERIOD_START, description="Which forecast counts."
    )
    include_backdated: bool | None = strawberry.field(
        default=False, description="Whether forecasts recorded too late to have been in force count too."
    )
    channels: list[DeliveryChannel] | None = strawberry.field(  # type: ignore[valid-type]
        default_factory=lambda: [domain.DeliveryChannel.IN_APP], description="How people are told."
    )
    cooldown_minutes: int | None = strawberry.field(
        default=1440, description="A new breach of an alert is told so long after the last notice."
    )
    enabled: bool | None = strawberry.field(default=True, description="Whether it rates new figures.")


@strawberry.type(description="The rule set, or why not.")
class AlertRulePayload:
    rule: AlertRule | None = strawberry.field(description="The rule.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


@strawberry.type(
    description="What a rule would have done on the newest eight periods of each company and metric in its scope."
)
class AlertRulePreview:
    periods: int = strawberry.field(description="Different periods looked at.")
    figures: int = strawberry.field(description="Figures compared.")
    breaches: int = strawberry.field(description="Of these, those that meet a rung.")
    alerts: int = strawberry.field(description="Alerts that would have opened.")
    alerts_per_month: float = strawberry.field(description="Alerts over the months that the periods span.")
    advice: str = strawberry.field(description="What to make of it, in a sentence.")
    examples: list[Variance] = strawberry.field(description="The newest figures that would have opened one, up to 5.")
    errors: list[UserError] = strawberry.field(description="Why the rule can't be; empty when it can.")


def rule_of(id: str, fund_id: str, rule: Rule) -> AlertRule:
    """A rule as the schema shows it."""
    setting = rule.setting
    return AlertRule(
        id=strawberry.ID(id),
        fund_id=strawberry.ID(fund_id),
        name=setting.name,
        metrics=list(setting.metrics),
        ladder=list(setting.ladder),
        company_ids=None if setting.company_ids is None else [strawberry.ID(key) for key in setting.company_ids],
        stages=None if setting.stages is None else list(setting.stages),
        direction=setting.direction,
        combine=setting.combine,
        persistence=setting.persistence,
        persistence_window=setting.persistence_window,
        clear_at=setting.clear_at,
        forecast_policy=setting.forecast_policy,
        include_backdated=setting.include_backdated,
        channels=list(setting.channels),
        cooldown_minutes=setting.cooldown_minutes,
        enabled=setting.enabled,
        retired=setting.retired,
        version=rule.version,
        created_at=rule.created_at,
        updated_at=rule.set_at,
    )


async def listed(context: Context, fund_id: str) -> list[AlertRule]:
    """The fund's rules that aren't retired, oldest first.

    Raises:
        NotFound: If there is no such fund, or no part in it.
    """
    found = await context.allowed(fund_id, Role.VIEWER, "fundId")
    book = await context.runtime.alerts.rules(found)
    return [rule_of(ids.rule_id(found, key), str(found), rule) for key, rule in book.standing().items()]


async def one_rule(context: Context, fund_id: UUID, key: str) -> AlertRule | None:
    """A rule as it stands; None where there is none."""
    rule = (await context.runtime.alerts.rules(fund_id)).rules.get(key)
    return None if rule is None else rule_of(ids.rule_id(fund_id, key), str(fund_id), rule)


async def rule_then(seen: Seen, key: str) -> AlertRule | None:
    """A rule as it stood at a moment; None where there was none."""
    book = await seen.context.runtime.alerts.book_at(seen.row.id, seen.at, seen.known_version)
    rule = book.rules.get(key)
    if rule is None:
        return None
    return rule_of(ids.rule_then_id(seen.row.id, key, seen.at, seen.known_at), str(seen.row.id), rule)


async def create(context: Context, given: AlertRuleInput) -> AlertRulePayload:
    """Sets a new rule."""
    return await _set(context, given, None)


async def update(context: Context, id: str, given: AlertRuleInput) -> AlertRulePayload:
    """Sets a rule otherwise."""
    return await _set(context, given, id)


async def _set(context: Context, given: AlertRuleInput, id: str | None) -> AlertRulePayload:
    try:
        fund_id = await context.allowed(given.fund_id, Role.MANAGER, "fundId")
        key = uuid4().hex
        if id is not None:
            owner, key = ids.named(id, "rule", "id")
            if owner != fund_id:
                message = "No such rule."
                raise NotFound(message, "id")
        return await _recorded(context, str(fund_id), setting_of(key, given), existing=id is not None)
    except Refusal as refusal:
        return AlertRulePayload(rule=None, errors=[user_error(refusal)])


async def retire(context: Context, id: str) -> AlertRulePayload:
    """Retires a rule: its alerts are resolved, and it stays to be seen in the past."""
    try:
        fund_id, key = ids.named(id, "rule", "id")
        try:
            await context.allowed(str(fund_id), Role.MANAGER, "id")
        except NotFound:
            message = "No such rule."
            raise NotFound(message, "id") from None
        book = await context.runtime.alerts.rules(fund_id)
        if key not in book.rules:
            message = "No such rule."
            raise NotFound(message, "id")
        return await _recorded(context, str(fund_id), replace(book.rules[key].setting, retired=True), existing=True)
    except Refusal as refusal:
        return AlertRulePayload(rule=None, errors=[user_error(refusal)])


async def _recorded(
    context: Context, fund_id: str, setting: domain.AlertRuleSet, *, existing: bool
) -> AlertRulePayload:
    """The rule as it stands once it is set."""
    row = await context.existing_fund(fund_id)
    setting.check(FundBuilder(EMPTY))
    runtime = context.runtime
    await _check_channels(context, row.id, setting)
    async with runtime.alerts.turn(row.id):
        rule = await _decided(context, row, setting, existing=existing)
    return AlertRulePayload(rule=rule_of(ids.rule_id(row.id, setting.rule_id), fund_id, rule), errors=[])


async def _decided(context: Context, row: FundHead, setting: domain.AlertRuleSet, *, existing: bool) -> Rule:
    """The rule as it stands once it is recorded."""
    runtime = context.runtime
    for _ in range(ATTEMPTS):
        book = await runtime.alerts.rules(row.id)
        if existing and setting.rule_id not in book.rules:
            message = "No such rule."
            raise NotFound(message, "id")
        seen = await see(context, row, None, None)
        set_rule(book, seen.folded.state, setting)
        try:
            await runtime.ledger.record_apart(
                row.id,
                [Draft(setting)],
                actor=context.someone.id,
                read_at=book.version,
                correlation_id=context.request_id,
            )
        except OvertakenError:
            continue
        return (await runtime.alerts.rules(row.id)).rules[setting.rule_id]
    message = "others kept recording facts about alerts"
    raise UnavailableError(message)


async def _check_channels(context: Context, fund_id: UUID, setting: domain.AlertRuleSet) -> None:
    """Refuse a channel that the fund doesn't have: its alerts would reach nobody."""
    if setting.retired:
        return
    there = {one.channel for one in await context.runtime.channels.of(fund_id)} | {domain.DeliveryChannel.IN_APP}
    for place, channel in enumerate(setting.channels):
        if channel not in there:
            message = f"The fund has no channel {channel}; set it with setAlertChannel first."
            raise InvalidState(message, "channels", str(place))


def setting_of(key: str, given: Any) -> domain.AlertRuleSet:  # noqa: ANN401 - an `AlertRuleInput`, whose enumerations are made
    """The rule that an input asks for; null is as if left out."""
    return domain.AlertRuleSet(
        rule_id=key,
        name=given.name,
        metrics=tuple(given.metrics),
        ladder=tuple(domain.AlertRung(rung.severity, rung.percent, rung.absolute) for rung in given.ladder),
        company_ids=None if given.company_ids is None else tuple(CompanyKey(one) for one in given.company_ids),
        stages=None if given.stages is None else tuple(given.stages),
        direction=given.direction or domain.VarianceDirection.UNFAVOURABLE,
        combine=given.combine or domain.RungCombination.AND,
        persistence=1 if given.persistence is None else given.persistence,
        persistence_window=1 if given.persistence_window is None else given.persistence_window,
        clear_at=domain.CLEAR_AT if given.clear_at is None else Fraction(given.clear_at),
        forecast_policy=given.forecast_policy or matching.ForecastPolicy.LATEST_AT_PERIOD_START,
        include_backdated=bool(given.include_backdated),
        channels=(domain.DeliveryChannel.IN_APP,) if given.channels is None else tuple(given.channels),
        cooldown_minutes=1440 if given.cooldown_minutes is None else given.cooldown_minutes,
        enabled=given.enabled is not False,
    )


async def preview(context: Context, given: AlertRuleInput) -> AlertRulePreview:
    """What the rule would have done lately; stores nothing."""
    try:
        fund_id = await context.allowed(given.fund_id, Role.VIEWER, "fundId")
        row = await context.existing_fund(str(fund_id))
        setting = setting_of("preview", given)
        setting.check(FundBuilder(EMPTY))
        seen = await see(context, row, None, None)
        for place, company_id in enumerate(setting.company_ids or ()):
            if company_id not in seen.folded.state.companies:
                message = f"No company {company_id!r} in the fund."
                raise NotFound(message, "companyIds", str(place))
    except Refusal as refusal:
        return _previewed(None, Preview(0, 0, 0, 0, 0.0, ()), [user_error(refusal)])
    with translated():
        found = await series(
            context.runtime.pool,
            row.id,
            None if setting.company_ids is None else list(setting.company_ids),
            seen.at,
            seen.known_version,
        )
    calendar = calendar_of(row.time_zone, seen.at)
    told = await asyncio.to_thread(replayed, setting, found.values(), seen.folded.state, calendar)
    return _previewed(seen, told, [])


def _previewed(seen: Seen | None, told: Preview, errors: list[UserError]) -> AlertRulePreview:
    return AlertRulePreview(
        periods=told.periods,
        figures=told.figures,
        breaches=told.breaches,
        alerts=told.alerts,
        alerts_per_month=told.alerts_per_month,
        advice=errors[0].message if errors else told.advice,
        examples=[] if seen is None else [variance_of(seen, one) for one in told.examples],
        errors=errors,
    )
