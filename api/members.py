"""Members in the schema: who takes part in a fund or belongs to an organisation, and tokens that are revoked."""

from datetime import datetime

import strawberry

from api.context import Context
from api.errors import UserError, user_error
from api.roles import OrganisationRole, Role
from domain import roles
from domain.refusal import Refusal
from domain.text import check_email
from infra.membership import Member


@strawberry.type(description="Somebody with a part in a fund.")
class FundMember:
    person_id: strawberry.ID = strawberry.field(description="Their id, as facts carry it.")
    email: str = strawberry.field(description="Their e-mail.")
    name: str | None = strawberry.field(description="Their name.")
    role: Role = strawberry.field(description="What they may do in it.")  # type: ignore[valid-type]


@strawberry.type(description="Somebody who belongs to an organisation.")
class OrganisationMember:
    person_id: strawberry.ID = strawberry.field(description="Their id, as facts carry it.")
    email: str = strawberry.field(description="Their e-mail.")
    name: str | None = strawberry.field(description="Their name.")
    role: OrganisationRole = strawberry.field(description="What they may do in it.")  # type: ignore[valid-type]


@strawberry.input(description="A role for somebody in a fund, in place of any before.")
class SetFundMemberInput:
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    email: str = strawberry.field(description="Whom; made known if new. They sign in with a token of this e-mail.")
    role: Role = strawberry.field(description="What they may do.")  # type: ignore[valid-type]


@strawberry.input(description="Somebody who is to have no role in a fund any more.")
class RemoveFundMemberInput:
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    email: str = strawberry.field(description="Who.")


@strawberry.input(description="A role for somebody in an organisation, in place of any before.")
class SetOrganisationMemberInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation.")
    email: str = strawberry.field(description="Whom; made known if new. They sign in with a token of this e-mail.")
    role: OrganisationRole = strawberry.field(description="What they may do.")  # type: ignore[valid-type]


@strawberry.input(description="Somebody who is to leave an organisation, and every role in its funds.")
class RemoveOrganisationMemberInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation.")
    email: str = strawberry.field(description="Who.")


@strawberry.input(description="Somebody whose tokens are to open nothing of an organisation any more.")
class RevokeMemberTokensInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation.")
    email: str = strawberry.field(description="Whose.")


@strawberry.type(description="The member set, or removed as they were; or why not.")
class FundMemberPayload:
    member: FundMember | None = strawberry.field(description="The member.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


@strawberry.type(description="The member set, or removed as they were; or why not.")
class OrganisationMemberPayload:
    member: OrganisationMember | None = strawberry.field(description="The member.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


@strawberry.type(description="Since when tokens are revoked, or why they aren't.")
class RevocationPayload:
    revoked_at: datetime | None = strawberry.field(description="Tokens issued up to this moment are refused.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


def of_fund(member: Member[roles.Role]) -> FundMember:
    """A member of a fund as the schema shows them."""
    return FundMember(
        person_id=strawberry.ID(str(member.person_id)), email=member.email, name=member.name, role=member.role
    )


def of_organisation(member: Member[roles.OrganisationRole]) -> OrganisationMember:
    """A member of an organisation as the schema shows them."""
    return OrganisationMember(
        person_id=strawberry.ID(str(member.person_id)), email=member.email, name=member.name, role=member.role
    )


async def listed(context: Context, fund_id: str) -> list[FundMember]:
    """Who takes part in the fund. Others than its ADMINs may be outsiders, who needn't know of each other.

    Raises:
        NotFound: If there is no such fund, or no part in it.
        Forbidden: If the role isn't ADMIN.
    """
    found = await context.allowed(fund_id, roles.Role.ADMIN, "fundId")
    return [of_fund(member) for member in await context.runtime.members.of_fund(found)]


async def set_in_fund(context: Context, given: SetFundMemberInput) -> FundMemberPayload:
    """Gives a role in a fund."""
    runtime = context.runtime
    try:
        fund_id = await context.allowed(given.fund_id, roles.Role.ADMIN, "fundId")
        check_email(given.email, "email")
        person = await runtime.people.enrol(given.email)
        await runtime.members.set_role(fund_id, person.id, given.role, actor=context.someone.id)
    except Refusal as refusal:
        return FundMemberPayload(member=None, errors=[user_error(refusal)])
    member = Member(person.id, person.email, person.name, roles.Role(given.role))
    return FundMemberPayload(member=of_fund(member), errors=[])


async def remove_from_fund(context: Context, given: RemoveFundMemberInput) -> FundMemberPayload:
    """Takes a role in a fund."""
    try:
        fund_id = await context.allowed(given.fund_id, roles.Role.ADMIN, "fundId")
        check_email(given.email, "email")
        member = await context.runtime.members.take_role(fund_id, given.email, actor=context.someone.id)
    except Refusal as refusal:
        return FundMemberPayload(member=None, errors=[user_error(refusal)])
    return FundMemberPayload(member=of_fund(member), errors=[])


async def set_in_organisation(context: Context, given: SetOrganisationMemberInput) -> OrganisationMemberPayload:
    """Gives a role in an organisation."""
    runtime = context.runtime
    try:
        organisation_id = await context.belongs(given.organisation_id, roles.OrganisationRole.ADMIN, "organisationId")
        check_email(given.email, "email")
        person = await runtime.people.enrol(given.email)
        await runtime.members.set_member(organisation_id, person.id, given.role, actor=context.someone.id)
    except Refusal as refusal:
        return OrganisationMemberPayload(member=None, errors=[user_error(refusal)])
    member = Member(person.id, person.email, person.name, roles.OrganisationRole(given.role))
    return OrganisationMemberPayload(member=of_organisation(member), errors=[])


async def remove_from_organisation(context: Context, given: RemoveOrganisationMemberInput) -> OrganisationMemberPayload:
    """Ends somebody's part in an organisation and its funds."""
    try:
        organisation_id = await context.belongs(given.organisation_id, roles.OrganisationRole.ADMIN, "organisationId")
        check_email(given.email, "email")
        member = await context.runtime.members.remove_member(organisation_id, given.email, actor=context.someone.id)
    except Refusal as refusal:
        return OrganisationMemberPayload(member=None, errors=[user_error(refusal)])
    return OrganisationMemberPayload(member=of_organisation(member), errors=[])


async def revoke_own(context: Context) -> RevocationPayload:
    """Revokes the viewer's tokens, that of this request included."""
    someone = context.someone
    revoked_at = await context.runtime.members.revoke_everywhere(someone.id, actor=someone.id)
    return RevocationPayload(revoked_at=revoked_at, errors=[])


async def revoke_members(context: Context, given: RevokeMemberTokensInput) -> RevocationPayload:
    """Revokes somebody's tokens for an organisation."""
    try:
        organisation_id = await context.belongs(given.organisation_id, roles.OrganisationRole.ADMIN, "organisationId")
        check_email(given.email, "email")
        revoked_at = await context.runtime.members.revoke(organisation_id, given.email, actor=context.someone.id)
    except Refusal as refusal:
        return RevocationPayload(revoked_at=None, errors=[user_error(refusal)])
    return RevocationPayload(revoked_at=revoked_at, errors=[])
