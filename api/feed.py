"""The live feed of a fund's facts, as a subscription sees it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import monotonic

from api.context import Context
from api.events import FundEvent, fund_event
from domain.event import Telling, company_of
from domain.refusal import Invalid
from infra.people import Role

RECHECK_SECONDS = 10.0
"""How long a role taken away may still be served."""


async def follow(context: Context, fund_id: str, after_version: int | None) -> AsyncGenerator[FundEvent, None]:
    """Facts after a version, stored ones first.

    Raises:
        Refusal: Before the first fact, if the fund isn't there or the version can't be; later, once the person's part
            in it has ended.
    """
    if after_version is not None and after_version < 0:
        message = "A version is 0 or more."
        raise Invalid(message, "afterVersion")
    found = await context.allowed(fund_id, Role.VIEWER, "fundId")
    row = await context.existing_fund(fund_id)
    runtime, names, people = context.runtime, dict[str, str](), dict[str, str]()
    told, checked = Telling(row.currency, names), monotonic()
    async with aclosing(runtime.feed.follow(found, row.version if after_version is None else after_version)) as facts:
        async for fact in facts:
            if monotonic() - checked > RECHECK_SECONDS:
                await context.allowed(fund_id, Role.VIEWER, "fundId")
                checked = monotonic()
            company = company_of(fact.event)
            if company is not None and company not in names:
                names.update(await runtime.names.of_companies(found, [company]))
            if fact.actor not in people:
                people.update({fact.actor: fact.actor, **await runtime.names.of_people([fact.actor])})
            yield fund_event(fact, people[fact.actor], told)
