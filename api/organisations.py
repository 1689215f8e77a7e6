"""Organisations in the schema: the firms that own funds, who belongs to them, and the ledger of who was given what."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import strawberry
from strawberry.scalars import JSON

from api.arguments import After, First
from api.connection import Page, PageInfo, cursor, page, page_info
from api.context import Asked, Context
from api.errors import UserError, user_error
from api.fund_list import FundConnection, funds
from api.members import OrganisationMember, of_organisation
from api.roles import OrganisationRole
from api.wording import described_enum
from domain import access, roles
from domain.refusal import NotFound, Refusal
from infra.access_log import AccessFact as Stored
from infra.organisations import Organisation as Row

AccessFactType = described_enum(access.AccessEventType, "AccessFactType")


@strawberry.type(description="Something that happened to who may do what in an organisation. Never changed.")
class AccessFact:
    version: int = strawberry.field(description="Its place in the organisation's ledger, from 1, without gaps.")
    type: AccessFactType = strawberry.field(description="What happened.")  # type: ignore[valid-type]
    recorded_at: datetime = strawberry.field(description="When it took hold; strictly rising.")
    recorded_by: str = strawberry.field(description="Who did it: an e-mail, or an id where that was erased.")
    summary: str = strawberry.field(description="It in a sentence.")
    payload: JSON = strawberry.field(description="It as stored, with ids in place of names.")
    hash: str = strawberry.field(description="SHA-256 over this fact and the previous one's hash.")


@strawberry.type(description="A fact and its place in the list.")
class AccessFactEdge:
    cursor: str = strawberry.field(description="Its place; stays good when facts are added.")
    node: AccessFact = strawberry.field(description="The fact.")


@strawberry.type(description="A page of facts, newest first.")
class AccessFactConnection:
    edges: list[AccessFactEdge] = strawberry.field(description="The facts with their places.")
    nodes: list[AccessFact] = strawberry.field(description="The facts.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(description="A firm: it owns funds, and nothing of it is shown to anybody else.")
class Organisation:
    row: strawberry.Private[Row]
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="What it is called.")
    created_at: datetime = strawberry.field(description="When it was founded here.")
    role: OrganisationRole = strawberry.field(description="What the viewer may do in it.")  # type: ignore[valid-type]

    @strawberry.field(description="Its funds that the viewer has a part in; an ADMIN has in all.")
    async def funds(self, info: Asked, first: First = 50, after: After = None) -> FundConnection:
        return await funds(info.context, first, after, self.row.id)

    @strawberry.field(description="Who belongs to it, by e-mail.")
    async def members(self, info: Asked) -> list[OrganisationMember]:
        members = await info.context.runtime.members.of_organisation(self.row.id)
        return [of_organisation(member) for member in members]

    @strawberry.field(description="Who was given what in it and its funds, newest first. Takes ADMIN.")
    async def access_log(self, info: Asked, first: First = 50, after: After = None) -> AccessFactConnection | None:
        await info.context.belongs(self.id, roles.OrganisationRole.ADMIN)
        return await logged(info.context, self.row.id, first, after)


@strawberry.input(description="Another name for an organisation.")
class RenameOrganisationInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation.")
    name: str = strawberry.field(description="What it is to be called.")


@strawberry.type(description="The organisation, or why not.")
class OrganisationPayload:
    organisation: Organisation | None = strawberry.field(description="The organisation.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


def organisation_of(row: Row, role: roles.OrganisationRole) -> Organisation:
    """An organisation as the schema shows it to somebody with this role."""
    return Organisation(row=row, id=strawberry.ID(str(row.id)), name=row.name, created_at=row.created_at, role=role)


async def organisation(context: Context, id: str) -> Organisation | None:
    """The organisation; None where there is no such, or the viewer doesn't belong to it.

    Raises:
        UnauthenticatedError: If nobody known asks.
    """
    try:
        found = await context.belongs(id, roles.OrganisationRole.MEMBER, "id")
    except NotFound:
        return None
    return await _shown(context, found)


async def rename(context: Context, given: RenameOrganisationInput) -> OrganisationPayload:
    """Gives an organisation another name."""
    try:
        found = await context.belongs(given.organisation_id, roles.OrganisationRole.ADMIN, "organisationId")
        await context.runtime.members.rename(found, given.name, actor=context.someone.id)
    except Refusal as refusal:
        return OrganisationPayload(organisation=None, errors=[user_error(refusal)])
    return OrganisationPayload(organisation=await _shown(context, found), errors=[])


async def logged(context: Context, organisation_id: UUID, first: int | None, after: str | None) -> AccessFactConnection:
    """One page of the organisation's ledger.

    Raises:
        Invalid: If the page's arguments can't be.
    """
    asked: Page[Stored] = page(first, after)
    found = await context.runtime.access_log.page(organisation_id, below=asked.version, limit=asked.limit + 1)
    kept, more = asked.cut(found)
    nodes = await _facts(context, kept)
    cursors = [cursor(str(fact.version)) for fact in kept]
    return AccessFactConnection(
        edges=[AccessFactEdge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=page_info(asked, cursors, more=more),
    )


async def _facts(context: Context, facts: Sequence[Stored]) -> list[AccessFact]:
    """Facts with the names that their sentences need read together."""
    payloads = [msgspec.json.decode(fact.payload, type=dict[str, str]) for fact in facts]
    people = {payload["person_id"] for payload in payloads if "person_id" in payload}
    names = dict(await context.runtime.names.of_people({*people, *(str(fact.actor) for fact in facts)}))
    named = {payload["fund_id"] for payload in payloads if "fund_id" in payload}
    rows = await context.runtime.funds.by_ids([UUID(fund_id) for fund_id in named])
    names.update((str(row.id), row.name) for row in rows.values())

    def told(id: str) -> str:
        return names.get(id, id)

    return [
        AccessFact(
            version=fact.version,
            type=fact.type,
            recorded_at=fact.recorded_at,
            recorded_by=told(str(fact.actor)),
            summary=fact.event.summary(told),
            payload=JSON(payload),
            hash=fact.hash.hex(),
        )
        for fact, payload in zip(facts, payloads, strict=True)
    ]


async def _shown(context: Context, organisation_id: UUID) -> Organisation | None:
    row = await context.runtime.organisations.organisation(organisation_id)
    role = await context.runtime.people.role_in(context.someone, organisation_id)
    return None if row is None or role is None else organisation_of(row, role)
