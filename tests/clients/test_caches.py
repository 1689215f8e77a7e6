"""Normalised caches: what was seen at one moment isn't overwritten by what is seen at another."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.event import CompanyKey
from domain.investing import CompanyAdded, InvestmentMade, ValuationUpdated
from domain.money import Money
from infra.drafts import Draft
from infra.people import Person, Role
from infra.runtime import Runtime
from tests.clients import node
from tests.conftest import Live, OpenFund

ACME = CompanyKey("acme")
HISTORY = [
    Draft(CompanyAdded(ACME, "Acme"), datetime(2007, 1, 1, tzinfo=UTC)),
    Draft(InvestmentMade(ACME, Money(1_000_000_00)), datetime(2007, 1, 1, tzinfo=UTC)),
    Draft(ValuationUpdated(ACME, Money(9_000_000_00), Money(3_000_000_00)), datetime(2009, 1, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize("cache", ["apollo", "graphcache"])
async def test_a_normalised_cache_keeps_two_moments_of_one_fund_apart(
    live: Live, runtime: Runtime, scripts: Path, open_fund: OpenFund, owner: Person, cache: str
) -> None:
    fund = await open_fund()
    await runtime.ledger.record(fund, HISTORY, actor=owner.id)
    moments = ["2008-01-01T00:00:00Z", "2010-01-01T00:00:00Z"]
    task = {
        "cache": cache, "url": f"{live.url}/graphql", "token": await live.token(Role.VIEWER, fund),
        "fundId": str(fund), "moments": moments,
    }  # fmt: skip
    told = json.loads(await node.printed("moments.js", cwd=scripts, TASK=json.dumps(task)))
    before, after = (answer["fund"] for answer in told["answers"])
    assert (before["totalValue"], after["totalValue"]) == ("1000000.00", "3000000.00")
    assert told["kept"] == told["answers"][0]
    # The fund itself is one and the same; its state and its companies are not.
    assert before["fund"] == after["fund"]
    (company_before,), (company_after,) = before["portfolioCompanies"], after["portfolioCompanies"]
    assert company_before["companyId"] == company_after["companyId"]
    assert before["id"] != after["id"]
    assert company_before["id"] != company_after["id"]
