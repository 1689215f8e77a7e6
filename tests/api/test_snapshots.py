"""Snapshots: taken by hand, listed newest first."""

from datetime import datetime

import pytest

from infra.people import Role
from infra.snapshots import SnapshotKind
from tests.api.asking import Caller, Json, OpenedFund, event, refusals
from tests.api.conftest import MakeCaller
from tests.conftest import Live

CREATE = """
mutation ($id: ID!, $description: String) {
  createSnapshot(fundId: $id, description: $description) {
    snapshot { id fundId at version kind description createdAt }
    errors { code message path }
  }
}
"""
LIST = """
query ($id: ID!, $first: Int, $after: String) {
  snapshots(fundId: $id, first: $first, after: $after) {
    edges { cursor node { id } }
    nodes { id fundId at version kind description createdAt }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def taken(fund: OpenedFund, description: str | None = None) -> Json:
    payload = (await fund.analyst.data(CREATE, id=fund.id, description=description))["createSnapshot"]
    assert payload["errors"] == []
    snapshot: Json = payload["snapshot"]
    return snapshot


async def listed(someone: Caller, fund: OpenedFund, **asked: object) -> Json:
    data = await someone.data(LIST, id=fund.id, **asked)
    page: Json = data["snapshots"]
    assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
    return page


async def test_a_snapshot_is_of_the_fund_as_it_is_now(fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, event("feeCharged", "2010-01-01", amount="1.00"))
    snapshot = await taken(fund, "before the audit – geprüft 😀")
    assert snapshot["id"].startswith(f"snapshot:{fund.id}:")
    assert datetime.fromisoformat(snapshot["at"]) <= datetime.fromisoformat(snapshot["createdAt"])
    del snapshot["id"], snapshot["at"], snapshot["createdAt"]
    assert snapshot == {
        "fundId": fund.id,
        "version": 2,
        "kind": "MANUAL",
        "description": "before the audit – geprüft 😀",
    }


async def test_a_snapshot_changes_neither_the_version_nor_any_answer(fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, event("feeCharged", "2010-01-01", amount="1.00"))
    asked = 'query ($id: ID!) { fund(id: $id, at: "2010-06-01T00:00:00Z") { version totalFees availableCapital cash } }'
    before = await fund.analyst.data(asked, id=fund.id)
    await taken(fund)
    assert await fund.analyst.data(asked, id=fund.id) == before
    assert await fund.analyst.version(fund.id) == 2


async def test_snapshots_are_listed_newest_made_first(fund: OpenedFund, caller: MakeCaller) -> None:
    made = [await taken(fund, text) for text in ("first", "second", None)]
    viewer = await caller(Role.VIEWER, fund.uuid)
    page = await listed(viewer, fund)
    assert page["nodes"] == made[::-1]
    assert page["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": page["edges"][0]["cursor"],
        "endCursor": page["edges"][2]["cursor"],
    }


async def test_snapshots_of_every_kind_are_listed(fund: OpenedFund, live: Live) -> None:
    for kind in SnapshotKind:
        await live.runtime.snapshots.take(fund.uuid, kind)
    assert {node["kind"] for node in (await listed(fund.analyst, fund))["nodes"]} == {"MANUAL", "SCHEDULED", "AUTO"}


async def test_pages_of_snapshots_go_on_where_they_ended_though_new_ones_were_made(fund: OpenedFund) -> None:
    made = [(await taken(fund))["id"] for _ in range(5)]
    first = await listed(fund.analyst, fund, first=2)
    await taken(fund)
    second = await listed(fund.analyst, fund, first=2, after=first["pageInfo"]["endCursor"])
    third = await listed(fund.analyst, fund, first=2, after=second["pageInfo"]["endCursor"])
    pages = [[node["id"] for node in page["nodes"]] for page in (first, second, third)]
    assert pages == [made[4:2:-1], made[2:0:-1], made[0:1]]
    ends = [(page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) for page in (first, second, third)]
    assert ends == [(False, True), (True, True), (True, False)]


@pytest.mark.parametrize("first", [-1, 201])
async def test_a_page_of_snapshots_holds_0_to_200(portfolio: OpenedFund, first: int) -> None:
    error = await portfolio.analyst.error(LIST, id=portfolio.id, first=first)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["first"])


BAD = ["", "x", "MTox", "OjA", "MTIz", "é", "\0", "a" * 10_000, "MTo4MTliZTMyNC0zMjcxLTQ2NWItODk2MS1hZjBmM2IwN2FhM2EA"]


@pytest.mark.parametrize("after", BAD)
async def test_a_cursor_that_isnt_of_the_list_of_snapshots_is_refused(portfolio: OpenedFund, after: str) -> None:
    error = await portfolio.analyst.error(LIST, id=portfolio.id, after=after)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["after"])


@pytest.mark.parametrize("role", [Role.ANALYST, Role.MANAGER, Role.ADMIN])
async def test_an_analyst_and_whoever_is_above_may_take_one(fund: OpenedFund, caller: MakeCaller, role: Role) -> None:
    someone = await caller(role, fund.uuid)
    payload = (await someone.data(CREATE, id=fund.id))["createSnapshot"]
    assert (payload["snapshot"]["kind"], payload["errors"]) == ("MANUAL", [])


async def test_an_administrator_may_take_one(fund: OpenedFund, caller: MakeCaller) -> None:
    administrator = await caller(administrator=True)
    assert (await administrator.data(CREATE, id=fund.id))["createSnapshot"]["errors"] == []


async def test_a_viewer_may_not_take_one(fund: OpenedFund, caller: MakeCaller) -> None:
    viewer = await caller(Role.VIEWER, fund.uuid)
    payload = (await viewer.data(CREATE, id=fund.id))["createSnapshot"]
    assert payload["snapshot"] is None
    assert refusals(payload) == [("FORBIDDEN", ["fundId"])]
    assert payload["errors"][0]["message"] == "This takes the role ANALYST; yours is VIEWER."
    assert (await listed(viewer, fund))["nodes"] == []


async def test_of_a_fund_one_has_no_part_in_none_is_taken_and_none_is_listed(
    stranger: Caller, fund: OpenedFund
) -> None:
    for id in (fund.id, "00000000-0000-4000-8000-000000000000", "garbage"):
        payload = (await stranger.data(CREATE, id=id))["createSnapshot"]
        message = {"code": "NOT_FOUND", "message": "No such fund.", "path": ["fundId"]}
        assert payload == {"snapshot": None, "errors": [message]}
        assert await stranger.code(LIST, id=id) == "NOT_FOUND"
    assert (await listed(fund.analyst, fund))["nodes"] == []


async def test_without_a_token_none_is_taken(fund: OpenedFund) -> None:
    nobody = Caller(fund.analyst.http)
    assert await nobody.code(CREATE, id=fund.id) == "UNAUTHENTICATED"
    assert await nobody.code(LIST, id=fund.id) == "UNAUTHENTICATED"
    assert (await listed(fund.analyst, fund))["nodes"] == []


@pytest.mark.parametrize("description", ["x" * 2_001, "a\0b"])
async def test_a_description_that_is_too_long_or_no_text_is_refused(fund: OpenedFund, description: str) -> None:
    payload = (await fund.analyst.data(CREATE, id=fund.id, description=description))["createSnapshot"]
    assert payload["snapshot"] is None
    assert refusals(payload) == [("INVALID", ["description"])]
    assert (await listed(fund.analyst, fund))["nodes"] == []
