"""Watching: the queries, mutations and subscriptions about variances, rules, alerts and channels."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from api import alerts, channels, notices, rules, variance
from api.arguments import After, AtArgument, First, FundId, KnownAtArgument
from api.companies import see
from api.context import Asked
from domain import matching, rules as domain_rules, summaries

RuleId = Annotated[strawberry.ID, strawberry.argument(description="The rule.")]
AlertId = Annotated[strawberry.ID, strawberry.argument(description="The alert.")]
ChannelArgument = Annotated[rules.DeliveryChannel, strawberry.argument(description="EMAIL, SLACK or WEBHOOK.")]


@strawberry.type
class Queries:
    @strawberry.field(
        description="Reported figures against the forecasts in force then, and overdue ones, by company, metric and "
        "period."
    )
    async def variances(
        self,
        info: Asked,
        fund_id: FundId,
        at: AtArgument = None,
        known_at: KnownAtArgument = None,
        filter: Annotated[variance.VarianceFilter | None, strawberry.argument(description="Which variances.")] = None,
        first: First = 100,
        after: After = None,
    ) -> variance.VarianceConnection:
        seen = await see(info.context, await info.context.existing_fund(fund_id, "fundId"), at, known_at)
        return await variance.listed(seen, filter, first, after)

    @strawberry.field(description="Variances and alerts summed up by company, metric or period.")
    async def variance_summary(
        self,
        info: Asked,
        fund_id: FundId,
        at: AtArgument = None,
        known_at: KnownAtArgument = None,
        group_by: Annotated[
            variance.VarianceGrouping | None, strawberry.argument(description="What there is a row for.")
        ] = summaries.VarianceGrouping.COMPANY,
        forecast_policy: Annotated[
            variance.ForecastPolicy | None, strawberry.argument(description="Which forecast counts.")
        ] = matching.ForecastPolicy.LATEST_AT_PERIOD_START,
        include_backdated: Annotated[
            bool | None,
            strawberry.argument(description="Whether forecasts recorded too late to have been in force count too."),
        ] = False,
    ) -> list[variance.VarianceSummaryRow]:
        seen = await see(info.context, await info.context.existing_fund(fund_id, "fundId"), at, known_at)
        basis = variance.basis_of(forecast_policy, backdated=include_backdated)
        by = group_by or summaries.VarianceGrouping.COMPANY
        return await variance.summary(seen, by, basis, now=at is None and known_at is None)

    @strawberry.field(description="A fund's alerts as they stand, newest opened first.")
    async def variance_alerts(
        self,
        info: Asked,
        fund_id: FundId,
        filter: Annotated[alerts.AlertFilter | None, strawberry.argument(description="Which alerts.")] = None,
        first: First = 50,
        after: After = None,
    ) -> alerts.VarianceAlertConnection:
        return await alerts.page_of(info.context, fund_id, filter, first, after)

    @strawberry.field(description="A fund's alert rules, oldest first, without those retired.")
    async def alert_rules(self, info: Asked, fund_id: FundId) -> list[rules.AlertRule]:
        return await rules.listed(info.context, fund_id)

    @strawberry.field(
        description="What a rule would have done on the newest eight periods of each company and metric in its scope; "
        "stores nothing."
    )
    async def preview_alert_rule(
        self,
        info: Asked,
        input: Annotated[rules.AlertRuleInput, strawberry.argument(description="The rule.")],
    ) -> rules.AlertRulePreview:
        return await rules.preview(info.context, input)

    @strawberry.field(description="Where a fund's alerts go, apart from the app.")
    async def alert_channels(self, info: Asked, fund_id: FundId) -> list[channels.AlertChannel]:
        return await channels.listed(info.context, fund_id)


@strawberry.type
class Mutations:
    @strawberry.mutation(description="Sets a new alert rule; it rates what is reported from now on. Takes MANAGER.")
    async def create_alert_rule(
        self,
        info: Asked,
        input: Annotated[rules.AlertRuleInput, strawberry.argument(description="The rule.")],
    ) -> rules.AlertRulePayload:
        return await rules.create(info.context, input)

    @strawberry.mutation(
        description="Sets an alert rule otherwise; what was alerted before stays as it is. Takes MANAGER."
    )
    async def update_alert_rule(
        self,
        info: Asked,
        id: RuleId,
        input: Annotated[rules.AlertRuleInput, strawberry.argument(description="The rule, whole.")],
    ) -> rules.AlertRulePayload:
        return await rules.update(info.context, id, input)

    @strawberry.mutation(description="Retires an alert rule for good and resolves its alerts. Takes MANAGER.")
    async def retire_alert_rule(self, info: Asked, id: RuleId) -> rules.AlertRulePayload:
        return await rules.retire(info.context, id)

    @strawberry.mutation(description="Notes that the viewer has read an alert as it stands, or hasn't after all.")
    async def mark_alert_read(
        self,
        info: Asked,
        id: AlertId,
        read: Annotated[bool | None, strawberry.argument(description="Whether they have.")] = True,
    ) -> alerts.VarianceAlertPayload:
        return await alerts.mark(info.context, id, read=read is not False)

    @strawberry.mutation(description="Says that the viewer is on it. Takes ANALYST.")
    async def acknowledge_alert(self, info: Asked, id: AlertId) -> alerts.VarianceAlertPayload:
        return await alerts.acknowledge(info.context, id)

    @strawberry.mutation(description="Keeps an alert quiet for a while, unless it gets worse. Takes ANALYST.")
    async def snooze_alert(
        self,
        info: Asked,
        id: AlertId,
        until: Annotated[datetime, strawberry.argument(description="When it speaks again, within a year.")],
    ) -> alerts.VarianceAlertPayload:
        return await alerts.snooze(info.context, id, until)

    @strawberry.mutation(description="Says that an alert is over. Takes ANALYST.")
    async def resolve_alert(
        self,
        info: Asked,
        id: AlertId,
        reason: Annotated[str, strawberry.argument(description="Why, in a few words.")],
    ) -> alerts.VarianceAlertPayload:
        return await alerts.resolve(info.context, id, reason)

    @strawberry.mutation(description="Sets where a fund's alerts go. Takes MANAGER.")
    async def set_alert_channel(
        self,
        info: Asked,
        input: Annotated[channels.AlertChannelInput, strawberry.argument(description="The channel.")],
    ) -> channels.AlertChannelPayload:
        return await channels.put(info.context, input)

    @strawberry.mutation(description="Removes a channel; what it had still to deliver has failed. Takes MANAGER.")
    async def remove_alert_channel(
        self, info: Asked, fund_id: FundId, channel: ChannelArgument
    ) -> channels.AlertChannelPayload:
        return await channels.remove(info.context, fund_id, channel)

    @strawberry.mutation(description="Sends a test message by a channel, at once. Takes MANAGER.")
    async def test_channel(self, info: Asked, fund_id: FundId, channel: ChannelArgument) -> channels.ChannelTest:
        return await channels.test(info.context, fund_id, channel)


@strawberry.type
class Subscriptions:
    @strawberry.subscription(
        description="What happens to a fund's alerts: first what is stored after the cursor `after`, then each new "
        "notice; no gap. Without `after`, only new ones. What came as history notifies nobody."
    )
    async def variance_alerts(
        self,
        info: Asked,
        fund_id: FundId,
        min_severity: Annotated[
            variance.AlertSeverity | None, strawberry.argument(description="Only these and worse ones.")
        ] = domain_rules.AlertSeverity.INFO,
        after: Annotated[str | None, strawberry.argument(description="Cursor of the last notice seen.")] = None,
    ) -> AsyncGenerator[notices.AlertNotice, None]:
        least = min_severity or domain_rules.AlertSeverity.INFO
        async with aclosing(notices.follow(info.context, fund_id, least, after)) as told:
            async for one in told:
                yield one
