"""With the time machine switched off, the fund is shown as it is now and no other way."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api.app import application
from infra.settings import Settings
from tests.api.asking import Caller, OpenedFund, conversing, event
from tests.api.serving import serving, socket_url
from tests.conftest import SECRET, Servers


@pytest_asyncio.fixture(scope="module")
async def analyst(servers: Servers, portfolio: OpenedFund) -> AsyncIterator[Caller]:
    """The portfolio's analyst, asking where the time machine is off."""
    app = application(Settings(ff_time_machine=False), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        yield Caller(http, portfolio.analyst.token)


PAST = '"2010-01-01T00:00:00Z"'
ASKED = [
    f"query ($id: ID!) {{ fund(id: $id, at: {PAST}) {{ version }} }}",
    f"query ($id: ID!) {{ fund(id: $id, knownAt: {PAST}) {{ version }} }}",
    f"query ($id: ID!) {{ fund(id: $id) {{ fund {{ state(at: {PAST}) {{ version }} }} }} }}",
    f"query ($id: ID!) {{ fund(id: $id) {{ fund {{ state(knownAt: {PAST}) {{ version }} }} }} }}",
    f"query ($id: ID!) {{ fund(id: $id) {{ fund {{ series(from: {PAST}) {{ version }} }} }} }}",
    f"query ($id: ID!) {{ fund(id: $id) {{ fund {{ series(to: {PAST}) {{ version }} }} }} }}",
    f"query ($id: ID!) {{ fund(id: $id) {{ fund {{ series(knownAt: {PAST}) {{ version }} }} }} }}",
    f"query ($id: ID!) {{ fundChange(id: $id, from: {{at: {PAST}}}, to: {{}}) {{ to {{ version }} }} }}",
    f"query ($id: ID!) {{ fundChange(id: $id, from: {{}}, to: {{knownAt: {PAST}}}) {{ to {{ version }} }} }}",
    f"query ($id: ID!) {{ variances(fundId: $id, at: {PAST}) {{ nodes {{ status }} }} }}",
    f"query ($id: ID!) {{ variances(fundId: $id, knownAt: {PAST}) {{ nodes {{ status }} }} }}",
    f"query ($id: ID!) {{ varianceSummary(fundId: $id, at: {PAST}) {{ key }} }}",
    f"query ($id: ID!) {{ varianceSummary(fundId: $id, knownAt: {PAST}) {{ key }} }}",
    f"query ($id: ID!) {{ fund(id: $id, at: {PAST}) {{ variances {{ status }} varianceAlerts {{ status }} }} }}",
]


@pytest.mark.parametrize("query", ASKED)
async def test_any_moment_asked_for_is_refused(analyst: Caller, portfolio: OpenedFund, query: str) -> None:
    error = await analyst.error(query, id=portfolio.id)
    assert error["message"] == "The time machine is switched off here; ask without `at` and `knownAt`."
    assert error["extensions"]["code"] == "FORBIDDEN"


OF_A_MOMENT = ["company", "rulethen", "alertthen"]


async def test_so_is_the_id_of_a_moment(analyst: Caller, portfolio: OpenedFund) -> None:
    query = "query ($id: ID!) { node(id: $id) { id } }"
    moment = "1262304000000000:1262304000000000"
    for id in (f"state:{portfolio.id}:{moment}", *[f"{kind}:{portfolio.id}:{moment}:x" for kind in OF_A_MOMENT]):
        assert await analyst.code(query, id=id) == "FORBIDDEN"


async def test_null_is_no_moment(analyst: Caller, portfolio: OpenedFund) -> None:
    query = "query ($id: ID!) { fund(id: $id, at: null, knownAt: null) { version totalInvested } }"
    assert await analyst.data(query, id=portfolio.id) == {"fund": {"version": 23, "totalInvested": "4250000.00"}}


async def test_everything_else_works(analyst: Caller, portfolio: OpenedFund, fund: OpenedFund) -> None:
    data = await analyst.data(
        """query ($id: ID!) {
          fund(id: $id) { portfolioCompanies { name } fund { series(points: 2) { version } } }
          timeline(fundId: $id, filter: {occurredTo: "2006-01-02T00:00:00Z"}) { nodes { version } }
          fundChange(id: $id, from: {}, to: {}) { companies { name } }
          variances(fundId: $id) { nodes { status } }
          varianceSummary(fundId: $id) { key figures }
          varianceAlerts(fundId: $id) { nodes { id } }
        }""",
        id=portfolio.id,
    )
    assert [company["name"] for company in data["fund"]["portfolioCompanies"]] == ["Acme", "Globex", "initech"]
    assert data["fund"]["fund"]["series"]["version"] == [1, 23]
    assert data["timeline"] == {"nodes": [{"version": 1}]}
    assert data["variances"] == {"nodes": [{"status": "NO_FORECAST"}]}
    assert data["varianceSummary"] == [{"key": "acme", "figures": 1}]
    assert data["varianceAlerts"] == {"nodes": []}
    recorder = Caller(analyst.http, fund.analyst.token)
    assert await recorder.recorded(fund.id, event("feeCharged", "2010-01-01", amount="1.00")) == [2]
    async with conversing(socket_url(analyst.http), analyst.token) as talk:
        await talk.subscribe(f'subscription {{ fundEvents(fundId: "{portfolio.id}", afterVersion: 22) {{ version }} }}')
        assert await talk.next() == {"fundEvents": {"version": 23}}
