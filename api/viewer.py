"""The viewer: who asks, and what they take part in; and the list of their funds."""

from uuid import UUID

import strawberry

from api.connection import Page, PageInfo, bad_cursor, cursor, page, page_info
from api.context import Asked, Context
from api.funds import Fund, fund_of
from api.wording import described_enum
from infra import people
from infra.rows import FundRow

Role = described_enum(people.Role)


@strawberry.type(description="A part someone has in a fund.")
class Membership:
    fund: Fund = strawberry.field(description="The fund.")
    role: Role = strawberry.field(description="What they may do in it.")  # type: ignore[valid-type]


@strawberry.type(description="Whoever asks.")
class Viewer:
    person: strawberry.Private[people.Person]
    id: strawberry.ID = strawberry.field(description="Their id, as facts carry it.")
    email: str = strawberry.field(description="Their e-mail.")
    name: str | None = strawberry.field(description="Their name.")
    is_administrator: bool = strawberry.field(description="Whether they have every role in every fund.")

    @strawberry.field(description="Funds they were given a part in.")
    async def memberships(self, info: Asked) -> list[Membership]:
        runtime = info.context.runtime
        parts = await runtime.people.memberships(self.person)
        rows = await runtime.funds.by_ids([fund_id for fund_id, _ in parts])
        return [Membership(fund=fund_of(rows[fund_id]), role=role) for fund_id, role in parts if fund_id in rows]


def viewer(context: Context) -> Viewer:
    """Who asks.

    Raises:
        UnauthenticatedError: If nobody known does.
    """
    person = context.someone
    return Viewer(
        person=person,
        id=strawberry.ID(str(person.id)),
        email=person.email,
        name=person.name,
        is_administrator=person.administrator,
    )


@strawberry.type(description="A fund and its place in the list.")
class FundEdge:
    cursor: str = strawberry.field(description="Its place; stays good when funds are added.")
    node: Fund = strawberry.field(description="The fund.")


@strawberry.type(description="A page of funds.")
class FundConnection:
    edges: list[FundEdge] = strawberry.field(description="The funds with their places.")
    nodes: list[Fund] = strawberry.field(description="The funds.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


async def funds(context: Context, first: int | None, after: str | None) -> FundConnection:
    """One page of the funds that whoever asks has a part in; an administrator has in all.

    Raises:
        Invalid: If the page's arguments can't be.
        UnauthenticatedError: If nobody known asks.
    """
    someone = context.someone
    asked: Page[FundRow] = page(first, after)
    try:
        place = None if asked.place is None else UUID(asked.place)
    except ValueError:
        raise bad_cursor("after") from None
    found = await context.runtime.funds.of(someone, after=place, limit=asked.limit + 1)
    kept, more = asked.cut(found)
    cursors = [cursor(str(row.id)) for row in kept]
    nodes = [fund_of(row) for row in kept]
    return FundConnection(
        edges=[FundEdge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=page_info(asked, cursors, more=more),
    )
