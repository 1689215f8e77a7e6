"""The viewer: who asks, and what they take part in."""

import strawberry

from api.context import Asked, Context
from api.funds import Fund, fund_of
from api.organisations import Organisation, organisation_of
from api.roles import Role
from infra import people


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

    @strawberry.field(description="Organisations they belong to, by name.")
    async def organisations(self, info: Asked) -> list[Organisation]:
        found = await info.context.runtime.organisations.of(self.person)
        return [organisation_of(row, role) for row, role in found]


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
