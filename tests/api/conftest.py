"""Callers of the running API, and funds to ask about."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import httpx
import pytest_asyncio

from infra.people import Role
from infra.runtime import Runtime
from tests.api.asking import Caller, OpenedFund, event
from tests.api.watching import Watched, planned
from tests.conftest import Live, OpenFund

MakeCaller = Callable[..., Awaitable[Caller]]
MakeWatched = Callable[[], Awaitable[Watched]]

LAST_STAGE = {
    "name": "Late", "graduate": "0", "exit": "0.5", "dilution": "0", "optionPool": "0", "stepUp": "1",
    "exitMultiple": "2", "monthsToGraduate": "24", "monthsToExit": "24", "reserveMultiple": "0",
}  # fmt: skip
PORTFOLIO = (
    event("capitalCalled", "2006-02-01", amount="20000000.00", dueOn="2006-03-01"),  # version 2
    event("companyAdded", "2006-03-01", companyId="acme", name="Acme", sector="Software", stage="Seed"),
    event("investmentMade", "2006-03-01", companyId="acme", amount="2000000.00", ownershipAfter="0.20", round="Seed"),
    event("companyAdded", "2006-06-01", companyId="globex", name="Globex"),
    event("investmentMade", "2006-06-01", companyId="globex", amount="1000000.00", ownershipAfter="0.1"),
    event("feeCharged", "2007-01-01", amount="300000.00", kind="management"),  # version 7
    event("reserveAllocated", "2007-05-01", companyId="acme", amount="1500000.00"),
    event(
        "roundPriced", "2007-06-01", companyId="acme", stage="Series A", preMoney="18000000.00",
        roundSize="6000000.00", ownershipAfter="0.15",
    ),
    event("investmentMade", "2007-06-02", companyId="acme", amount="500000.00", fromReserves=True, round="Series A"),
    event("valuationUpdated", "2008-01-01", companyId="globex", newValue="8000000.00"),  # version 11
    event("proceedsReceived", "2008-09-01", companyId="globex", amount="3000000.00", kind="acquired"),
    event("companyStatusChanged", "2008-09-01", companyId="globex", status="EXITED"),
    event("distributionMade", "2008-10-01", amount="1000000.00", recallable=True),
    event("companyAdded", "2008-11-01", companyId="initech", name="initech"),
    event("investmentMade", "2008-11-01", companyId="initech", amount="750000.00"),  # version 16
    event("companyStatusChanged", "2009-05-01", companyId="initech", status="WRITTEN_OFF"),
    event(
        "forecastCreated", "2009-01-15", companyId="acme", metricType="REVENUE", kind="BUDGET",
        periods=[
            {"start": "2009-01-01", "end": "2009-03-31", "projectedValue": "1000000"},
            {"start": "2009-04-01", "end": "2009-06-30", "projectedValue": "1100000.50"},
        ],
    ),
    event(
        "actualRecorded", "2009-04-10", companyId="acme", metricType="REVENUE", value="900000",
        periodStart="2009-01-01", periodEnd="2009-03-31", source="MANUAL",
    ),
    event(
        "actualRecorded", "2009-04-20", companyId="acme", metricType="REVENUE", value="905000.25",
        periodStart="2009-01-01", periodEnd="2009-03-31", supersedesVersion=19,
    ),
    event(
        "dealForecastCreated", "2009-06-01", companyId="acme",
        exitScenarios=[
            {"name": "trade sale", "probability": "0.4", "exitValue": "50000000.00", "months": "36"},
            {
                "name": "IPO", "afterRound": 1, "probability": "0.2", "exitValue": "200000000.00", "months": "24.5",
                "sigma": "0.6",
            },
        ],
        futureRounds=[
            {
                "stage": "Series B", "probability": "0.5", "months": "18", "preMoney": "40000000.00",
                "roundSize": "10000000.00", "optionPool": "0.05",
            }
        ],
        preference={"kind": "PARTICIPATING", "cap": "3"},
        superProRata="0.5",
    ),  # version 21
    event("reserveModelSet", "2009-07-01", stages=[LAST_STAGE], source="typed wrong"),
    event("eventVoided", "2009-07-02", version=22, reason="it was another fund's"),
)  # fmt: skip
"""A small fund's history up to the end of 2009, versions 2 to 23; 1 is the opening."""


@pytest_asyncio.fixture(scope="session")
async def http(live: Live) -> AsyncIterator[httpx.AsyncClient]:
    """One client for all callers: making one costs more than a request."""
    async with httpx.AsyncClient(base_url=live.url, timeout=60) as client:
        yield client


@pytest_asyncio.fixture(scope="session")
async def caller(live: Live, http: httpx.AsyncClient) -> MakeCaller:
    """Makes someone new with a role in a fund, an administrator, or someone without any part."""

    async def made(role: Role | None = None, fund: UUID | None = None, *, administrator: bool = False) -> Caller:
        return Caller(http, await live.token(role, fund, administrator=administrator))

    return made


@pytest_asyncio.fixture(scope="session")
async def stranger(caller: MakeCaller) -> Caller:
    """Someone with a good token and no part in any fund."""
    return await caller()


@pytest_asyncio.fixture
async def fund(open_fund: OpenFund, caller: MakeCaller) -> OpenedFund:
    """A fund of 60,000,000.00 USD at version 1, opened on 1 January 2006, with an ANALYST."""
    uuid = await open_fund()
    return OpenedFund(uuid, await caller(Role.ANALYST, uuid))


@pytest_asyncio.fixture(scope="session")
async def portfolio(open_fund: OpenFund, caller: MakeCaller) -> OpenedFund:
    """A fund with `PORTFOLIO` recorded, for tests that write nothing to it; at version 23."""
    uuid = await open_fund()
    opened = OpenedFund(uuid, await caller(Role.ANALYST, uuid))
    # A restated report and a void name facts that must have been recorded before them.
    for first, last in ((2, 19), (20, 22), (23, 23)):
        facts = PORTFOLIO[first - 2 : last - 1]
        assert await opened.analyst.recorded(opened.id, *facts) == list(range(first, last + 1))
    return opened


@pytest_asyncio.fixture(scope="session")
async def watch(open_fund: OpenFund, caller: MakeCaller, runtime: Runtime) -> MakeWatched:
    """Makes a fund at version 5 of Acme, at stage Seed, and Beta, with plans for revenue of a million a month."""

    async def made() -> Watched:
        uuid = await open_fund()
        opened = OpenedFund(uuid, await caller(Role.ANALYST, uuid))
        watched = Watched(opened, await caller(Role.MANAGER, uuid), await caller(Role.VIEWER, uuid), runtime)
        await watched.record(
            event("companyAdded", "2006-02-01", companyId="acme", name="Acme", stage="Seed"),
            event("companyAdded", "2006-02-01", companyId="beta", name="Beta", stage="Series A"),
            planned(*[1_000_000] * 12),
            planned(*[1_000_000] * 12, company="beta"),
        )
        return watched

    return made


@pytest_asyncio.fixture
async def watched(watch: MakeWatched) -> Watched:
    """A fund that is watched, without a rule yet."""
    return await watch()
