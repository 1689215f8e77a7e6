"""Channels in the schema: where a fund's alerts go. Addresses and secrets go in and never come out."""

import re
from datetime import UTC, datetime

import strawberry

from api.context import Context
from api.errors import UserError, user_error
from api.rules import DeliveryChannel
from api.variance import AlertSeverity
from domain import rules
from domain.refusal import NotFound, Refusal
from infra import channels as stored
from infra.delivery.message import DeliveryError
from infra.notices import trial
from infra.people import Role

_MAIL_ADDRESS = re.compile(r"[^\s@,(]+@[^\s@,)]+")


@strawberry.type(description="Where a fund's alerts go. Its address and secret can't be read back.")
class AlertChannel:
    channel: DeliveryChannel = strawberry.field(description="What it is.")
    hint: str = strawberry.field(description="Enough to tell it apart, such as its host.")
    digest_below: AlertSeverity | None = strawberry.field(
        description="Milder alerts than this wait for the daily digest; null where none do."
    )
    set_at: datetime = strawberry.field(description="When it was set so.")
    set_by: str = strawberry.field(description="Who set it so: an e-mail, or an id where that was erased.")


@strawberry.input(description="A channel to set, in place of any the fund has of its kind.")
class AlertChannelInput:
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    channel: DeliveryChannel = strawberry.field(description="What it is: EMAIL, SLACK or WEBHOOK.")
    recipients: list[str] | None = strawberry.field(default=None, description="EMAIL: up to 50 addresses.")
    escalate_to: list[str] | None = strawberry.field(
        default=None, description="EMAIL: who is told too of bad alerts that nobody acknowledges for a week."
    )
    url: str | None = strawberry.field(default=None, description="SLACK and WEBHOOK: an https address.")
    secret: str | None = strawberry.field(
        default=None, description="WEBHOOK: signs each request; whsec_ and base 64, or 16 characters or more."
    )
    digest_below: AlertSeverity | None = strawberry.field(
        default=None, description="Milder alerts than this wait for the daily digest; null: none do."
    )


@strawberry.type(description="The channel, or why nothing was changed.")
class AlertChannelPayload:
    channel: AlertChannel | None = strawberry.field(description="The channel.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


@strawberry.type(description="Whether a channel took a test message.")
class ChannelTest:
    delivered: bool = strawberry.field(description="Whether it did.")
    reason: str | None = strawberry.field(description="Why not.")
    errors: list[UserError] = strawberry.field(description="Why it couldn't be tried; empty when it was.")


async def listed(context: Context, fund_id: str) -> list[AlertChannel]:
    """The fund's channels.

    Raises:
        NotFound: If there is no such fund, or no part in it.
    """
    found = await context.allowed(fund_id, Role.VIEWER, "fundId")
    channels = await context.runtime.channels.of(found)
    people = await context.runtime.names.of_people(one.set_by for one in channels)
    return [_shown(one, people.get(one.set_by, one.set_by)) for one in channels]


def _shown(one: stored.Channel, set_by: str) -> AlertChannel:
    return AlertChannel(
        channel=one.channel, hint=one.hint, digest_below=one.digest_below, set_at=one.set_at, set_by=set_by
    )


def told(reason: str) -> str:
    """Why a delivery failed, without the recipients that a mail server refused: addresses never come out."""
    return _MAIL_ADDRESS.sub("a recipient", reason)


async def put(context: Context, given: AlertChannelInput) -> AlertChannelPayload:
    """Sets a channel."""
    runtime = context.runtime
    try:
        fund_id = await context.allowed(given.fund_id, Role.MANAGER, "fundId")
        channel = await runtime.channels.set(
            fund_id,
            given.channel,
            stored.Address(
                tuple(given.recipients or ()), tuple(given.escalate_to or ()), given.url or "", given.secret or ""
            ),
            digest_below=given.digest_below,
            by=context.someone.id,
            allow_private=runtime.settings.allow_private_webhooks,
        )
    except Refusal as refusal:
        return AlertChannelPayload(channel=None, errors=[user_error(refusal)])
    return AlertChannelPayload(channel=_shown(channel, context.someone.email), errors=[])


async def remove(context: Context, fund_id: str, channel: rules.DeliveryChannel) -> AlertChannelPayload:
    """Removes a channel; what it had still to deliver has failed."""
    try:
        found = await context.allowed(fund_id, Role.MANAGER, "fundId")
        if not await context.runtime.channels.remove(found, channel):
            message = f"The fund has no channel {channel}."
            raise NotFound(message, "channel")
    except Refusal as refusal:
        return AlertChannelPayload(channel=None, errors=[user_error(refusal)])
    return AlertChannelPayload(channel=None, errors=[])


async def test(context: Context, fund_id: str, channel: rules.DeliveryChannel) -> ChannelTest:
    """Sends a test message at once, and says what became of it."""
    try:
        found = await context.allowed(fund_id, Role.MANAGER, "fundId")
        row = await context.existing_fund(fund_id)
        if channel not in {one.channel for one in await context.runtime.channels.of(found)}:
            message = f"The fund has no channel {channel}."
            raise NotFound(message, "channel")
    except Refusal as refusal:
        return ChannelTest(delivered=False, reason=None, errors=[user_error(refusal)])
    key = f"test:{found}:{int(datetime.now(UTC).timestamp())}"
    try:
        await context.runtime.sender.send(found, channel, trial(row.name, key))
    except DeliveryError as fault:
        return ChannelTest(delivered=False, reason=told(fault.reason), errors=[])
    return ChannelTest(delivered=True, reason=None, errors=[])
