"""A fund at a moment: totals, companies, figures, both clocks, and ids that hold the moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.people import Role
from tests.api.asking import Caller, Json, OpenedFund, event
from tests.api.conftest import MakeCaller
from tests.conftest import Live

STATE = """
fragment State on FundState {
  id at knownAt version eventsReplayed
  totalCommitted totalCalled totalInvested totalDistributed totalFees totalProceeds totalValue cash nav availableCapital
  plannedReserves deployedReserves moic dpi rvpi tvpi irr
  fund { id name currency vintageYear size timeZone openedAt version }
}
"""
COMPANIES = """
fragment Companies on FundState {
  portfolioCompanies {
    id companyId name sector stage status ownership totalInvestment initialInvestment realizedProceeds currentValuation
    fairValue plannedReserves deployedReserves moic irr
  }
}
"""
FUND = (
    "query ($id: ID!, $at: DateTime, $knownAt: DateTime) { fund(id: $id, at: $at, knownAt: $knownAt) { ...State "
    "...Companies } }" + STATE + COMPANIES
)
END_OF_2009 = "2009-12-31T23:59:59Z"
YEAR = 365 * 86_400


def rate(*flows: tuple[str, float]) -> float:
    """The yearly rate at which dated flows are worth nothing, by plain bisection."""
    dated = [(datetime.fromisoformat(day).replace(tzinfo=UTC), amount) for day, amount in flows]
    first = dated[0][0]

    def worth(growth: float) -> float:
        years = [round((day - first) / timedelta(days=1)) / 365 for day, _ in dated]
        return sum(amount / float(growth**year) for year, (_, amount) in zip(years, dated, strict=True))

    low, high = 0.01, 100.0
    for _ in range(200):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if worth(middle) > 0 else (low, middle)
    return low - 1


async def test_a_fund_shows_its_totals_at_a_moment(portfolio: OpenedFund) -> None:
    data = await portfolio.analyst.data(FUND, id=portfolio.id, at=END_OF_2009)
    state = data["fund"]
    del state["id"], state["knownAt"], state["portfolioCompanies"]
    irr = state.pop("irr")
    assert state.pop("eventsReplayed") <= 23
    assert state == {
        "at": "2009-12-31T23:59:59.000000Z",
        "version": 23,
        "totalCommitted": "60000000.00",
        "totalCalled": "20000000.00",
        "totalInvested": "4250000.00",
        "totalDistributed": "1000000.00",
        "totalFees": "300000.00",
        "totalProceeds": "3000000.00",
        "totalValue": "3600000.00",
        "cash": "17450000.00",
        "nav": "21050000.00",
        "availableCapital": "56450000.00",
        "plannedReserves": "1500000.00",
        "deployedReserves": "500000.00",
        "moic": 6_600_000 / 4_250_000,
        "dpi": 0.05,
        "rvpi": 1.0525,
        "tvpi": 1.1025,
        "fund": {
            "id": portfolio.id,
            "name": "Test Fund",
            "currency": "USD",
            "vintageYear": 2006,
            "size": "60000000.00",
            "timeZone": "UTC",
            "openedAt": "2006-01-01T00:00:00.000000Z",
            "version": 23,
        },
    }
    assert irr == pytest.approx(rate(("2006-02-01", -20e6), ("2008-10-01", 1e6), ("2009-12-31T23:59:59", 21.05e6)))


async def test_a_fund_shows_its_companies_in_the_order_they_joined(portfolio: OpenedFund) -> None:
    data = await portfolio.analyst.data(FUND, id=portfolio.id, at=END_OF_2009)
    companies = data["fund"]["portfolioCompanies"]
    irrs = [company.pop("irr") for company in companies]
    assert len({company.pop("id") for company in companies}) == 3
    unvalued: Json = {"sector": None, "stage": None, "plannedReserves": "0.00", "deployedReserves": "0.00"}
    assert companies == [
        {
            "companyId": "acme",
            "name": "Acme",
            "sector": "Software",
            "stage": "Series A",
            "status": "ACTIVE",
            "ownership": "0.15",
            "totalInvestment": "2500000.00",
            "initialInvestment": "2000000.00",
            "realizedProceeds": "0.00",
            "currentValuation": "24000000.00",
            "fairValue": "3600000.00",
            "plannedReserves": "1500000.00",
            "deployedReserves": "500000.00",
            "moic": 1.44,
        },
        {
            "companyId": "globex",
            "name": "Globex",
            "status": "EXITED",
            "ownership": "0.1",
            "totalInvestment": "1000000.00",
            "initialInvestment": "1000000.00",
            "realizedProceeds": "3000000.00",
            "currentValuation": "8000000.00",
            "fairValue": "0.00",
            "moic": 3.0,
            **unvalued,
        },
        {
            "companyId": "initech",
            "name": "initech",
            "status": "WRITTEN_OFF",
            "ownership": None,
            "totalInvestment": "750000.00",
            "initialInvestment": "750000.00",
            "realizedProceeds": "0.00",
            "currentValuation": None,
            "fairValue": "0.00",
            "moic": 0.0,
            **unvalued,
        },
    ]
    assert irrs == [
        pytest.approx(rate(("2006-03-01", -2e6), ("2007-06-02", -5e5), ("2009-12-31T23:59:59", 3.6e6))),
        pytest.approx(rate(("2006-06-01", -1e6), ("2008-09-01", 3e6))),
        None,
    ]


@pytest.mark.parametrize(
    ("at", "version", "invested", "called", "companies"),
    [
        ("2005-12-31T23:59:59.999999Z", 0, "0.00", "0.00", []),
        ("2006-01-01T00:00:00Z", 1, "0.00", "0.00", []),
        ("2006-01-31T23:59:59.999999Z", 1, "0.00", "0.00", []),
        ("2006-02-01T00:00:00Z", 2, "0.00", "20000000.00", []),
        ("2006-03-01T00:00:00Z", 4, "2000000.00", "20000000.00", ["acme"]),
        ("2006-03-01T01:00:00+02:00", 2, "0.00", "20000000.00", []),
        ("2007-05-31T23:00:00-01:00", 9, "3000000.00", "20000000.00", ["acme", "globex"]),
        ("2200-01-01T00:00:00Z", 23, "4250000.00", "20000000.00", ["acme", "globex", "initech"]),
        ("9999-12-31T23:59:59.999999Z", 23, "4250000.00", "20000000.00", ["acme", "globex", "initech"]),
        ("0001-01-01T00:00:00Z", 0, "0.00", "0.00", []),
    ],
)
async def test_a_moment_shows_what_was_true_by_then(
    portfolio: OpenedFund, at: str, version: int, invested: str, called: str, companies: list[str]
) -> None:
    data = await portfolio.analyst.data(FUND, id=portfolio.id, at=at)
    state = data["fund"]
    assert [company["companyId"] for company in state["portfolioCompanies"]] == companies
    assert (state["version"], state["totalInvested"], state["totalCalled"]) == (version, invested, called)


async def test_before_its_opening_a_fund_is_an_empty_state_at_version_0(portfolio: OpenedFund) -> None:
    data = await portfolio.analyst.data(FUND, id=portfolio.id, at="1999-12-31T00:00:00Z")
    state = data["fund"]
    assert state["at"] == "1999-12-31T00:00:00.000000Z"
    assert (state["version"], state["eventsReplayed"], state["portfolioCompanies"]) == (0, 0, [])
    money = [
        "totalCommitted", "totalCalled", "totalInvested", "totalDistributed", "totalFees", "totalProceeds",
        "totalValue", "cash", "nav", "availableCapital", "plannedReserves", "deployedReserves",
    ]  # fmt: skip
    assert {state[name] for name in money} == {"0.00"}
    assert {state[name] for name in ("moic", "dpi", "rvpi", "tvpi", "irr")} == {None}
    assert state["fund"]["name"] == "Test Fund"


async def test_a_year_below_1000_is_told_with_four_digits(portfolio: OpenedFund) -> None:
    data = await portfolio.analyst.data(FUND, id=portfolio.id, at="0001-01-01T00:00:00Z")
    assert data["fund"]["at"] == "0001-01-01T00:00:00.000000Z"


async def test_without_moments_a_fund_is_what_it_is_now(fund: OpenedFund) -> None:
    before = datetime.now(UTC)
    data = await fund.analyst.data(FUND, id=fund.id)
    at = datetime.fromisoformat(data["fund"]["at"])
    assert before - timedelta(seconds=1) < at < datetime.now(UTC) + timedelta(seconds=1)
    assert data["fund"]["knownAt"] == data["fund"]["at"]
    assert data["fund"]["version"] == 1


async def test_a_fact_dated_ahead_counts_from_its_day_on(fund: OpenedFund) -> None:
    ahead = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    await fund.analyst.recorded(fund.id, event("feeCharged", ahead, amount="5.00"))
    now = await fund.analyst.data(FUND, id=fund.id)
    later = await fund.analyst.data(FUND, id=fund.id, at=f"{ahead}T00:00:00Z")
    assert (now["fund"]["totalFees"], now["fund"]["version"]) == ("0.00", 1)
    assert (later["fund"]["totalFees"], later["fund"]["version"]) == ("5.00", 2)


async def test_known_at_shows_what_was_known_then_and_not_what_came_to_light_later(fund: OpenedFund) -> None:
    add = [
        event("companyAdded", "2010-01-01", companyId="acme", name="Acme"),
        event("investmentMade", "2010-01-01", companyId="acme", amount="1000000.00", ownershipAfter="0.1"),
        event("valuationUpdated", "2011-01-01", companyId="acme", newValue="20000000.00"),
    ]
    await fund.analyst.recorded(fund.id, *add)
    known = (await fund.analyst.data(FUND, id=fund.id))["fund"]["knownAt"]
    await fund.analyst.recorded(
        fund.id,
        event("eventVoided", version=4, reason="it was of another company"),
        event("valuationUpdated", "2011-01-01", companyId="acme", newValue="12000000.00"),
    )
    asked = {"id": fund.id, "at": "2011-06-01T00:00:00Z"}
    then = (await fund.analyst.data(FUND, **asked, knownAt=known))["fund"]
    now = (await fund.analyst.data(FUND, **asked))["fund"]
    assert (then["totalValue"], then["version"], then["knownAt"]) == ("2000000.00", 4, known)
    assert (now["totalValue"], now["version"]) == ("1200000.00", 6)
    before = (await fund.analyst.data(FUND, **asked, knownAt="2020-01-01T00:00:00Z"))["fund"]
    assert (before["version"], before["totalInvested"], before["totalCommitted"]) == (0, "0.00", "0.00")


async def test_what_will_be_known_later_is_refused(portfolio: OpenedFund) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT00:00:00Z}"
    error = await portfolio.analyst.error(FUND, id=portfolio.id, knownAt=tomorrow)
    assert error["message"] == "What will be known later can't be told yet."
    assert error["path"] == ["fund"]
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["knownAt"])


async def test_events_replayed_are_those_after_the_snapshot_used(fund: OpenedFund, live: Live) -> None:
    fees = [event("feeCharged", f"2010-01-{day:02d}", amount="1.00") for day in range(1, 11)]
    await fund.analyst.recorded(fund.id, *fees)
    asked = {"id": fund.id, "at": "2010-01-06T00:00:00Z"}
    assert (await fund.analyst.data(FUND, **asked))["fund"]["eventsReplayed"] == 7
    assert await live.runtime.snapshots.keep_up(fund.uuid, 4) > 0
    state = (await fund.analyst.data(FUND, **asked))["fund"]
    assert state["eventsReplayed"] < 5
    assert (state["totalFees"], state["version"]) == ("6.00", 7)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("NAME", ["acme", "globex", "initech"]),
        ("INVESTED", ["acme", "globex", "initech"]),
        ("FAIR_VALUE", ["acme", "globex", "initech"]),
        ("MOIC", ["globex", "acme", "initech"]),
        ("PLANNED_RESERVES", ["acme", "globex", "initech"]),
        (None, ["acme", "globex", "initech"]),
    ],
)
async def test_companies_come_in_the_order_asked_for(
    portfolio: OpenedFund, order: str | None, expected: list[str]
) -> None:
    asked = (
        "query ($id: ID!, $order: CompanyOrder) { fund(id: $id) { portfolioCompanies(orderBy: $order) { companyId } } }"
    )
    data = await portfolio.analyst.data(asked, id=portfolio.id, order=order)
    assert [company["companyId"] for company in data["fund"]["portfolioCompanies"]] == expected


async def test_every_order_is_by_what_it_is_named_after(fund: OpenedFund) -> None:
    figures = {
        # Key, name, cheque, fair value, plan: no two orders are the same.
        "c": ("alpha", "3.00", "4.00", "1.00"),
        "b": ("Beta", "9.00", "3.00", "2.00"),
        "a": ("gamma", "1.00", "9.00", "3.00"),
        "d": ("Delta", None, "1.00", "4.00"),
    }
    events = []
    for key, (name, cheque, value, plan) in figures.items():
        events.append(event("companyAdded", "2010-01-01", companyId=key, name=name))
        if cheque is not None:
            events.append(event("investmentMade", "2010-01-01", companyId=key, amount=cheque))
        events.append(event("valuationUpdated", "2010-01-02", companyId=key, newValue="100.00", fairValue=value))
        events.append(event("reserveAllocated", "2010-01-02", companyId=key, amount=plan))
    await fund.analyst.recorded(fund.id, *events)
    orders = ["NAME", "INVESTED", "FAIR_VALUE", "MOIC", "PLANNED_RESERVES"]
    asked = " ".join(f"{order}: portfolioCompanies(orderBy: {order}) {{ companyId }}" for order in orders)
    data = await fund.analyst.data(f"query ($id: ID!) {{ fund(id: $id) {{ {asked} }} }}", id=fund.id)
    assert {order: "".join(company["companyId"] for company in data["fund"][order]) for order in orders} == {
        "NAME": "cbda",
        "INVESTED": "bcad",
        "FAIR_VALUE": "acbd",
        "MOIC": "acbd",
        "PLANNED_RESERVES": "dabc",
    }


@pytest.mark.parametrize(
    ("status", "expected"), [("ACTIVE", ["acme"]), ("EXITED", ["globex"]), ("WRITTEN_OFF", ["initech"])]
)
async def test_companies_can_be_asked_for_by_status(portfolio: OpenedFund, status: str, expected: list[str]) -> None:
    asked = "query ($id: ID!, $s: CompanyStatus) { fund(id: $id) { portfolioCompanies(status: $s) { companyId } } }"
    data = await portfolio.analyst.data(asked, id=portfolio.id, s=status)
    assert [company["companyId"] for company in data["fund"]["portfolioCompanies"]] == expected


async def test_one_company_can_be_asked_for_by_its_key(portfolio: OpenedFund) -> None:
    asked = "query ($id: ID!, $at: DateTime, $key: ID!) { fund(id: $id, at: $at) { company(id: $key) { name } } }"
    found = await portfolio.analyst.data(asked, id=portfolio.id, key="globex")
    unknown = await portfolio.analyst.data(asked, id=portfolio.id, key="umbrella")
    too_early = await portfolio.analyst.data(asked, id=portfolio.id, key="globex", at="2006-05-31T00:00:00Z")
    assert found == {"fund": {"company": {"name": "Globex"}}}
    assert unknown == too_early == {"fund": {"company": None}}


FIGURES = """
query ($id: ID!, $at: DateTime, $knownAt: DateTime) {
  fund(id: $id, at: $at, knownAt: $knownAt) {
    portfolioCompanies {
      companyId
      forecasts { metricType periodStart periodEnd projectedValue kind version occurredAt }
      actuals { metricType periodStart periodEnd value source version }
      dealForecast {
        version superProRata
        exitScenarios { name afterRound probability exitValue months sigma }
        futureRounds { stage probability months preMoney roundSize optionPool }
        preference { kind multiple cap }
      }
    }
  }
}
"""


async def test_a_company_shows_its_forecasts_reports_and_deal_forecast(portfolio: OpenedFund) -> None:
    data = await portfolio.analyst.data(FIGURES, id=portfolio.id)
    acme, globex, _ = data["fund"]["portfolioCompanies"]
    first = {"metricType": "REVENUE", "periodStart": "2009-01-01", "periodEnd": "2009-03-31"}
    second = {"metricType": "REVENUE", "periodStart": "2009-04-01", "periodEnd": "2009-06-30"}
    made = {"kind": "BUDGET", "version": 18, "occurredAt": "2009-01-15T00:00:00.000000Z"}
    assert acme == {
        "companyId": "acme",
        "forecasts": [
            {**first, **made, "projectedValue": "1000000"},
            {**second, **made, "projectedValue": "1100000.50"},
        ],
        "actuals": [{**first, "value": "905000.25", "source": "API", "version": 20}],
        "dealForecast": {
            "version": 21,
            "superProRata": "0.5",
            "exitScenarios": [
                {
                    "name": "trade sale",
                    "afterRound": None,
                    "probability": "0.4",
                    "exitValue": "50000000.00",
                    "months": "36",
                    "sigma": "0",
                },
                {
                    "name": "IPO",
                    "afterRound": 1,
                    "probability": "0.2",
                    "exitValue": "200000000.00",
                    "months": "24.5",
                    "sigma": "0.6",
                },
            ],
            "futureRounds": [
                {
                    "stage": "Series B",
                    "probability": "0.5",
                    "months": "18",
                    "preMoney": "40000000.00",
                    "roundSize": "10000000.00",
                    "optionPool": "0.05",
                }
            ],
            "preference": {"kind": "PARTICIPATING", "multiple": "1", "cap": "3"},
        },
    }
    assert globex == {"companyId": "globex", "forecasts": [], "actuals": [], "dealForecast": None}


async def test_figures_are_those_of_the_moment(portfolio: OpenedFund) -> None:
    data = await portfolio.analyst.data(FIGURES, id=portfolio.id, at="2009-04-15T00:00:00Z")
    acme = data["fund"]["portfolioCompanies"][0]
    assert [(actual["value"], actual["source"], actual["version"]) for actual in acme["actuals"]] == [
        ("900000", "MANUAL", 19)
    ]
    assert acme["dealForecast"] is None


NODE = "query ($id: ID!) { node(id: $id) { id __typename ...State ...Companies } }" + STATE + COMPANIES


async def test_a_states_id_holds_its_moments_and_always_gives_the_same_answer(fund: OpenedFund, live: Live) -> None:
    await fund.analyst.recorded(
        fund.id,
        event("companyAdded", "2010-01-01", companyId="acme", name="Acme"),
        event("investmentMade", "2010-01-01", companyId="acme", amount="1000000.00", ownershipAfter="0.1"),
    )
    seen = (await fund.analyst.data(FUND, id=fund.id, at="2011-01-01T00:00:00Z"))["fund"]
    (acme,) = seen["portfolioCompanies"]
    await fund.analyst.recorded(
        fund.id,
        event("feeCharged", "2010-06-01", amount="7.00"),
        event("eventVoided", version=3, reason="never paid"),
        event("valuationUpdated", "2010-03-01", companyId="acme", newValue="1.00"),
    )
    await live.runtime.snapshots.keep_up(fund.uuid, 1)
    company = "query ($id: ID!) { node(id: $id) { id ... on PortfolioCompany { totalInvestment fairValue } } }"
    told = (await fund.analyst.data(company, id=acme["id"]))["node"]
    assert told == {"id": acme["id"], "totalInvestment": "1000000.00", "fairValue": "1000000.00"}
    again = (await fund.analyst.data(NODE, id=seen["id"]))["node"]
    assert again.pop("__typename") == "FundState"
    # Neither the fund's newest version nor the path to an answer is part of it.
    for state in (seen, again):
        del state["eventsReplayed"], state["fund"]["version"]
    assert again == seen
    assert (await fund.analyst.data(FUND, id=fund.id, at="2011-01-01T00:00:00Z"))["fund"]["totalFees"] == "7.00"


async def test_two_moments_are_two_ids_for_the_state_and_for_each_company(portfolio: OpenedFund) -> None:
    moments = ["2009-01-01T00:00:00Z", "2009-01-01T00:00:00.000001Z"]
    ids = []
    for at in moments:
        state = (await portfolio.analyst.data(FUND, id=portfolio.id, at=at))["fund"]
        ids += [state["id"], *(company["id"] for company in state["portfolioCompanies"])]
    assert len(set(ids)) == len(ids) == 8


async def test_the_same_moment_asked_twice_has_the_same_id(portfolio: OpenedFund) -> None:
    known = (await portfolio.analyst.data(FUND, id=portfolio.id))["fund"]["knownAt"]
    first, second = [
        (await portfolio.analyst.data(FUND, id=portfolio.id, at=at, knownAt=known))["fund"]["id"]
        for at in ("2009-01-01T00:00:00Z", "2009-01-01T02:30:00+02:30")
    ]
    assert first == second


SERIES_FIELDS = (
    "at version totalCalled totalInvested totalValue totalProceeds totalDistributed nav "
    "plannedReserves deployedReserves"  # one list each
)
SERIES = f"""
query ($id: ID!, $from: DateTime, $to: DateTime, $points: Int, $knownAt: DateTime) {{
  fund(id: $id) {{ fund {{ series(from: $from, to: $to, points: $points, knownAt: $knownAt) {{ {SERIES_FIELDS} }} }} }}
}}
"""


async def series(fund: OpenedFund, **asked: Any) -> Json:
    data = await fund.analyst.data(SERIES, id=fund.id, **asked)
    found: Json = data["fund"]["fund"]["series"]
    return found


@pytest.mark.parametrize("points", [2, 3, 7, 500])
async def test_a_series_has_as_many_places_in_each_list_as_points_asked_for(portfolio: OpenedFund, points: int) -> None:
    found = await series(portfolio, points=points, **{"from": "2006-01-01T00:00:00Z", "to": "2010-01-01T00:00:00Z"})
    assert {name: len(listed) for name, listed in found.items()} == dict.fromkeys(SERIES_FIELDS.split(), points)
    assert found["at"][0] == "2006-01-01T00:00:00.000000Z"
    assert found["at"][-1] == "2010-01-01T00:00:00.000000Z"
    assert found["at"] == sorted(set(found["at"]))


async def test_a_series_is_the_funds_state_at_each_of_its_moments(portfolio: OpenedFund) -> None:
    found = await series(portfolio, points=13, **{"from": "2005-07-01T00:00:00Z", "to": "2010-01-01T00:00:00Z"})
    names = SERIES_FIELDS.split()
    asked = " ".join(f'p{place}: state(at: "{at}") {{ {SERIES_FIELDS} }}' for place, at in enumerate(found["at"]))
    data = await portfolio.analyst.data(
        f"query ($id: ID!) {{ fund(id: $id) {{ fund {{ {asked} }} }} }}", id=portfolio.id
    )
    states = list(data["fund"]["fund"].values())
    assert [
        dict(zip(names, place, strict=True)) for place in zip(*(found[name] for name in names), strict=True)
    ] == states
    assert len(set(found["totalValue"])) > 4


async def test_a_series_runs_by_default_from_the_opening_until_now_in_100_points(portfolio: OpenedFund) -> None:
    found = await series(portfolio)
    assert len(found["at"]) == 100
    assert found["at"][0] == "2006-01-01T00:00:00.000000Z"
    assert datetime.now(UTC) - datetime.fromisoformat(found["at"][-1]) < timedelta(minutes=1)
    assert found["version"][-1] == 23
    assert await series(portfolio, points=None, to=None, **{"from": None}) != {}


async def test_a_series_can_be_asked_for_as_known_earlier(fund: OpenedFund) -> None:
    known = (await fund.analyst.data(FUND, id=fund.id))["fund"]["knownAt"]
    await fund.analyst.recorded(fund.id, event("capitalCalled", "2010-01-01", amount="1.00"))
    span = {"from": "2006-01-01T00:00:00Z", "to": "2012-01-01T00:00:00Z", "points": 2}
    assert (await series(fund, **span, knownAt=known))["totalCalled"] == ["0.00", "0.00"]
    assert (await series(fund, **span))["totalCalled"] == ["0.00", "1.00"]


@pytest.mark.parametrize(
    ("asked", "message", "argument"),
    [
        ({"points": 1}, "A series has 2 to 500 points.", "points"),
        ({"points": 0}, "A series has 2 to 500 points.", "points"),
        ({"points": -1}, "A series has 2 to 500 points.", "points"),
        ({"points": 501}, "A series has 2 to 500 points.", "points"),
        (
            {"from": "2010-01-01T00:00:00Z", "to": "2010-01-01T00:00:00Z"},
            "A series ends after it starts.",
            "to",
        ),
        (
            {"from": "2010-01-01T00:00:00Z", "to": "2009-01-01T00:00:00Z"},
            "A series ends after it starts.",
            "to",
        ),
        ({"from": "2999-01-01T00:00:00Z"}, "A series ends after it starts.", "to"),
        ({"knownAt": "2999-01-01T00:00:00Z"}, "What will be known later can't be told yet.", "knownAt"),
    ],
)
async def test_a_series_that_cant_be_is_refused(
    portfolio: OpenedFund, asked: Json, message: str, argument: str
) -> None:
    error = await portfolio.analyst.error(SERIES, id=portfolio.id, **asked)
    assert error["message"] == message
    assert error["path"] == ["fund", "fund", "series"]
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", [argument])


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_may_read(caller: MakeCaller, portfolio: OpenedFund, role: Role) -> None:
    reader = await caller(role, portfolio.uuid)
    assert (await reader.data(FUND, id=portfolio.id))["fund"]["totalCalled"] == "20000000.00"


async def test_an_administrator_may_read_every_fund(caller: MakeCaller, portfolio: OpenedFund) -> None:
    administrator = await caller(administrator=True)
    assert (await administrator.data(FUND, id=portfolio.id))["fund"]["totalCalled"] == "20000000.00"


@pytest.mark.parametrize(
    "id", ["", "x", "0", "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "a" * 10_000]
)
async def test_a_fund_that_isnt_there_is_null(stranger: Caller, id: str) -> None:
    assert await stranger.data(FUND, id=id) == {"fund": None}


async def test_a_fund_one_has_no_part_in_is_null_too(stranger: Caller, portfolio: OpenedFund) -> None:
    assert await stranger.data(FUND, id=portfolio.id) == {"fund": None}
