"""Belonging: the queries and mutations about organisations, members and tokens."""

from typing import Annotated

import strawberry

from api import members, organisations
from api.arguments import FundId
from api.context import Asked

OrganisationId = Annotated[strawberry.ID, strawberry.argument(description="The organisation.")]


@strawberry.type
class Queries:
    @strawberry.field(description="An organisation; null where there is no such, or the viewer doesn't belong to it.")
    async def organisation(self, info: Asked, id: OrganisationId) -> organisations.Organisation | None:
        return await organisations.organisation(info.context, id)

    @strawberry.field(description="Who takes part in a fund, by e-mail. Takes ADMIN.")
    async def fund_members(self, info: Asked, fund_id: FundId) -> list[members.FundMember]:
        return await members.listed(info.context, fund_id)


@strawberry.type
class Mutations:
    @strawberry.mutation(
        description="Gives somebody a role in a fund, in place of any before. The last ADMIN stays one. Takes ADMIN."
    )
    async def set_fund_member(
        self,
        info: Asked,
        input: Annotated[members.SetFundMemberInput, strawberry.argument(description="Whom, and which.")],
    ) -> members.FundMemberPayload:
        return await members.set_in_fund(info.context, input)

    @strawberry.mutation(description="Takes somebody's role in a fund. The last ADMIN keeps theirs. Takes ADMIN.")
    async def remove_fund_member(
        self,
        info: Asked,
        input: Annotated[members.RemoveFundMemberInput, strawberry.argument(description="Whose.")],
    ) -> members.FundMemberPayload:
        return await members.remove_from_fund(info.context, input)

    @strawberry.mutation(
        description="Gives somebody a role in an organisation, in place of any before. The last ADMIN stays one. Takes "
        "ADMIN there."
    )
    async def set_organisation_member(
        self,
        info: Asked,
        input: Annotated[members.SetOrganisationMemberInput, strawberry.argument(description="Whom, and which.")],
    ) -> members.OrganisationMemberPayload:
        return await members.set_in_organisation(info.context, input)

    @strawberry.mutation(
        description="Ends somebody's part in an organisation, and with it their roles in all its funds. The last ADMIN "
        "of it or of a fund stays. Takes ADMIN there."
    )
    async def remove_organisation_member(
        self,
        info: Asked,
        input: Annotated[members.RemoveOrganisationMemberInput, strawberry.argument(description="Whose.")],
    ) -> members.OrganisationMemberPayload:
        return await members.remove_from_organisation(info.context, input)

    @strawberry.mutation(description="Gives an organisation another name. Takes ADMIN there.")
    async def rename_organisation(
        self,
        info: Asked,
        input: Annotated[organisations.RenameOrganisationInput, strawberry.argument(description="Which, and what.")],
    ) -> organisations.OrganisationPayload:
        return await organisations.rename(info.context, input)

    @strawberry.mutation(
        description="Refuses from now on every token that the viewer holds, that of this request included, and ends "
        "their subscriptions."
    )
    async def revoke_my_tokens(self, info: Asked) -> members.RevocationPayload:
        return await members.revoke_own(info.context)

    @strawberry.mutation(
        description="Has the tokens that somebody holds open nothing of an organisation any more: they sign in again. "
        "Other organisations aren't touched. Takes ADMIN there."
    )
    async def revoke_member_tokens(
        self,
        info: Asked,
        input: Annotated[members.RevokeMemberTokensInput, strawberry.argument(description="Whose.")],
    ) -> members.RevocationPayload:
        return await members.revoke_members(info.context, input)
