"""Who takes part: given and taken by mutation, by those who may, and every change a fact of the organisation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from infra.people import Role
from tests.api.asking import Caller, Json, OpenedFund, conversing, refusals
from tests.api.conftest import MakeCaller
from tests.conftest import Live, OpenFund

MEMBERS = "query ($id: ID!) { fundMembers(fundId: $id) { email role } }"
SET = """
mutation ($input: SetFundMemberInput!) {
  setFundMember(input: $input) { member { personId email name role } errors { code message path } }
}
"""
REMOVE = """
mutation ($input: RemoveFundMemberInput!) {
  removeFundMember(input: $input) { member { email role } errors { code message path } }
}
"""
ORGANISATION = """
query ($id: ID!) {
  organisation(id: $id) { id name role members { email role } funds { nodes { id } pageInfo { hasNextPage } } }
}
"""
LOG = """
query ($id: ID!, $first: Int, $after: String) {
  organisation(id: $id) {
    accessLog(first: $first, after: $after) {
      edges { cursor }
      nodes { version type recordedAt recordedBy summary payload hash }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
SET_IN = """
mutation ($input: SetOrganisationMemberInput!) {
  setOrganisationMember(input: $input) { member { email role } errors { code message path } }
}
"""
REMOVE_FROM = """
mutation ($input: RemoveOrganisationMemberInput!) {
  removeOrganisationMember(input: $input) { member { email role } errors { code message path } }
}
"""
RENAME = """
mutation ($input: RenameOrganisationInput!) {
  renameOrganisation(input: $input) { organisation { name } errors { code message path } }
}
"""
REVOKE_MEMBER = """
mutation ($input: RevokeMemberTokensInput!) {
  revokeMemberTokens(input: $input) { revokedAt errors { code message path } }
}
"""
REVOKE_MINE = "mutation { revokeMyTokens { revokedAt errors { code } } }"
VIEWER = "{ viewer { email organisations { id name role } memberships { role } } }"


def email() -> str:
    return f"{uuid4().hex}@example.org"


@dataclass(frozen=True, slots=True)
class Firm:
    """An organisation with one fund, and its first administrator."""

    id: str
    fund_id: str
    admin: Caller
    admin_email: str

    async def given(self, address: str, role: Role) -> Json:
        payload: Json = (
            await self.admin.data(SET, input={"fundId": self.fund_id, "email": address, "role": role.value})
        )["setFundMember"]
        return payload

    async def facts(self) -> list[tuple[str, str]]:
        """Type and sentence of each fact, oldest first."""
        log = (await self.admin.data(LOG, id=self.id))["organisation"]["accessLog"]
        return [(one["type"], one["summary"]) for one in log["nodes"]][::-1]


@pytest.fixture
async def firm(caller: MakeCaller) -> Firm:
    admin = await caller()
    opened = await admin.data(
        """mutation { openFund(input: {name: "Fund I", currency: "USD", vintageYear: 2006, size: "1.00"}) {
            fund { id } errors { message } } }"""
    )
    viewer = (await admin.data(VIEWER))["viewer"]
    return Firm(viewer["organisations"][0]["id"], opened["openFund"]["fund"]["id"], admin, viewer["email"])


@pytest.fixture
async def known(live: Live, caller: MakeCaller) -> Callable[[], Awaitable[tuple[Caller, str]]]:
    async def made() -> tuple[Caller, str]:
        someone = await caller()
        return someone, (await someone.data(VIEWER))["viewer"]["email"]

    return made


Known = Callable[[], Awaitable[tuple[Caller, str]]]


# Of a fund.


async def test_somebody_new_is_given_a_role_and_loses_it_again(firm: Firm) -> None:
    address = email()
    payload = await firm.given(f" {address.upper()}", Role.ANALYST)
    assert payload["errors"][0]["code"] == "INVALID"
    payload = await firm.given(address.upper(), Role.ANALYST)
    assert payload["errors"] == []
    assert {**payload["member"], "personId": ""} == {"personId": "", "email": address, "name": None, "role": "ANALYST"}
    both = [{"email": address, "role": "ANALYST"}, {"email": firm.admin_email, "role": "ADMIN"}]
    told = (await firm.admin.data(MEMBERS, id=firm.fund_id))["fundMembers"]
    assert told == sorted(both, key=lambda one: one["email"])
    removed = await firm.admin.data(REMOVE, input={"fundId": firm.fund_id, "email": address})
    assert removed["removeFundMember"] == {"member": {"email": address, "role": "ANALYST"}, "errors": []}
    again = await firm.admin.data(REMOVE, input={"fundId": firm.fund_id, "email": address})
    assert refusals(again["removeFundMember"]) == [("NOT_FOUND", ["email"])]
    assert await firm.facts() == [
        ("ORGANISATION_FOUNDED", "Fund I was founded."),
        ("MEMBER_ADDED", f"{firm.admin_email} belongs to the organisation as ADMIN."),
        ("FUND_JOINED", "Fund I belongs to the organisation."),
        ("ROLE_GIVEN", f"{firm.admin_email} is ADMIN of Fund I."),
        ("ROLE_GIVEN", f"{address} is ANALYST of Fund I."),
        ("ROLE_TAKEN", f"{address} is no longer ANALYST of Fund I."),
    ]


async def test_the_last_admin_of_a_fund_is_neither_lowered_nor_removed(firm: Firm) -> None:
    before = await firm.facts()
    lowered = await firm.given(firm.admin_email, Role.MANAGER)
    removed = await firm.admin.data(REMOVE, input={"fundId": firm.fund_id, "email": firm.admin_email})
    assert refusals(lowered) == [("INVALID_STATE", ["role"])]
    assert refusals(removed["removeFundMember"]) == [("INVALID_STATE", ["email"])]
    assert await firm.facts() == before
    # The same role again is no change, and so no fact.
    assert (await firm.given(firm.admin_email, Role.ADMIN))["errors"] == []
    assert await firm.facts() == before


@pytest.mark.parametrize("address", ["", "ann", "ann@", "ann@ex ample.org", "a\0@example.org", f"{'x' * 250}@x.org"])
async def test_what_is_no_e_mail_is_nobody(firm: Firm, address: str) -> None:
    fund, organisation = {"fundId": firm.fund_id}, {"organisationId": firm.id}
    for query, given in (
        (SET, {**fund, "role": "VIEWER"}),
        (REMOVE, fund),
        (SET_IN, {**organisation, "role": "MEMBER"}),
        (REMOVE_FROM, organisation),
        (REVOKE_MEMBER, organisation),
    ):
        (payload,) = (await firm.admin.data(query, input={**given, "email": address})).values()
        assert refusals(payload) == [("INVALID", ["email"])]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.MANAGER])
async def test_whoever_is_no_admin_neither_sees_members_nor_makes_any(
    caller: MakeCaller, fund: OpenedFund, role: Role
) -> None:
    someone = await caller(role, fund.uuid)
    assert await someone.code(MEMBERS, id=fund.id) == "FORBIDDEN"
    for query, more in ((SET, {"role": "ADMIN"}), (REMOVE, {})):
        data = await someone.data(query, input={"fundId": fund.id, "email": email(), **more})
        (payload,) = data.values()
        assert (refusals(payload), payload["member"]) == ([("FORBIDDEN", ["fundId"])], None)


async def test_a_foreign_fund_or_organisation_is_told_as_one_that_isnt_there(
    stranger: Caller, firm: Firm, known: Known
) -> None:
    _, address = await known()
    for fund_id, organisation_id in ((firm.fund_id, firm.id), (str(uuid4()), str(uuid4())), ("x", "")):
        assert await stranger.code(MEMBERS, id=fund_id) == "NOT_FOUND"
        for query, path, named in (
            (SET, ["fundId"], {"fundId": fund_id, "email": address, "role": "VIEWER"}),
            (REMOVE, ["fundId"], {"fundId": fund_id, "email": firm.admin_email}),
            (SET_IN, ["organisationId"], {"organisationId": organisation_id, "email": address, "role": "MEMBER"}),
            (REMOVE_FROM, ["organisationId"], {"organisationId": organisation_id, "email": firm.admin_email}),
            (RENAME, ["organisationId"], {"organisationId": organisation_id, "name": "Mine"}),
            (REVOKE_MEMBER, ["organisationId"], {"organisationId": organisation_id, "email": firm.admin_email}),
        ):
            (payload,) = (await stranger.data(query, input=named)).values()
            assert refusals(payload) == [("NOT_FOUND", path)]
        assert await stranger.data(ORGANISATION, id=organisation_id) == {"organisation": None}


# Of an organisation.


async def test_members_belong_and_see_the_funds_they_take_part_in(firm: Firm, known: Known) -> None:
    someone, address = await known()
    joining = {"organisationId": firm.id, "email": address, "role": "MEMBER"}
    payload = await firm.admin.data(SET_IN, input=joining)
    assert payload["setOrganisationMember"] == {"member": {"email": address, "role": "MEMBER"}, "errors": []}
    seen = (await someone.data(ORGANISATION, id=firm.id))["organisation"]
    assert (seen["name"], seen["role"], seen["funds"]["nodes"]) == ("Fund I", "MEMBER", [])
    assert {one["email"]: one["role"] for one in seen["members"]} == {address: "MEMBER", firm.admin_email: "ADMIN"}
    assert await someone.code(LOG, id=firm.id) == "FORBIDDEN"
    assert (await someone.data(VIEWER))["viewer"]["organisations"] == [
        {"id": firm.id, "name": "Fund I", "role": "MEMBER"}
    ]
    for query, more in ((SET_IN, {"role": "ADMIN"}), (REMOVE_FROM, {}), (REVOKE_MEMBER, {})):
        asked = {"organisationId": firm.id, "email": address, **more}
        (refused,) = (await someone.data(query, input=asked)).values()
        assert refusals(refused) == [("FORBIDDEN", ["organisationId"])]
    await firm.given(address, Role.VIEWER)
    seen = (await someone.data(ORGANISATION, id=firm.id))["organisation"]
    assert [one["id"] for one in seen["funds"]["nodes"]] == [firm.fund_id]


async def test_an_administrator_of_the_organisation_administers_its_funds(firm: Firm, known: Known) -> None:
    someone, address = await known()
    await firm.admin.data(SET_IN, input={"organisationId": firm.id, "email": address, "role": "ADMIN"})
    seen = (await someone.data(ORGANISATION, id=firm.id))["organisation"]
    assert [one["id"] for one in seen["funds"]["nodes"]] == [firm.fund_id]
    # Without a role of their own, the fund's last ADMIN is another; they give themselves one.
    assert refusals(await firm.given(firm.admin_email, Role.VIEWER)) == [("INVALID_STATE", ["role"])]
    mine = await someone.data(SET, input={"fundId": firm.fund_id, "email": address, "role": "ADMIN"})
    assert mine["setFundMember"]["errors"] == []
    assert refusals(await firm.given(firm.admin_email, Role.VIEWER)) == []


async def test_whoever_leaves_the_organisation_leaves_its_funds(firm: Firm, known: Known) -> None:
    someone, address = await known()
    await firm.admin.data(SET_IN, input={"organisationId": firm.id, "email": address, "role": "MEMBER"})
    await firm.given(address, Role.ANALYST)
    leaving = {"organisationId": firm.id, "email": address}
    left = await firm.admin.data(REMOVE_FROM, input=leaving)
    assert left["removeOrganisationMember"] == {"member": {"email": address, "role": "MEMBER"}, "errors": []}
    assert (await someone.data(VIEWER))["viewer"] == {"email": address, "organisations": [], "memberships": []}
    assert (await firm.facts())[-2:] == [
        ("ROLE_TAKEN", f"{address} is no longer ANALYST of Fund I."),
        ("MEMBER_REMOVED", f"{address} left the organisation."),
    ]
    again = await firm.admin.data(REMOVE_FROM, input=leaving)
    assert refusals(again["removeOrganisationMember"]) == [("NOT_FOUND", ["email"])]
    last = await firm.admin.data(REMOVE_FROM, input={"organisationId": firm.id, "email": firm.admin_email})
    assert refusals(last["removeOrganisationMember"]) == [("INVALID_STATE", ["email"])]


async def test_an_organisation_is_renamed(firm: Firm) -> None:
    renamed = await firm.admin.data(RENAME, input={"organisationId": firm.id, "name": "Acme Capital"})
    assert renamed["renameOrganisation"] == {"organisation": {"name": "Acme Capital"}, "errors": []}
    assert (await firm.facts())[-1] == ("ORGANISATION_RENAMED", "The organisation is called Acme Capital.")
    refused = await firm.admin.data(RENAME, input={"organisationId": firm.id, "name": " "})
    assert refusals(refused["renameOrganisation"]) == [("INVALID", ["name"])]


# What was given is told.


async def test_the_log_is_paged_newest_first_and_holds_no_e_mail(firm: Firm, live: Live) -> None:
    address = email()
    person_id = (await firm.given(address, Role.VIEWER))["member"]["personId"]
    whole = (await firm.admin.data(LOG, id=firm.id))["organisation"]["accessLog"]["nodes"]
    paged, after = [], None
    for _ in range(3):
        log = (await firm.admin.data(LOG, id=firm.id, first=2, after=after))["organisation"]["accessLog"]
        paged += log["nodes"]
        after = log["pageInfo"]["endCursor"]
    assert paged == whole
    assert [one["version"] for one in whole] == [5, 4, 3, 2, 1]
    assert sorted(one["recordedAt"] for one in whole) == [one["recordedAt"] for one in whole][::-1]
    newest = whole[0]
    assert newest["payload"] == {"fund_id": firm.fund_id, "person_id": person_id, "role": "VIEWER"}
    assert newest["recordedBy"] == firm.admin_email
    stored = await live.runtime.pool.fetchval(
        "SELECT string_agg(f::text, '') FROM access_fact f WHERE organisation_id = $1", UUID(firm.id)
    )
    assert "@" not in stored
    assert await live.runtime.access_log.first_bad_version(UUID(firm.id)) == (5, None)
    # Erased, they are told by the id that is left.
    await live.runtime.pool.execute("DELETE FROM person WHERE id = $1", UUID(person_id))
    assert await firm.admin.code(LOG, id=firm.id, after="x") == "BAD_USER_INPUT"


# Revoked tokens.


async def test_ones_own_tokens_are_refused_once_revoked(firm: Firm, live: Live, known: Known) -> None:
    someone, address = await known()
    await firm.given(address, Role.VIEWER)
    assert (await someone.data(REVOKE_MINE))["revokeMyTokens"]["errors"] == []
    error = await someone.error(VIEWER)
    assert (error["message"], error["extensions"]["code"]) == ("The token was revoked.", "UNAUTHENTICATED")
    assert (await firm.facts())[-1] == ("TOKENS_REVOKED", f"Tokens of {address} from before were revoked.")
    # A new one is good.
    person = await live.runtime.people.enrol(address)
    again = Caller(someone.http, live.token_of(person))
    assert (await again.data(VIEWER))["viewer"]["email"] == address
    assert await firm.admin.data("{ viewer { email } }") == {"viewer": {"email": firm.admin_email}}


async def test_an_organisation_revokes_for_itself_alone(
    firm: Firm, live: Live, known: Known, open_fund: OpenFund
) -> None:
    someone, address = await known()
    person, elsewhere = await live.runtime.people.enrol(address), await open_fund()
    await live.runtime.people.give(person.id, elsewhere, Role.VIEWER)
    await firm.admin.data(SET_IN, input={"organisationId": firm.id, "email": address, "role": "MEMBER"})
    await firm.given(address, Role.VIEWER)
    funds = "{ funds { nodes { id } } }"
    assert len((await someone.data(funds))["funds"]["nodes"]) == 2
    async with conversing(live.ws_url, someone.token) as talk:
        revoked = await firm.admin.data(REVOKE_MEMBER, input={"organisationId": firm.id, "email": address})
        assert revoked["revokeMemberTokens"]["errors"] == []
        # A connection of before lists no more than a new one does.
        await talk.subscribe("{ funds { nodes { id } } viewer { organisations { id } memberships { role } } }")
        assert await talk.next() == {
            "funds": {"nodes": [{"id": str(elsewhere)}]},
            "viewer": {"organisations": [], "memberships": [{"role": "VIEWER"}]},
        }
    for query in ("query ($id: ID!) { fund(id: $id) { id } }", ORGANISATION):
        id = firm.id if query == ORGANISATION else firm.fund_id
        error = await someone.error(query, id=id)
        assert (error["message"], error["extensions"]["code"]) == ("The token was revoked.", "UNAUTHENTICATED")
    assert (await someone.data(funds))["funds"]["nodes"] == [{"id": str(elsewhere)}]
    again = Caller(someone.http, live.token_of(person))
    assert len((await again.data(funds))["funds"]["nodes"]) == 2
    assert len((await again.data(VIEWER))["viewer"]["memberships"]) == 2
    nobody = await firm.admin.data(REVOKE_MEMBER, input={"organisationId": firm.id, "email": email()})
    assert refusals(nobody["revokeMemberTokens"]) == [("NOT_FOUND", ["email"])]


async def test_nothing_is_changed_without_a_token(firm: Firm) -> None:
    nobody = Caller(firm.admin.http)
    assert await nobody.code(MEMBERS, id=firm.fund_id) == "UNAUTHENTICATED"
    assert await nobody.code(REVOKE_MINE) == "UNAUTHENTICATED"
    assert await nobody.code(RENAME, input={"organisationId": firm.id, "name": "Mine"}) == "UNAUTHENTICATED"
