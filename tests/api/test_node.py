"""Anything by its id, for whoever has a part in its fund; null for everyone and everything else."""

from uuid import uuid4

import pytest

from tests.api.asking import Caller, OpenedFund

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
IDS = """
query ($id: ID!) {
  fund(id: $id, at: "2009-01-01T00:00:00Z") { id fund { id } portfolioCompanies { id } }
  timeline(fundId: $id, first: 200, newestFirst: false) { nodes { __typename id } }
}
"""


async def test_a_fund_is_found_by_its_id(portfolio: OpenedFund) -> None:
    data = await portfolio.analyst.data(NODE, id=portfolio.id)
    assert data == {"node": {"__typename": "Fund", "id": portfolio.id}}


async def test_a_state_and_its_companies_are_found_by_their_ids(portfolio: OpenedFund) -> None:
    state = (await portfolio.analyst.data(IDS, id=portfolio.id))["fund"]
    found = await portfolio.analyst.data(NODE, id=state["id"])
    assert found == {"node": {"__typename": "FundState", "id": state["id"]}}
    for company in state["portfolioCompanies"]:
        found = await portfolio.analyst.data(NODE, id=company["id"])
        assert found == {"node": {"__typename": "PortfolioCompany", "id": company["id"]}}


async def test_a_company_found_by_its_id_is_the_company_of_that_moment(portfolio: OpenedFund) -> None:
    fields = "companyId name stage fairValue totalInvestment actuals { value }"
    asked = (
        f'query ($id: ID!) {{ fund(id: $id, at: "2007-01-01T00:00:00Z") {{ company(id: "acme") {{ id {fields} }} }} }}'
    )
    company = (await portfolio.analyst.data(asked, id=portfolio.id))["fund"]["company"]
    again = await portfolio.analyst.data(
        f"query ($id: ID!) {{ node(id: $id) {{ id ... on PortfolioCompany {{ {fields} }} }} }}", id=company["id"]
    )
    assert again == {"node": company}
    assert (company["stage"], company["totalInvestment"], company["actuals"]) == ("Seed", "2000000.00", [])


async def test_a_company_whose_key_holds_colons_is_found_by_its_id(fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, {"event": {"companyAdded": {"companyId": "a:b::c/ü€😀 ", "name": "Odd"}}})
    asked = "query ($id: ID!) { fund(id: $id) { portfolioCompanies { id } } }"
    (company,) = (await fund.analyst.data(asked, id=fund.id))["fund"]["portfolioCompanies"]
    name = "query ($id: ID!) { node(id: $id) { id ... on PortfolioCompany { companyId } } }"
    assert await fund.analyst.data(name, id=company["id"]) == {"node": {**company, "companyId": "a:b::c/ü€😀 "}}


async def test_every_fact_is_found_by_its_id(portfolio: OpenedFund) -> None:
    facts = (await portfolio.analyst.data(IDS, id=portfolio.id))["timeline"]["nodes"]
    assert len(facts) == 23
    asked = " ".join(f'f{place}: node(id: "{fact["id"]}") {{ __typename id }}' for place, fact in enumerate(facts))
    assert list((await portfolio.analyst.data(f"{{ {asked} }}")).values()) == facts


async def test_a_snapshot_is_found_by_its_id(fund: OpenedFund) -> None:
    taken = await fund.analyst.data(
        "mutation ($id: ID!) { createSnapshot(fundId: $id) { snapshot { __typename id } } }", id=fund.id
    )
    snapshot = taken["createSnapshot"]["snapshot"]
    assert await fund.analyst.data(NODE, id=snapshot["id"]) == {"node": snapshot}


async def test_nothing_of_a_fund_one_has_no_part_in_is_found(
    stranger: Caller, portfolio: OpenedFund, fund: OpenedFund
) -> None:
    data = await portfolio.analyst.data(IDS, id=portfolio.id)
    taken = await fund.analyst.data(
        "mutation ($id: ID!) { createSnapshot(fundId: $id) { snapshot { id } } }", id=fund.id
    )
    ids = [
        portfolio.id,
        data["fund"]["id"],
        data["fund"]["portfolioCompanies"][0]["id"],
        data["timeline"]["nodes"][0]["id"],
        taken["createSnapshot"]["snapshot"]["id"],
    ]
    for id in ids:
        assert await stranger.ask(NODE, id=id) == {"data": {"node": None}}
        # Word for word what an id answers whose fund doesn't exist.
        absent = id.replace(portfolio.id, str(uuid4())).replace(fund.id, str(uuid4()))
        assert await stranger.ask(NODE, id=absent) == {"data": {"node": None}}


GARBAGE = [
    "", " ", ":", "::::", "x", "fund", "fact", "fact:", "état", "💥", "null", "../../etc/passwd", "' OR 1=1 --",
    "{fund}:1", " {fund}", "{fund} ", "{{{fund}}}", "urn:uuid:{fund}", "fund:{fund}", "state:{fund}", "state:{fund}:1",
    "state:{fund}:x:y", "state:{fund}::", "state:{fund}:1:2:3", "state:{fund}:١:٢", "state:{fund}:1_0:1",
    "state:{fund}:+1:1", "state:{fund}: 1:1", "state:{fund}:01:1", "state:{fund}:-0:1", "state:{fund}:1e3:1",
    "state:{fund}:999999999999999999:1", "state:{fund}:-999999999999999999:1", "state:{fund}:1:" + "9" * 5_000,
    "company:{fund}:1:1", "company:{fund}:1:1:", "company:{fund}:1:1:nobody", "company:{fund}:x:1:acme",
    "fact:{fund}", "fact:{fund}:", "fact:{fund}:0", "fact:{fund}:-1", "fact:{fund}:24", "fact:{fund}:1:1",
    "fact:{fund}:01", "fact:{fund}:١", "fact:{fund}:1 ", "fact:{fund}:9223372036854775807",
    "fact:{fund}:9223372036854775808", "fact:{fund}:" + "9" * 5_000, "fact:{fund}:1.0", "fact:{fund}:\0",
    "snapshot:{fund}", "snapshot:{fund}:", "snapshot:{fund}:x", "snapshot:{fund}:{fund}", "snapshot:{fund}:\0",
    "company:{fund}:1230768000000000:1230768000000000:\0", "rule:{fund}", "rule:{fund}:", "rule:{fund}:nothing",
    "rule:{fund}:\0", "rulethen:{fund}:1", "rulethen:{fund}:1:1", "rulethen:{fund}:1:1:nothing",
    "rulethen:{fund}:x:1:y", "rulethen:{fund}:1:1:\0", "alert:{fund}", "alert:{fund}:", "alert:{fund}:nothing",
    "alert:{fund}:\0",
    "alertthen:{fund}:1", "alertthen:{fund}:1:1", "alertthen:{fund}:1:1:nothing", "alertthen:{fund}:x:1:y",
    "alertthen:{fund}:1:1:\0", "alert:{fund}:" + "9" * 5_000, "\0", "{fund}\0", "a" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("id", GARBAGE, ids=[f"{place}-{id[:24]!r}" for place, id in enumerate(GARBAGE)])
async def test_an_id_that_is_none_of_ours_finds_nothing(portfolio: OpenedFund, id: str) -> None:
    given = id.replace("{fund}", portfolio.id)
    assert await portfolio.analyst.ask(NODE, id=given) == {"data": {"node": None}}


async def test_an_id_of_a_moment_still_to_be_known_is_refused(portfolio: OpenedFund) -> None:
    error = await portfolio.analyst.error(NODE, id=f"state:{portfolio.id}:0:99999999999999999")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "What will be known later can't be told yet."


async def test_without_a_token_not_even_garbage_is_answered(portfolio: OpenedFund) -> None:
    nobody = Caller(portfolio.analyst.http)
    for id in (portfolio.id, "fact:x", f"fact:{portfolio.id}:1"):
        assert await nobody.code(NODE, id=id) == "UNAUTHENTICATED"
