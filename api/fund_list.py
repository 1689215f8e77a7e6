"""The list of funds that somebody has a part in."""

from uuid import UUID

import strawberry

from api.connection import Page, PageInfo, bad_cursor, cursor, page, page_info
from api.context import Context
from api.funds import Fund, fund_of
from infra.funds import FundHead


@strawberry.type(description="A fund and its place in the list.")
class FundEdge:
    cursor: str = strawberry.field(description="Its place; stays good when funds are added.")
    node: Fund = strawberry.field(description="The fund.")


@strawberry.type(description="A page of funds.")
class FundConnection:
    edges: list[FundEdge] = strawberry.field(description="The funds with their places.")
    nodes: list[Fund] = strawberry.field(description="The funds.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


async def funds(
    context: Context, first: int | None, after: str | None, organisation_id: UUID | None = None
) -> FundConnection:
    """One page of the funds that whoever asks has a part in, of one organisation if named; an administrator in all.

    Raises:
        Invalid: If the page's arguments can't be.
        UnauthenticatedError: If nobody known asks.
    """
    someone = context.someone
    asked: Page[FundHead] = page(first, after)
    try:
        place = None if asked.place is None else UUID(asked.place)
    except ValueError:
        raise bad_cursor("after") from None
    found = await context.runtime.funds.of(someone, after=place, limit=asked.limit + 1, organisation_id=organisation_id)
    kept, more = asked.cut(found)
    cursors = [cursor(str(row.id)) for row in kept]
    nodes = [fund_of(row) for row in kept]
    return FundConnection(
        edges=[FundEdge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=page_info(asked, cursors, more=more),
    )
