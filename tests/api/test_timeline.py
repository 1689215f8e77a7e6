"""The timeline: a fund's facts in pages from either end, filtered."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from tests.api.asking import Caller, Json, OpenedFund, event
from tests.conftest import Live

TIMELINE = """
query (
  $id: ID!, $filter: TimelineFilter, $first: Int, $after: String, $last: Int, $before: String,
  $newestFirst: Boolean = true
) {
  timeline(
    fundId: $id, filter: $filter, first: $first, after: $after, last: $last, before: $before, newestFirst: $newestFirst
  ) {
    edges { cursor node { version } }
    nodes { version type }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def paged(fund: OpenedFund, **asked: Any) -> Json:
    data = await fund.analyst.data(TIMELINE, id=fund.id, **asked)
    page: Json = data["timeline"]
    versions = [node["version"] for node in page["nodes"]]
    assert [edge["node"]["version"] for edge in page["edges"]] == versions
    ends = (page["edges"][0]["cursor"], page["edges"][-1]["cursor"]) if versions else (None, None)
    assert (page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]) == ends
    return page


def versions(page: Json) -> list[int]:
    return [node["version"] for node in page["nodes"]]


def more(page: Json) -> tuple[bool, bool]:
    """Whether something stands before the page, and after it."""
    return page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]


async def cursor(fund: OpenedFund, version: int) -> str:
    page = await paged(fund, first=200)
    cursors: dict[int, str] = {edge["node"]["version"]: edge["cursor"] for edge in page["edges"]}
    return cursors[version]


async def test_the_timeline_starts_with_the_newest_fact(portfolio: OpenedFund) -> None:
    page = await paged(portfolio)
    assert versions(page) == list(range(23, 0, -1))
    assert page["nodes"][0] == {"version": 23, "type": "EVENT_VOIDED"}
    assert page["nodes"][-1] == {"version": 1, "type": "FUND_OPENED"}
    assert more(page) == (False, False)
    assert versions(await paged(portfolio, newestFirst=None)) == versions(page)


async def test_the_timeline_can_start_with_the_oldest_fact(portfolio: OpenedFund) -> None:
    assert versions(await paged(portfolio, newestFirst=False)) == list(range(1, 24))


# Whether the newest comes first, the page asked for, which versions it holds, what stands before and after it.
PAGES = [
    (True, {"first": 3}, None, [23, 22, 21], (False, True)),
    (True, {"first": 3}, 21, [20, 19, 18], (True, True)),
    (True, {"first": 3}, 4, [3, 2, 1], (True, False)),
    (True, {"first": 3}, 3, [2, 1], (True, False)),
    (True, {"first": 3}, 1, [], (True, False)),
    (True, {"first": 0}, None, [], (False, True)),
    (True, {"last": 3}, None, [3, 2, 1], (True, False)),
    (True, {"last": 3}, 3, [6, 5, 4], (True, True)),
    (True, {"last": 3}, 20, [23, 22, 21], (False, True)),
    (True, {"last": 3}, 22, [23], (False, True)),
    (True, {"last": 3}, 23, [], (False, True)),
    (False, {"first": 3}, None, [1, 2, 3], (False, True)),
    (False, {"first": 3}, 3, [4, 5, 6], (True, True)),
    (False, {"first": 3}, 20, [21, 22, 23], (True, False)),
    (False, {"first": 3}, 23, [], (True, False)),
    (False, {"last": 3}, None, [21, 22, 23], (True, False)),
    (False, {"last": 3}, 21, [18, 19, 20], (True, True)),
    (False, {"last": 3}, 4, [1, 2, 3], (False, True)),
    (False, {"last": 3}, 1, [], (False, True)),
    (False, {"last": 0}, None, [], (True, False)),
    # Without a number, the cursor alone says which way; a page is then of 50.
    (True, {"after": None}, 3, [2, 1], (True, False)),
    (True, {"before": None}, 21, [23, 22], (False, True)),
    (False, {"before": None}, 3, [1, 2], (False, True)),
]


@pytest.mark.parametrize(("newest_first", "asked", "place", "expected", "beyond"), PAGES)
async def test_a_page_holds_what_was_asked_for_in_list_order_and_says_what_is_beyond(
    portfolio: OpenedFund,
    newest_first: bool,
    asked: Json,
    place: int | None,
    expected: list[int],
    beyond: tuple[bool, bool],
) -> None:
    given = dict(asked)
    if place is not None:
        given["before" if "last" in asked or "before" in asked else "after"] = await cursor(portfolio, place)
    page = await paged(portfolio, newestFirst=newest_first, **given)
    assert versions(page) == expected
    assert more(page) == beyond


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("backward", [True, False])
@pytest.mark.parametrize("size", [1, 5, 22, 23, 24, 200])
async def test_following_the_cursors_gives_every_fact_once(
    portfolio: OpenedFund, newest_first: bool, backward: bool, size: int
) -> None:
    found: list[int] = []
    asked: Json = {"last" if backward else "first": size}
    while True:
        page = await paged(portfolio, newestFirst=newest_first, **asked)
        found = versions(page) + found if backward else found + versions(page)
        before, after = more(page)
        if not (before if backward else after):
            break
        info = page["pageInfo"]
        asked |= {"before": info["startCursor"]} if backward else {"after": info["endCursor"]}
    assert found == (list(range(23, 0, -1)) if newest_first else list(range(1, 24)))


async def test_a_cursor_stays_good_when_facts_are_added(fund: OpenedFund) -> None:
    fees = [event("feeCharged", "2010-01-01", amount="1.00") for _ in range(9)]
    await fund.analyst.recorded(fund.id, *fees)
    page = await paged(fund, first=4)
    assert versions(page) == [10, 9, 8, 7]
    # Backdated too: the list is by what was learned.
    await fund.analyst.recorded(fund.id, *[event("feeCharged", "2009-01-01", amount="1.00") for _ in range(3)])
    rest = await paged(fund, first=4, after=page["pageInfo"]["endCursor"])
    newer = await paged(fund, last=200, before=page["pageInfo"]["startCursor"])
    assert versions(rest) == [6, 5, 4, 3]
    assert versions(newer) == [13, 12, 11]
    assert versions(await paged(fund, first=1)) == [13]


AT = {version: f"2006-0{month}-01T00:00:00Z" for version, month in ((2, 2), (3, 3), (4, 3), (5, 6), (6, 6))}

FILTERS = [
    ({}, list(range(23, 0, -1))),
    ({"types": None, "companyId": None, "occurredFrom": None, "occurredTo": None}, list(range(23, 0, -1))),
    ({"types": ["INVESTMENT_MADE"]}, [16, 10, 6, 4]),
    ({"types": ["FUND_OPENED", "EVENT_VOIDED", "FEE_CHARGED", "RESERVE_MODEL_SET"]}, [23, 22, 7, 1]),
    ({"types": []}, []),
    ({"companyId": "acme"}, [21, 20, 19, 18, 10, 9, 8, 4, 3]),
    ({"companyId": "globex"}, [13, 12, 11, 6, 5]),
    ({"companyId": "Acme"}, []),
    ({"companyId": "%"}, []),
    ({"companyId": "acme", "types": ["INVESTMENT_MADE", "FEE_CHARGED"]}, [10, 4]),
    ({"occurredFrom": AT[5]}, list(range(23, 4, -1))),
    ({"occurredTo": AT[5]}, [4, 3, 2, 1]),
    ({"occurredFrom": AT[3], "occurredTo": AT[5]}, [4, 3]),
    ({"occurredFrom": AT[3], "occurredTo": AT[3]}, []),
    ({"occurredFrom": "2006-03-01T01:00:00+01:00", "occurredTo": "2006-03-01T00:00:00.000001Z"}, [4, 3]),
    ({"occurredFrom": "9999-12-31T23:59:59Z"}, []),
    ({"recordedFrom": "2020-01-01T00:00:00Z", "recordedTo": "9999-12-31T23:59:59.999999Z"}, list(range(23, 0, -1))),
    ({"recordedTo": "2020-01-01T00:00:00Z"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("chosen", "expected"), FILTERS)
async def test_a_filter_leaves_the_facts_it_names(portfolio: OpenedFund, chosen: Json, expected: list[int]) -> None:
    assert versions(await paged(portfolio, filter=chosen, first=200)) == expected


async def test_moments_of_learning_filter_from_the_first_inclusive_to_the_second_exclusive(
    portfolio: OpenedFund,
) -> None:
    asked = "query ($id: ID!) { timeline(fundId: $id, first: 200) { nodes { version recordedAt } } }"
    nodes = (await portfolio.analyst.data(asked, id=portfolio.id))["timeline"]["nodes"]
    learned = {node["version"]: node["recordedAt"] for node in nodes}
    chosen = {"recordedFrom": learned[5], "recordedTo": learned[8]}
    assert versions(await paged(portfolio, filter=chosen)) == [7, 6, 5]


async def test_a_filtered_timeline_is_paged_too(portfolio: OpenedFund) -> None:
    chosen = {"companyId": "acme"}
    first = await paged(portfolio, filter=chosen, first=4)
    rest = await paged(portfolio, filter=chosen, first=50, after=first["pageInfo"]["endCursor"])
    assert (versions(first), more(first)) == ([21, 20, 19, 18], (False, True))
    assert (versions(rest), more(rest)) == ([10, 9, 8, 4, 3], (True, False))


async def test_facts_about_a_company_include_the_voids_of_them(fund: OpenedFund) -> None:
    await fund.analyst.recorded(
        fund.id,
        event("companyAdded", companyId="acme", name="Acme"),
        event("investmentMade", companyId="acme", amount="1.00"),
    )
    await fund.analyst.recorded(fund.id, event("eventVoided", version=3, reason="never paid"))
    assert versions(await paged(fund, filter={"companyId": "acme"})) == [4, 3, 2]


async def test_what_was_voided_stays_in_the_timeline(portfolio: OpenedFund) -> None:
    assert versions(await paged(portfolio, filter={"types": ["FEE_CHARGED", "RESERVE_MODEL_SET"]})) == [22, 7]


def _cursor(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


REFUSED = [
    ({"first": -1}, "first"),
    ({"first": 201}, "first"),
    ({"first": 2_147_483_647}, "first"),
    ({"last": -1}, "last"),
    ({"last": 201}, "last"),
    ({"first": 1, "last": 1}, "last"),
    ({"first": 1, "before": _cursor("5")}, "before"),
    ({"last": 1, "after": _cursor("5")}, "after"),
    ({"after": _cursor("5"), "before": _cursor("5")}, "before"),
    *(
        ({argument: bad}, argument)
        for argument in ("after", "before")
        for bad in (
            "", "5", "x", "=", "NQ==", "N Q", "NQ!", "NQ\n", "é", "\0", "💥", "a" * 50_000, _cursor(""), _cursor("x"),
            _cursor("-1"), _cursor("1.5"), _cursor("٣"), _cursor("9" * 19), _cursor("1:2"), _cursor("\0"),
        )
    ),
    ({"filter": {"companyId": ""}}, "companyId"),
    ({"filter": {"companyId": " "}}, "companyId"),
    ({"filter": {"companyId": "\0"}}, "companyId"),
    ({"filter": {"companyId": "x" * 201}}, "companyId"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "argument"), REFUSED, ids=[f"{place}" for place in range(len(REFUSED))])
async def test_a_page_that_cant_be_is_refused(portfolio: OpenedFund, asked: Json, argument: str) -> None:
    error = await portfolio.analyst.error(TIMELINE, id=portfolio.id, **asked)
    assert error["path"] == ["timeline"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"][-1] == argument


async def test_the_longest_page_holds_200_facts(fund: OpenedFund, live: Live) -> None:
    await fund.analyst.recorded(fund.id, *[event("feeCharged", "2010-01-01", amount="1.00") for _ in range(230)])
    assert versions(await paged(fund, first=200)) == list(range(231, 31, -1))
    assert len(versions(await paged(fund))) == 50


async def test_a_timeline_of_a_fund_one_has_no_part_in_is_that_of_none_at_all(
    stranger: Caller, portfolio: OpenedFund
) -> None:
    told = []
    for id in (portfolio.id, "00000000-0000-4000-8000-000000000000", "garbage", "", "\0"):
        error = await stranger.error(TIMELINE, id=id)
        del error["extensions"]["requestId"]
        told.append(error)
    assert all(error == told[0] for error in told)
    assert told[0]["message"] == "No such fund."
    assert told[0]["extensions"] == {"code": "NOT_FOUND", "argument": ["fundId"]}
