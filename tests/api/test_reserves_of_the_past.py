"""Reserve runs of a past moment: nothing that was learned or happened later reaches their figures."""

import json
from collections.abc import AsyncIterator, Iterable

import pytest_asyncio
from graphql import GraphQLInputObjectType, GraphQLNamedType, GraphQLObjectType, get_named_type

from api.schema import schema
from infra.computing import Computers
from infra.people import Role
from infra.runtime import Runtime
from tests.api.asking import Json, OpenedFund, event
from tests.api.conftest import MakeCaller
from tests.api.test_reserves import Reserving

AT = "2010-01-01T00:00:00Z"
OPTIONS: Json = {"iterations": 1_000, "strategies": ["OPTIMAL", "PRIORITY_GREEDY", "HEURISTIC"], "seed": 7}
NOT_ITS_FIGURES = {"id", "requestedAt", "finishedAt", "elapsedMs", "staleSince", "knownAt"}
"""Of a run: when, and how long it took."""


def everything(kind: GraphQLNamedType, but: Iterable[str] = ()) -> str:
    """A selection of all there is in a type, whatever it comes to have."""
    if not isinstance(kind, GraphQLObjectType):
        return ""
    fields = (
        f"{name} {everything(get_named_type(field.type))}" for name, field in kind.fields.items() if name not in but
    )
    return f"{{ {' '.join(fields)} }}"


FIGURES = f"""query ($id: ID!, $at: DateTime, $knownAt: DateTime, $options: ReserveOptions) {{
  optimalReserves(fundId: $id, at: $at, knownAt: $knownAt, options: $options)
    {everything(schema._schema.type_map["ReserveRun"], NOT_ITS_FIGURES)}
}}"""

HISTORY = (
    event("capitalCalled", "2006-02-01", amount="20000000.00"),  # version 2
    event("companyAdded", "2007-01-01", companyId="acme", name="Acme", stage="seed"),
    event("investmentMade", "2007-01-01", companyId="acme", amount="500000.00", ownershipAfter="0.1", round="seed"),
    event(
        "roundPriced", "2007-01-01", companyId="acme", stage="seed", preMoney="4000000.00", roundSize="1000000.00",
        ownershipAfter="0.1",
    ),
    event("reserveAllocated", "2007-01-01", companyId="acme", amount="1000000.00"),  # version 6
    event("companyAdded", "2007-01-01", companyId="beta", name="Beta", stage="series_a"),
    event("investmentMade", "2007-01-01", companyId="beta", amount="900000.00", ownershipAfter="0.08"),
    event("valuationUpdated", "2008-01-01", companyId="beta", newValue="1200000.00"),  # version 9
    event("reserveAllocated", "2007-01-01", companyId="beta", amount="2000000.00"),
    event("companyAdded", "2007-01-01", companyId="odd", name="Odd"),
    event("investmentMade", "2007-01-01", companyId="odd", amount="500000.00"),
    event("feeCharged", "2008-01-01", amount="100000.00"),
)  # fmt: skip
"""Versions 2 to 14: companies with a tree from the odds of their stage, and one without any."""
VALUED = 9


def later(when: str) -> list[list[Json]]:
    """Facts of every kind, to be recorded one lot after another."""
    odds = {"name": "sale", "probability": "0.3", "exitValue": "90000000.00", "months": "30"}
    coming = {
        "stage": "series_b", "probability": "0.6", "months": "12", "preMoney": "30000000.00",
        "roundSize": "9000000.00",
    }  # fmt: skip
    year = {"start": "2009-01-01", "end": "2009-12-31"}
    stage = {
        "graduate": "0.6", "exit": "0.1", "dilution": "0.2", "optionPool": "0.05", "stepUp": "3", "exitMultiple": "2",
        "monthsToGraduate": "10", "monthsToExit": "30",
    }  # fmt: skip
    last = {**stage, "graduate": "0", "dilution": "0", "optionPool": "0", "name": "series_a"}
    return [
        [
            event("valuationUpdated", when, companyId="acme", newValue="9000000.00"),
            event("dealForecastCreated", when, companyId="beta", exitScenarios=[odds], futureRounds=[coming]),
            event(
                "roundPriced", when, companyId="acme", stage="series_a", preMoney="15000000.00",
                roundSize="5000000.00", ownershipAfter="0.09",
            ),
            event("investmentMade", when, companyId="acme", amount="300000.00", fromReserves=True),
            event("reserveAllocated", when, companyId="beta", amount="700000.00"),
            event("companyAdded", when, companyId="late", name="Late", stage="seed"),
            event("investmentMade", when, companyId="late", amount="400000.00", ownershipAfter="0.2"),
            event(
                "roundPriced", when, companyId="late", stage="seed", preMoney="4000000.00", roundSize="1000000.00",
                ownershipAfter="0.2",
            ),
            event("proceedsReceived", when, companyId="odd", amount="100000.00"),
            event("capitalCalled", when, amount="1000000.00"),
            event("distributionMade", when, amount="50000.00"),
            event("feeCharged", when, amount="1000.00"),
            event("forecastCreated", when, companyId="acme", metricType="REVENUE",
                  periods=[{**year, "projectedValue": "1000000"}]),
            event("actualRecorded", when, companyId="acme", metricType="REVENUE", value="600000",
                  periodStart=year["start"], periodEnd=year["end"], source="MANUAL"),
        ],
        [event("companyStatusChanged", when, companyId="odd", status="WRITTEN_OFF")],
        [event("reserveModelSet", when, stages=[{**stage, "name": "seed"}, last], source="our own funds since 1999")],
        [event("eventVoided", when, version=VALUED, reason="it was another company's")],
    ]  # fmt: skip


@pytest_asyncio.fixture
async def reserving(fund: OpenedFund, caller: MakeCaller, runtime: Runtime) -> AsyncIterator[Reserving]:
    """A fund with its history, and someone who asks."""
    await fund.analyst.recorded(fund.id, *HISTORY)
    manager, viewer = await caller(Role.MANAGER, fund.uuid), await caller(Role.VIEWER, fund.uuid)
    computers = Computers(1)
    yield Reserving(fund, manager, viewer, runtime, computers)
    computers.close()


async def figures(reserving: Reserving, **moment: str) -> str:
    """What a new run of a moment comes to, as text."""
    run = await reserving.finished(options=OPTIONS, **moment)
    found = (await reserving.viewer.data(FIGURES, id=reserving.id, options=OPTIONS, **moment))["optimalReserves"]
    assert run["status"] == "QUEUED"
    assert found["status"] == "SUCCEEDED"
    assert (len(found["plans"]), found["seed"]) == (3, 7)
    return json.dumps(found)


def multiples(figures: str) -> dict[str, float]:
    """The follow-on multiple of each company."""
    return {one["companyId"]: one["followOnMultiple"] for one in json.loads(figures)["recommendations"]}


async def record(reserving: Reserving, lots: list[list[Json]]) -> None:
    for lot in lots:
        await reserving.analyst.recorded(reserving.id, *lot)


def test_facts_of_every_kind_are_recorded_later() -> None:
    body = schema._schema.type_map["FundEventBody"]
    assert isinstance(body, GraphQLInputObjectType)
    assert {kind for lot in later("2011-01-01") for fact in lot for kind in fact["event"]} == set(body.fields)


async def test_what_is_learned_later_changes_nothing_of_what_was_known_then(reserving: Reserving) -> None:
    known_at = (await reserving.run(options=OPTIONS, at=AT))["knownAt"]
    then = await figures(reserving, at=AT, knownAt=known_at)
    await record(reserving, later("2009-06-01"))
    assert await figures(reserving, at=AT, knownAt=known_at) == then
    # As known now, it counts.
    before, after = multiples(then), multiples(await figures(reserving, at=AT))
    assert after.keys() - before.keys() == {"late"}
    assert all(after.get(company) != multiple for company, multiple in before.items())


async def test_what_happened_later_changes_nothing_of_what_had_happened_by_then(reserving: Reserving) -> None:
    then = json.loads(await figures(reserving, at=AT))
    *lots, void = later("2011-06-01")
    await record(reserving, lots)
    again = json.loads(await figures(reserving, at=AT))
    # What was read reaches further.
    assert again.pop("fundVersion") > then.pop("fundVersion")
    assert json.dumps(again) == json.dumps(then)
    # What was a mistake was one then, too: nobody knows what Beta was worth.
    await record(reserving, [void])
    assert multiples(json.dumps(then)).keys() - multiples(await figures(reserving, at=AT)).keys() == {"beta"}
