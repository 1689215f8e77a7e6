"""The timeline: facts of a fund in pages, filtered, from either end; and what changed between two moments."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.companies import PortfolioCompany, Seen, portfolio_company
from api.connection import Page, PageInfo, cursor, page, page_info
from api.context import Asked, Context
from api.events import FundEvent, FundEventType, fund_event
from api.funds import FundState, state_of
from domain.event import Fact, Telling, company_of
from domain.refusal import Invalid
from domain.text import check_text
from infra.history import FactFilter

MOST_FACTS = 1_000
"""Facts in one answer to what changed."""


@strawberry.input(description="Which facts to list; what is left out leaves that side open.")
class TimelineFilter:
    types: list[FundEventType] | None = strawberry.field(default=None, description="Only these kinds.")
    company_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only facts about this company, voids of them included."
    )
    occurred_from: datetime | None = strawberry.field(default=None, description="True at or after this moment.")
    occurred_to: datetime | None = strawberry.field(default=None, description="True before this moment.")
    recorded_from: datetime | None = strawberry.field(default=None, description="Learned at or after this moment.")
    recorded_to: datetime | None = strawberry.field(default=None, description="Learned before this moment.")


@strawberry.type(description="A fact and its place in the list.")
class FundEventEdge:
    cursor: str = strawberry.field(description="Its place; stays good when facts are added.")
    node: FundEvent = strawberry.field(description="The fact.")


@strawberry.type(description="A page of facts.")
class FundEventConnection:
    edges: list[FundEventEdge] = strawberry.field(description="The facts with their places.")
    nodes: list[FundEvent] = strawberry.field(description="The facts.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


async def shown(context: Context, fund_id: UUID, currency: str, facts: Sequence[Fact]) -> list[FundEvent]:
    """Facts as the schema shows them, with the names their sentences need read together."""
    names = await context.runtime.names.of_companies(fund_id, _companies(facts))
    people = await context.runtime.names.of_people(fact.actor for fact in facts)
    told = Telling(currency, names)
    return [fund_event(fact, people.get(fact.actor, fact.actor), told) for fact in facts]


def _companies(facts: Iterable[Fact]) -> Iterable[str]:
    return (key for fact in facts if (key := company_of(fact.event)) is not None)


async def timeline(
    context: Context,
    fund_id: UUID,
    chosen: TimelineFilter | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    *,
    newest_first: bool,
) -> FundEventConnection:
    """One page of the fund's facts by version.

    Raises:
        Invalid: If the page's arguments or the filter can't be.
    """
    asked: Page[Fact] = page(first, after, last, before)
    place = asked.version
    # Going backward through a list that starts with the newest is going up in versions.
    downward = newest_first != asked.backward
    facts = await context.runtime.history.page(
        fund_id,
        _fact_filter(chosen),
        limit=asked.limit + 1,
        newest_first=downward,
        above=None if downward else place,
        below=place if downward else None,
    )
    kept, more = asked.cut(facts)
    row = await context.runtime.funds.fund(fund_id)
    nodes = await shown(context, fund_id, row.currency if row else "", kept)
    cursors = [cursor(str(fact.version)) for fact in kept]
    return FundEventConnection(
        edges=[FundEventEdge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=page_info(asked, cursors, more=more),
    )


def _fact_filter(chosen: TimelineFilter | None) -> FactFilter:
    if chosen is None:
        return FactFilter()
    if chosen.company_id is not None:
        check_text(chosen.company_id, "filter", "companyId")
    return FactFilter(
        types=None if chosen.types is None else [kind.value for kind in chosen.types],
        company_id=chosen.company_id,
        occurred_from=chosen.occurred_from,
        occurred_to=chosen.occurred_to,
        recorded_from=chosen.recorded_from,
        recorded_to=chosen.recorded_to,
    )


@strawberry.input(description="A moment on both clocks; what is left out is now.")
class MomentInput:
    at: datetime | None = strawberry.field(default=None, description="What was true at this moment …")
    known_at: datetime | None = strawberry.field(default=None, description="… as far as it was known at this one.")


@strawberry.type(description="One company at two moments; null where the fund didn't have it.")
class CompanyChange:
    company_id: strawberry.ID = strawberry.field(description="The caller's own key of the company.")
    name: str = strawberry.field(description="What people call it.")
    before: PortfolioCompany | None = strawberry.field(description="At the first moment.")
    after: PortfolioCompany | None = strawberry.field(description="At the second.")


@strawberry.type(description="What changed between two moments.")
class FundChange:
    begin: strawberry.Private[Seen]
    end: strawberry.Private[Seen]
    from_: FundState = strawberry.field(name="from", description="The fund at the first moment.")
    to: FundState = strawberry.field(description="The fund at the second.")
    companies: list[CompanyChange] = strawberry.field(description="Companies that differ, in the order they joined.")

    @strawberry.field(
        description="Facts that count at the second moment and not at the first, voids included, in the order they "
        "were true."
    )
    async def facts(
        self,
        info: Asked,
        first: Annotated[int, strawberry.argument(description="At most so many: 0 to 1000.")] = 200,
    ) -> list[FundEvent]:
        if not 0 <= first <= MOST_FACTS:
            message = f"0 to {MOST_FACTS} facts at once."
            raise Invalid(message, "first")
        begin, end = self.begin, self.end
        found = await info.context.runtime.history.between(
            end.row.id, (begin.at, begin.known_version), (end.at, end.known_version), first
        )
        return await shown(info.context, end.row.id, end.row.currency, found)


def change(begin: Seen, end: Seen) -> FundChange:
    """What changed from one seen moment to another."""
    before, after = begin.folded.state.companies, end.folded.state.companies
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return FundChange(
        begin=begin,
        end=end,
        from_=state_of(begin),
        to=state_of(end),
        companies=[
            CompanyChange(
                company_id=strawberry.ID(key),
                name=(after.get(key) or before[key]).name,
                before=portfolio_company(begin, before[key]) if key in before else None,
                after=portfolio_company(end, after[key]) if key in after else None,
            )
            for key in changed
        ],
    )
