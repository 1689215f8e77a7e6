"""Who asks, what they take part in, and the list of their funds."""

from uuid import UUID

import httpx
import pytest

from infra.people import Role
from tests.api.asking import Caller, Json
from tests.api.conftest import MakeCaller
from tests.conftest import Live, OpenFund

VIEWER = "{ viewer { id email name isAdministrator memberships { role fund { id name } } } }"
FUNDS = """
query ($first: Int, $after: String) {
  funds(first: $first, after: $after) {
    edges { cursor node { id } }
    nodes { id name currency vintageYear size timeZone openedAt version }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def test_the_viewer_is_whoever_the_token_names(live: Live, caller: MakeCaller, open_fund: OpenFund) -> None:
    fund = await open_fund()
    manager = await caller(Role.MANAGER, fund)
    viewer = (await manager.data(VIEWER))["viewer"]
    person = await live.runtime.people.person(UUID(viewer["id"]))
    assert person is not None
    assert viewer == {
        "id": str(person.id),
        "email": person.email,
        "name": None,
        "isAdministrator": False,
        "memberships": [{"role": "MANAGER", "fund": {"id": str(fund), "name": "Test Fund"}}],
    }


async def test_memberships_are_all_parts_given_and_no_others(
    live: Live, caller: MakeCaller, open_fund: OpenFund
) -> None:
    funds = [await open_fund() for _ in Role]
    someone = await caller()
    id = UUID((await someone.data(VIEWER))["viewer"]["id"])
    for fund, role in zip(funds, Role, strict=True):
        await live.runtime.people.give(id, fund, role)
    told = (await someone.data(VIEWER))["viewer"]["memberships"]
    expected = {str(fund): role.value for fund, role in zip(funds, Role, strict=True)}
    assert {one["fund"]["id"]: one["role"] for one in told} == expected


async def test_an_administrator_has_every_fund_without_memberships(caller: MakeCaller, open_fund: OpenFund) -> None:
    fund = await open_fund()
    administrator = await caller(administrator=True)
    viewer = (await administrator.data(VIEWER))["viewer"]
    assert (viewer["isAdministrator"], viewer["memberships"]) == (True, [])
    assert str(fund) in {one["id"] for one in await all_funds(administrator)}


@pytest.mark.parametrize("asked", [VIEWER, FUNDS])
async def test_without_a_token_nobody_is_told_anything(http: httpx.AsyncClient, asked: str) -> None:
    answer = await Caller(http).ask(asked)
    (error,) = answer["errors"]
    assert answer["data"] is None
    assert error["message"] == "Give a token: Authorization: Bearer …"
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def all_funds(someone: Caller, first: int = 200) -> list[Json]:
    """Every fund that someone sees, page by page."""
    found: list[Json] = []
    after = None
    while True:
        page = (await someone.data(FUNDS, first=first, after=after))["funds"]
        found += page["nodes"]
        assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@pytest.fixture
async def owner_of_five(live: Live, caller: MakeCaller, open_fund: OpenFund) -> tuple[Caller, list[str]]:
    someone = await caller()
    id = UUID((await someone.data(VIEWER))["viewer"]["id"])
    funds = [await open_fund() for _ in range(5)]
    for fund in funds:
        await live.runtime.people.give(id, fund, Role.VIEWER)
    return someone, sorted(map(str, funds))


@pytest.mark.parametrize("first", [1, 2, 3, 5, 200])
async def test_pages_give_every_own_fund_once_and_no_other(owner_of_five: tuple[Caller, list[str]], first: int) -> None:
    someone, expected = owner_of_five
    assert [fund["id"] for fund in await all_funds(someone, first)] == expected


async def test_a_page_of_funds_says_where_it_stands(owner_of_five: tuple[Caller, list[str]]) -> None:
    someone, expected = owner_of_five
    page = (await someone.data(FUNDS, first=2))["funds"]
    assert [node["id"] for node in page["nodes"]] == expected[:2]
    assert page["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": page["edges"][0]["cursor"],
        "endCursor": page["edges"][1]["cursor"],
    }
    last = (await someone.data(FUNDS, first=3, after=page["pageInfo"]["endCursor"]))["funds"]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (False, True)
    none = (await someone.data(FUNDS, after=last["pageInfo"]["endCursor"]))["funds"]
    assert (none["nodes"], none["pageInfo"]["startCursor"], none["pageInfo"]["endCursor"]) == ([], None, None)


async def test_a_fund_in_the_list_shows_its_identity(owner_of_five: tuple[Caller, list[str]]) -> None:
    someone, expected = owner_of_five
    page = (await someone.data(FUNDS, first=1))["funds"]
    assert page["nodes"] == [
        {
            "id": expected[0],
            "name": "Test Fund",
            "currency": "USD",
            "vintageYear": 2006,
            "size": "60000000.00",
            "timeZone": "UTC",
            "openedAt": "2006-01-01T00:00:00.000000Z",
            "version": 1,
        }
    ]


async def test_null_is_the_default_number_of_funds(owner_of_five: tuple[Caller, list[str]]) -> None:
    someone, expected = owner_of_five
    assert len((await someone.data(FUNDS, first=None, after=None))["funds"]["nodes"]) == len(expected)
    assert (await someone.data(FUNDS, first=0))["funds"]["pageInfo"]["hasNextPage"] is True


async def test_someone_without_a_part_sees_no_fund(stranger: Caller) -> None:
    page = (await stranger.data(FUNDS))["funds"]
    nowhere = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert page == {"edges": [], "nodes": [], "pageInfo": nowhere}


@pytest.mark.parametrize("first", [-1, 201, 2_147_483_647])
async def test_a_page_of_funds_holds_0_to_200(stranger: Caller, first: int) -> None:
    error = await stranger.error(FUNDS, first=first)
    assert error["message"] == "A page holds 0 to 200."
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["first"])


@pytest.mark.parametrize("after", ["", "x", "====", "NDI", "é", "\0", "a" * 10_000, "Zm9v!", "MTIz"])
async def test_a_cursor_that_isnt_of_the_list_of_funds_is_refused(stranger: Caller, after: str) -> None:
    error = await stranger.error(FUNDS, after=after)
    assert error["message"] == "This is no cursor of this list."
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["after"])
