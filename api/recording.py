"""Recording: opening a fund and appending facts to its ledger."""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

import strawberry
from strawberry.scalars import JSON

from api.context import Context
from api.errors import UserError, user_error
from api.events import FundEvent, FundEventBody, event_of
from api.funds import Fund, FundState, fund_of, fund_state
from api.ids import organisation_uuid
from api.timeline import shown
from domain.capital import FundOpened
from domain.money import Money
from domain.refusal import Invalid, Refusal
from infra.drafts import Draft
from infra.people import Role

log = logging.getLogger(__name__)


@strawberry.input(description="A fund to open.")
class OpenFundInput:
    name: str = strawberry.field(description="What people call it.")
    currency: str = strawberry.field(description="ISO 4217 code of the one currency all its money is in.")
    vintage_year: int = strawberry.field(description="Year of its first investment.")
    size: Money = strawberry.field(description="What its investors committed.")
    time_zone: str | None = strawberry.field(default="UTC", description="IANA name of the zone its dates are in.")
    opened_at: datetime | None = strawberry.field(default=None, description="When it opened; now if left out.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="The same key with the same input answers with the fund opened first."
    )
    organisation_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Whose it is; takes ADMIN there. Left out, the first organisation that whoever asks administers, "
        "or else a new one of the fund's name.",
    )


@strawberry.type(description="The fund opened, or why not.")
class OpenFundPayload:
    fund: Fund | None = strawberry.field(description="The fund.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


@strawberry.input(description="One fact to record.")
class FundEventInput:
    event: FundEventBody = strawberry.field(description="What happened.")
    occurred_at: datetime | None = strawberry.field(default=None, description="When it was true; now if left out.")
    metadata: JSON | None = strawberry.field(
        default=None, description="An object kept beside the fact, up to 8 KiB, such as where it came from."
    )


@strawberry.input(description="Facts to record, all or none.")
class RecordEventsInput:
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    events: list[FundEventInput] = strawberry.field(description="1 to 1,000 facts, in the order they are to stand.")
    expected_version: int | None = strawberry.field(
        default=None,
        description="Refuses with VERSION_CONFLICT unless the ledger is at this version; without it the ledger "
        "retries.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key with the same input returns the first answer and stores nothing; with another input "
        "it is refused.",
    )
    dry_run: bool | None = strawberry.field(
        default=False,
        description="Records nothing and tells every fact that would be refused, not the first alone; `state` is the "
        "fund that they were judged on.",
    )


@strawberry.type(description="The facts recorded, or why not.")
class RecordEventsPayload:
    events: list[FundEvent] = strawberry.field(description="The facts, as the ledger holds them.")
    state: FundState | None = strawberry.field(description="The fund now.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


async def open_fund(context: Context, given: OpenFundInput) -> OpenFundPayload:
    """Opens a fund, its opener the first ADMIN."""
    someone = context.someone
    try:
        time_zone = given.time_zone or "UTC"
        if time_zone not in _time_zones():
            message = "This is no IANA time zone, such as Europe/Berlin."
            raise Invalid(message, "timeZone")
        opened = FundOpened(given.name, given.currency, given.vintage_year, given.size, time_zone)
        whose = given.organisation_id
        fund_id, _ = await context.runtime.ledger.open_fund(
            opened,
            given.opened_at,
            actor=someone.id,
            key=given.idempotency_key,
            correlation_id=context.request_id,
            organisation_id=None if whose is None else organisation_uuid(whose, "organisationId"),
        )
    except Refusal as refusal:
        return OpenFundPayload(fund=None, errors=[user_error(refusal)])
    row = await context.runtime.funds.fund(fund_id)
    return OpenFundPayload(fund=fund_of(row) if row else None, errors=[])


async def record_events(context: Context, given: RecordEventsInput) -> RecordEventsPayload:
    """Appends facts, all or none; or only judges them."""
    runtime = context.runtime
    try:
        fund_id = await context.allowed(given.fund_id, Role.ANALYST, "fundId")
        drafts = [_draft(place, one) for place, one in enumerate(given.events)]
        if given.dry_run:
            return await _judged(context, fund_id, drafts, given.expected_version)
        appended = await runtime.ledger.record(
            fund_id,
            drafts,
            actor=context.someone.id,
            expected_version=given.expected_version,
            key=given.idempotency_key,
            correlation_id=context.request_id,
        )
    except Refusal as refusal:
        return RecordEventsPayload(events=[], state=None, errors=[user_error(refusal)])
    # Beside the facts' correlation id, which is the request's: an address is personal, and facts can't be erased.
    log.info("request %s from %s appended up to version %d", context.request_id, context.client, appended.last_version)
    row = await runtime.funds.fund(fund_id)
    assert row is not None, "a fund with facts has a head"
    return RecordEventsPayload(
        events=await shown(context, fund_id, row.currency, appended.facts),
        state=await fund_state(context, row, None, None),
        errors=[],
    )


async def _judged(
    context: Context, fund_id: UUID, drafts: Sequence[Draft], expected_version: int | None
) -> RecordEventsPayload:
    refusals = await context.runtime.ledger.judge(fund_id, drafts, expected_version=expected_version)
    row = await context.runtime.funds.fund(fund_id)
    assert row is not None, "a fund that facts were judged on is there"
    return RecordEventsPayload(
        events=[],
        state=await fund_state(context, row, None, None),
        errors=[user_error(refusal) for refusal in refusals],
    )


def _draft(place: int, given: FundEventInput) -> Draft:
    metadata = given.metadata
    if metadata is not None and not isinstance(metadata, dict):
        message = "Metadata must be an object."
        raise Invalid(message, "events", str(place), "metadata")
    return Draft(event_of(given.event), given.occurred_at, metadata)
