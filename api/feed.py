"""The live feed of a fund's facts, as a subscription sees it."""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast
from uuid import UUID

from api.context import Context
from api.events import FundEvent
from api.standing import while_standing
from api.timeline import shown
from domain.event import Fact
from domain.refusal import Invalid
from infra.funds import FundHead
from infra.people import Role

KEPT = 1_024
"""Newest facts kept as shown, per process."""

_shown: OrderedDict[tuple[UUID, int], FundEvent] = OrderedDict()


async def follow(context: Context, fund_id: str, after_version: int | None) -> AsyncGenerator[FundEvent, None]:
    """Facts after a version, stored ones first.

    Raises:
        Refusal: Before the first fact, if the fund isn't there or the version can't be; later, once the person's part
            in it has ended.
        UnauthenticatedError: Once the person's token was revoked.
    """
    if after_version is not None and after_version < 0:
        message = "A version is 0 or more."
        raise Invalid(message, "afterVersion")
    found = await context.allowed(fund_id, Role.VIEWER, "fundId")
    row = await context.existing_fund(fund_id)
    runtime = context.runtime
    after = row.version if after_version is None else after_version
    followed = cast("AsyncGenerator[Fact, None]", runtime.feed.follow(found, after))
    async with aclosing(while_standing(context, found, followed)) as facts:
        async for fact in facts:
            yield await _shown_once(context, row, fact)


async def _shown_once(context: Context, row: FundHead, fact: Fact) -> FundEvent:
    """The fact as the schema shows it, made once for all its subscribers."""
    key = row.id, fact.version
    known = _shown.get(key)
    if known is None:
        (known,) = await shown(context, row.id, row.currency, [fact])
        _shown[key] = known
        if len(_shown) > KEPT:
            _shown.popitem(last=False)
    return known
