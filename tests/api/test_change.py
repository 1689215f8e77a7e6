"""What changed between two moments: totals, companies and the facts in between."""

import pytest

from tests.api.asking import Caller, Json, OpenedFund, event

CHANGE = """
query ($id: ID!, $from: MomentInput!, $to: MomentInput!, $first: Int! = 200) {
  fundChange(id: $id, from: $from, to: $to) {
    from { id at version totalValue }
    to { id at version totalValue }
    companies { companyId name before { id fairValue status } after { id fairValue status } }
    facts(first: $first) { version type }
  }
}
"""


async def changes(fund: OpenedFund, begin: str, end: str, **asked: object) -> Json:
    data = await fund.analyst.data(CHANGE, id=fund.id, **{"from": {"at": begin}, "to": {"at": end}}, **asked)
    found: Json = data["fundChange"]
    return found


async def test_a_change_shows_both_states_the_companies_that_differ_and_the_facts_between(
    portfolio: OpenedFund,
) -> None:
    found = await changes(portfolio, "2008-06-01T00:00:00Z", "2008-12-31T00:00:00Z")
    assert (found["from"]["version"], found["from"]["totalValue"]) == (11, "4400000.00")
    assert (found["to"]["version"], found["to"]["totalValue"]) == (16, "4350000.00")
    for company in found["companies"]:
        for side in ("before", "after"):
            if company[side]:
                del company[side]["id"]
    assert found["companies"] == [
        {
            "companyId": "globex",
            "name": "Globex",
            "before": {"fairValue": "800000.00", "status": "ACTIVE"},
            "after": {"fairValue": "0.00", "status": "EXITED"},
        },
        {
            "companyId": "initech",
            "name": "initech",
            "before": None,
            "after": {"fairValue": "750000.00", "status": "ACTIVE"},
        },
    ]
    assert [(fact["version"], fact["type"]) for fact in found["facts"]] == [
        (12, "PROCEEDS_RECEIVED"),
        (13, "COMPANY_STATUS_CHANGED"),
        (14, "DISTRIBUTION_MADE"),
        (15, "COMPANY_ADDED"),
        (16, "INVESTMENT_MADE"),
    ]


async def test_backwards_a_company_that_is_gone_has_only_a_before(portfolio: OpenedFund) -> None:
    found = await changes(portfolio, "2008-12-31T00:00:00Z", "2008-06-01T00:00:00Z")
    assert [(one["companyId"], one["before"] is None, one["after"] is None) for one in found["companies"]] == [
        ("globex", False, False),
        ("initech", False, True),
    ]
    assert found["facts"] == []


async def test_between_two_equal_moments_nothing_changed(portfolio: OpenedFund) -> None:
    moment = {"at": "2009-01-01T00:00:00Z", "knownAt": None}
    data = await portfolio.analyst.data(CHANGE, id=portfolio.id, **{"from": moment, "to": moment})
    assert (data["fundChange"]["companies"], data["fundChange"]["facts"]) == ([], [])


async def test_what_came_to_light_shows_as_a_change_of_what_was_known(fund: OpenedFund) -> None:
    await fund.analyst.recorded(
        fund.id,
        event("companyAdded", "2010-01-01", companyId="acme", name="Acme"),
        event("investmentMade", "2010-01-01", companyId="acme", amount="1000.00"),
    )
    known = (await fund.analyst.data("query ($id: ID!) { fund(id: $id) { knownAt } }", id=fund.id))["fund"]["knownAt"]
    await fund.analyst.recorded(fund.id, event("valuationUpdated", "2010-02-01", companyId="acme", newValue="0.00",
        fairValue="1.00"), event("eventVoided", version=3, reason="never paid"))  # fmt: skip
    at = "2011-01-01T00:00:00Z"
    data = await fund.analyst.data(CHANGE, id=fund.id, **{"from": {"at": at, "knownAt": known}, "to": {"at": at}})
    found = data["fundChange"]
    assert (found["from"]["version"], found["to"]["version"]) == (3, 5)
    (acme,) = found["companies"]
    assert (acme["before"]["fairValue"], acme["after"]["fairValue"]) == ("1000.00", "1.00")
    assert acme["before"]["id"] != acme["after"]["id"]
    # In the order they were true: a void stands where the fact it voids stands.
    assert [(fact["version"], fact["type"]) for fact in found["facts"]] == [
        (5, "EVENT_VOIDED"),
        (4, "VALUATION_UPDATED"),
    ]


async def test_facts_of_a_change_are_as_many_as_asked_for(portfolio: OpenedFund) -> None:
    span = ("2000-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
    assert [fact["version"] for fact in (await changes(portfolio, *span, first=3))["facts"]] == [1, 2, 3]
    assert len((await changes(portfolio, *span, first=1000))["facts"]) == 23
    assert (await changes(portfolio, *span, first=0))["facts"] == []


@pytest.mark.parametrize("first", [-1, 1001])
async def test_facts_of_a_change_beyond_a_thousand_are_refused(portfolio: OpenedFund, first: int) -> None:
    moments = {"from": {"at": "2009-01-01T00:00:00Z"}, "to": {}}
    error = await portfolio.analyst.error(CHANGE, id=portfolio.id, first=first, **moments)
    assert error["path"] == ["fundChange", "facts"]
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["first"])


async def test_a_change_known_in_the_future_is_refused(portfolio: OpenedFund) -> None:
    moments = {"from": {}, "to": {"knownAt": "2999-01-01T00:00:00Z"}}
    error = await portfolio.analyst.error(CHANGE, id=portfolio.id, **moments)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["knownAt"])


async def test_a_change_of_a_fund_one_has_no_part_in_is_that_of_none_at_all(
    stranger: Caller, portfolio: OpenedFund
) -> None:
    told = []
    for id in (portfolio.id, "00000000-0000-4000-8000-000000000000", "garbage"):
        error = await stranger.error(CHANGE, id=id, **{"from": {}, "to": {}})
        del error["extensions"]["requestId"]
        told.append(error)
    assert told[0] == told[1] == told[2]
    assert told[0]["extensions"] == {"code": "NOT_FOUND", "argument": ["id"]}
